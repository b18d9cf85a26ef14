package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
)

// recording is a capture of these frames, a second apart.
func recording(t *testing.T, frames ...[]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, uint32(packet.RawIP))
	if err != nil {
		t.Fatal(err)
	}
	for i, frame := range frames {
		if err := w.Write(noon.Add(time.Duration(i)*time.Second), frame); err != nil {
			t.Fatal(err)
		}
	}
	return file.Bytes()
}

// numbers are the frames of which a capture makes events.
func numbers(t *testing.T, c *Capture) (list []uint64, err error) {
	t.Helper()
	for {
		e, err := c.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				return list, err
			}
			return list, nil
		}
		if want := noon.Add(time.Duration(e.Place.Packet-1) * time.Second); !e.Time.Equal(want) {
			t.Errorf("frame %d is at %s, want %s", e.Place.Packet, e.Time, want)
		}
		if len(c.Datagram().Payload) == 0 {
			t.Errorf("frame %d has no datagram", e.Place.Packet)
		}
		list = append(list, e.Place.Packet)
	}
}

func TestCapture(t *testing.T) {
	sip, alive := packet.BuildUDP(phone, server, register("bob")), packet.BuildUDP(phone, server, []byte("\r\n"))
	file := recording(t, sip, alive, []byte("no IP"), sip, sip)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"plain": file, "gzipped": zipped.Bytes()} {
		c, err := NewCapture(bytes.NewReader(text), sides(false))
		if err != nil {
			t.Fatal(err)
		}
		got, err := numbers(t, c)
		if err != nil || !slices.Equal(got, []uint64{1, 4, 5}) {
			t.Errorf("%s: events of frames %v, %v", name, got, err)
		}
		if s := c.Packets(); s != (PacketStats{Frames: 5, Messages: 3, KeepAlives: 1, Skipped: 1}) || c.Cut() != nil {
			t.Errorf("%s: %+v, cut %v", name, s, c.Cut())
		}
		if _, err := c.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: after the end: %v", name, err)
		}
	}
}

// TestCutCapture: what a killed recorder left is read up to where it ends.
func TestCutCapture(t *testing.T) {
	sip := packet.BuildUDP(phone, server, register("bob"))
	file := recording(t, sip, sip, sip)
	size := (len(file) - 24) / 3
	for cut := range size {
		c, err := NewCapture(bytes.NewReader(file[:len(file)-cut]), sides(false))
		if err != nil {
			t.Fatal(err)
		}
		got, err := numbers(t, c)
		want := []uint64{1, 2}
		if cut == 0 {
			want = append(want, 3)
		}
		if err != nil || !slices.Equal(got, want) || errors.Is(c.Cut(), pcap.ErrCut) != (cut > 0) {
			t.Fatalf("without its last %d bytes: events of frames %v, %v, cut %v", cut, got, err, c.Cut())
		}
	}
}

func TestNoCapture(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "a log": "[2026-11-22 10:00:00] NOTICE[60] chan_sip.c: hello", "a header that ends": "\xd4\xc3\xb2\xa1\x02",
	} {
		if _, err := NewCapture(strings.NewReader(text), sides(false)); err == nil || !strings.HasPrefix(err.Error(), "read capture: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// One that goes wrong later is an error, not an end.
	file := append(recording(t, packet.BuildUDP(phone, server, register("bob"))), bytes.Repeat([]byte{0xff}, 64)...)
	c, err := NewCapture(bytes.NewReader(file), sides(false))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := numbers(t, c); !errors.Is(err, pcap.ErrFormat) || len(got) != 1 {
		t.Errorf("events of frames %v, %v", got, err)
	}
}
