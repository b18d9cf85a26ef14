package daemon

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
)

// TestRecord: a recording reads back with the times that were judged by.
func TestRecord(t *testing.T) {
	var file bytes.Buffer
	r := newRig(t, &file)
	if len(r.lanes) != 1 {
		t.Errorf("%d lanes share a recording", len(r.lanes))
	}
	src, dst := netip.MustParseAddrPort("203.0.113.7:5071"), netip.MustParseAddrPort("192.0.2.10:5060")
	judged := time.Date(2026, 11, 22, 10, 0, 0, 123456789, time.UTC)
	for i, text := range []string{"one", "two"} {
		p := &packet.Packet{Src: src, Dst: dst, Proto: packet.UDP, Payload: []byte(text)}
		r.lanes[0].record.write(judged.Add(time.Duration(i)*time.Second), p)
	}
	r.sentences()
	reader, err := pcap.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	var frame pcap.Frame
	decoder := packet.NewDecoder(0)
	for i, text := range []string{"one", "two"} {
		if err := reader.Next(&frame); err != nil {
			t.Fatal(err)
		}
		var p packet.Packet
		if got := decoder.Decode(frame.Time, packet.LinkType(frame.Link), frame.Data, &p); got != packet.Datagram {
			t.Fatalf("frame %d is %v", i, got)
		}
		if p.Src != src || p.Dst != dst || string(p.Payload) != text || !frame.Time.Equal(judged.Add(time.Duration(i)*time.Second)) {
			t.Errorf("frame %d: %v > %v %q at %v", i, p.Src, p.Dst, p.Payload, frame.Time)
		}
	}
	if err := reader.Next(&frame); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %v", err)
	}
}

// fullDisk takes a number of writes.
type fullDisk struct{ room int }

var errFull = errors.New("no space left")

// Write implements io.Writer.
func (f *fullDisk) Write(b []byte) (int, error) {
	if f.room == 0 {
		return 0, errFull
	}
	f.room--
	return len(b), nil
}

// TestRecordOnAFullDisk is told, and judging goes on.
func TestRecordOnAFullDisk(t *testing.T) {
	p := &packet.Packet{Src: netip.MustParseAddrPort("203.0.113.7:5071"), Dst: netip.MustParseAddrPort("192.0.2.10:5060"), Proto: packet.UDP, Payload: []byte("x")}
	for room := range 2 {
		r := newRig(t, &fullDisk{room: room})
		r.lanes[0].record.write(time.Now(), p)
		r.sentences("the recording cannot be written")
	}
}
