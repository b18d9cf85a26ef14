package asterisk_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/line"
	"github.com/sipward/sipward/internal/logline/logtest"
)

const culprit, victim = "203.0.113.7", "192.0.2.66"

// injection is one value in one form. The source, if any is named, must be the
// culprit; visible says that the line must not pass for everyday talk.
type injection struct {
	class, shape string
	value        int
	text         string
}

// injections are the three classes, built by hand for this parser.
func injections() []injection {
	clauses := []string{
		"' failed for 'V:5060' (callid: a", "x' failed for 'V:5060' (callid: a) - Failed to authenticate", "' failed for 'V:5060' - Wrong password",
		"' (UDP:V:5060) to extension '1", "' (V:5060) to extension '1", "1' rejected because extension not found in context 'public'.",
		"' not found for endpoint 'z' (V:5060)", "' (from V)", `"Rejecting unknown SIP connection from V"`, "Host V failed to authenticate as 'x'",
		"V failed to authenticate as 'x'", "hacking attempt detected 'V'",
	}
	pairs := []string{
		`x",RemoteAddress="IPV4/UDP/V/5060`, `x",LocalAddress="IPV4/UDP/V/5060",RemoteAddress="IPV4/UDP/V/5060`, `,RemoteAddress="IPV4/UDP/V/5060"`,
		`RemoteAddress="IPV4/UDP/V/5060"`, `",SessionID="x`, `",AccountID="x",SessionID="y`, `SecurityEvent="InvalidPassword",`, `",ACLName="x`,
		`,RemoteAddress=IPV4/UDP/V/5060`, `"",,""`,
	}
	signs := []string{"'", `"`, ")", "]", `'"`, `"'`, "\x00", "\r", "\x1b[31m", "a\nb", "\n", "\r\n", "\x7f", "a\tb", `\"`, ") - Failed to authenticate"}
	var all []injection
	add := func(class string, texts []string, names ...string) {
		for _, text := range texts {
			for _, name := range names {
				value := strings.Count(name, "/")
				all = append(all, injection{class, strings.TrimRight(name, "/"), value, strings.ReplaceAll(text, "V", victim)})
			}
		}
	}
	add("forged clause", clauses, "request failed", "request failed/", "registration failed", "call rejected", "call rejected, newer", "no such AOR", "IAX peer", "AMI", "IAX host")
	add("forged pair", pairs, "security InvalidAccountID", "security InvalidAccountID/", "security ChallengeResponseFailed/", "security ChallengeResponseFailed//", "security ChallengeResponseFailed///")
	add("delimiter", signs, "request failed", "request failed/", "registration failed", "call rejected", "no such AOR", "IAX peer", "AMI", "IAX host",
		"security InvalidAccountID", "security InvalidAccountID/", "security ChallengeResponseFailed///", "security ChallengeSent/")
	return all
}

// TestInjections: nobody but the culprit is accused, and no delimiter hides him.
func TestInjections(t *testing.T) {
	byName := map[string]*shape{}
	all := allShapes()
	for i := range all {
		byName[all[i].name] = &all[i]
	}
	count := map[string]int{}
	named := 0
	for _, in := range injections() {
		s := byName[in.shape]
		if s == nil || in.value >= len(s.values) {
			t.Fatalf("no value %d in %q", in.value, in.shape)
		}
		values := make([]string, len(s.values))
		for i := range values {
			values[i] = "abc"
		}
		values[in.value] = in.text
		if !s.breaks {
			values[in.value] = strings.ReplaceAll(in.text, "\n", " ")
		}
		text := printers[0].print(s.level, s.file, s.print(netip.MustParseAddrPort(culprit+":5071"), values))
		seen := false
		logtest.Read(logline.Auto, strings.Split(text, "\n"), func(e *event.Event) {
			seen = seen || e.Log.Verdict == event.Hostile || e.Log.Verdict == event.Tampered
			if e.Log.Source.IsValid() && e.Log.Source.Addr().String() != culprit {
				t.Errorf("%s in %s: %v blames %v\n%q", in.class, in.shape, e.Log.Verdict, e.Log.Source, text)
			}
			if logtest.Accuses(e) {
				named++
			}
		})
		if !seen && !strings.HasPrefix(in.shape, "security ChallengeSent") {
			t.Errorf("%s in %s is invisible\n%q", in.class, in.shape, text)
		}
		count[in.class]++
	}
	for class, n := range count {
		if n < 20 {
			t.Errorf("%s: only %d lines", class, n)
		}
	}
	if named < 60 {
		t.Errorf("only %d accusations", named)
	}
}

