package stream

import (
	"bytes"
	"encoding/binary"
)

// WebSocket opcodes (RFC 6455 section 5.2).
const (
	opContinue = 0
	opText     = 1
	opBinary   = 2
	opClose    = 8 // from here on control frames, which may stand between fragments
)

// webHeader is the header of a WebSocket frame.
type webHeader struct {
	size   int // of the header
	length uint64
	mask   [4]byte
	op     byte
	final  bool
	packed bool // by an extension: nobody can read it
}

// readHeader reads a frame's header; false means that it is not all there.
func readHeader(b []byte) (h webHeader, ok bool) {
	if len(b) < 2 {
		return h, false
	}
	h = webHeader{size: 2, length: uint64(b[1] & 0x7f), op: b[0] & 0x0f, final: b[0]&0x80 != 0, packed: b[0]&0x70 != 0}
	switch h.length {
	case 126:
		h.size += 2
	case 127:
		h.size += 8
	}
	masked := b[1]&0x80 != 0
	if masked {
		h.size += 4
	}
	if len(b) < h.size {
		return h, false
	}
	switch h.length {
	case 126:
		h.length = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		h.length = binary.BigEndian.Uint64(b[2:])
	}
	if masked {
		copy(h.mask[:], b[h.size-4:])
	}
	return h, true
}

// carriesSIP says that b begins with a data frame whose content begins as a
// SIP message does.
func carriesSIP(b []byte) bool {
	h, ok := readHeader(b)
	if !ok || h.packed || h.op != opText && h.op != opBinary || h.length < 16 || h.length > longest {
		return false
	}
	var text [24]byte
	n := copy(text[:], b[h.size:])
	unmask(text[:n], h.mask)
	if hasFold(text[:n], "sip/2.0 ") {
		return true
	}
	method, uri, found := bytes.Cut(text[:n], []byte(" "))
	return found && token(method) && (hasFold(uri, "sip") || hasFold(uri, "tel:"))
}

func unmask(b []byte, mask [4]byte) {
	for i := range b {
		b[i] ^= mask[i%4]
	}
}

// webFrame reads on in a WebSocket connection: one message of any number of
// frames, or one frame that is no part of a message.
func (s *Streams) webFrame(t *task, v []byte, m *Message) (used int, found bool) {
	h := t.half
	if h.mode == inWeb {
		n := int(min(h.left, uint64(len(v))))
		if h.left -= uint64(n); h.left == 0 {
			h.restart(web)
		}
		return n, false
	}
	for {
		frame, ok := readHeader(v[h.scan:])
		switch {
		case !ok && h.scan > 0 && len(v) >= longest, ok && h.scan > 0 && h.dropsPending(frame):
			// What came before is no message.
			n := h.scan
			h.restart(web)
			return n, false
		case !ok:
			return 0, false
		case frame.length > uint64(longest-frame.size): // longer than any server takes
			s.stats.Lost++
			h.restart(inWeb)
			h.left = frame.length
			return frame.size, false
		}
		end := h.scan + frame.size + int(frame.length)
		if end > len(v) {
			return 0, false
		}
		h.scan = end
		switch {
		case frame.op >= opClose:
		case frame.packed:
			s.stats.Unreadable++
		case frame.op > opBinary:
		case frame.final:
			return s.webMessage(t, v[:end], m)
		default:
			h.began = sipMessage // fragments are pending
		}
		if h.began == nothing {
			h.restart(web)
			return end, false
		}
	}
}

// dropsPending says that the fragments so far will never be a message: another
// begins, or the next frame makes it longer than any may be.
func (h *half) dropsPending(frame webHeader) bool {
	return frame.op == opText || frame.op == opBinary ||
		frame.length > uint64(longest) || h.scan+frame.size+int(frame.length) > longest
}

// webMessage puts the frames in v together.
func (s *Streams) webMessage(t *task, v []byte, m *Message) (used int, found bool) {
	t.half.restart(web)
	s.unmasked = s.unmasked[:0]
	for rest := v; len(rest) > 0; {
		frame, _ := readHeader(rest)
		end := frame.size + int(frame.length)
		if frame.op <= opBinary && !frame.packed {
			from := len(s.unmasked)
			s.unmasked = append(s.unmasked, rest[frame.size:end]...)
			unmask(s.unmasked[from:], frame.mask)
		}
		rest = rest[end:]
	}
	n := leading(s.unmasked)
	if n == len(s.unmasked) {
		s.stats.KeepAlives++
		return len(v), false
	}
	line, _, _ := bytes.Cut(s.unmasked[n:], []byte("\n"))
	if begins(line, true) != sipMessage {
		return len(v), false // another protocol that is served here
	}
	*m = Message{Data: s.unmasked, Ours: t.ours(), WebSocket: true, Proven: t.flow.proven}
	return len(v), true
}

// http takes a message of HTTP, of which only the change to WebSocket matters
// (RFC 6455 section 4, RFC 7118 section 4). That is what our side says it is.
func (s *Streams) http(t *task, head []byte, next mode) {
	f, h := t.flow, t.half
	h.restart(next)
	switches := hasFold(header(head, "upgrade"), "websocket")
	switch {
	case t.apart:
	case t.ours():
		if switches && len(head) > 12 && string(head[9:12]) == "101" {
			f.socket = true
			f.theirs.mode = asked // even where we missed that
			s.answered(f, web)
			h.restart(web)
		} else {
			s.answered(f, start)
		}
	case switches:
		h.restart(asked)
	}
}

// answered lets the far side go on after our side's answer to its wish.
func (s *Streams) answered(f *flow, m mode) {
	if f.theirs.mode == asked {
		f.theirs.restart(m)
		s.task(task{flow: f, half: &f.theirs})
	}
}

// opensFrame says that a frame may begin with b; text never does.
func opensFrame(b byte) bool {
	op := b & 0x0f
	return b&0x70 == 0 && (op <= opBinary || b >= 0x80 && op >= opClose && op <= opClose+2)
}

// record says that b begins with a TLS record (RFC 8446 section 5.1).
func record(b []byte) bool {
	return len(b) >= 3 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 && b[2] <= 4
}

// encrypt notes that our side speaks TLS: there is nothing to read here.
func (s *Streams) encrypt(f *flow) {
	f.encrypted = true
	s.stats.Encrypted++
}
