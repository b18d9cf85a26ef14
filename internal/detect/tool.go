package detect

import (
	"bytes"
	"encoding/hex"
	"strings"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/useragent"
)

// toolMarks knows attack tools by what they cannot help writing.
//
// Each mark weighs ln(1/rate at which benign devices show it), measured over
// two million synthetic messages in seven common styles where that was
// possible and capped where it was not seen at all. A changed User-Agent hides
// one mark of several; exact imitation of a phone hides all, and then the
// other detectors remain. A mark is evidence with a weight: alone it limits an
// unproven source, and it never drops anybody.
type toolMarks struct{}

// markCap bounds what marks may lend to evidence of another kind: ln 1000.
const markCap = 6.91

// marks is the visible list of marks. A source's mark counts once, except
// that a mark seen on two different requests may have a second bit.
var marks = []struct {
	name   string
	weight float32
	shown  func(*event.Event) bool
}{
	{"svmap tag naming its target", 11.5, tagNamesTarget},
	{"sipvicious tag", 9.2, sipviciousTag},
	{"metasploit tag", 9.2, func(e *event.Event) bool { return string(e.SIP.FromTag) == "70c00e8c" }},
	{"sippts branch", 6.9, sipptsBranch},
	{"sipexer branch", 4.6, func(e *event.Event) bool { return bytes.HasPrefix(e.SIP.Branch, []byte("z9hG4bKSG.")) }},
	{"digit permutation branch", 3.9, permutationBranch},
	{"bare decimal branch", 2.3, decimalBranch},
	{"From at 1.1.1.1", 4.6, func(e *event.Event) bool { return string(e.SIP.FromHost) == "1.1.1.1" }},
	{"Via of 0.0.0.0", 2.3, func(e *event.Event) bool { return string(e.SIP.SentBy) == "0.0.0.0" }},
	{"User-Agent of an attack tool", 4.6, badUserAgent},
}

// agentMark is the place of the last mark, which is the dear one to look for.
const agentMark = 9

func badUserAgent(e *event.Event) bool {
	verdict, _ := useragent.Judge(e.SIP.UserAgent)
	return verdict == useragent.Bad
}

// Weigh implements Detector.
func (toolMarks) Weigh(s *Sight) {
	if s.Outcome != nil || s.Event.SIP.Method == event.ACK || s.good() {
		return
	}
	agent := uint32(event.AccountID(s.Event.SIP.UserAgent))
	known := agent == s.Case.agent
	s.Case.agent = agent
	for i := range marks {
		if s.Case.marks&(1<<i) != 0 || i == agentMark && known || !marks[i].shown(s.Event) {
			continue
		}
		s.Case.marks |= 1 << i
		if i == 1 && s.Case.marks&1 != 0 {
			continue // the same tag, already counted with its target
		}
		s.Case.markWeight += marks[i].weight
		s.note("tool mark: "+marks[i].name, float64(marks[i].weight))
	}
}

// marked says that this very request carries marks that limit by themselves.
// Who answers a challenge of ours with such a request is the tool itself, and
// no phone whose address somebody forged.
func (s *Sight) marked() bool {
	if c := &s.Case.charges[0]; c.at == s.now && c.weight >= faultAttack {
		return true // so does what no device writes
	}
	if s.Case.marks == 0 || s.Event.Kind != event.Request {
		return false
	}
	var v evidence
	for i := range marks {
		if s.Case.marks&(1<<i) != 0 && marks[i].shown(s.Event) {
			v.marks += float64(marks[i].weight)
		}
	}
	lnE, _ := combine(limitParts, &v)
	return lnE >= LimitBound
}

// markNames lists the marks a case shows, strongest first.
func (c *Case) markNames() string {
	var names []string
	for i := range marks {
		if c.marks&(1<<i) != 0 && (i != 1 || c.marks&1 == 0) {
			names = append(names, marks[i].name)
		}
	}
	return strings.Join(names, ", ")
}

// sipviciousTag recognises the From-tag of svmap, svwar and svcrack: hex that
// decodes to some text, a byte 1 and a decimal number
// (sipvicious/libs/svhelper.py, createTag).
func sipviciousTag(e *event.Event) bool {
	_, ok := decodeTag(e.SIP.FromTag)
	return ok
}

// tagNamesTarget says that the decoded tag holds our own address in hex, as
// svmap's does: the scanner wrote down whom it asked.
func tagNamesTarget(e *event.Event) bool {
	text, ok := decodeTag(e.SIP.FromTag)
	addr := e.Local.Addr()
	if !ok || !addr.Is4() {
		return false
	}
	ours := addr.As4()
	return strings.Contains(string(text), hex.EncodeToString(ours[:]))
}

func decodeTag(tag []byte) (text []byte, ok bool) {
	if len(tag) < 12 || len(tag)%2 != 0 || len(tag) > 256 {
		return nil, false
	}
	var buffer [128]byte
	n, err := hex.Decode(buffer[:], tag)
	if err != nil {
		return nil, false
	}
	text, number, found := bytes.Cut(buffer[:n], []byte{1})
	return text, found && len(text) > 0 && printable(text) && allDigits(number)
}

// sipptsBranch is 71 letters and digits without the cookie of RFC 3261 8.1.1.7.
func sipptsBranch(e *event.Event) bool {
	b := e.SIP.Branch
	if len(b) != 71 {
		return false
	}
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// permutationBranch is the cookie and the ten digits, each once, as Mr.SIP
// shuffles them; chance makes 10!/10^10 = 3.6e-4 of ten-digit branches so.
func permutationBranch(e *event.Event) bool {
	digits, found := bytes.CutPrefix(e.SIP.Branch, []byte("z9hG4bK"))
	if !found || len(digits) != 10 || !allDigits(digits) {
		return false
	}
	seen := 0
	for _, c := range digits {
		seen |= 1 << (c - '0')
	}
	return seen == 1<<10-1
}

// decimalBranch is the cookie, a hyphen and one decimal number below 2^32, as
// sipvicious writes it; some small stacks do too, so it weighs little.
func decimalBranch(e *event.Event) bool {
	digits, found := bytes.CutPrefix(e.SIP.Branch, []byte("z9hG4bK-"))
	return found && len(digits) >= 6 && len(digits) <= 10 && allDigits(digits)
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
