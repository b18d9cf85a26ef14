package detect

import (
	"bufio"
	"os"
	"testing"
)

func TestJudgeUserAgent(t *testing.T) {
	for _, test := range []struct {
		ua      string
		verdict UserAgentVerdict
		token   string
	}{
		{"friendly-scanner", UserAgentBad, "friendly-scanner"},
		{"FRIENDLY-SCANNER", UserAgentBad, "friendly-scanner"},
		{"sipcli/v1.8", UserAgentBad, "sipcli"},
		{"VaxSIPUserAgent/3.5", UserAgentBad, "vaxsipuseragent"},
		{"Asterisk PBX friendly-request 2", UserAgentBad, "friendly-request"},
		{"Nmap NSE", UserAgentBad, "nmap"},
		{"sipsak 0.9.7", UserAgentSuspect, "sipsak"},
		{"Document scanner", UserAgentSuspect, "scanner"},
		{"Sipura/SPA1001", UserAgentOK, ""},
		{"scannerless", UserAgentOK, ""},
		{"", UserAgentOK, ""},
	} {
		verdict, token := JudgeUserAgent([]byte(test.ua))
		if verdict != test.verdict || token != test.token {
			t.Errorf("JudgeUserAgent(%q) = %s %q, want %s %q", test.ua, verdict, token, test.verdict, test.token)
		}
	}
}

func TestLegitimateUserAgentsAreNeverFlagged(t *testing.T) {
	f, err := os.Open("testdata/user-agents-legit.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for scan := bufio.NewScanner(f); scan.Scan(); lines++ {
		if verdict, token := JudgeUserAgent(scan.Bytes()); verdict != UserAgentOK {
			t.Errorf("%q is called %s for %q", scan.Text(), verdict, token)
		}
	}
	if lines < 300 {
		t.Fatalf("read %d strings, want the whole list", lines)
	}
}
