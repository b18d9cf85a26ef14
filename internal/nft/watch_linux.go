package nft

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Watch reports changes that others make to the table: a flush of the whole
// ruleset, a deleted rule, an element added by hand. Our own changes are not
// reported. A change that is not yet taken from the channel stands for those
// that follow it. The channel is closed when ctx is done; a table can be
// watched once.
func (t *Table) Watch(ctx context.Context) (<-chan Change, error) {
	if err := t.subscribe(); err != nil {
		return nil, fmt.Errorf("watch table: %w", err)
	}
	changes := make(chan Change, 1)
	stop := context.AfterFunc(ctx, func() {
		_ = t.events.SetReadDeadline(time.Unix(1, 0)) // wakes the reader
	})
	go func() {
		defer close(changes)
		defer stop()
		report := func(c Change) {
			select {
			case changes <- c:
			default:
			}
		}
		w := watcher{table: t.layout.options.Table, report: report}
		for ctx.Err() == nil && w.listen(t.events) == nil {
		}
	}()
	return changes, nil
}

// subscribe begins to receive what is committed to any table by others. Our
// own notifications, one for each element, are dropped in the kernel: all
// messages of a datagram come from one transaction, so the first one's sender
// speaks for all.
func (t *Table) subscribe() error {
	const senderOffset = 12 // of nlmsg_pid, in native byte order
	us := binary.NativeEndian.AppendUint32(nil, t.socket.conn.PID())
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: senderOffset, Size: 4}, // reads in network byte order
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(us), SkipTrue: 1},
		bpf.RetConstant{Val: 0xffffffff},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	if err := t.events.SetBPF(program); err != nil {
		return err
	}
	_ = t.events.SetReadBuffer(receiveBuffer)
	return t.events.JoinGroup(unix.NFNLGRP_NFTABLES)
}

// A watcher reads notifications.
type watcher struct {
	table   string
	report  func(Change)
	touched bool // the transaction being read concerns our table
}

// listen reads one datagram.
func (w *watcher) listen(events *netlink.Conn) error {
	messages, err := events.Receive()
	switch {
	case is(err, unix.ENOBUFS):
		w.report(Change{Unsure: true})
		return nil
	case err != nil:
		return err
	}
	for _, m := range messages {
		w.notice(m)
	}
	return nil
}

// notice takes one notification. A transaction ends with the number of the
// new generation of the ruleset, which also says who made it.
func (w *watcher) notice(m netlink.Message) {
	if len(m.Data) < familyHeader || m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES {
		return
	}
	body := m.Data[familyHeader:]
	if m.Header.Type&0xff != unix.NFT_MSG_NEWGEN {
		// The first attribute of every other kind is the table's name.
		ours := m.Data[0] == familyInet && text(find(body, unix.NFTA_TABLE_NAME)) == w.table
		w.touched = w.touched || ours
		return
	}
	if w.touched {
		w.touched = false
		w.report(Change{
			PID:     number32(find(body, unix.NFTA_GEN_PROC_PID)),
			Process: text(find(body, unix.NFTA_GEN_PROC_NAME)),
		})
	}
}
