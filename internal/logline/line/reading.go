// Package line is what the readers of all servers' logs share: what one line
// says, its header and time stamps, and careful ways to read hostile text.
//
// To add a server: make a room of its own beside this one, with one function
//
//	func Read(h line.Header, r *line.Reading)
//
// and an entry in the list of internal/logline/format.go. Read sees one line
// without syslog's prefix, must not keep it, and may answer with views of it. The
// Reading is empty before; it is large, and so it is filled in where it stays. Read
// sets Server and Whole on every line that begins as that server begins its
// lines, whatever the line says: then no other server's reader is asked. It
// names a Source only where no outsider can have written it; what is off goes
// through Tamper. Verdict Near is for what looks like security and has no known
// form. Tests print the forms from parts, with hostile values in each place.
package line

import (
	"time"

	"github.com/sipward/sipward/internal/event"
)

// Reading is what one line says, and what the lines around it have to know.
type Reading struct {
	// Log is the line's own word; its slices are views of the line.
	event.Log
	// At is when the line was written, as far as the message itself tells. A time
	// in the line's header goes before it.
	At time.Time
	// Whole says that the line begins as the server begins its lines. Any other
	// line may be the rest of the one before it.
	Whole bool
	// Open says that the line begins a record and does not end it: a line break
	// stands inside a value, and the rest is to come.
	Open bool
	// Front says that the source stands before everything an outsider could
	// have written, so that no line break can move it.
	Front bool
	// Clause is what the server writes behind the outsider's first value. The
	// rest of an open record holds it. Behind says that the source follows it.
	Clause string
	Behind bool
	// Folds says that values with a line break show it: their next line begins
	// with a blank, as a folded header does (RFC 3261 section 7.3.1). So no line
	// that is whole can be the rest of this one.
	Folds bool
	// Tail says that the line ends a record and does not begin one. A line above
	// it that names a source may have come out of that record.
	Tail bool
	// Long says that no record of this form is short enough to stand inside a
	// value of another one.
	Long bool
	// Trails says that the line may end in an outsider's text, and that its line
	// breaks are line breaks in the log.
	Trails bool
	// Thread is the number of the server's thread, 0 where lines have none. No
	// outsider knows it.
	Thread uint32
	// Stamped says that the line has a time in front, in its header or by the
	// server's own logger.
	Stamped bool
	// Quotes tells of a packet that follows word by word.
	Quotes Quotation
}

// Quotation is a packet inside a log: text of an outsider until a line that is
// just the End mark, or for Size bytes. Rule is the rule that its lines get.
type Quotation struct {
	End  string
	Size int
	Rule string
	// Loose says that the End mark may follow the packet's last word, and so may be
	// the packet's own: then only the thread that quotes can end it. Closed says
	// that it stood in the first line already.
	Loose, Closed bool
}

// Say sets what a line is evidence of.
func (r *Reading) Say(verdict event.Verdict, kind event.LogKind, rule string) {
	r.Verdict, r.Kind, r.Rule = verdict, kind, rule
}

// Tamper takes the line's word away, except for a source that the caller knows
// to be beyond doubt and sets itself.
func (r *Reading) Tamper(note string) {
	r.Verdict, r.Note = event.Tampered, note
}

// Breakable says that a line break inside a value could have moved the source.
func (r *Reading) Breakable() bool { return r.Source.IsValid() && !r.Front }
