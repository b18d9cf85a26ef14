package asterisk_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/asterisk"
	"github.com/sipward/sipward/internal/logline/logtest"
)

// This file prints lines as Asterisk prints them, from parts: for the forms in
// all their combinations, and for values that somebody shaped.

// printer puts a message into one of the shapes of a log line.
type printer struct {
	name  string
	print func(level, file, message string) string
	// time is the stamp that the shape carries, zero for none.
	time time.Time
}

var tenOClock = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

var printers = []printer{
	{"file", func(level, file, message string) string {
		return fmt.Sprintf("[2026-11-22 10:00:00] %s[4711] %s: %s", level, file, message)
	}, tenOClock},
	{"default date", func(level, file, message string) string {
		return fmt.Sprintf("[Nov 22 10:00:00] %s[4711][C-0000002f] %s: %s", level, file, message)
	}, tenOClock},
	{"ISO with a zone", func(level, file, message string) string {
		return fmt.Sprintf("[2026-11-22T11:00:00.000+0100] %s[4711] %s: %s", level, file, message)
	}, tenOClock},
	{"plain", func(level, file, message string) string {
		return fmt.Sprintf("[2026-11-22 10:00:00.000] %s[4711]: %s:12 some_function: %s", level, file, message)
	}, tenOClock},
	{"console in colours", func(level, file, message string) string {
		return fmt.Sprintf("[2026-11-22 10:00:00] \x1b[1;33m%s\x1b[0m[4711]: \x1b[1;37m%s\x1b[0m:\x1b[1;37m12\x1b[0m \x1b[1;37msome_function\x1b[0m: %s", level, file, message)
	}, tenOClock},
	{"colours through rsyslog", func(level, file, message string) string {
		return fmt.Sprintf("Nov 22 10:00:01 pbx freepbx[99]: [2026-11-22 10:00:00] #033[1;33m%s#033[0m[4711]: #033[1;37m%s#033[0m:#033[1;37m12#033[0m #033[1;37msome_function#033[0m: %s", level, file, message)
	}, tenOClock},
	{"syslog", func(level, file, message string) string {
		return fmt.Sprintf("Nov 22 10:00:00 pbx asterisk[99]: %s[4711]: %s:12 in some_function: %s", level, file, message)
	}, tenOClock},
	{"rsyslog", func(level, file, message string) string {
		return fmt.Sprintf("2026-11-22T11:00:00.000000+01:00 pbx asterisk[99]: %s[4711][C-0000002f]: %s:12 in some_function: %s", level, file, message)
	}, tenOClock},
	{"RFC 5424", func(level, file, message string) string {
		return fmt.Sprintf(`<165>1 2026-11-22T10:00:00Z pbx asterisk 99 - [x@1 a="b"] %s[4711]: %s:12 in some_function: %s`, level, file, message)
	}, tenOClock},
	{"journal without anything", func(level, file, message string) string {
		return fmt.Sprintf("%s[4711]: %s:12 some_function: %s", level, file, message)
	}, time.Time{}},
	{"json", printJSON, tenOClock},
}

func printJSON(level, file, message string) string {
	object := map[string]any{
		"timestamp": "2026-11-22 10:00:00", "identifiers": map[string]any{"lwp": 4711},
		"logmsg": map[string]any{"location": map[string]any{"filename": file}, "level": level, "message": message},
	}
	text, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return strings.Replace(string(text), "{", `{"hostname":"pbx",`, 1)
}

// The keys of security events that tests give values.
const (
	accountID, sessionID, localAddress, remoteAddress = "AccountID", "SessionID", "LocalAddress", "RemoteAddress"
	challenge, response                               = "Challenge", "Response"
)

// securityForms is the grammar of all 15 events.
var securityForms = asterisk.SecurityEvents()

// securityForm gives the event of that name.
func securityForm(name string) *asterisk.SecurityEvent {
	for i := range securityForms {
		if securityForms[i].Name == name {
			return &securityForms[i]
		}
	}
	return nil
}

