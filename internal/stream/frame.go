package stream

import "bytes"

// mode says where in its protocol a direction is.
type mode uint8

const (
	start  mode = iota // where a message begins
	lost               // at the beginning of some line
	inLine             // inside a line that is no use
	asked              // has asked for WebSocket and waits for our side's answer
	web                // at the beginning of a WebSocket message
	inWeb              // inside a frame that is no use
)

// beginning is what a first line promises.
type beginning uint8

const (
	nothing beginning = iota
	sipMessage
	webMessage // HTTP, which lives beside SIP where WebSocket is served
)

// suspicious is the size from which on a message is not trusted to end where it
// says: a server with a smaller buffer reads what follows as new messages. 4000
// bytes is PJSIP's default (PJSIP_MAX_PKT_LEN).
const suspicious = 4000

// framing is how far the message at hand has been read. All of it depends on
// the bytes alone, never on how they were cut into segments; only fresh does.
type framing struct {
	mode  mode
	fresh bool // the next byte begins a segment after a loss
	began beginning
	cut   bool // what follows the message has to be looked for
	scan  int  // up to here there is nothing more to find
	need  int  // length of the message, once it is known
	left  uint64
}

// restart begins the next message.
func (h *half) restart(m mode) { h.framing = framing{mode: m} }

// frame reads on in a view of what is there, at most the longest message. It
// says how much is done with, and whether that was a message; nothing at all
// means that more is needed.
func (s *Streams) frame(t *task, v []byte, m *Message) (used int, found bool) {
	if len(v) == 0 {
		return 0, false
	}
	h := t.half
	if h.mode == lost && (h.fresh || t.flow.socket && h.scan == 0) {
		h.fresh = false
		switch {
		case t.ours() && record(v):
			s.encrypt(t.flow)
			return len(v), false
		case carriesSIP(v):
			h.restart(web)
		}
	}
	switch h.mode {
	case web, inWeb:
		return s.webFrame(t, v, m)
	case asked:
		if t.flow.ours.known && len(v) < longest && opensFrame(v[0]) {
			return 0, false
		}
		h.restart(start)
		if carriesSIP(v) { // nobody answers in a capture of one direction
			h.mode = web
		}
		return s.frame(t, v, m)
	case inLine:
		i := bytes.IndexByte(v, '\n')
		if i < 0 {
			return len(v), false
		}
		h.restart(lost)
		return i + 1, false
	}
	if h.began == nothing {
		if used, found, on := s.firstLine(t, v, m); !on {
			return used, found
		}
	}
	return s.rest(t, v, m)
}

func (t *task) ours() bool { return t.half == &t.flow.ours }

// firstLine looks for the beginning of a message; on says that it is there.
func (s *Streams) firstLine(t *task, v []byte, m *Message) (used int, found, on bool) {
	h := t.half
	if h.scan == 0 {
		if n := leading(v); n > 0 {
			if n == len(v) && h.mode == start {
				s.stats.KeepAlives++
			}
			return n, false, false
		}
		if v[0] < ' ' || v[0] >= 0x7f {
			return s.binary(t, v, m)
		}
	}
	i := bytes.IndexByte(v[h.scan:], '\n')
	if i < 0 {
		if h.scan = len(v); len(v) < longest {
			return 0, false, false
		}
		s.stats.Lost++
		junk := h.mode == start
		h.restart(inLine)
		return len(v), junk && s.junk(t, m), false
	}
	i += h.scan
	if n := glued(v[:i]); n > 0 && h.mode == lost {
		h.scan = 0
		return n, false, false // the rest of a body without a line's end
	}
	h.began = begins(v[:i], h.mode == start)
	if h.began == nothing {
		junk := h.mode == start
		h.restart(lost)
		return i + 1, junk && s.junk(t, m), false
	}
	h.scan = i
	return 0, false, true
}

// binary looks at what no text begins with.
func (s *Streams) binary(t *task, v []byte, m *Message) (used int, found, on bool) {
	h := t.half
	if v[0] >= 0x14 && v[0] <= 0x17 && h.mode == start {
		if len(v) < 3 {
			return 0, false, false
		}
		if record(v) {
			if t.ours() {
				s.encrypt(t.flow)
			}
			h.restart(inLine) // the far side may only pretend
			return 1, false, false
		}
	}
	junk := h.mode == start
	h.restart(inLine)
	return 1, junk && s.junk(t, m), false
}

// junk reports what should be a message and is none.
func (s *Streams) junk(t *task, m *Message) bool {
	*m = Message{Ours: t.ours(), Proven: t.flow.proven, Junk: true}
	return true
}

// rest reads a message on whose first line is there.
func (s *Streams) rest(t *task, v []byte, m *Message) (used int, found bool) {
	h := t.half
	if h.need == 0 && !h.headers(v) {
		if len(v) < longest {
			return 0, false
		}
		// No server takes so much; but it may have read the beginning.
		s.stats.Lost++
		h.need, h.cut = len(v), true
	}
	h.overrun(v)
	if len(v) < h.need {
		return 0, false
	}
	n, next := h.need, start
	if h.cut {
		next = lost
	}
	if h.began == webMessage {
		s.http(t, v[:n], next)
		return n, false
	}
	h.restart(next)
	if t.ours() {
		s.answered(t.flow, start) // in SIP
	}
	*m = Message{Data: v[:n:n], Ours: t.ours(), Proven: t.flow.proven}
	return n, true
}

// headers looks for the empty line that ends the headers, and for how much
// follows it. It reports whether both are known.
func (h *half) headers(v []byte) bool {
	for {
		i := bytes.IndexByte(v[h.scan:], '\n')
		if i < 0 {
			h.scan = len(v)
			return false
		}
		i += h.scan
		end := 0
		switch rest := v[i+1:]; {
		case len(rest) == 0 || len(rest) == 1 && rest[0] == '\r':
			h.scan = i
			return false
		case rest[0] == '\n':
			end = i + 2
		case rest[0] == '\r' && rest[1] == '\n':
			end = i + 3
		default:
			h.scan = i + 1
			continue
		}
		length, certain := contentLength(v[:end])
		if end+length > longest {
			length, certain = 0, false
		}
		h.cut = !certain
		h.need = end + length
		h.scan = max(end, suspicious)
		return true
	}
}

// overrun ends a suspiciously long message where another begins in its body.
func (h *half) overrun(v []byte) {
	for h.scan < min(len(v), h.need) && h.need > suspicious {
		line := v[h.scan:min(len(v), h.need)]
		i := bytes.IndexByte(line, '\n')
		if i < 0 {
			return
		}
		if begins(line[:i], false) == sipMessage {
			h.need, h.cut = h.scan, true
			return
		}
		h.scan += i + 1
	}
}
