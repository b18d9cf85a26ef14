package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// sendBuffer lets half a million elements go in one transaction. The
	// kernel takes that memory only while a message is on its way.
	sendBuffer = 64 << 20
	// receiveBuffer holds the answers to a transaction in which every
	// message is refused.
	receiveBuffer = 4 << 20
	// dumpBuffer makes the kernel answer a dump in its largest pieces. It
	// walks a set from the start again for each piece.
	dumpBuffer = 64 << 10
	// answerTime bounds the wait for an answer. The kernel gives it before
	// the send returns, so this is only ever reached by a fault.
	answerTime = 10 * time.Second
	// familyHeader is the length of struct nfgenmsg, messageHeader of nlmsghdr.
	familyHeader, messageHeader = 4, 16
)

// A socket speaks nf_tables. It is not safe for concurrent use.
type socket struct {
	conn *netlink.Conn
	// sequence is the number of the last message of a transaction. Questions are
	// numbered by conn; their answers are read before anything else is sent.
	sequence uint32
}

// dial opens the socket in the network namespace of the calling thread, where
// it stays.
func dial() (*socket, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{MessageBufferSize: dumpBuffer})
	if err != nil {
		return nil, fmt.Errorf("open netfilter socket: %w", err)
	}
	s := &socket{conn: conn}
	// Without these the kernel repeats each refused message in its answer.
	// Kernels and containers that refuse the options still work, in smaller
	// transactions.
	_ = conn.SetOption(netlink.CapAcknowledge, true)
	_ = conn.SetWriteBuffer(sendBuffer)
	_ = conn.SetReadBuffer(receiveBuffer)
	return s, nil
}

// message makes an nf_tables message about the inet family, which is where our
// table lives. It takes the memory of body over.
func message(kind uint16, flags netlink.HeaderFlags, body attributes) netlink.Message {
	data := append([]byte(body), make([]byte, familyHeader)...)
	copy(data[familyHeader:], data)
	copy(data, []byte{familyInet, 0, 0, 0})
	return netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: netlink.Request | flags,
		},
		Data: data,
	}
}

// commit sends the messages as one transaction: all of them or none. Only the
// last one asks for an answer. The kernel also answers each one it refuses,
// and for some refusals only the beginning of the transaction.
func (s *socket) commit(messages []netlink.Message) error {
	batch := make([]netlink.Message, 0, len(messages)+2)
	batch = append(batch, bracket(unix.NFNL_MSG_BATCH_BEGIN))
	batch = append(batch, messages...)
	batch = append(batch, bracket(unix.NFNL_MSG_BATCH_END))
	batch[len(batch)-2].Header.Flags |= netlink.Acknowledge

	last, err := s.send(batch)
	if err != nil {
		return err
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	for {
		answers, err := s.conn.Receive()
		if err != nil {
			s.drain()
			return err
		}
		for _, a := range answers {
			if a.Header.Sequence == last {
				return nil
			}
		}
	}
}

// send sends a transaction and returns the number of its last message but one.
// The library would copy each message thrice, and new memory is what costs most.
func (s *socket) send(batch []netlink.Message) (last uint32, err error) {
	size := 0
	for _, m := range batch {
		size += messageHeader + len(m.Data)
	}
	wire := make([]byte, 0, size)
	for i, m := range batch {
		s.sequence++
		wire = binary.NativeEndian.AppendUint32(wire, uint32(messageHeader+len(m.Data)))
		wire = binary.NativeEndian.AppendUint16(wire, uint16(m.Header.Type))
		wire = binary.NativeEndian.AppendUint16(wire, uint16(m.Header.Flags))
		wire = binary.NativeEndian.AppendUint32(wire, s.sequence)
		wire = binary.NativeEndian.AppendUint32(wire, s.conn.PID())
		wire = append(wire, m.Data...)
		if i == len(batch)-2 {
			last = s.sequence
		}
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), wire, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(err, unix.EAGAIN)
	})
	return last, errors.Join(failed, err)
}

// bracket makes the message that begins or ends a transaction; it names the
// part of netfilter that the messages in between are for.
func bracket(kind uint16) netlink.Message {
	data := make([]byte, familyHeader)
	binary.BigEndian.PutUint16(data[2:], unix.NFNL_SUBSYS_NFTABLES)
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request},
		Data:   data,
	}
}

// drain throws away what is left of the answers to a refused transaction,
// lest the next one takes them for its own.
func (s *socket) drain() {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		buffer := make([]byte, 1<<12)
		for {
			_, _, err := unix.Recvfrom(int(fd), buffer, unix.MSG_DONTWAIT)
			if err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.ENOBUFS) {
				return
			}
		}
	})
}

// get asks one question and returns the attributes of the answer. The error
// is the kernel's number: ENOENT for what is not there.
func (s *socket) get(kind uint16, body attributes) ([]byte, error) {
	var answer []byte
	err := s.ask(message(kind, 0, body), func(b []byte) error {
		answer = b
		return nil
	})
	return answer, err
}

// errInterrupted says that the ruleset changed during a dump.
var errInterrupted = errors.New("ruleset changed while it was read")

// dump asks for a list and calls take with the attributes of each answer.
func (s *socket) dump(kind uint16, body attributes, take func([]byte) error) error {
	return s.ask(message(kind, netlink.Dump, body), take)
}

// ask sends a request and takes its answers until the last. An error of take
// ends it.
func (s *socket) ask(m netlink.Message, take func([]byte) error) error {
	if err := s.conn.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	if _, err := s.conn.Send(m); err != nil {
		return err
	}
	for answer, err := range s.conn.ReceiveIter() {
		if err == nil && answer.Header.Flags&netlink.DumpInterrupted != 0 {
			err = errInterrupted
		}
		if err == nil && len(answer.Data) >= familyHeader {
			err = take(answer.Data[familyHeader:])
		}
		if err != nil {
			s.drain()
			return err
		}
	}
	return nil
}

// is says whether the kernel refused with this error number.
func is(err error, number unix.Errno) bool { return errors.Is(err, number) }

// explain turns the kernel's refusals into the errors of this package.
func explain(verb string, err error) error {
	switch {
	case err == nil:
		return nil
	case is(err, unix.ENOENT):
		err = errors.Join(ErrGone, err)
	case is(err, unix.EPERM): // Open would have met a missing right already
		err = errors.Join(ErrOwned, err)
	}
	return fmt.Errorf("%s: %w", verb, err)
}