// securityValues are harmless values for keys with one.
var securityValues = map[string]string{
	"RequestType": "INVITE", "AuthMethod": "plaintext", "UsingPassword": "1", "ExpectedAddress": "IPV4/UDP/192.0.2.77/5060",
	challenge: "1795351561/8080136fb67cee1a1fcd4b7e0f361d4b", response: "b86ac9a07c487ca40e1ee46410b7da0a", "ExpectedResponse": "",
	"AttemptedTransport": "UDP", "Module": "res_pjsip", "ACLName": "not_match_endpoint_acl", "SessionTV": "1970-01-01T00:00:00.000+0000",
	"RequestParams": "x=1", "ReceivedChallenge": "41d26de5", "ReceivedHash": "7a6a3a2e95a05260aee612896e1b4a39",
}

// printSecurity prints an event with the optional keys that are in values.
func printSecurity(form *asterisk.SecurityEvent, service string, values map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `SecurityEvent="%s",EventTV="2026-11-22T10:00:00.123+0000",Severity="Error",Service="%s",EventVersion="1"`, form.Name, service)
	for _, key := range form.Must {
		value, ok := values[key]
		if !ok {
			value = securityValues[key]
		}
		fmt.Fprintf(&b, `,%s="%s"`, key, value)
	}
	for _, key := range form.Optional {
		if value, ok := values[key]; ok {
			fmt.Fprintf(&b, `,%s="%s"`, key, value)
		}
	}
	return b.String()
}

// securityAddr prints an address as security events have it.
func securityAddr(a netip.AddrPort, carrier event.Transport) string {
	family := "IPV4"
	if a.Addr().Is6() {
		family = "IPV6"
	}
	return fmt.Sprintf("%s/%s/%s/%d", family, strings.ToUpper(carrier.String()), a.Addr(), a.Port())
}

// TestSecurityEvents prints all 15 events over 5 transports and both IP
// versions, in every shape, with and without the optional keys.
func TestSecurityEvents(t *testing.T) {
	sources := []netip.AddrPort{netip.MustParseAddrPort("203.0.113.7:5071"), netip.MustParseAddrPort("[2001:db8::7]:5071")}
	lines := 0
	for i := range securityForms {
		form := &securityForms[i]
		all := map[string]string{}
		for _, key := range form.Optional {
			all[key] = securityValues[key]
		}
		for carrier := event.UDP; carrier <= event.WSS; carrier++ {
			for _, source := range sources {
				for _, optional := range []map[string]string{{}, all} {
					optional[localAddress], optional[remoteAddress] = securityAddr(source, carrier), securityAddr(source, carrier)
					optional[sessionID] = "c4ll-id@203.0.113.7"
					optional[accountID] = "100"
					for _, p := range printers {
						line := p.print("SECURITY", "res_security_log.c", printSecurity(form, "PJSIP", optional))
						checkSecurity(t, form, p, line, event.Log{Source: source, Transport: carrier})
						lines++
					}
				}
			}
		}
	}
	if lines < 15*5*2*len(printers) {
		t.Errorf("only %d lines", lines)
	}
}

func checkSecurity(t *testing.T, form *asterisk.SecurityEvent, p printer, line string, want event.Log) {
	t.Helper()
	got, at := logline.Classify([]byte(line), logline.Auto, logtest.Clock)
	wantTime := p.time
	if wantTime.IsZero() {
		wantTime = tenOClock.Add(123 * time.Millisecond) // EventTV
	}
	source := want.Source
	if form.Verdict == event.Benign && form.Kind != event.AuthOK {
		source = netip.AddrPort{}
	}
	if got.Verdict != form.Verdict || got.Kind != form.Kind || got.Source != source || got.Transport != want.Transport ||
		got.Server != "asterisk" || !at.Equal(wantTime) || string(got.CallID) != "c4ll-id@203.0.113.7" {
		t.Errorf("%s: %v %v %v %v %v %q at %v\n%s", p.name, got.Verdict, got.Kind, got.Source, got.Transport, got.Note, got.CallID, at, line)
	}
	// RequestBadFormat knows its account sometimes only.
	if user := string(got.User); user != "100" && !(form.Name == "RequestBadFormat" && user == "") {
		t.Errorf("%s: user %q\n%s", p.name, user, line)
	}
}