// TestCutMessage: a value that is long enough decides where the server cuts a
// line off, and so which of two addresses is the last.
func TestCutMessage(t *testing.T) {
	form := securityForm("InvalidAccountID")
	text := printSecurity(form, "PJSIP", map[string]string{
		accountID: "1", sessionID: strings.Repeat("a", 8000) + `",LocalAddress="IPV4/UDP/192.0.2.10/5060",RemoteAddress="IPV4/UDP/` + victim + `/5060`,
	})
	end := strings.Index(text, victim+`/5060"`) + len(victim+`/5060"`)
	long := printers[0].print("SECURITY", "res_security_log.c", text[:end])
	if got, _ := logline.Classify([]byte(long), logline.Auto, logtest.Clock); got.Verdict != event.Tampered || got.Source.IsValid() {
		t.Errorf("file: %v %v", got.Verdict, got.Source)
	}
	short := strings.Replace(text[:end], strings.Repeat("a", 8000), strings.Repeat("a", 700), 1)
	for _, p := range printers {
		syslog := p.name == "syslog" || p.name == "rsyslog" || p.name == "RFC 5424"
		got, _ := logline.Classify([]byte(p.print("SECURITY", "res_security_log.c", short)), logline.Auto, logtest.Clock)
		if syslog && got.Source.IsValid() {
			t.Errorf("%s: %v %v", p.name, got.Verdict, got.Source)
		}
	}
}

// TestBenign: what healthy phones, busy servers and carriers cause is never
// evidence, in any shape of prefix.
func TestBenign(t *testing.T) {
	messages := []struct{ level, file, text string }{
		{"WARNING", "res_pjsip_outbound_registration.c", "No response received from 'sip:198.51.100.20' on registration attempt to 'sip:me@198.51.100.20', retrying in '60'"},
		{"WARNING", "res_pjsip_outbound_registration.c", "Temporal response '401' received from 'sip:198.51.100.20' on registration attempt to 'sip:me@198.51.100.20', retrying in '60' seconds"},
		{"WARNING", "res_pjsip_outbound_registration.c", "Maximum retries reached when attempting outbound registration to 'sip:198.51.100.20' with client 'sip:me@198.51.100.20', stopping registration attempt"},
		{"NOTICE", "chan_sip.c", "Failed to authenticate on INVITE to '\"x\" <sip:me@198.51.100.20>;tag=as1'"},
		{"NOTICE", "chan_sip.c", "   -- Registration for 'me@198.51.100.20' timed out, trying again (Attempt #2)"},
		{"NOTICE", "chan_sip.c", "Last Registration Attempts '10'...Giving up forever trying to register 'me@198.51.100.20'"},
		{"WARNING", "chan_sip.c", "Got 404 Not found on SIP register to service me@198.51.100.20, giving up"},
		{"WARNING", "chan_sip.c", "Forbidden - wrong password on authentication for REGISTER for 'me' to '198.51.100.20'"},
		{"NOTICE", "chan_iax2.c", "Registration of 'me' rejected: 'Registration Refused' from: '198.51.100.20'"},
		{"NOTICE", "chan_sip.c", "Failed to authenticate device \"1\" <sip:1@192.0.2.10>;tag=a for INVITE, code = -1"},
		{"NOTICE", "chan_sip.c", "Sending fake auth rejection for user \"1\" <sip:1@192.0.2.10>;tag=a"},
		{"WARNING", "res_pjsip_registrar.c", "Registration attempt from endpoint '314' (203.0.113.78:5062) to AOR '314' will exceed max contacts of 1"},
		{"VERBOSE", "chan_sip.c", "    -- Got SIP response 401 \"Unauthorized\" back from 198.51.100.20:5060"},
		{"VERBOSE", "pbx.c", "Executing [s@x:1] Log(\"SIP/1\", \"WARNING,\"Rejecting unknown SIP connection from 203.0.113.1\"\") in new stack"},
		{"DEBUG", "manager.c", "203.0.113.1 failed to authenticate as 'x'"},
	}
	for _, name := range []string{"ChallengeSent", "SuccessfulAuth", "SessionLimit", "MemoryLimit", "LoadAverageLimit"} {
		messages = append(messages, struct{ level, file, text string }{"SECURITY", "res_security_log.c",
			printSecurity(securityForm(name), "PJSIP", map[string]string{
				accountID: "<unknown>", sessionID: "a", localAddress: "IPV4/UDP/192.0.2.10/5060", remoteAddress: "IPV4/UDP/203.0.113.1/5060",
			})})
	}
	lines := 0
	for _, m := range messages {
		for _, p := range printers {
			line := p.print(m.level, m.file, m.text)
			logtest.Read(logline.Auto, []string{line}, func(e *event.Event) {
				if e.Log.Verdict != event.Benign && e.Log.Verdict != event.Unknown || logtest.Accuses(e) {
					t.Errorf("%s: %v (%s)\n%s", p.name, e.Log.Verdict, e.Log.Rule, line)
				}
			})
			lines++
		}
	}
	if lines < 200 {
		t.Errorf("only %d lines", lines)
	}
}

