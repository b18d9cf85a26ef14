package ban

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// place is a prefix as plain numbers, which a map hashes in one go.
type place struct {
	high, low uint64
	bits      int // of the IPv6 form
}

// placeOf gives the place of a canonical prefix.
func placeOf(p netip.Prefix) place {
	b := p.Addr().As16()
	at := place{high: binary.BigEndian.Uint64(b[:8]), low: binary.BigEndian.Uint64(b[8:]), bits: p.Bits()}
	if p.Addr().Is4() {
		at.bits += 96
	}
	return at
}

// record is what the table holds of one prefix. Methods work on nil, which is
// that of a prefix of which nothing is known.
type record struct {
	// whole are the live entries that concern all ports, by kind; ports the others.
	whole [KindBlock + 1]*entry
	ports map[narrow]*entry
	// past are the ended entries in the order of their Seq.
	past []past
}

// narrow names a live entry of one port.
type narrow struct {
	port uint16
	kind Kind
}

// past is an ended entry with what each new decision asks about it, so that the
// entries themselves, which lie anywhere, need not be looked at.
type past struct {
	*entry
	// since is that of a drop that counts; 0 for any other entry.
	since int64
	port  uint16
	// returns is the kind of an entry that comes back as itself; 0 for none.
	returns Kind
}

func pastOf(e *entry) past {
	p := past{entry: e, port: e.Port}
	if e.Action == Drop && e.Times > 0 {
		p.since = nanos(e.Since)
	}
	if e.Action != Drop && e.EndedBy == "" {
		p.returns = e.kind()
	}
	return p
}

// record finds that of a canonical prefix.
func (t *Table) record(p netip.Prefix) *record { return t.prefixes[placeOf(p)] }

// enroll finds the record of a prefix, or makes one.
func (t *Table) enroll(p netip.Prefix) *record {
	at := placeOf(p)
	r := t.prefixes[at]
	if r == nil {
		r = new(record)
		t.prefixes[at] = r
	}
	return r
}

// live finds the live entry of a kind and port.
func (r *record) live(kind Kind, port uint16) *entry {
	switch {
	case r == nil || kind > KindBlock:
		return nil
	case port == 0:
		return r.whole[kind]
	}
	return r.ports[narrow{port, kind}]
}

func (r *record) admit(e *entry) {
	if e.Port == 0 {
		r.whole[e.kind()] = e
		return
	}
	if r.ports == nil {
		r.ports = make(map[narrow]*entry)
	}
	r.ports[narrow{e.Port, e.kind()}] = e
}

func (r *record) dismiss(e *entry) {
	switch {
	case r.live(e.kind(), e.Port) != e:
	case e.Port == 0:
		r.whole[e.kind()] = nil
	default:
		delete(r.ports, narrow{e.Port, e.kind()})
	}
}

// all are the live entries, in no order.
func (r *record) all() []*entry {
	if r == nil {
		return nil
	}
	var found []*entry
	for _, e := range r.whole {
		if e != nil {
			found = append(found, e)
		}
	}
	for _, e := range r.ports {
		found = append(found, e)
	}
	return found
}

// idle says that nothing is live.
func (r *record) idle() bool { return r.whole == [KindBlock + 1]*entry{} && len(r.ports) == 0 }

// drops counts the ended drops that began within Memory before now.
func (r *record) drops(now time.Time) (count int) {
	if r == nil {
		return 0
	}
	oldest := nanos(now) - int64(Memory)
	for i := range r.past {
		if r.past[i].since > oldest && r.past[i].since != 0 {
			count++
		}
	}
	return count
}

// comesBack finds the ended entry that a new one continues, or nil.
func (r *record) comesBack(b *Ban) *entry {
	if r == nil {
		return nil
	}
	kind := b.kind()
	for i := range r.past {
		if r.past[i].returns == kind && r.past[i].port == b.Port {
			return r.past[i].entry
		}
	}
	return nil
}

// forget takes an ended entry out.
func (r *record) forget(e *entry) {
	at := slices.IndexFunc(r.past, func(p past) bool { return p.entry == e })
	r.past = slices.Delete(r.past, at, at+1)
}