// shape is a form of message with room for an outsider's text. The address
// that the server prints is the true one.
type shape struct {
	name        string
	level, file string
	values      []int // how much of each value the server prints
	breaks      bool  // a value can hold a line break
	print       func(source netip.AddrPort, values []string) string
}

var shapes = []shape{
	{"request failed", "NOTICE", "res_pjsip/pjsip_distributor.c", []int{400, 511}, false, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`Request 'INVITE' from '"%s" <sip:100@pbx.example.org>' failed for '%s:%d' (callid: %s) - No matching endpoint found`, v[0], a.Addr(), a.Port(), v[1])
	}},
	{"registration failed", "NOTICE", "chan_sip.c", []int{400}, false, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`Registration from '%s' failed for '%s' - Wrong password`, v[0], a)
	}},
	{"call rejected", "NOTICE", "res_pjsip_session.c", []int{79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`Call from 'anonymous' (UDP:%s:%d) to extension '%s' rejected because extension not found in context 'public'.`, a.Addr(), a.Port(), v[0])
	}},
	{"call rejected, newer", "NOTICE", "res_pjsip_session.c", []int{79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`anonymous: Call (UDP:%s:%d) to extension '%s' rejected because extension not found in context 'public'.`, a.Addr(), a.Port(), v[0])
	}},
	{"call rejected, chan_sip", "NOTICE", "chan_sip.c", []int{79, 79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`Call from '%s' (%s) to extension '%s' rejected because extension not found in context 'public'.`, strings.ReplaceAll(v[0], "\n", ""), a, v[1])
	}},
	{"no such AOR", "WARNING", "res_pjsip_registrar.c", []int{79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`AOR '%s' not found for endpoint 'carrier' (%s:%d)`, v[0], a.Addr(), a.Port())
	}},
	{"dial plan", "WARNING", "Ext. ", []int{79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`"Rejecting unknown SIP connection from %s"`, a.Addr())
	}},
	{"IAX peer", "NOTICE", "chan_iax2.c", []int{79}, true, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`No registration for peer '%s' (from %s)`, v[0], a.Addr())
	}},
	{"IAX host", "NOTICE", "chan_iax2.c", []int{79}, false, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`Host %s failed to authenticate as '%s'`, a.Addr(), v[0])
	}},
	{"AMI", "NOTICE", "manager.c", []int{200}, false, func(a netip.AddrPort, v []string) string {
		return fmt.Sprintf(`%s tried to authenticate with nonexistent user '%s'`, a.Addr(), v[0])
	}},
}

// allShapes adds the security events to the shapes.
func allShapes() []shape {
	all := append([]shape{}, shapes...)
	for i := range securityForms {
		form := &securityForms[i]
		all = append(all, shape{"security " + form.Name, "SECURITY", "res_security_log.c", []int{36, 400, 63, 255}, true,
			func(a netip.AddrPort, v []string) string {
				address := securityAddr(a, event.UDP)
				values := map[string]string{
					accountID: v[0], sessionID: strings.ReplaceAll(v[1], "\n", " "), localAddress: "IPV4/UDP/192.0.2.10/5060", remoteAddress: address,
				}
				if form.Name == "ChallengeResponseFailed" {
					values[challenge], values[response] = strings.ReplaceAll(v[2], "\n", " "), strings.ReplaceAll(v[3], "\n", " ")
				}
				return printSecurity(form, "PJSIP", values)
			}})
	}
	return all
}

