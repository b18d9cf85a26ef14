package replay

import (
	"net/netip"
	"runtime"
	"time"

	"github.com/sipward/sipward/internal/event"
)

const (
	// blockLines is how many lines are handed over at once, so that a line pays
	// next to nothing for it, and blocks how many there are of them.
	blockLines = 256
	blocks     = 4
)

// ahead reads a log on a second processor while the first one judges. The order
// stays that of the log, so the verdicts do too.
type ahead struct {
	from        stream
	full, empty chan *block
	stop, ended chan struct{}
	block       *block
	next        int
	event       event.Event
}

// block is a run of lines with bytes of its own; err is what came behind them.
type block struct {
	lines []seenLine
	room  []byte
	err   error
}

// seenLine is what an Event of a log line holds.
type seenLine struct {
	time      time.Time
	line      uint64
	remote    netip.AddrPort
	transport event.Transport
	log       event.Log
}

// readAhead lets the logs among the inputs be read ahead, where there is more
// than one processor. Call end before the files are closed.
func readAhead(inputs []*input) (end func()) {
	var all []*ahead
	for _, in := range inputs {
		if in.lines != nil && runtime.GOMAXPROCS(0) > 1 {
			a := &ahead{from: in.stream, stop: make(chan struct{})}
			in.stream, all = a, append(all, a)
		}
	}
	return func() {
		for _, a := range all {
			close(a.stop)
			if a.ended != nil {
				<-a.ended
			}
		}
	}
}

// Next implements stream. The reading begins with the first call: until then
// the event that was read before is in use.
func (a *ahead) Next() (*event.Event, error) {
	if a.ended == nil {
		a.full, a.empty, a.ended = make(chan *block, blocks), make(chan *block, blocks), make(chan struct{})
		for range blocks - 1 {
			a.empty <- &block{lines: make([]seenLine, 0, blockLines)}
		}
		a.block = &block{}
		go a.read()
	}
	for a.next == len(a.block.lines) {
		if a.block.err != nil {
			return nil, a.block.err
		}
		a.block.lines, a.block.room = a.block.lines[:0], a.block.room[:0]
		a.empty <- a.block
		a.block, a.next = <-a.full, 0
	}
	t, e := &a.block.lines[a.next], &a.event
	a.next++
	*e = event.Event{Kind: event.Line, Time: t.time, Place: event.Place{Line: t.line}, Inbound: true,
		Remote: t.remote, Transport: t.transport, Log: t.log}
	return e, nil
}

// read fills blocks until the log ends or nobody wants more.
func (a *ahead) read() {
	defer close(a.ended)
	for {
		var b *block
		select {
		case b = <-a.empty:
		case <-a.stop:
			return
		}
		for len(b.lines) < blockLines && b.err == nil {
			var e *event.Event
			if e, b.err = a.from.Next(); b.err == nil {
				b.add(e)
			}
		}
		a.full <- b // there is room for all
		if b.err != nil {
			return
		}
	}
}

// add copies what a line says.
func (b *block) add(e *event.Event) {
	t := seenLine{time: e.Time, line: e.Place.Line, remote: e.Remote, transport: e.Transport, log: e.Log}
	for _, view := range [...]*[]byte{&t.log.User, &t.log.Number, &t.log.CallID} {
		if *view == nil {
			continue
		}
		start := len(b.room)
		b.room = append(b.room, *view...)
		*view = b.room[start:len(b.room):len(b.room)]
	}
	b.lines = append(b.lines, t)
}