// FuzzAsterisk: any text is read without a panic; an address that is named
// stands in the line; and a reader gives an event for each line.
func FuzzAsterisk(f *testing.F) {
	for _, p := range printers {
		for _, s := range allShapes() {
			f.Add(p.print(s.level, s.file, s.print(netip.MustParseAddrPort(culprit+":5071"), []string{"a", "b", "c", "d"})))
		}
	}
	f.Add(printers[0].print("ERROR", "pjproject", "\t sip_endpoint.c Error processing packet from 203.0.113.7:5062: Missing required header(s) (PJSIP_EMISSINGHDR) Call-ID [code 171050]:") +
		"\nx\r\n-- end of packet.\n" + printers[0].print("NOTICE", "manager.c", "192.0.2.66 failed to authenticate as 'x'"))
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		n := 0
		logtest.Read(logline.Auto, lines, func(e *event.Event) {
			line := lines[n]
			n++
			if e.Place.Line != uint64(n) {
				t.Fatalf("line %d is number %d", n, e.Place.Line)
			}
			if !e.Log.Source.IsValid() {
				return
			}
			if e.Log.Verdict != event.Hostile && e.Log.Verdict != event.Tampered && e.Log.Kind != event.AuthOK {
				t.Fatalf("%v with a source: %q", e.Log.Verdict, line)
			}
			if !printed(line, e.Log.Source) {
				t.Fatalf("%v is not in %q", e.Log.Source, line)
			}
		})
		if n != len(lines) {
			t.Fatalf("%d of %d lines", n, len(lines))
		}
	})
}

// printed says that an address stands in a line, in some spelling.
func printed(text string, source netip.AddrPort) bool {
	if source.Port() != 0 && !strings.Contains(text, fmt.Sprint(source.Port())) {
		return false
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.%", r) })
	for _, word := range words {
		word = strings.Trim(word, ".")
		parts := []string{word, strings.TrimSuffix(word, ":"), word[:max(0, strings.LastIndexByte(word, ':'))]}
		for i, c := range word { // before it may stand what looks like a part of it, as the "c:0:" of "manager.c:0:"
			if c == ':' {
				parts = append(parts, word[i+1:])
			}
		}
		for _, part := range parts {
			if a, ok := line.Address([]byte(part)); ok && a == source.Addr() {
				return true
			}
			if a, ok := line.Endpoint([]byte(part)); ok && a.Addr() == source.Addr() {
				return true
			}
		}
	}
	return false
}
