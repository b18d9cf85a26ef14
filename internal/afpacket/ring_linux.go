package afpacket

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// frameSize is a ring slot: the kernel's 66 bytes of header and padding,
	// and more than a full Ethernet frame.
	frameSize = 2048
	// blockSize is the unit the kernel allocates a ring in, a multiple of every
	// page size in use and small enough to be found in fragmented memory.
	blockSize      = 1 << 16
	framesPerBlock = blockSize / frameSize

	// largestFrame bounds what is fetched of a frame that does not fit its
	// slot: more than any IP packet without jumbo options.
	largestFrame = 1<<16 + 256

	// addressOffset is where the kernel puts a sockaddr_ll in a slot: behind
	// the tpacket2_hdr, aligned to 16 bytes (TPACKET_ALIGN).
	addressOffset = (int(unsafe.Sizeof(unix.Tpacket2Hdr{})) + 15) &^ 15
)

// ring is the memory one socket shares with the kernel (TPACKET_V2). A slot's
// status word says whose it is; whoever owns it may touch it.
type ring struct {
	memory []byte
	fd     int
	slots  int
	next   int    // the slot the kernel fills next, as far as we know
	large  []byte // holds the frame that did not fit its slot
	frame  Frame  // what callbacks are shown
}

// newRing makes the socket's ring, of at least so many frames.
func newRing(fd, frames int) (*ring, error) {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return nil, fmt.Errorf("choose ring version: %w", err)
	}
	// Frames larger than a slot are to be queued on the socket as well.
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_COPY_THRESH, 1); err != nil {
		return nil, fmt.Errorf("ask for large frames: %w", err)
	}
	blocks := (frames + framesPerBlock - 1) / framesPerBlock
	request := &unix.TpacketReq{
		Block_size: blockSize, Block_nr: uint32(blocks),
		Frame_size: frameSize, Frame_nr: uint32(blocks * framesPerBlock),
	}
	if err := unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, request); err != nil {
		return nil, fmt.Errorf("allocate ring of %d KiB: %w", blocks*blockSize>>10, err)
	}
	// Populated at once: the first flood is no time for a page fault per frame.
	memory, err := unix.Mmap(fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map ring: %w", err)
	}
	return &ring{memory: memory, fd: fd, slots: blocks * framesPerBlock, large: make([]byte, largestFrame)}, nil
}

// close gives the memory back.
func (r *ring) close() error { return unix.Munmap(r.memory) }

// drain shows f every frame that is ready, at most one turn of the ring so that
// a flood cannot hold the caller forever, and says how many there were.
func (r *ring) drain(f func(*Frame)) int {
	for n := range r.slots {
		slot := r.memory[r.next*frameSize:][:frameSize]
		header := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
		status := atomic.LoadUint32(&header.Status)
		if status&unix.TP_STATUS_USER == 0 {
			return n
		}
		r.read(slot, header, status)
		f(&r.frame)
		atomic.StoreUint32(&header.Status, unix.TP_STATUS_KERNEL)
		if r.next++; r.next == r.slots {
			r.next = 0
		}
	}
	return r.slots
}

// read describes a slot's frame in r.frame.
func (r *ring) read(slot []byte, header *unix.Tpacket2Hdr, status uint32) {
	address := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&slot[addressOffset]))
	r.frame = Frame{
		Time:      time.Unix(int64(header.Sec), int64(header.Nsec)),
		Data:      slot[header.Mac:][:header.Snaplen],
		Link:      LinkRaw,
		Interface: int(address.Ifindex),
		Outgoing:  address.Pkttype == unix.PACKET_OUTGOING,
		Length:    int(header.Len),
	}
	if address.Hatype == unix.ARPHRD_ETHER || address.Hatype == unix.ARPHRD_LOOPBACK {
		r.frame.Link = LinkEthernet
	}
	if status&unix.TP_STATUS_COPY != 0 {
		r.frame.Data = r.fetch(r.frame.Data)
	}
}

// fetch takes the whole of a frame from the socket's queue. Queue and ring are
// in the same order, unless two processors queued at the same moment; then the
// beginning differs and what fitted the slot has to do.
func (r *ring) fetch(beginning []byte) []byte {
	n, err := unix.Read(r.fd, r.large)
	if err != nil || n < len(beginning) || string(r.large[:len(beginning)]) != string(beginning) {
		return beginning
	}
	return r.large[:n]
}
