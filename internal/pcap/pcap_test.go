package pcap

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// order is a byte order to write test files in.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

var orders = []order{binary.LittleEndian, binary.BigEndian}

// file is a capture under construction.
type file struct {
	order
	bytes []byte
}

func (f *file) add(numbers ...uint32) *file {
	for _, n := range numbers {
		f.bytes = f.AppendUint32(f.bytes, n)
	}
	return f
}

func (f *file) raw(data string) *file {
	f.bytes = append(f.bytes, data...)
	return f
}

// classic begins a pcap.
func classic(o order, magic, link uint32) *file {
	f := &file{order: o}
	f.add(magic)
	f.bytes = f.AppendUint16(f.AppendUint16(f.bytes, 2), 4)
	return f.add(0, 0, 65535, link)
}

func (f *file) record(seconds, fraction, onWire uint32, data string) *file {
	return f.add(seconds, fraction, uint32(len(data)), onWire).raw(data)
}

// zipped compresses in two members, as appending to a .gz does.
func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	half := len(data) / 2
	for _, part := range [][]byte{data[:half], data[half:]} {
		z := gzip.NewWriter(&out)
		z.Name = strings.Repeat("long-name-", 20)
		if _, err := z.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// show reads everything and writes a line for each frame, then the error that ended it.
func show(from io.Reader) (lines []string, err error) {
	r, err := NewReader(from)
	if err != nil {
		return nil, err
	}
	var f Frame
	for {
		if err = r.Next(&f); err != nil {
			if again := r.Next(&f); again != err {
				return nil, fmt.Errorf("first %v, then %v", err, again)
			}
			return lines, err
		}
		lines = append(lines, fmt.Sprintf("%d %s link %d %q of %d", f.Number, f.Time.Format(time.RFC3339Nano), f.Link, f.Data, f.Length))
	}
}

// want fails unless the file holds exactly these frames and ends as it should.
func want(t *testing.T, data []byte, end error, lines ...string) {
	t.Helper()
	got, err := show(bytes.NewReader(data))
	if !errors.Is(err, end) {
		t.Errorf("ended with %v, want %v", err, end)
	}
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func TestNewReaderRefuses(t *testing.T) {
	good := classic(binary.LittleEndian, 0xa1b2c3d4, 1).bytes
	section := new(ng).begin(binary.BigEndian).bytes
	tests := []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrFormat},
		{"short text", []byte("SIP"), ErrFormat},
		{"text", []byte("[2026-11-22 10:00:00] NOTICE[1]: chan_sip.c"), ErrFormat},
		{"pcap header cut", good[:23], ErrCut},
		{"section header cut", section[:11], ErrCut},
		{"section header cut behind its byte order", section[:20], ErrCut},
		{"section without byte order", append(bytes.Clone(section[:8]), make([]byte, 20)...), ErrFormat},
		{"section of version 2", new(ng).put(binary.LittleEndian, blockSection, 0x1a2b3c4d, 2, 0, 0).bytes, ErrFormat},
		{"section too short", new(ng).put(binary.LittleEndian, blockSection, 0x1a2b3c4d, 1).bytes, ErrFormat},
		{"gzip header cut", zipped(t, good)[:9], ErrCut},
		{"gzip cut", zipped(t, good)[:40], ErrCut},
		{"gzip of text", zipped(t, []byte("just text in here")), ErrFormat},
		{"not really gzip", []byte("\x1f\x8b is not enough"), gzip.ErrHeader},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewReader(bytes.NewReader(tt.data))
			if !errors.Is(err, tt.want) {
				t.Fatalf("NewReader = %v, want %v", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "open ") {
				t.Errorf("error %q does not say what was tried", err)
			}
		})
	}
}

func TestClassic(t *testing.T) {
	for _, o := range orders {
		t.Run(o.String(), func(t *testing.T) {
			want(t, classic(o, 0xa1b2c3d4, 1).bytes, io.EOF)
			want(t, classic(o, 0xa1b2c3d4, 1).record(1000000000, 5, 5, "first").record(0xffffffff, 999999, 1500, "cut").record(0, 0, 0, "").bytes, io.EOF,
				`1 2001-09-09T01:46:40.000005Z link 1 "first" of 5`,
				`2 2106-02-07T06:28:15.999999Z link 1 "cut" of 1500`,
				`3 1970-01-01T00:00:00Z link 1 "" of 0`)
			want(t, classic(o, 0xa1b23c4d, 113).record(1, 999999999, 1, "lie").bytes, io.EOF,
				`1 1970-01-01T00:00:01.999999999Z link 113 "lie" of 3`)
			modified := classic(o, 0xa1b2cd34, 276).add(1, 2, 3, 3, 77, 88).raw("abc").add(1, 3, 1, 1, 77, 88).raw("d")
			want(t, modified.bytes, io.EOF,
				`1 1970-01-01T00:00:01.000002Z link 276 "abc" of 3`,
				`2 1970-01-01T00:00:01.000003Z link 276 "d" of 1`)
			checksums := classic(o, 0xa1b2c3d4, 0x24000001).record(0, 0, 1, "x")
			want(t, checksums.bytes, io.EOF, `1 1970-01-01T00:00:00Z link 1 "x" of 1`)
		})
	}
}

