package logline

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/asterisk"
	"github.com/sipward/sipward/internal/logline/custom"
	"github.com/sipward/sipward/internal/logline/line"
)

// How much a Reader keeps back before it takes the lines as they are. The
// longest record Asterisk writes is 8 KiB (main/logger.c); pjproject cuts a
// message at 4000 bytes, a quoted packet included.
const (
	maxHeldLines = 64
	maxHeldBytes = 8 << 10
	maxQuoted    = 4 << 10
	// maxTorn is how far apart the halves of a record can be: what SIP and IAX2
	// can break is at most 256 bytes long, some of it escaped.
	maxTorn = 600
)

// Reader reads one log line by line. It knows what one line cannot tell: that
// text is a packet quoted by the server, and that a line was torn in two by a
// line break inside a value. So it keeps a line that names a source until the
// next one shows that it was complete, and lines in doubt a little longer.
//
// Put lines in and take Events out with Next; they come in order, one for each
// line. The zero Reader, with Format and Clock set, begins a log. It belongs to
// one goroutine.
type Reader struct {
	Format Format
	Clock  Clock
	// Pattern reads what the servers' readers cannot; nil for none.
	Pattern *custom.Pattern

	lines uint64
	last  time.Time
	event event.Event
	quote quoted

	// queue holds the lines that Next has not passed: the first judged ones are
	// certain. spare keeps the memory of the others.
	queue, spare []*heldLine
	judged       int
	given        bool // queue[0] is what Next gave last

	// crew is the threads that have spoken outside of any packet.
	crew crew
	// trail is the thread whose last line may end in an outsider's text, or 0.
	trail uint32
}

type heldLine struct {
	text   []byte
	number uint64
	line.Reading
}

// quoted is the state of a packet that the server quotes.
type quoted struct {
	line.Quotation
	// inside says that the packet goes on. doubt says that its end mark has come,
	// which the packet itself may have held: a second one would prove it.
	inside, doubt bool
	// left is how many bytes more there can be.
	left int
	// thread, at and server are those of the line that began it.
	thread uint32
	at     time.Time
	server string
}

// Put reads the next line, without its line feed but with its carriage return,
// if any. A line without a stamp of its own gets the time of the line before,
// or arrived when there is none. The line is copied.
func (r *Reader) Put(text []byte, arrived time.Time) {
	r.begin()
	held := r.room()
	held.number, held.Reading = r.lines, line.Reading{}
	if len(text) == 0 || text[0] != '{' || !r.putEntry(held, text) {
		held.text = append(held.text[:0], text...)
		readText(held.text, r.Format, &r.Clock, r.Pattern, &held.Reading)
	}
	if !held.HasTime {
		held.At = r.last
	}
	if held.At.IsZero() {
		held.At = arrived
	}
	r.queue = append(r.queue, held)
	switch {
	case r.quote.Loose:
		r.putLoose(held)
	case r.quote.inside || r.quote.doubt:
		r.putQuoted(held)
	default:
		r.join()
	}
	r.meet(held)
	r.last = held.At
	r.settle()
	if held.Quotes.Rule != "" {
		closed := held.Quotes.Closed
		r.quote = quoted{Quotation: held.Quotes, inside: !closed, doubt: closed, left: maxQuoted, thread: held.Thread, at: held.At, server: held.Server}
		if held.Quotes.Size > 0 {
			r.quote.left = held.Quotes.Size
		}
	}
}

// putEntry reads a line of the systemd journal; false for any other.
func (r *Reader) putEntry(held *heldLine, text []byte) bool {
	e, ok := openEntry(text)
	if !ok {
		return false
	}
	held.text = append(held.text[:0], e.message...)
	e.message = held.text
	var foreign bool
	if held.Reading, foreign = readEntry(&e, r.Format, &r.Clock, r.Pattern); foreign {
		held.text = held.text[:0] // another program's words are no rest of a record
	}
	return true
}

// Take is Put for a caller who wants no events of lines that say nothing: there
// may be none of them, and they are not even copied.
func (r *Reader) Take(text []byte, arrived time.Time) {
	if !r.passes(text, arrived) {
		r.Put(text, arrived)
	}
}

