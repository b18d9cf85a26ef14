package afpacket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// largeQueue bounds the kernel memory for frames that do not fit their slot,
// in bytes a lane.
const largeQueue = 4 << 20

// Capture is a group of lanes that share the packets of a set of ports and
// interfaces. All its methods are safe for concurrent use.
type Capture struct {
	lanes  []*Lane
	wake   int         // an eventfd, readable for good once Close has begun
	closed atomic.Bool // set before wake

	control sync.Mutex // held by whoever uses the sockets but does not read
	config  Config
	stats   Stats
}

// Lane is one reader's share. Only one goroutine may read it at a time.
type Lane struct {
	fd      int
	ring    *ring
	capture *Capture
	reading sync.Mutex // held by Read, and by Close to take the ring away
}

// Open starts capturing in the calling thread's network namespace. It needs
// CAP_NET_RAW. Close the Capture to give its memory back.
func Open(config Config) (*Capture, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	return open(config)
}

// open is Open for a complete config. Whatever it had opened when something
// fails it closes again.
func open(config Config) (*Capture, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	c := &Capture{config: config, wake: wake}
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start makes the lanes and then, when all can receive, lets packets pass.
func (c *Capture) start() error {
	group := 0
	for i := range c.config.Lanes {
		lane := &Lane{fd: -1, capture: c}
		c.lanes = append(c.lanes, lane)
		if err := lane.open(c.config.Frames); err != nil {
			return err
		}
		var err error
		if group, err = lane.join(group); err != nil {
			return fmt.Errorf("join fanout group as lane %d: %w", i, err)
		}
	}
	err := attach(c.lanes[0].fd, unix.SOL_PACKET, unix.PACKET_FANOUT_DATA, laneChooser(c.config.Salt))
	if err != nil {
		return fmt.Errorf("attach fanout program: %w", err)
	}
	return c.SetInterfaces(c.config.Interfaces)
}

// open makes a bound socket with a ring, which passes nothing yet.
func (l *Lane) open(frames int) error {
	// Protocol 0 receives nothing until bind, so no stray packet gets in.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open packet socket (needs CAP_NET_RAW): %w", err)
	}
	l.fd = fd
	if err := attach(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, dropAll()); err != nil {
		return fmt.Errorf("attach socket filter: %w", err)
	}
	// Only CAP_NET_ADMIN may exceed the system's limit; without it large
	// frames are cut a little earlier in a burst.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, largeQueue) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, largeQueue); err != nil {
			return fmt.Errorf("size socket queue: %w", err)
		}
	}
	if l.ring, err = newRing(fd, frames); err != nil {
		return err
	}
	// Interface 0 is all of them, also those still to come. ETH_P_ALL is the
	// one protocol that sees outgoing packets.
	everything := &unix.SockaddrLinklayer{Protocol: bigEndian(unix.ETH_P_ALL)}
	if err := unix.Bind(fd, everything); err != nil {
		return fmt.Errorf("bind packet socket: %w", err)
	}
	return nil
}

// join adds the lane to the fanout group, or to a new one if it is 0, and
// returns the group. No rollover: a full lane must lose packets rather than
// hand some to a lane that knows nothing of their source.
func (l *Lane) join(group int) (int, error) {
	mode := unix.PACKET_FANOUT_CBPF
	if group == 0 {
		mode |= unix.PACKET_FANOUT_FLAG_UNIQUEID // the kernel picks a free number
	}
	if err := unix.SetsockoptInt(l.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, mode<<16|group); err != nil {
		return 0, err
	}
	value, err := unix.GetsockoptInt(l.fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
	return value & 0xffff, err
}

// Lanes is the number of lanes.
func (c *Capture) Lanes() int { return len(c.lanes) }

// Lane is one of the lanes, counted from 0.
func (c *Capture) Lane(i int) *Lane { return c.lanes[i] }

// SetInterfaces changes, without losing a packet, which interfaces are watched.
// It is called again when an interface has been made anew, since its index has
// changed. An empty list means every interface; there a packet that crosses
// several (a bridge and its port, say) is seen on each, except that VLAN
// traffic is seen only on the VLAN's own interface. In a list, name a VLAN's
// interface or the one below it, not both. Index 0 stands for an interface that
// is not there and matches none.
func (c *Capture) SetInterfaces(indexes []int) error {
	if err := checkInterfaces(indexes); err != nil {
		return err
	}
	c.control.Lock()
	defer c.control.Unlock()
	if c.closed.Load() {
		return fmt.Errorf("set interfaces: %w", net.ErrClosed)
	}
	c.config.Interfaces = slices.Clone(indexes)
	filter := socketFilter(c.config)
	for i, l := range c.lanes {
		if err := attach(l.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, filter); err != nil {
			return fmt.Errorf("attach socket filter of lane %d: %w", i, err)
		}
	}
	return nil
}

// Stats returns the counts of all lanes together.
func (c *Capture) Stats() (Stats, error) {
	c.control.Lock()
	defer c.control.Unlock()
	if c.closed.Load() {
		return c.stats, fmt.Errorf("read statistics: %w", net.ErrClosed)
	}
	for _, l := range c.lanes {
		// The kernel starts again from zero each time it is asked.
		s, err := unix.GetsockoptTpacketStats(l.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err != nil {
			return c.stats, fmt.Errorf("read statistics: %w", err)
		}
		c.stats.Received += uint64(s.Packets - s.Drops)
		c.stats.Dropped += uint64(s.Drops)
	}
	return c.stats, nil
}

// Close stops the capture, wakes every Read and gives everything back. It must
// not be called from a Read's callback, for which it waits.
func (c *Capture) Close() error {
	c.control.Lock()
	defer c.control.Unlock()
	if c.closed.Swap(true) {
		return nil
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, err := unix.Write(c.wake, one[:])
	for _, l := range c.lanes {
		err = errors.Join(err, l.close())
	}
	return errors.Join(err, unix.Close(c.wake))
}

func (l *Lane) close() error {
	l.reading.Lock()
	defer l.reading.Unlock()
	var err error
	if l.ring != nil {
		err = l.ring.close()
		l.ring = nil
	}
	if l.fd >= 0 {
		err = errors.Join(err, unix.Close(l.fd))
	}
	return err
}

// Read calls f for every frame that is ready, in order, and returns how many
// there were. If there is none it waits for the first, at most the given time;
// it may return 0 earlier. After Close the error is net.ErrClosed.
func (l *Lane) Read(wait time.Duration, f func(*Frame)) (int, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	if l.capture.closed.Load() {
		return 0, fmt.Errorf("read packets: %w", net.ErrClosed)
	}
	if n := l.ring.drain(f); n > 0 || wait <= 0 {
		return n, nil
	}
	if err := l.await(wait); err != nil {
		return 0, fmt.Errorf("wait for packets: %w", err)
	}
	return l.ring.drain(f), nil
}

// await sleeps until a frame is ready, the capture closes or the time is over.
func (l *Lane) await(wait time.Duration) error {
	timeout := unix.NsecToTimespec(wait.Nanoseconds())
	sources := []unix.PollFd{
		{Fd: int32(l.fd), Events: unix.POLLIN},
		{Fd: int32(l.capture.wake), Events: unix.POLLIN},
	}
	_, err := unix.Ppoll(sources, &timeout, nil)
	switch {
	case errors.Is(err, unix.EINTR): // a signal: the caller comes back
		return nil
	case err != nil:
		return err
	case l.capture.closed.Load():
		return net.ErrClosed
	}
	return nil
}

// bigEndian is a number in the byte order of the network.
func bigEndian(value uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, value))
}
