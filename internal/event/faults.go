package event

// Faults is what is wrong with a request, as far as a detector tells it apart.
// What working devices do wrong is none: a missing last line end, a bare LF, a
// "#" without its escape.
type Faults uint16

const (
	// FaultSloppy is what RFC 3261 forbids and some old device or gateway does.
	FaultSloppy Faults = 1 << iota
	// FaultStartLine is a first line that is not "METHOD uri SIP/2.0".
	FaultStartLine
	// FaultMissing is the lack of Via, From, To, Call-ID or CSeq in a message that is whole.
	FaultMissing
	// FaultMethod is another method in CSeq than in the first line.
	FaultMethod
	// FaultNumber is a CSeq that fits no 32 bits, or is no number.
	FaultNumber
	// FaultLength is a Content-Length that is no number, or more than any datagram holds.
	FaultLength
	// FaultControl is NUL or another control character among the headers.
	FaultControl
	// FaultManyHeaders are more than 64 header lines.
	FaultManyHeaders
	// FaultHeaderFlood are more than 128.
	FaultHeaderFlood
	// FaultManyVias are more than 20 Via values.
	FaultManyVias
	// FaultViaFlood are more than the 70 that Max-Forwards allows.
	FaultViaFlood
	// FaultHugeHeader is a header of more than 8 KiB.
	FaultHugeHeader
	// FaultTwice is a second From, To, Call-ID or CSeq.
	FaultTwice
)
