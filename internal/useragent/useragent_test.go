package useragent

import (
	"bufio"
	"os"
	"testing"
)

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		ua      string
		verdict Verdict
		token   string
	}{
		{"friendly-scanner", Bad, "friendly-scanner"},
		{"FRIENDLY-SCANNER", Bad, "friendly-scanner"},
		{"sipcli/v1.8", Bad, "sipcli"},
		{"VaxSIPUserAgent/3.5", Bad, "vaxsipuseragent"},
		{"Asterisk PBX friendly-request 2", Bad, "friendly-request"},
		{"Nmap NSE", Bad, "nmap"},
		{"sipsak 0.9.7", Suspect, "sipsak"},
		{"Document scanner", Suspect, "scanner"},
		{"Sipura/SPA1001", OK, ""},
		{"scannerless", OK, ""},
		{"", OK, ""},
	} {
		verdict, token := Judge([]byte(test.ua))
		if verdict != test.verdict || token != test.token {
			t.Errorf("Judge(%q) = %s %q, want %s %q", test.ua, verdict, token, test.verdict, test.token)
		}
	}
}

func TestLegitimateUserAgentsAreNeverFlagged(t *testing.T) {
	f, err := os.Open("../detect/testdata/user-agents-legit.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for scan := bufio.NewScanner(f); scan.Scan(); lines++ {
		if verdict, token := Judge(scan.Bytes()); verdict != OK {
			t.Errorf("%q is called %s for %q", scan.Text(), verdict, token)
		}
	}
	if lines < 300 {
		t.Fatalf("read %d strings, want the whole list", lines)
	}
}