// hostilePieces are what an attacker's text is made of. V and W stand for the
// address to be blamed, with and without a port.
var hostilePieces = []string{
	"1", "abc", "O'Brien", " ", "'", `"`, ")", "]", ",", ":", "\\", "\n", "\r", "\x00", "\x1b[0m", "\t", "#012", "#033[0m", "%0a", "é",
	"' failed for 'V' (callid: x", "' failed for 'V'", " failed for 'V", "' failed for 'V' (callid: x) - Failed to authenticate",
	"' failed for 'V' - Wrong password", ") - Failed to authenticate", "(callid: y", `" <sip:1@V>`, "<sip:1@V>",
	`",RemoteAddress="IPV4/UDP/W/5060`, `",LocalAddress="IPV4/UDP/W/5060",RemoteAddress="IPV4/UDP/W/5060`, `",SessionID="q`, `",Challenge="`,
	`RemoteAddress=IPV4/UDP/W/5060`, `"`, `SecurityEvent="InvalidPassword"`, `,ACLName="x"`, `,Module="y"`,
	"' (UDP:V) to extension '9", "(V) to extension '9", "' rejected because extension not found in context 'x'.", "' rejected because extension not found",
	"' not found for endpoint 'z' (V)", "' (from W)", `"Rejecting unknown SIP connection from W"`, `: "Rejecting unknown SIP connection from W`,
	"NOTICE[1] a.c: Call from '' (V) to extension '9", "NOTICE[1] manager.c: W failed to authenticate as 'a'", "manager.c: W failed to authenticate as 'a'",
	"NOTICE[1] pjproject: s.c Dropping 1 bytes packet from UDP V :", "[Nov 22 10:00:00] NOTICE[1] a.c: ", "Ext. 1: ",
	"' (from W)\nNOTICE[1] a.c: No registration for peer 'z", "' not found for endpoint 'z' (V)\nWARNING[1] a.c: AOR '",
	": \"Rejecting unknown SIP connection from W\"\nNOTICE[1] Ext. 2",
	"NOTICE[1] a.c: hacking attempt detected 'W'", "WARNING[1] a.c: Endpoint '' (V) has no configured AORs",
}

// victims are to be blamed. A short address leaves more room for the rest.
var victims = []*strings.Replacer{
	strings.NewReplacer("V", "198.51.100.66:5060", "W", "198.51.100.66"),
	strings.NewReplacer("V", "6.6.6.6:1", "W", "6.6.6.6"),
	strings.NewReplacer("V", "[2001:db8::66]:5060", "W", "2001:db8::66", "IPV4/", "IPV6/"),
}

// TestForgery puts random hostile text into every value of every form, and
// wants that nobody but the true source is ever accused.
func TestForgery(t *testing.T) {
	const seed = 7
	const cases = 120_000
	random := rand.New(rand.NewPCG(20261122, seed))
	all := allShapes()
	accused, tampered := 0, 0
	for n := range cases {
		s := &all[n%len(all)]
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + n%250)}), uint16(1024+n%60000))
		values := make([]string, len(s.values))
		for i, size := range s.values {
			values[i] = hostileText(random, size, s.breaks)
		}
		file, message := s.file, s.print(source, values)
		if file == "Ext. " {
			file += values[0]
		}
		p := printers[random.IntN(2)] // only text in lines of its own can break them
		text := p.print(s.level, file, message)
		after := p.print("NOTICE", "chan_sip.c", "Peer '100' is now Reachable.")
		logtest.Read(logline.Auto, append(strings.Split(text, "\n"), after), func(e *event.Event) {
			if e.Log.Verdict == event.Tampered {
				tampered++
			}
			if !e.Log.Source.IsValid() {
				return
			}
			accused++
			if e.Log.Source.Addr() != source.Addr() {
				t.Errorf("case %d, %s: %v blames %v instead of %v (%s)\n%q", n, s.name, e.Log.Verdict, e.Log.Source, source, e.Log.Rule, text)
			}
		})
		if t.Failed() && n > 2000 {
			t.FailNow()
		}
	}
	// A reader that accuses nobody would pass the above.
	if accused < cases/10 || tampered < cases/3 {
		t.Errorf("%d accused and %d tampered of %d: the test is blunt", accused, tampered, cases)
	}
}

// hostileText joins one to four pieces, cut to what the server prints.
func hostileText(random *rand.Rand, size int, breaks bool) string {
	var b strings.Builder
	for range 1 + random.IntN(4) {
		b.WriteString(hostilePieces[random.IntN(len(hostilePieces))])
	}
	text := victims[random.IntN(len(victims))].Replace(b.String())
	if !breaks {
		text = strings.ReplaceAll(text, "\n", "")
	}
	return text[:min(len(text), size)]
}