// passes looks whether a line says nothing, and stands where it means to its
// neighbours only that they are complete. Then it is done with.
func (r *Reader) passes(text []byte, arrived time.Time) bool {
	calm := !r.quote.Loose && !r.quote.inside && !r.quote.doubt && r.trail == 0
	if !calm || r.Pattern != nil || r.Format != Asterisk && r.Format != Auto || !asterisk.MayBeQuiet(text) {
		return false
	}
	whole, _ := bytes.CutSuffix(text, []byte("\r"))
	h := line.ReadHeader(whole, &r.Clock)
	thread, quiet := asterisk.Quiet(h)
	if !quiet || !r.completes(whole) {
		return false
	}
	r.judged = len(r.queue)
	r.begin()
	if !h.At.IsZero() {
		r.last = h.At
	} else if r.last.IsZero() {
		r.last = arrived
	}
	r.remember(thread)
	return true
}

// completes says that a whole line of no form leaves no doubt about the lines that
// are held: none is open, and it holds nothing that could be the rest of one.
func (r *Reader) completes(text []byte) bool {
	for _, held := range r.queue[r.judged:] {
		if held.Open || held.Breakable() && (held.Clause == "" || line.Contains(text, held.Clause)) {
			return false
		}
	}
	return true
}

// begin counts a line.
func (r *Reader) begin() {
	if r.lines++; r.lines == 1 {
		r.Clock = r.Clock.Remembering()
	}
}

// Flush judges what is still held: at the end of a log, and whenever a live one
// has nothing more to give for the moment. The server writes a record in one
// go, so its second half is never late.
func (r *Reader) Flush() {
	if r.quote.Loose {
		r.quote = quoted{}
	}
	r.quote.doubt = false
	r.judged = len(r.queue)
}

// Next gives the oldest judged line, or nil. The Event is good until the next
// call of Next.
func (r *Reader) Next() *event.Event {
	r.drop()
	if r.judged == 0 {
		return nil
	}
	r.given = true
	held, e := r.queue[0], &r.event
	e.Kind, e.Time, e.Place.Line, e.Inbound = event.Line, held.At, held.number, true
	e.Remote, e.Transport, e.Log = held.Source, held.Transport, held.Log
	// What the river has filled in of the Event before. The rest of an Event, and
	// that is most of it, is for packets and stays empty.
	e.Requests, e.Account, e.Proof, e.Outcomes = 0, 0, event.None, nil
	return e
}

// drop takes away the line that Next gave last.
func (r *Reader) drop() {
	if r.given {
		r.spare = append(r.spare, r.queue[0])
		r.queue = r.queue[:copy(r.queue, r.queue[1:])]
		r.judged--
		r.given = false
	}
}

// skip drops the judged lines that say nothing, up to the first that says something.
func (r *Reader) skip() {
	for r.drop(); r.judged > 0 && r.queue[0].Verdict == event.Unknown; r.drop() {
		r.given = true
	}
}

// Lines is how many lines were put in.
func (r *Reader) Lines() uint64 { return r.lines }

func (r *Reader) room() *heldLine {
	n := len(r.spare)
	if n == 0 {
		return &heldLine{}
	}
	held := r.spare[n-1]
	r.spare = r.spare[:n-1]
	return held
}

// settle decides how much of the queue is certain.
func (r *Reader) settle() {
	full := len(r.queue)-r.judged > maxHeldLines || r.heldBytes() > maxHeldBytes
	if full && !(r.quote.Loose && r.quote.doubt) { // that ends after Size bytes
		r.Flush()
	} else if !r.quote.doubt {
		r.judged = r.certain()
	}
}

// certain counts the lines that nothing to come can change: all but an open
// record and what follows it, or a line that names a source and what follows
// it. The next whole line proves such a line complete.
func (r *Reader) certain() int {
	count, whole, size := len(r.queue), false, 0
	for i := len(r.queue) - 1; i >= r.judged; i-- {
		held := r.queue[i]
		held.Open = held.Open && size <= maxTorn
		if held.Open || held.Whole && !whole && held.Breakable() {
			count = i
		}
		whole = whole || held.Whole
		size += len(held.text)
	}
	return count
}

func (r *Reader) heldBytes() int {
	n := 0
	for _, held := range r.queue[r.judged:] {
		n += len(held.text)
	}
	return n
}

