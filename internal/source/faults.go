package source

import (
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/sip"
)

// The sizes above which a message is overgrown. An INVITE that has crossed many
// proxies has forty header lines and ten Vias; a STIR identity is below 4 KiB.
const (
	manyHeaders = 64
	headerFlood = 128
	manyVias    = 20
	viaFlood    = 70
	hugeHeader  = 8 << 10
)

// faultOf says which flaws of the reader are which fault. Those that are not in
// the list are seen in the messages of working devices.
var faultOf = [...]struct {
	flaws sip.Flaws
	fault event.Faults
}{
	{sip.BadVia | sip.BadAddress | sip.UnclosedQuote | sip.BadCredentials | sip.DuplicateHeader | sip.BadContentLength |
		sip.BadExpires | sip.BadMaxForwards | sip.OversizeHeader | sip.OversizeMessage, event.FaultSloppy},
	{sip.BadStartLine | sip.BadVersion | sip.BadMethod, event.FaultStartLine},
	{sip.NoVia | sip.NoFrom | sip.NoTo | sip.NoCallID | sip.NoCSeq, event.FaultMissing},
	{sip.CSeqMismatch, event.FaultMethod},
	{sip.BadCSeq, event.FaultNumber},
	{sip.ControlChar, event.FaultControl},
}

// cutShort are the faults that the end of a datagram may explain, when it came
// too early.
const cutShort = event.FaultMissing | event.FaultStartLine | event.FaultNumber | event.FaultMethod

// faults judges a request as a whole. It takes the fields out that nobody has
// asked for yet.
func faults(m *sip.Message) event.Faults {
	flaws := m.Flaws()
	var f event.Faults
	if flaws != 0 {
		for _, x := range faultOf {
			if flaws.Has(x.flaws) {
				f |= x.fault
			}
		}
		if flaws.Has(sip.NoFinalCRLF) {
			f &^= cutShort
		}
		if n, ok := m.ContentLength(); flaws.Has(sip.BadContentLength) && (!ok || n > sip.MaxBytes) {
			f |= event.FaultLength
		}
		if flaws.Has(sip.DuplicateHeader) && twice(m) {
			f |= event.FaultTwice
		}
	}
	if m.Overgrown() {
		f |= overgrown(m.Extent())
	}
	return f
}

// twice says that a message has two of what names its transaction. Its server
// may go by the other one, so that nobody finds the reply that belongs to it.
func twice(m *sip.Message) bool {
	for _, h := range [...]sip.Header{sip.HeaderFrom, sip.HeaderTo, sip.HeaderCallID, sip.HeaderCSeq} {
		if m.Count(h) > 1 {
			return true
		}
	}
	return false
}

// overgrown says what exceeds what any working device sends.
func overgrown(x sip.Extent) (f event.Faults) {
	for _, limit := range [...]struct {
		is, most int
		fault    event.Faults
	}{
		{x.Headers, manyHeaders, event.FaultManyHeaders},
		{x.Headers, headerFlood, event.FaultHeaderFlood},
		{x.Vias, manyVias, event.FaultManyVias},
		{x.Vias, viaFlood, event.FaultViaFlood},
		{x.Longest, hugeHeader, event.FaultHugeHeader},
	} {
		if limit.is > limit.most {
			f |= limit.fault
		}
	}
	return f
}
