// Package stream cuts SIP messages out of captured TCP connections, plain ones
// (RFC 3261 section 18.3) and WebSocket (RFC 7118), whatever their segments look
// like. It knows nothing of the addresses' meaning but which end is ours.
//
// # Whom to believe
//
// An attacker writes segments that his victim drops and we see, or the other
// way round, to make us lose the thread. What our own side sends is therefore
// believed, what the far side sends is not:
//
//   - a connection begins with our SYN or SYN-ACK and ends with our RST; the
//     far side's SYN, FIN and RST change nothing,
//   - its data counts within 64 KiB of what we are waiting for, and only our
//     acknowledgement can move that place forward,
//   - TLS and WebSocket are what our side speaks, not what the far side pretends.
//
// The first copy of a byte wins, as it does on Linux, and a copy that differs
// is counted. But while our side has not acknowledged the first copy it may have
// dropped it (for a wrong checksum, say): then the other copy is read as well.
//
// # Proof
//
// The far side's address is proven when it has acknowledged a sequence number
// of ours: only who receives our segments knows it (RFC 6528).
//
// # Getting lost
//
// Where bytes are missing, or make no sense, or a length is absent or a lie, the
// next line that begins a SIP message is looked for. Nobody is made to wait for
// longer than the server itself waits.
package stream

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	// window is how much of one direction is held: a message's largest size, and
	// how far ahead of it segments may come.
	window = 1 << 16
	// longest is the longest message; what is longer is handed out in part.
	longest = window - 1
	// plausible is how far an acknowledgement may be off before its segment is
	// one that no server would take (RFC 9293 section 3.10.7.4).
	plausible = 1 << 20
)

// TCP flag bits (RFC 9293 section 3.1).
const (
	syn = 1 << 1
	rst = 1 << 2
	ack = 1 << 4
	fin = 1 << 0
)

// Limits bounds what Streams holds; 0 means the default.
type Limits struct {
	// Flows is how many connections are followed, 8192 by default; the oldest
	// that has proven nothing gives way to a new one, then the oldest of all.
	Flows int
	// Bytes is the memory for messages that are not complete, 8 MiB by default
	// and at least 256 KiB.
	Bytes int
}

// Segment is one TCP segment. Add keeps nothing of it but copies.
type Segment struct {
	Src, Dst netip.AddrPort
	// Payload must stay as it is until Next has returned false.
	Payload  []byte
	Seq, Ack uint32
	Flags    uint8
	// Ours says that our own side sent it, and that this is certain.
	Ours bool
}

// Message is one message, or what stands where one should begin.
type Message struct {
	// Data is good until the next call of Next or Add.
	Data []byte
	// Ours says that our side sent it.
	Ours bool
	// WebSocket says that it came as a WebSocket message.
	WebSocket bool
	// Proven says that the far side has shown its address to be real.
	Proven bool
	// Junk says that the connection begins with something that is neither SIP nor
	// a protocol known to live beside it.
	Junk bool
}

// Stats counts what went by.
type Stats struct {
	// Encrypted are connections that turned out to be TLS, which nobody can read;
	// Unreadable are compressed WebSocket messages.
	Encrypted, Unreadable uint64
	// Conflicts are segments that repeat bytes differently.
	Conflicts uint64
	// Strays are segments that do not fit their connection.
	Strays uint64
	// Lost counts the times that the thread was lost.
	Lost uint64
	// KeepAlives are segments of nothing but empty lines (RFC 5626 section 4.4.1).
	KeepAlives uint64
	// Flows and Bytes are what is held now.
	Flows, Bytes int
}

// Streams follows the connections of one lane. It belongs to one goroutine.
type Streams struct {
	table table
	pool  pool
	seed  maphash.Seed
	stats Stats

	// tasks are what the last segment made readable, in order.
	tasks     [4]task
	todo, end int
	aside     half
	unmasked  []byte
}

// task is a part of a connection that can be read on.
type task struct {
	flow *flow
	half *half
	// data follows what the half has stored.
	data []byte
	// apart says that the half is not the connection's own.
	apart bool
}

// New makes Streams; its memory is taken when it is needed, and kept.
func New(l Limits) *Streams {
	if l.Flows <= 0 {
		l.Flows = 8192
	}
	if l.Bytes <= 0 {
		l.Bytes = 8 << 20
	}
	return &Streams{table: newTable(l.Flows), pool: pool{limit: max(l.Bytes, 4*chunkCost(window))}, seed: maphash.MakeSeed()}
}

// Stats gives the counters.
func (s *Streams) Stats() Stats {
	s.stats.Flows, s.stats.Bytes = s.table.used, s.pool.bytes
	return s.stats
}

