package packet

import (
	"bytes"
	"net/netip"
	"time"
)

// DefaultLimit is the memory, in bytes, that a decoder spends on unfinished datagrams unless told otherwise.
const DefaultLimit = 4 << 20

const (
	blockSize     = 8         // fragments are placed in blocks of eight bytes
	pageSize      = 2048      // one page takes an ordinary fragment
	largest       = 1<<16 - 1 // of an IP packet, in bytes
	pagesPerWhole = 1 << 16 / pageSize
	pageCost      = pageSize + pageSize/blockSize/8
	assemblyCost  = 768 // of an assembly without its pages, with its places in the maps, rounded up
	wholeCost     = assemblyCost + pagesPerWhole*pageCost
	sharesOfLimit = 8                // one sender may hold an eighth of the limit
	timeoutIPv4   = 30 * time.Second // Linux's; RFC 791 suggests 15 s
	timeoutIPv6   = 60 * time.Second // RFC 8200 section 4.5
)

// fragmentKey names the datagram that a fragment belongs to. IPv6 has no protocol in it, so proto only tells the two apart.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8
}

// fragment is one piece; offset and the end of data count from the start of the datagram, in bytes.
type fragment struct {
	key    fragmentKey
	data   []byte
	offset int
	header int   // length of the IPv4 header, which counts against the largest packet
	next   uint8 // IPv6: the header that follows, valid in the first fragment
	last   bool
}

// page is a window of a datagram under assembly with the table of the blocks that have arrived (RFC 791, section 3.2, has
// one such table for the whole). Because the table makes every fragment's work linear in its length, no limit on the
// number of fragments is needed; because a page is only there when something is in it, a lone fragment at the far end
// costs one page and not 64 KiB.
type page struct {
	data [pageSize]byte
	got  [pageSize / blockSize / 64]uint64
}

func (g *page) has(block int) bool { return g.got[block/64]&(1<<(block%64)) != 0 }
func (g *page) mark(block int)     { g.got[block/64] |= 1 << (block % 64) }

// assembly is an unfinished datagram.
type assembly struct {
	key    fragmentKey
	born   time.Time
	sender *sender
	pages  [pagesPerWhole]*page
	links  [orders]links
	bytes  int   // memory
	got    int   // bytes of the datagram that have arrived
	end    int   // the furthest of them
	total  int   // length of the datagram, -1 until the last fragment has come
	next   uint8 // IPv6: from the first fragment
}

// sender is what one source holds, oldest first, so that a flood evicts its own.
type sender struct {
	addr  netip.Addr
	held  list
	bytes int
}

// reassembler puts fragments together in bounded memory. Freed assemblies and pages are kept for the next.
type reassembler struct {
	open    map[fragmentKey]*assembly // Go's maps are seeded, so nobody can aim at one bucket
	senders map[netip.Addr]*sender
	byAge   list
	limit   int
	share   int
	bytes   int
	whole   []byte // the last finished datagram
	spare   []*assembly
	pages   []*page
	stats   Stats
}

func newReassembler(limit int) reassembler {
	if limit == 0 {
		limit = DefaultLimit
	}
	limit = max(limit, 2*wholeCost)
	return reassembler{
		open:    make(map[fragmentKey]*assembly),
		senders: make(map[netip.Addr]*sender),
		byAge:   list{order: byAge},
		limit:   limit,
		share:   max(limit/sharesOfLimit, wholeCost),
	}
}

// add takes a fragment in. The verdict is undecided if that completed the datagram, which then is the first result and
// valid until the next completes.
func (r *reassembler) add(at time.Time, f *fragment) ([]byte, uint8, Verdict) {
	r.expire(at)
	end := f.offset + len(f.data)
	if len(f.data) == 0 || f.header+end > largest {
		return nil, 0, Malformed
	}
	a := r.open[f.key]
	if a != nil && a.expired(at) {
		r.stats.Expired++
		r.drop(a)
		a = nil
	}
	if a == nil {
		a = r.start(at, f.key)
	}
	if a.contradicts(f, end) {
		r.drop(a)
		return nil, 0, Overlap
	}
	if f.last {
		a.total = end
	}
	switch arrived := a.arrived(f.offset, end); {
	case arrived == 0:
		r.makeRoom(a, f.offset, end)
		r.store(a, f, end)
	case arrived < blocks(f.offset, end):
		r.drop(a)
		return nil, 0, Overlap
	case !a.equal(f):
		return nil, 0, Overlap
	}
	if a.got != a.total {
		return nil, 0, Held
	}
	next := a.next
	r.finish(a)
	return r.whole, next, undecided
}

// contradicts reports whether the fragment disagrees with what is known about the datagram's length.
func (a *assembly) contradicts(f *fragment, end int) bool {
	if f.last {
		return end < a.end || a.total >= 0 && a.total != end
	}
	return a.total >= 0 && end > a.total
}

// blocks counts the blocks between two offsets; the last one may be partly filled.
func blocks(offset, end int) int { return (end+blockSize-1)/blockSize - offset/blockSize }

// arrived counts the blocks between two offsets that are there.
func (a *assembly) arrived(offset, end int) (n int) {
	for ; offset < end; offset += blockSize {
		if g := a.pages[offset/pageSize]; g != nil && g.has(offset%pageSize/blockSize) {
			n++
		}
	}
	return n
}

// equal reports whether the fragment's bytes are the ones that are already there.
func (a *assembly) equal(f *fragment) bool {
	for offset, rest := f.offset, f.data; len(rest) > 0; {
		there := a.pages[offset/pageSize].data[offset%pageSize:]
		n := min(len(there), len(rest))
		if !bytes.Equal(there[:n], rest[:n]) {
			return false
		}
		offset, rest = offset+n, rest[n:]
	}
	return true
}

// store copies the fragment to its place.
func (r *reassembler) store(a *assembly, f *fragment, end int) {
	for offset, rest := f.offset, f.data; len(rest) > 0; {
		g := a.pages[offset/pageSize]
		if g == nil {
			g = r.newPage()
			a.pages[offset/pageSize] = g
			r.charge(a, pageCost)
		}
		n := copy(g.data[offset%pageSize:], rest)
		for block := offset % pageSize; block < offset%pageSize+n; block += blockSize {
			g.mark(block / blockSize)
		}
		offset, rest = offset+n, rest[n:]
	}
	a.got += len(f.data)
	a.end = max(a.end, end)
	if f.offset == 0 {
		a.next = f.next
	}
}

// finish copies the datagram out and lets the assembly go.
func (r *reassembler) finish(a *assembly) {
	if r.whole == nil {
		r.whole = make([]byte, 0, largest)
	}
	r.whole = r.whole[:0]
	for _, g := range a.pages {
		if rest := a.total - len(r.whole); rest > 0 {
			r.whole = append(r.whole, g.data[:min(rest, pageSize)]...)
		}
	}
	r.stats.Reassembled++
	r.drop(a)
}
