package detect

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/event"
)

// tagOf is the From-tag that sipvicious makes of some data.
func tagOf(data string) []byte { return []byte(hex.EncodeToString([]byte(data))) }

// ours is the server's address as svmap writes it into its tag.
const ours = "c000020a" // 192.0.2.10

// shownMarks are the names of the marks that a request shows.
func shownMarks(s event.SIP) []string {
	var names []string
	e := event.Event{Kind: event.Request, Inbound: true, Local: server, Remote: caller, SIP: s}
	for i := range marks {
		if marks[i].shown(&e) {
			names = append(names, marks[i].name)
		}
	}
	return names
}

func TestMarks(t *testing.T) {
	const sipvicious, sippts, permutation, decimal, target = "sipvicious tag", "sippts branch", "digit permutation branch", "bare decimal branch", "svmap tag naming its target"
	tag := func(tag []byte) event.SIP { return event.SIP{FromTag: tag} }
	branch := func(branch string) event.SIP { return event.SIP{Branch: []byte(branch)} }
	agent := func(ua string) event.SIP { return event.SIP{UserAgent: []byte(ua)} }
	letters := strings.Repeat("abcdefghij0123456789", 4)
	for _, test := range []struct {
		name string
		sip  event.SIP
		want []string
	}{
		{"bad: nothing at all", event.SIP{}, nil},
		{"bad: a tag of hex digits only", tag([]byte("d41d8cd98f00b204e9800998")), nil},
		{"bad: hex of text without a number", tag(tagOf("1001")), nil},
		{"bad: hex without the mark between", tag(tagOf("1001 12345678")), nil},
		{"bad: the number has a letter", tag(tagOf("1001\x011234x")), nil},
		{"bad: no number", tag(tagOf("10011001\x01")), nil},
		{"bad: no text", tag(tagOf("\x0112345678")), nil},
		{"bad: text that is none", tag(tagOf("\x80\xff\x00\x0112345678")), nil},
		{"bad: an odd number of digits", tag(tagOf("1001\x0112345678")[1:]), nil},
		{"bad: longer than any", tag(tagOf(strings.Repeat("a", 200) + "\x011")), nil},
		{"bad: too short", tag(tagOf("a\x011")), nil},
		{"bad: 70 letters and digits", branch(letters[:70]), nil},
		{"bad: 72 letters and digits", branch(letters[:72]), nil},
		{"bad: 71 with a capital", branch("A" + letters[:70]), nil},
		{"bad: 71 with the cookie", branch("z9hG4bK" + letters[:64]), nil},
		{"bad: ten digits, one twice", branch("z9hG4bK0123456788"), nil},
		{"bad: eleven digits", branch("z9hG4bK01234567890"), nil},
		{"bad: digits without a cookie", branch("0123456789"), nil},
		{"bad: a hyphen and five digits", branch("z9hG4bK-12345"), nil},
		{"bad: a hyphen and eleven digits", branch("z9hG4bK-12345678901"), nil},
		{"bad: a hyphen and hex", branch("z9hG4bK-12345a"), nil},
		{"bad: nearly sipexer", branch("z9hG4bKSG"), nil},
		{"bad: the constant in another case", tag([]byte("70C00E8C")), nil},
		{"bad: an address in the From", event.SIP{FromHost: []byte("1.1.1.10"), SentBy: []byte("10.0.0.0")}, nil},
		{"bad: an ordinary telephone", agent("Yealink SIP-T46U 108.86.0.20"), nil},
		{"bad: a tool for tests", agent("sipsak 0.9.7"), nil},
		{"svwar, svcrack", tag(tagOf("1001\x0112345678")), []string{sipvicious}},
		{"svmap asks us", tag(tagOf(ours + "13c4\x0112345678")), []string{target, sipvicious}},
		{"svmap asked somebody else", tag(tagOf("c000020b13c4\x0112345678")), []string{sipvicious}},
		{"in capitals", tag([]byte(strings.ToUpper(string(tagOf("1001\x0112345678"))))), []string{sipvicious}},
		{"metasploit", tag([]byte("70c00e8c")), []string{"metasploit tag"}},
		{"sippts", branch(letters[:71]), []string{sippts}},
		{"sipexer", branch("z9hG4bKSG.8a4e2f"), []string{"sipexer branch"}},
		{"Mr.SIP", branch("z9hG4bK3179846205"), []string{permutation}},
		{"sipvicious's branch", branch("z9hG4bK-3141592653"), []string{decimal}},
		{"a made-up From", event.SIP{FromHost: []byte("1.1.1.1")}, []string{"From at 1.1.1.1"}},
		{"a Via from nowhere", event.SIP{SentBy: []byte("0.0.0.0")}, []string{"Via of 0.0.0.0"}},
		{"its own name", agent("friendly-scanner"), []string{"User-Agent of an attack tool"}},
	} {
		if got := shownMarks(test.sip); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestMarksTable(t *testing.T) {
	if marks[agentMark].name != "User-Agent of an attack tool" || len(marks) > 16 {
		t.Errorf("mark %d is %q; %d marks in 16 bits", agentMark, marks[agentMark].name, len(marks))
	}
	for _, m := range marks {
		if m.weight <= 0 || m.weight > 11.5 {
			t.Errorf("%s weighs %v", m.name, m.weight)
		}
	}
}

// TestMarksOnIPv6: svmap's tag cannot name such a target, and nothing breaks.
func TestMarksOnIPv6(t *testing.T) {
	e := event.Event{SIP: event.SIP{FromTag: tagOf(ours + "\x0112345678")}}
	if tagNamesTarget(&e) || !sipviciousTag(&e) {
		t.Error("without an IPv4 address of ours")
	}
}

// TestMarksThatLimit: strong marks limit at once, weak ones together, and none
// of them ever drops.
func TestMarksThatLimit(t *testing.T) {
	for _, test := range []struct {
		name  string
		sip   event.SIP
		limit bool
		class Class
	}{
		{"bad: a decimal branch is no tool", event.SIP{Branch: []byte("z9hG4bK-123456")}, false, ""},
		{"bad: a name alone may be a joke", event.SIP{UserAgent: []byte("friendly-scanner")}, false, ""},
		{"bad: a permutation may be chance", event.SIP{Branch: []byte("z9hG4bK3179846205")}, false, ""},
		{"its tag", event.SIP{FromTag: tagOf("1001\x0112345678")}, true, ClassScanTool},
		{"its tag in an OPTIONS", event.SIP{Method: event.OPTIONS, FromTag: tagOf(ours + "\x0112345678")}, true, ClassScanOptions},
		{"bad: both may still be", event.SIP{UserAgent: []byte("friendly-scanner"), Branch: []byte("z9hG4bK-123456")}, false, ""},
		{"two weak ones", event.SIP{UserAgent: []byte("friendly-scanner"), FromHost: []byte("1.1.1.1")}, true, ClassScanTool},
	} {
		b := newBench()
		for range 200 {
			found := b.request(test.sip)
			if len(found) == 0 && test.limit || len(found) > 0 && !test.limit {
				t.Errorf("%s: found %+v", test.name, found)
			}
			for _, f := range found {
				if f.Proof != event.None || f.Class != test.class || f.Rule != "tool" {
					t.Errorf("%s: found %+v", test.name, f)
				}
			}
			if test.limit {
				break
			}
		}
	}
}

func TestMarksCountOnce(t *testing.T) {
	b := newBench(toolMarks{})
	weight := func() float32 { return b.cases.Get(b.seed.Addr(caller.Addr())).markWeight }
	for _, step := range []struct {
		sip  event.SIP
		want float32
	}{
		{event.SIP{UserAgent: []byte("svmap")}, 4.6},
		{event.SIP{UserAgent: []byte("svmap")}, 4.6},
		{event.SIP{UserAgent: []byte("Yealink")}, 4.6},
		{event.SIP{UserAgent: []byte("sipcli")}, 4.6}, // another name is the same mark
		{event.SIP{FromTag: tagOf(ours + "\x0112345678")}, 16.1},
		{event.SIP{FromTag: tagOf("1001\x0112345678")}, 16.1}, // the same tag, counted with its target
		{event.SIP{Method: event.ACK, SentBy: []byte("0.0.0.0")}, 16.1},
		{event.SIP{SentBy: []byte("0.0.0.0")}, 18.4},
	} {
		b.request(step.sip)
		if got := weight(); math.Abs(float64(got-step.want)) > 1e-4 {
			t.Errorf("after %+v: %v, want %v", step.sip, got, step.want)
		}
	}
	want := "svmap tag naming its target, Via of 0.0.0.0, User-Agent of an attack tool"
	if got := b.cases.Get(b.seed.Addr(caller.Addr())).markNames(); got != want {
		t.Errorf("marks %q, want %q", got, want)
	}
}

// TestProvenSourcesAreNotLimitedByMarks: what answers our challenges is judged
// by its answers.
func TestProvenSourcesAreNotLimitedByMarks(t *testing.T) {
	b := newBench()
	b.outcome(event.Followed, "100", event.GradeA)
	if found := b.request(event.SIP{FromTag: tagOf("1001\x0112345678")}); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	b.now = b.now.Add(33e9)
	if found := b.request(event.SIP{}); len(found) != 1 {
		t.Errorf("when the proof is old: found %+v", found)
	}
}

// TestAToolDoesNotVouchForItself: an answered challenge lifts the limit of an
// address that somebody forged, but not when the answer has the tool's marks.
func TestAToolDoesNotVouchForItself(t *testing.T) {
	tool := event.SIP{FromTag: tagOf("1001\x0112345678"), UserAgent: []byte("friendly-scanner")}
	for _, test := range []struct {
		name   string
		answer event.SIP
		lifted bool
	}{
		{"bad: the tool", tool, false},
		{"bad: the tool under another name", event.SIP{FromTag: tool.FromTag, UserAgent: []byte("Yealink")}, false},
		{"a phone at the same address", event.SIP{FromTag: []byte("a6c85cf"), UserAgent: []byte("Yealink")}, true},
		{"a phone with a joke for a name", event.SIP{FromTag: []byte("a6c85cf"), UserAgent: tool.UserAgent}, true},
	} {
		b := newBench()
		if found := b.request(tool); len(found) != 1 {
			t.Fatalf("%s: found %+v, want a limit", test.name, found)
		}
		found := b.See(&event.Event{Kind: event.Request, Time: b.now, Remote: caller, Local: server, Inbound: true, SIP: test.answer,
			Outcomes: []event.Outcome{{Result: event.Followed, Remote: caller.Addr(), Port: caller.Port(), Time: b.now, Proof: event.GradeA}}})
		if lifted := len(found) == 1 && found[0].Class == ClassProven; lifted != test.lifted {
			t.Errorf("%s: found %+v, want lifted %v", test.name, found, test.lifted)
		}
	}
}

// style is how a SIP stack makes its identifiers.
type style struct{ tag, branch, callID func(r *random) string }

func stackStyles() map[string]style {
	decimal := func(low, high int) func(*random) string {
		return func(r *random) string { return strconv.Itoa(low + r.IntN(high-low)) }
	}
	text := func(prefix, alphabet string, size int) func(*random) string {
		return func(r *random) string { return prefix + r.text(alphabet, size) }
	}
	const hexDigits = "0123456789abcdef"
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return map[string]style{
		"Yealink": {decimal(1e8, 4e9), func(r *random) string { return "z9hG4bK" + decimal(1e8, 4e9)(r) }, decimal(0, 4e9)},
		"Polycom": {text("", "0123456789ABCDEF", 16), text("z9hG4bK", hexDigits, 17), text("", hexDigits, 34)},
		"Cisco":   {text("", hexDigits, 24), text("z9hG4bK-", hexDigits, 8), text("", hexDigits, 16)},
		"Grandstream": {decimal(1, 4e9), func(r *random) string { return "z9hG4bK" + decimal(1, 4e9)(r) },
			func(r *random) string { return decimal(1, 4e9)(r) + "-5060-1@BJC.BGI.B.CBA" }},
		"Asterisk":   {text("as", hexDigits, 8), text("z9hG4bK", hexDigits, 8), text("", hexDigits, 32)},
		"FreeSWITCH": {text("", letters, 13), text("z9hG4bK", letters, 13), text("", hexDigits, 36)},
		"pjsip":      {text("", letters, 32), text("z9hG4bKPj", letters, 32), text("", letters, 32)},
		"SIPp": {func(r *random) string { return decimal(1000, 9999)(r) + "SIPpTag00" + decimal(1, 99999)(r) },
			func(r *random) string { return "z9hG4bK-" + decimal(1000, 9999)(r) + "-" + decimal(1, 99999)(r) + "-0" }, decimal(1, 99999)},
	}
}

// TestBenignIdentifiers draws the identifiers of 80,000 requests, 240,000
// tokens, in the ways of eight common stacks. Only ten decimal digits can be a
// permutation, and they are one as often as chance has it.
func TestBenignIdentifiers(t *testing.T) {
	const each = 10_000
	r := newRandom(7)
	tenDigits, permutations := 0, 0
	for name, style := range stackStyles() {
		for range each {
			s := event.SIP{FromTag: []byte(style.tag(r)), Branch: []byte(style.branch(r)), CallID: []byte(style.callID(r))}
			if digits := strings.TrimPrefix(string(s.Branch), "z9hG4bK"); len(digits) == 10 && allDigits([]byte(digits)) {
				tenDigits++
			}
			for _, mark := range shownMarks(s) {
				if mark == "digit permutation branch" {
					permutations++
				} else if mark != "bare decimal branch" || name != "Cisco" { // eight hex digits may be decimal
					t.Errorf("%s shows %q: %+v", name, mark, s)
				}
			}
		}
	}
	// 10!/10^10 of all ten-digit numbers, a little more of those below 4e9.
	expected := 4e-4 * float64(tenDigits)
	t.Logf("%d permutations in %d branches of ten digits, about %.1f by chance", permutations, tenDigits, expected)
	if float64(permutations) > expected+5*math.Sqrt(expected)+1 {
		t.Errorf("%d permutations in %d branches, want about %.1f", permutations, tenDigits, expected)
	}
}
