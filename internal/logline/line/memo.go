package line

import "time"

// A busy log has hundreds of lines in one second, and to turn a date into a time
// costs more than all else in the front of a line. So a Clock may remember what
// it has read: the same bytes mean the same second.

// Remembering gives the same Clock with a memory of its own, which belongs to one
// goroutine. Its Now and Zone must not change any more.
func (c Clock) Remembering() Clock {
	c.memory = new(memory)
	return c
}

// memory is the latest two seconds read: a line may bear the stamp of a syslog
// daemon and the server's own.
type memory struct {
	seconds [2]second
	oldest  int
}

// second is a stamp without fraction and zone, which are read anew each time.
type second struct {
	text [len("2026-11-22 10:00:00")]byte
	// width is how much of text there is; 0 for nothing.
	width int
	// at is what it means where no zone follows, utc what where Z does. Only
	// stamps in the manner of ISO 8601 have zones.
	at, utc time.Time
	iso     bool
}

// find reads the stamp at the start of text, if it begins as one that is known;
// 0 bytes for any other.
func (m *memory) find(text []byte) (time.Time, int) {
	if m == nil {
		return time.Time{}, 0
	}
	for i := range m.seconds {
		s := &m.seconds[i]
		if s.width > 0 && len(text) >= s.width && string(text[:s.width]) == string(s.text[:s.width]) {
			return s.read(text)
		}
	}
	return time.Time{}, 0
}

func (s *second) read(text []byte) (time.Time, int) {
	if s.width < len(text) && text[s.width] == ']' {
		return s.at, s.width // whole seconds of our own zone, as in most logs
	}
	nanos, n := fraction(text[s.width:])
	if !s.iso && n > 0 {
		return time.Time{}, 0 // a fraction may decide which year it is
	}
	n += s.width
	if !s.iso {
		return s.at, n
	}
	if offset, width, ok := zoneOffset(text[n:]); ok {
		return s.utc.Add(time.Duration(nanos) - time.Duration(offset)*time.Second), n + width
	}
	return s.at.Add(time.Duration(nanos)), n
}

// keep remembers a stamp that was read; text is the stamp to its last full second.
func (m *memory) keep(text []byte, kept second) {
	if m == nil || len(text) > len(kept.text) {
		return
	}
	kept.width = copy(kept.text[:], text)
	m.seconds[m.oldest] = kept
	m.oldest = 1 - m.oldest
}