func TestClassicHostile(t *testing.T) {
	begin := func() *file { return classic(binary.LittleEndian, 0xa1b2c3d4, 1).record(0, 0, 1, "x") }
	const first = `1 1970-01-01T00:00:00Z link 1 "x" of 1`
	want(t, begin().add(0, 0, 0xffffffff, 60).bytes, ErrFormat, first)
	want(t, begin().add(0, 0, maxFrame+1, 60).raw(strings.Repeat("y", maxFrame+1)).bytes, ErrFormat, first)
	want(t, begin().add(0, 0, maxFrame, 60).raw("short").bytes, ErrCut, first)
	want(t, begin().raw("\x00").bytes, ErrCut, first)

	_, err := show(bytes.NewReader(begin().add(0, 0, 0xffffffff, 60).bytes))
	const sentence = "read capture after frame 1: a frame claims 4294967295 captured bytes, more than the 262144 allowed: not a valid capture"
	if err.Error() != sentence {
		t.Errorf("error %q, want %q", err, sentence)
	}
	longest := begin().record(1, 0, maxFrame, strings.Repeat("y", maxFrame)).record(2, 0, 1, "z")
	if got, err := show(bytes.NewReader(longest.bytes)); len(got) != 3 || err != io.EOF {
		t.Errorf("with a frame of the greatest length: %d frames and %v, want 3 and io.EOF", len(got), err)
	}
}

// samples are one small file of each kind.
func samples() map[string][]byte {
	all := map[string][]byte{}
	for _, o := range orders {
		for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d} {
			all[fmt.Sprintf("%s %x", o, magic)] = classic(o, magic, 1).record(1, 2, 5, "first").record(3, 4, 9, "second").bytes
		}
		all["pcapng "+o.String()] = sample(o).bytes
	}
	return all
}

// TestCutAnywhere cuts each sample behind every byte: what is whole comes out, and the end is told from a cut.
func TestCutAnywhere(t *testing.T) {
	for name, data := range samples() {
		all, err := show(bytes.NewReader(data))
		if err != io.EOF || len(all) < 2 {
			t.Fatalf("%s: %d frames, %v", name, len(all), err)
		}
		clean := 0
		for n := range len(data) {
			got, err := show(bytes.NewReader(data[:n]))
			if err == io.EOF {
				clean++
			} else if n >= 4 && !errors.Is(err, ErrCut) {
				t.Fatalf("%s, %d of %d bytes: %v, want ErrCut", name, n, len(data), err)
			}
			if strings.Join(got, "\n") != strings.Join(all[:len(got)], "\n") {
				t.Fatalf("%s, %d of %d bytes: other frames than from the whole", name, n, len(data))
			}
		}
		if clean < len(all) {
			t.Errorf("%s: ends cleanly in %d places, want at least %d", name, clean, len(all))
		}
	}
}

func TestCompressed(t *testing.T) {
	for name, data := range samples() {
		plain, _ := show(bytes.NewReader(data))
		small := zipped(t, data)
		got, err := show(bytes.NewReader(small))
		if err != io.EOF || strings.Join(got, "\n") != strings.Join(plain, "\n") {
			t.Errorf("%s: %d frames and %v, want %d and io.EOF", name, len(got), err, len(plain))
		}
		if _, err := show(bytes.NewReader(small[:len(small)-1])); !errors.Is(err, ErrCut) {
			t.Errorf("%s: cut in the checksum: %v, want ErrCut", name, err)
		}
		small[len(small)-5] ^= 1
		if _, err := show(bytes.NewReader(small)); !errors.Is(err, gzip.ErrChecksum) {
			t.Errorf("%s: wrong checksum: %v", name, err)
		}
	}
}

