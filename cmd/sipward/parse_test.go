package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// runParseVerb writes each message to a file of its own and runs "sipward parse" on all.
func runParseVerb(t *testing.T, flags []string, messages ...string) (stdout, stderr string, err error) {
	t.Helper()
	dir := t.TempDir()
	args := append([]string{"parse"}, flags...)
	for i, message := range messages {
		name := filepath.Join(dir, string(rune('a'+i))+".dat")
		if err := os.WriteFile(name, []byte(message), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	return runParseArgs(args)
}

func runParseArgs(args []string) (stdout, stderr string, err error) {
	root := &cobra.Command{Use: "sipward", SilenceErrors: true, SilenceUsage: true}
	root.PersistentFlags().Bool("json", false, "")
	root.PersistentFlags().Bool("no-color", false, "")
	root.AddCommand(parseCommand())
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetIn(strings.NewReader("OPTIONS sip:stdin SIP/2.0\r\n\r\n"))
	root.SetArgs(args)
	err = root.Execute()
	return out.String(), errs.String(), err
}

const registerMessage = "REGISTER sip:example.org SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK7\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Bob\" <sip:bob@example.org>;tag=a73k\r\nTo: <sip:bob@example.org>\r\n" +
	"Call-ID: 1@x\r\nCSeq: 1 REGISTER\r\nContact: <sip:bob@192.0.2.4>\r\nUser-Agent: Phone 1\r\n" +
	"Authorization: Digest username=\"bob\", realm=\"r\", nonce=\"n\", uri=\"sip:example.org\", response=\"f00\", algorithm=MD5\r\n" +
	"Expires: 3600\r\nContent-Length: 0\r\n\r\n"

func TestParseJSON(t *testing.T) {
	tests := []struct{ name, message, want string }{
		{"bad: empty", "", `{"file":F,"ok":false,"kind":"none","flaws":["bad_start_line"]}`},
		{"bad: HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", `{"file":F,"ok":false,"kind":"none","flaws":["bad_start_line"]}`},
		{
			"bad: nothing but a first line", "OPTIONS sip:x SIP/2.0\r\n\r\n",
			`{"file":F,"ok":false,"kind":"request","method":"OPTIONS","request_uri":"sip:x","content_type":"",` +
				`"flaws":["no_via","no_from","no_to","no_call_id","no_cseq","no_max_forwards"]}`,
		},
		{
			"bad: bytes that are no UTF-8, a NUL and a fold", "SIP/2.0 200 Gr\xfc\xdf\u00fc\r\nVia: SIP/2.0/UDP h\r\n" +
				"f: \"a\\\"\xff\\\\b\" <sip:x@y>;tag=1\r\nt: <sip:x@[2001:db8::1]:5070>\r\ni: 1\r\nCSeq: 99999999999 ACK\r\n" +
				"Server: a\x00b\r\n\t c\r\n\r\n",
			`{"file":F,"ok":false,"kind":"response","status":200,"reason":"Gr\\xfc\\xdfü",` +
				`"from":{"display":"a\"\\xff\\b","user":"x","host":"y","tag":"1"},` +
				`"to":{"user":"x","host":"2001:db8::1","port":5070},"call_id":"1","cseq":{"method":"ACK"},` +
				`"via":{"transport":"UDP","host":"h","branch":"","received":"","rport":""},"server":"a\u0000b c",` +
				`"content_type":"","flaws":["control_char","bad_cseq","fold"]}`,
		},
		{
			"ok: the example of the manual", registerMessage,
			`{"file":F,"ok":true,"kind":"request","method":"REGISTER","request_uri":"sip:example.org",` +
				`"from":{"display":"Bob","user":"bob","host":"example.org","tag":"a73k"},"to":{"user":"bob","host":"example.org"},` +
				`"call_id":"1@x","cseq":{"number":1,"method":"REGISTER"},` +
				`"via":{"transport":"UDP","host":"192.0.2.4","port":5060,"branch":"z9hG4bK7","received":"","rport":""},` +
				`"contact":{"user":"bob","host":"192.0.2.4"},"user_agent":"Phone 1",` +
				`"auth":{"scheme":"Digest","username":"bob","realm":"r","nonce":"n","uri":"sip:example.org","response":"f00","algorithm":"MD5"},` +
				`"expires":3600,"content_type":"","content_length":0,"flaws":[]}`,
		},
		{
			"ok: a challenge", "SIP/2.0 401 Unauthorized\r\nv: SIP/2.0/TCP h;received=[::1];rport=5;branch=b\r\nf: <sip:a@b>;tag=1\r\n" +
				"t: <sip:a@b>;tag=2\r\ni: 2\r\nCSeq: 2 INVITE\r\nWWW-Authenticate: Digest realm=\"r\",nonce=\"n\",stale=true\r\nl: 0\r\n\r\n",
			`{"file":F,"ok":true,"kind":"response","status":401,"reason":"Unauthorized","from":{"user":"a","host":"b","tag":"1"},` +
				`"to":{"user":"a","host":"b","tag":"2"},"call_id":"2","cseq":{"number":2,"method":"INVITE"},` +
				`"via":{"transport":"TCP","host":"h","branch":"b","received":"::1","rport":"5"},` +
				`"auth":{"scheme":"Digest","realm":"r","nonce":"n"},"content_type":"","content_length":0,"flaws":[]}`,
		},
	}
	for _, test := range tests {
		stdout, stderr, err := runParseVerb(t, []string{"--json"}, test.message)
		if err != nil || stderr != "" {
			t.Errorf("%s: %v %s", test.name, err, stderr)
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(stdout), &object); err != nil || !utf8.ValidString(stdout) {
			t.Errorf("%s: %v in %q", test.name, err, stdout)
			continue
		}
		file, _ := json.Marshal(object["file"])
		want := strings.Replace(test.want, "F", string(file), 1)
		if stdout != want+"\n" {
			t.Errorf("%s:\n got %swant %s", test.name, stdout, want)
		}
	}
}

func TestParseGoesOnAfterUnreadableFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.dat")
	stdout, stderr, err := runParseArgs([]string{"parse", "--json", missing, "-", t.TempDir()})
	var exit *exitError
	if !errors.As(err, &exit) || exitCode(err) != exitFailed {
		t.Errorf("error %v, want exit code %d", err, exitFailed)
	}
	if !strings.Contains(stdout, `"request_uri":"sip:stdin"`) || strings.Count(stdout, "\n") != 1 {
		t.Errorf("stdout %q", stdout)
	}
	for _, want := range []string{missing, "no such file", "is a directory", "do:"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr %q lacks %q", stderr, want)
		}
	}
}

func TestParseWantsFiles(t *testing.T) {
	for _, args := range [][]string{{"parse"}, {"parse", "--json"}} {
		if _, _, err := runParseArgs(args); exitCode(err) != exitUsage {
			t.Errorf("%q: exit code %d", args, exitCode(err))
		}
	}
}

func TestParseForPeople(t *testing.T) {
	long := strings.Replace(registerMessage, "Phone 1", strings.Repeat("Phone \x1b[31m", 30), 1)
	stdout, stderr, err := runParseVerb(t, nil, registerMessage, long, "nothing")
	if err != nil || stderr != "" {
		t.Fatalf("%v %s", err, stderr)
	}
	for _, want := range []string{
		"kind       request, ok\n", "request    REGISTER sip:example.org\n", "from       \"Bob\" bob@example.org tag a73k\n",
		"via        UDP 192.0.2.4:5060 branch z9hG4bK7\n", "expires    3600 s\n", "kind       none, not ok\n",
		"auth       Digest username bob realm r nonce n", "flaws      control_char\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing in:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Error("an escape sequence of the message reaches the terminal")
	}
	for _, line := range strings.Split(stdout, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("line of %d letters: %s", utf8.RuneCountInString(line), line)
		}
	}
}
