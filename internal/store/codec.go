package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// The journal's bodies have a format of their own, because a start must not
// wait for them: encoding/json takes several times as long and alone breaks the
// half second that 100,000 entries may take. Numbers are varints, texts have
// their length before them, and the fields stand in one fixed order. A later
// version may add fields at the end: an older reader does not look there, a
// newer one finds the end and must take that for zero.

// errCut says that a body ended inside a field.
var errCut = errors.New("body is cut short")

// encodeBan appends the body of b to buf.
func encodeBan(buf []byte, b *ban.Ban) []byte {
	buf = putPrefix(buf, b.Prefix)
	for _, n := range []uint64{uint64(b.Port), uint64(b.Action), uint64(b.Scope), uint64(b.Requests),
		uint64(b.Times), b.Packet, b.Line, b.Seq, b.ID} {
		buf = binary.AppendUvarint(buf, n)
	}
	for _, at := range []time.Time{b.Since, b.Until, b.Ended} {
		buf = putTime(buf, at)
	}
	for _, text := range []string{b.Rule, b.Class, b.Proof, b.Why, b.By, b.EndedBy} {
		buf = putText(buf, text)
	}
	buf = binary.AppendUvarint(buf, uint64(len(b.Accounts)))
	for _, account := range b.Accounts {
		buf = binary.AppendUvarint(buf, account)
	}
	buf = binary.AppendUvarint(buf, uint64(len(b.Evidence)))
	for i := range b.Evidence {
		buf = encodeItem(buf, &b.Evidence[i])
	}
	return buf
}

func encodeItem(buf []byte, item *ban.Item) []byte {
	// Its length stands before it, so that items too can grow.
	body := putTime(nil, item.Time)
	body = binary.AppendVarint(body, int64(item.Status))
	body = binary.BigEndian.AppendUint64(body, math.Float64bits(item.Step))
	for _, text := range []string{item.Method, item.Account, item.Proof, item.What} {
		body = putText(body, text)
	}
	return putText(buf, string(body))
}

func putPrefix(buf []byte, p netip.Prefix) []byte {
	addr := p.Addr().AsSlice()
	buf = append(buf, byte(len(addr)))
	buf = append(buf, addr...)
	return append(buf, byte(p.Bits()))
}

func putText(buf []byte, text string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(text)))
	return append(buf, text...)
}

// putTime keeps nanoseconds and drops the zone: what comes back is UTC. Seconds
// and not nanoseconds since 1970 make the zero time, and year 9999, fit.
func putTime(buf []byte, at time.Time) []byte {
	buf = binary.AppendVarint(buf, at.Unix())
	return binary.AppendUvarint(buf, uint64(at.Nanosecond()))
}

// decodeBan reads a body, of which the texts are slices. It never panics,
// whatever it is given.
func decodeBan(body string) (ban.Ban, error) {
	r := reader{rest: body}
	var b ban.Ban
	b.Prefix = r.prefix()
	b.Port, b.Action, b.Scope = uint16(r.number()), ban.Action(r.number()), ban.Scope(r.number())
	b.Requests, b.Times = uint32(r.number()), int(r.number())
	b.Packet, b.Line, b.Seq, b.ID = r.number(), r.number(), r.number(), r.number()
	b.Since, b.Until, b.Ended = r.time(), r.time(), r.time()
	b.Rule, b.Class, b.Proof, b.Why = r.text(), r.text(), r.text(), r.text()
	b.By, b.EndedBy = r.text(), r.text()
	if n := r.count(1); n > 0 {
		b.Accounts = make([]uint64, n)
		for i := range b.Accounts {
			b.Accounts[i] = r.number()
		}
	}
	if n := r.count(leastItem); n > 0 {
		b.Evidence = make([]ban.Item, n)
		for i := range b.Evidence {
			b.Evidence[i] = r.item()
		}
	}
	if r.err != nil {
		return ban.Ban{}, fmt.Errorf("decode ban: %w", r.err)
	}
	return b, nil
}

// leastItem is the length of the shortest encoded item.
const leastItem = 14

// reader takes fields from the front of a body; after the first error it gives
// zeros.
type reader struct {
	rest string
	err  error
}

// fail empties the body, so that loops over what is left end at once.
func (r *reader) fail() {
	r.rest = ""
	if r.err == nil {
		r.err = errCut
	}
}

// take gives the next n bytes.
func (r *reader) take(n uint64) string {
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number is binary.Uvarint for a string, which needs no copy.
func (r *reader) number() uint64 {
	var n uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return n
		}
	}
	r.fail()
	return 0
}

// signed undoes the zigzag of binary.AppendVarint.
func (r *reader) signed() int64 {
	n := r.number()
	return int64(n>>1) ^ -int64(n&1)
}

// count gives a number of things that follow, each of at least the given
// length: a damaged count must not ask for memory.
func (r *reader) count(least int) int {
	n := r.number()
	if n > uint64(len(r.rest)/least) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text() string { return r.take(r.number()) }

func (r *reader) time() time.Time {
	seconds := r.signed()
	nanoseconds := r.number()
	if nanoseconds >= uint64(time.Second) {
		r.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanoseconds)).UTC()
}

func (r *reader) prefix() netip.Prefix {
	n := r.take(1)
	if n == "" {
		return netip.Prefix{}
	}
	addr, ok := netip.AddrFromSlice([]byte(r.take(uint64(n[0]))))
	bits := r.take(1)
	if !ok || bits == "" {
		r.fail()
		return netip.Prefix{}
	}
	return netip.PrefixFrom(addr, int(bits[0]))
}

func (r *reader) item() ban.Item {
	in := reader{rest: r.text()}
	at, status := in.time(), int(in.signed())
	var step float64
	if bits := in.take(8); bits != "" {
		step = math.Float64frombits(binary.BigEndian.Uint64([]byte(bits)))
	}
	item := ban.Item{Time: at, Status: status, Step: step,
		Method: in.text(), Account: in.text(), Proof: in.text(), What: in.text()}
	if in.err != nil {
		r.fail()
	}
	return item
}