// join looks whether the last line of the queue is the rest of a record. Then
// what stands between is an outsider's, and so is the beginning of the line.
// The rest may also follow a line that looked complete: its end was forged.
func (r *Reader) join() {
	last := len(r.queue) - 1
	rest := r.queue[last]
	if rest.Tail {
		for _, above := range r.queue[r.judged:last] {
			if above.Source.IsValid() {
				above.disown("above the rest of another record")
			}
		}
	}
	for i := last - 1; i >= r.judged; i-- {
		head := r.queue[i]
		if !head.Open || head.Folds && rest.Whole || rest.isNext(head) || !line.Contains(rest.text, head.Clause) {
			continue
		}
		head.Open = false
		head.Tamper("a line break inside a value")
		// A record of the same form whose source stands in its rest tells the truth.
		if !head.Behind || rest.Clause != head.Clause {
			rest.disown("the rest of another record")
		}
		for _, held := range r.queue[i+1 : last] {
			held.disown("between the halves of a record")
		}
		return
	}
	for i := last - 1; i >= r.judged; i-- {
		head := r.queue[i]
		if !head.Whole {
			continue
		}
		if head.Folds && rest.Whole {
			return
		}
		// A search in the whole line comes last: a head without a source, and a line
		// of the same form, need none.
		other := !rest.Whole || rest.Clause != head.Clause
		if head.Breakable() && (rest.isForeign(head) || other && rest.endsClause(head)) {
			head.Source = netip.AddrPort{}
			head.Tamper("a line break inside a value")
			rest.disown("the rest of another record")
		}
		return
	}
}

// endsClause says that a line holds what the server writes behind the first
// value of head.
func (l *heldLine) endsClause(head *heldLine) bool {
	return head.Clause != "" && line.Contains(l.text, head.Clause) || head.Folds && l.isFold()
}

// isNext says that a line is a record of its own, though head is open: head may
// as well be complete, as words of the dial plan are, or both end in their source,
// so that the rest of one cannot give the other a false one. What an outsider put
// between has a rest that is not whole, and is held until that comes.
func (l *heldLine) isNext(head *heldLine) bool {
	own := head.Verdict != event.Tampered || head.Behind && l.Clause == head.Clause
	return own && l.Whole && l.Stamped
}

// isFold says that a line begins as the second line of a folded header does.
func (l *heldLine) isFold() bool {
	return !l.Whole && len(l.text) > 1 && (l.text[0] == ' ' || l.text[0] == '\t')
}

// isForeign says that a line came out of a value of head. Two records fit into
// one value if they are short; then the second one had no room for a time stamp,
// and its thread is a guess.
func (l *heldLine) isForeign(head *heldLine) bool {
	return l.Whole && (l.Open || l.Clause == head.Clause) && !head.Long &&
		head.Stamped && !l.Stamped && l.Thread != head.Thread
}

// disown takes a line for an outsider's text.
func (l *heldLine) disown(note string) {
	if l.Verdict == event.Unknown && !l.Whole {
		return
	}
	server := l.Server
	l.Reading = line.Reading{At: l.At, Log: event.Log{Verdict: event.Tampered, Kind: event.KindOther, Server: server, Rule: server + ".fragment", Note: note}}
}

// putQuoted takes a line while the server quotes a packet, or may do so.
func (r *Reader) putQuoted(held *heldLine) {
	quote := &r.quote
	quote.left -= len(held.text) + 1
	if quote.End != "" && held.Whole && held.Thread == quote.thread {
		// The thread that was quoting has gone on. Nobody outside knows its number.
		*quote = quoted{}
		return
	}
	if isEnd := quote.End != "" && string(held.text) == quote.End; isEnd || quote.inside {
		for _, waiting := range r.queue[r.judged:] {
			waiting.quote(quote)
		}
		quote.inside, quote.doubt = quote.inside && !isEnd, isEnd || quote.doubt
	} else {
		r.join()
	}
	if quote.left <= 0 {
		*quote = quoted{}
	}
}

// quote takes a line for part of a quoted packet. One that looks like the
// server's own was put there on purpose. Its time stamp is as worthless.
func (l *heldLine) quote(q *quoted) {
	verdict, note := event.Benign, ""
	if l.Whole || l.Verdict == event.Tampered {
		verdict, note = event.Tampered, "a packet that looks like a log"
	}
	l.Reading = line.Reading{At: q.at, Log: event.Log{Verdict: verdict, Kind: event.KindOther, Server: q.server, Rule: q.Rule, Note: note}}
}