// Add takes a segment in; Next then gives what it completed. The time is not
// looked at: what is oldest is known by its place in line.
func (s *Streams) Add(_ time.Time, g *Segment) {
	s.todo, s.end = 0, 0
	k := key{theirs: g.Src, ours: g.Dst}
	if g.Ours {
		k = key{theirs: g.Dst, ours: g.Src}
	}
	f := s.table.find(k)
	switch {
	case g.Flags&rst != 0:
		if g.Ours && f != nil {
			s.forget(f)
		}
		return
	case g.Flags&syn != 0:
		s.greet(f, k, g)
		return
	case g.Flags&ack == 0: // no server takes it
		s.stats.Strays++
		return
	case f == nil && !g.Ours && len(g.Payload) == 0:
		return
	case f == nil:
		f = s.open(k)
	}
	s.table.touch(f)
	if f.encrypted {
		return
	}
	if !s.acknowledge(f, g) {
		s.stats.Strays++
		return
	}
	if g.Flags&fin != 0 {
		h := f.side(g.Ours)
		h.final, h.ends = g.Seq+uint32(len(g.Payload)), true
	}
	if len(g.Payload) > 0 {
		s.data(f, g)
	}
}

// greet takes a segment of a handshake. Only our own side can begin a
// connection anew: an old one lives on while a SYN is refused (RFC 5961
// section 4).
func (s *Streams) greet(f *flow, k key, g *Segment) {
	first := g.Seq + 1
	switch {
	case g.Ours:
		if f != nil && f.greeted && f.ours.first == first {
			return // once more
		}
		if f != nil {
			s.forget(f)
		}
		f = s.open(k)
		f.greeted = true
		f.ours = half{first: first, next: first, base: first, known: true}
		if g.Flags&ack != 0 {
			f.theirs = half{next: g.Ack, base: g.Ack, acked: g.Ack, known: true, sure: true}
		}
	case g.Flags&ack != 0 && f != nil && f.greeted && !f.theirs.known && g.Ack == f.ours.first:
		f.theirs = half{next: first, base: first, acked: first, known: true, sure: true}
		s.table.prove(f)
	}
}

// meet begins to read a direction in the middle.
func (h *half) meet(seq uint32, sure bool) {
	*h = half{base: seq, next: seq, first: seq, acked: seq, known: true, sure: sure}
	h.lose()
}

// acknowledge takes what a segment says about the other side's data. It
// reports false for a segment that its receiver would not take.
func (s *Streams) acknowledge(f *flow, g *Segment) bool {
	o := &f.ours
	if g.Ours {
		if !o.known {
			o.meet(g.Seq, true)
		}
		s.heard(f, g.Ack)
		return true
	}
	if !o.known {
		return true
	}
	behind := int32(o.next - g.Ack)
	if behind > plausible || behind < -plausible {
		return false
	}
	if span := o.next - o.first; !f.proven && behind >= 0 && uint32(behind) <= min(span, window) {
		s.table.prove(f)
	}
	// It has more than we have seen, and so have we: the capture lost the rest.
	if far := int32(o.base + uint32(o.far) - g.Ack); o.far > 0 && behind < 0 && far >= 0 {
		s.skip(f, o, o.island())
	}
	return true
}

// heard takes our side's word for how much of the far side's data has arrived.
func (s *Streams) heard(f *flow, upTo uint32) {
	t := &f.theirs
	if !t.known {
		t.meet(upTo, true)
		t.acked = upTo
		return
	}
	ahead := int32(upTo - t.next)
	switch {
	case ahead == 1 && t.ends && t.final == t.next:
		t.next, t.base = upTo, upTo // its FIN has a number too
	case ahead > 0, !t.sure && ahead < -2*window:
		// We never saw it, or were told a tale when we came in. What came behind a
		// gap is there.
		offset := int(int32(upTo - t.base))
		if island := t.island(); island > 0 && island < offset {
			offset = island
		}
		s.skip(f, t, offset)
	}
	if !t.sure || int32(upTo-t.acked) > 0 {
		t.sure, t.acked = true, upTo
	}
}

// skip gives up the bytes up to an offset from a half's base and goes on
// behind them.
func (s *Streams) skip(f *flow, h *half, offset int) {
	s.stats.Lost++
	h.lose()
	if offset < 0 || offset >= h.far {
		s.pool.release(h)
		h.base += uint32(offset)
		h.next = h.base
		return
	}
	h.consume(offset)
	h.absorb()
	s.task(task{flow: f, half: h})
}

// task queues something to read.
func (s *Streams) task(t task) {
	if s.end < len(s.tasks) {
		s.tasks[s.end] = t
		s.end++
	}
}

// open begins to follow a connection.
func (s *Streams) open(k key) *flow {
	f, old := s.table.open(k)
	if old {
		s.clear(f)
	}
	*f = flow{place: f.place}
	return f
}

// forget ends a connection.
func (s *Streams) forget(f *flow) {
	s.clear(f)
	s.table.close(f)
}

// clear gives the memory of a connection back.
func (s *Streams) clear(f *flow) {
	s.pool.release(&f.theirs)
	s.pool.release(&f.ours)
}

// Next gives the next message that the last segment completed, and says
// whether there was one.
func (s *Streams) Next(m *Message) bool {
	for s.todo < s.end {
		t := &s.tasks[s.todo]
		if s.read(t, m) {
			return true
		}
		s.todo++
		if t.flow.encrypted {
			s.clear(t.flow)
			s.todo = s.end
		}
	}
	return false
}
