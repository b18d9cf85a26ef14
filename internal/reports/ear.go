// Package reports hears what SIP servers tell of their messages by HEP, and
// sorts out what is of use: what is about a server of ours, and what our own
// packets do not show anyway.
package reports

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/source"
)

// longestKey bounds the file of a key.
const longestKey = 4096

// ThisMachine is who may report when the settings name nobody.
func ThisMachine() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// Owner is whom an Ear works for.
type Owner struct {
	// Local says that an address is this machine's; Others are those of further
	// servers of ours.
	Local  func(netip.Addr) bool
	Others []netip.Addr
	// Ports and Streams are the ports of SIP over UDP and TCP here. The capture
	// reads what comes to Ports, so that a report of it is no news.
	Ports, Streams map[uint16]bool
	// Now gives the time that events get. Another machine's clock may be wrong,
	// and a lane's time never goes back.
	Now func() time.Time
	// Give takes an event, good until it returns, and says whether it had room.
	Give func(*event.Event) bool
	// Trouble is told what keeps us from hearing, or nil when nothing does.
	Trouble func(error)
}

// ours says that an address is one of our servers'.
func (o *Owner) ours(a netip.Addr) bool { return o.Local(a) || slices.Contains(o.Others, a) }

// watched says that the capture reads this end of a message.
func (o *Owner) watched(told *hep.Packet, end netip.AddrPort) bool {
	return told.Carrier == hep.UDP && o.Local(end.Addr()) && o.Ports[end.Port()]
}

// Ear hears at one place.
type Ear struct {
	owner    Owner
	name     string
	listener *hep.Listener
	packets  *source.Packets
	// watched counts what our own packets show anyway, strange what is about
	// no server of ours, wordless what is no SIP.
	watched, strange, wordless atomic.Uint64
	// keyed says that every report came with the key; hearsay counts those that came
	// without one from elsewhere.
	keyed   bool
	hearsay atomic.Uint64
}

// Open opens the place; nothing is heard before Run. The name is what people
// know it by.
func Open(name string, c hep.Config, owner Owner) (*Ear, error) {
	listener, err := hep.Listen(c)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	sides := &source.Sides{Local: owner.ours, Ports: owner.Ports, Streams: owner.Streams}
	return &Ear{owner: owner, name: name, keyed: len(c.Key) > 0, listener: listener, packets: source.NewPackets(sides)}, nil
}

// Key reads the key that senders must give; nil when no file is named.
func Key(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer file.Close()
	key, err := io.ReadAll(io.LimitReader(file, longestKey+1))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	switch key = bytes.TrimRight(key, "\r\n"); {
	case len(key) == 0:
		return nil, fmt.Errorf("read key: %s is empty", path)
	case len(key) > longestKey:
		return nil, fmt.Errorf("read key: %s is longer than %d bytes", path, longestKey)
	}
	return key, nil
}

// Run hears until ctx ends.
func (e *Ear) Run(ctx context.Context) error { return e.listener.Run(ctx, e.take) }

// Close ends Run, or lets go of a place where nothing was ever heard.
func (e *Ear) Close() error { return e.listener.Close() }

// Name is what people know the place by.
func (e *Ear) Name() string { return e.name }

// take hands one report on, and says whether there was room. Who is attacker and
// who is server must be beyond doubt, or a server's own failing call would be
// held against it.
func (e *Ear) take(told *hep.Packet) bool {
	switch {
	case !e.owner.ours(told.Src.Addr()) && !e.owner.ours(told.Dst.Addr()):
		e.strange.Add(1)
		return true
	case e.owner.watched(told, told.Src) || e.owner.watched(told, told.Dst):
		e.watched.Add(1)
		return true
	}
	found := e.packets.Report(told, e.owner.Now(), event.Place{})
	if found == nil {
		e.wordless.Add(1)
		return true
	}
	if found.Hearsay = !e.vouched(told.Sender); found.Hearsay {
		e.hearsay.Add(1)
	}
	return e.owner.Give(found)
}

// vouched says that a report comes from this machine, or with the key. Anybody
// can write the address of another one on a datagram, and then tell of a success
// that was none, so as to be let alone for a month.
func (e *Ear) vouched(sender netip.Addr) bool {
	return e.keyed || sender.IsLoopback() || e.owner.Local(sender)
}

// Note says what is wanting in what is heard, though it is of use; or "".
func (e *Ear) Note() string {
	if e.hearsay.Load() == 0 {
		return ""
	}
	return e.name + ": other machines report without a key, so nobody becomes known to be good by what they tell: set hep.key_file"
}

// Seen counts what was of use, and when the last packet came.
func (e *Ear) Seen() (events uint64, last time.Time) {
	stats := e.listener.Stats()
	return stats.Good - min(stats.Good, e.useless()), stats.Last
}

// useless counts what was heard and told us nothing.
func (e *Ear) useless() uint64 { return e.watched.Load() + e.strange.Load() + e.wordless.Load() }

// Complaint says why nothing of what is heard is of use, or "". It has no
// numbers: those are in Counts, and would make news of it every second.
func (e *Ear) Complaint() string {
	stats, strange := e.listener.Stats(), e.strange.Load()
	if stats.Good > strange {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		count uint64
		what  string
	}{
		{stats.WrongKey, "the key is another one"},
		{stats.Malformed, "it cannot be read"},
		{stats.Foreign, "its sender is not heard (name him under hep.from)"},
		{strange, "it is about servers that have none of our addresses (add theirs to \"local\")"},
	} {
		if p.count > 0 {
			parts = append(parts, p.what)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return e.name + ": nothing of what is told is of use: " + strings.Join(parts, ", ")
}

// Counts gives the number of packets by what became of them.
func (e *Ear) Counts() map[string]uint64 {
	stats := e.listener.Stats()
	useful, _ := e.Seen()
	return map[string]uint64{
		"good": useful, "dropped": stats.Dropped, "malformed": stats.Malformed, "wrong_key": stats.WrongKey,
		"foreign": stats.Foreign, "busy": stats.Busy, "watched": e.watched.Load(), "strange": e.strange.Load(), "no_sip": e.wordless.Load(),
	}
}