func TestReadsFromPipes(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, data := range samples() {
		plain, _ := show(bytes.NewReader(data))
		for _, from := range []io.Reader{iotest.OneByteReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))} {
			if got, err := show(from); err != io.EOF || len(got) != len(plain) {
				t.Errorf("%s: %d frames and %v, want %d", name, len(got), err, len(plain))
			}
		}
		from := io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken))
		if got, err := show(from); !errors.Is(err, broken) || len(got) != len(plain) {
			t.Errorf("%s: %d frames and %v, want %d and the reader's error", name, len(got), err, len(plain))
		}
	}
	if _, err := NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("NewReader = %v, want the reader's error", err)
	}
}

func TestSniff(t *testing.T) {
	for _, head := range [][]byte{nil, {0xd4, 0xc3, 0xb2}, []byte("HEP3\x00\x10"), []byte("REGISTER sip:"), {0x1f, 0x8b}, {0x1f, 0x8b, 8, 0},
		zipped(t, []byte("a log line that was rotated")), {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4}, bytes.Repeat([]byte{0x0a}, 12)} {
		if Sniff(head) {
			t.Errorf("Sniff(%q) = true", head)
		}
	}
	for name, data := range samples() {
		small := zipped(t, data)
		for _, head := range [][]byte{data, data[:12], small, small[:min(SniffLen, len(small))]} {
			if !Sniff(head) {
				t.Errorf("%s: Sniff of %d bytes = false", name, len(head))
			}
		}
	}
	if !Sniff(classic(binary.BigEndian, 0xa1b2cd34, 1).bytes[:4]) {
		t.Error("four bytes of magic are not enough")
	}
}

// TestFramesAllocateNothing also looks at each frame to its end, wherever it lay in the buffer.
func TestFramesAllocateNothing(t *testing.T) {
	f := classic(binary.LittleEndian, 0xa1b2c3d4, 1)
	for i := range uint32(3000) {
		f.record(i, 0, 500, strings.Repeat(string(rune('a'+i%26)), 500))
	}
	r, err := NewReader(bytes.NewReader(f.bytes))
	if err != nil {
		t.Fatal(err)
	}
	var frame Frame
	got := testing.AllocsPerRun(2000, func() {
		if err := r.Next(&frame); err != nil {
			t.Fatal(err)
		}
		letter := byte('a' + (frame.Number-1)%26)
		if len(frame.Data) != 500 || frame.Data[0] != letter || frame.Data[499] != letter {
			t.Fatalf("frame %d holds %q", frame.Number, frame.Data)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations a frame, want 0", got)
	}
}

func FuzzReader(f *testing.F) {
	for _, data := range samples() {
		f.Add(data)
		f.Add(zipped(f, data))
	}
	f.Add(classic(binary.BigEndian, 0xa1b2cd34, 1).add(1, 2, 1, 1, 0, 0).raw("x").bytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data))
		if Sniff(data) != (err == nil) && !errors.Is(err, ErrCut) && !errors.Is(err, ErrFormat) && len(data) > 0 && data[0] != 0x1f {
			t.Fatalf("Sniff = %v, but NewReader = %v", Sniff(data), err)
		}
		if err != nil {
			return
		}
		var frame Frame
		for n := 1; ; n++ {
			if err = r.Next(&frame); err != nil {
				break
			}
			year := frame.Time.Year()
			if frame.Number != n || len(frame.Data) > frame.Length || len(frame.Data) > maxFrame || year < 1970 || year > 9999 {
				t.Fatalf("frame %d: %+v", n, frame)
			}
		}
		if again := r.Next(&frame); again != err {
			t.Fatalf("first %v, then %v", err, again)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	const frames = 20000
	data := strings.Repeat("x", 500)
	old := classic(binary.LittleEndian, 0xa1b2c3d4, 1)
	next := new(ng).begin(binary.LittleEndian)
	next.put(next.order, blockInterface, 1, 0)
	for i := range uint32(frames) {
		old.record(i, i, 500, data)
		next.packet(0, uint64(i)*1e6, 500, data)
	}
	for _, bb := range []struct {
		name string
		data []byte
	}{{"pcap", old.bytes}, {"pcapng", next.bytes}, {"gzip", zipped(b, old.bytes)}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := NewReader(bytes.NewReader(bb.data))
				if err != nil {
					b.Fatal(err)
				}
				var f Frame
				for err == nil {
					err = r.Next(&f)
				}
				if err != io.EOF || f.Number != frames {
					b.Fatalf("%d frames, %v", f.Number, err)
				}
			}
			b.ReportMetric(frames*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
