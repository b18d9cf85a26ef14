package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestBadScenarios(t *testing.T) {
	for name, text := range map[string]string{
		"a part that is none":          "-- answers --\n",
		"a source that is no address":  "-- wire --\n# t=0 203.0.113.7 > 192.0.2.10:5060 udp\nOPTIONS\n",
		"a target that is no address":  "-- wire --\n# t=0 203.0.113.7:5060 > server:5060 udp\nOPTIONS\n",
		"a time that is none":          "-- wire --\n# t=1.2.3 203.0.113.7:5060 > 192.0.2.10:5060 udp\nOPTIONS\n",
		"a port beyond all, in copies": "-- wire --\n# repeat 2 every 1\n# t=0 203.0.113.7:{n+65535} > 192.0.2.10:5060 udp\nOPTIONS\n# end\n",
	} {
		if s, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "read scenario: ") {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	_, err := Parse([]byte("-- wire --\n# t=" + strings.Repeat("9", 400) + " 203.0.113.7:1 > 192.0.2.10:5060 udp\nA\n"))
	if !errors.Is(err, strconv.ErrRange) {
		t.Errorf("a time beyond all: %v", err)
	}
}

func TestParse(t *testing.T) {
	s, err := Parse([]byte(`What it is about.
-- config --
local: [192.0.2.10]
-- asterisk.log --
a line
-- wire --
# t=0.5 203.0.113.7:5060 > 192.0.2.10:5060 udp
OPTIONS sip:a@b SIP/2.0
Call-ID: first

# repeat 3 every 0.1
# t=1.011 203.0.113.7:{n+5060} > [2001:db8::10]:5060 udp
OPTIONS sip:{n}@b SIP/2.0
Content-Length: 4

body
# end
# t=2 203.0.113.7:5060 > 192.0.2.10:5060 udp
OPTIONS sip:last@b SIP/2.0
-- findings --
# a comment

203.0.113.7   guess  auth.guess A
-- bans --
203.0.113.7 drop 600 guess A 7
`))
	if err != nil {
		t.Fatal(err)
	}
	if string(s.Config) != "local: [192.0.2.10]\n" || string(s.Logs["asterisk"]) != "a line\n" {
		t.Errorf("config %q, logs %q", s.Config, s.Logs)
	}
	if !slices.Equal(s.Findings, []string{"203.0.113.7 guess auth.guess A"}) || !slices.Equal(s.Bans, []string{"203.0.113.7 drop 600 guess A 7"}) {
		t.Errorf("findings %q, bans %q", s.Findings, s.Bans)
	}
	var got []string
	for _, m := range s.Messages {
		got = append(got, m.Time.Sub(Start).String()+" "+m.From.String()+" "+m.To.String()+" "+string(m.Payload))
	}
	want := []string{
		"500ms 203.0.113.7:5060 192.0.2.10:5060 OPTIONS sip:a@b SIP/2.0\r\nCall-ID: first\r\n\r\n",
		"1.011s 203.0.113.7:5060 [2001:db8::10]:5060 OPTIONS sip:0@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody\r\n",
		"1.111s 203.0.113.7:5061 [2001:db8::10]:5060 OPTIONS sip:1@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody\r\n",
		"1.211s 203.0.113.7:5062 [2001:db8::10]:5060 OPTIONS sip:2@b SIP/2.0\r\nContent-Length: 4\r\n\r\nbody\r\n",
		"2s 203.0.113.7:5060 192.0.2.10:5060 OPTIONS sip:last@b SIP/2.0\r\n\r\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("messages\n%q\nwant\n%q", got, want)
	}
}

// TestProjectScenarios: every example of the project can be read, says in its
// first line what it is about, and has no time that is cut off.
func TestProjectScenarios(t *testing.T) {
	files, err := filepath.Glob("../detect/testdata/*.txtar")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if first, _, _ := strings.Cut(string(text), "\n"); len(first) < 10 || strings.HasPrefix(first, "--") {
			t.Errorf("%s does not say what it is about", file)
		}
		if len(s.Messages)+len(s.Reports)+len(s.Logs) == 0 {
			t.Errorf("%s shows nothing", file)
		}
		for _, m := range s.Messages {
			if m.Time.Sub(Start)%time.Microsecond != 0 {
				t.Errorf("%s: a message at %s", file, m.Time.Sub(Start))
			}
		}
	}
}
