package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/afpacket"
	"github.com/sipward/sipward/internal/bounded"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/guard"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/reports"
	"github.com/sipward/sipward/internal/source"
)

const (
	// laneWait is the longest a lane sleeps: what comes from a log or a human
	// waits no longer than that.
	laneWait = 20 * time.Millisecond
	// laneInbox is how many events from elsewhere may wait for a lane.
	laneInbox = 4096
	// lossStands is for how long a loss is told of: people look now and then.
	lossStands = 10 * time.Minute
	// mostLanes is enough for any wire this machine can have.
	mostLanes = 4
)

// laneCount is how many lanes share the packets. A recording needs one, so
// that its order is the order of judging.
func laneCount(recording bool) int {
	if recording {
		return 1
	}
	return min(runtime.NumCPU(), mostLanes)
}

// lane is one goroutine that reads packets and walks them through the hall.
type lane struct {
	daemon *Daemon
	number int
	// wireName is the wire's among the things that may not work.
	wireName string
	hall     *guard.Lane
	inbox    chan event.Event
	reports  *reports.Queue // from servers
	lost     atomic.Uint64  // events that found the inbox full,
	lostAt   atomic.Int64   // and the UnixNano of the last
	alive    atomic.Int64   // UnixNano of the last look at the wire
	// requests came in, and refused are the logins among what became of them; see
	// lookForDrift.
	requests, refused, replies atomic.Uint64
	// hidden are the refused logins that a server tells of as coming from this machine.
	hidden  atomic.Uint64
	counts  atomic.Pointer[laneCounts]
	gauges  atomic.Pointer[[]bounded.Gauge] // of its tables, for the metrics
	record  *recorder
	packets *source.Packets

	// earlier is what the wires before this one have counted.
	earlier source.PacketStats

	// mu guards wire, which a reload replaces.
	mu   sync.Mutex
	wire *afpacket.Lane
	next *senses
}

// laneCounts is what `status` shows of a lane.
type laneCounts struct {
	source.PacketStats
	last time.Time
}

func newLane(d *Daemon, number int) *lane {
	l := &lane{daemon: d, number: number, wireName: fmt.Sprintf("capture %d", number), hall: d.guard.Lane(number), inbox: make(chan event.Event, laneInbox), reports: reports.NewQueue()}
	l.counts.Store(&laneCounts{})
	l.alive.Store(time.Now().UnixNano())
	if d.options.Record != nil {
		l.record = newRecorder(d.options.Record, d.health)
	}
	return l
}

// attach hands the lane new wires; it takes them up before its next read.
func (l *lane) attach(s *senses) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next = s
}

// run reads until ctx ends. When the capture is closed under it by a reload,
// the next one is there already.
func (l *lane) run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hurry()
	frame := source.Frame{}
	for ctx.Err() == nil {
		l.takeUp()
		_, err := l.wire.Read(laneWait, func(f *afpacket.Frame) {
			// Loopback frames arrive too, but both of their ends are ours.
			frame = source.Frame{Time: l.daemon.clock.Of(f.Time), Link: packet.LinkType(f.Link), Data: f.Data, Arrived: !f.Outgoing}
			l.read(&frame)
		})
		if !errors.Is(err, net.ErrClosed) {
			l.daemon.health.Report(l.wireName, "packets cannot be read", err)
		}
		if err != nil {
			l.rest(ctx)
		}
		l.drain()
		l.reports.Take(l.hall.See)
		l.hall.Advance(l.daemon.clock.Now())
		l.publish()
	}
	l.drain()
	return nil
}

// rest keeps a wire that fails at once from taking a whole processor.
func (l *lane) rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(laneWait):
	}
}

func (l *lane) takeUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		l.wire = l.next.capture.Lane(l.number)
		l.packets = source.NewPackets(l.next.sides)
		l.earlier = l.counts.Load().PacketStats
		l.next = nil
	}
}

// read walks all that a frame says through the hall, and records the frame.
func (l *lane) read(f *source.Frame) {
	first := l.packets.Read(f)
	judged := f.Time
	for e := first; e != nil; e = l.packets.Next() {
		l.hall.See(e)
		l.tally(e)
		judged = e.Time
	}
	if l.record != nil && (first != nil || l.packets.Segment()) {
		l.record.write(judged, l.packets.Packet())
	}
}

// drain sees what logs and people have put in.
func (l *lane) drain() {
	for {
		select {
		case e := <-l.inbox:
			l.tallyLine(&e)
			l.hall.See(&e)
		default:
			return
		}
	}
}

func (l *lane) publish() {
	if now := time.Now().UnixNano(); now/int64(time.Second) != l.alive.Swap(now)/int64(time.Second) {
		gauges := l.hall.Gauges()
		l.gauges.Store(&gauges)
	}
	stats := l.earlier.Plus(l.packets.Stats())
	before := l.counts.Load()
	if stats == before.PacketStats {
		return
	}
	counts := &laneCounts{PacketStats: stats, last: before.last}
	if stats.Messages != before.Messages {
		counts.last = time.Now()
	}
	l.counts.Store(counts)
}

// hand is give for what must not be lost in a flood of log lines.
func (l *lane) hand(e event.Event) {
	select {
	case l.inbox <- e:
	case <-time.After(time.Second):
		l.lose()
	}
}

// give hands the lane an event whose bytes nobody else will change.
func (l *lane) give(e event.Event) {
	select {
	case l.inbox <- e:
	default:
		l.lose()
	}
}

func (l *lane) lose() {
	l.lost.Add(1)
	l.lostAt.Store(time.Now().UnixNano())
}

// busy says that the lane had no room for something lately.
func (l *lane) busy(now time.Time) bool {
	return l.lost.Load() > 0 && now.Sub(time.Unix(0, l.lostAt.Load())) < lossStands
}
