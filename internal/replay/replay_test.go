package replay

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/scenario"
)

// minutes writes down everything that a replay reports, to the last field.
type minutes struct {
	lines []string
	bans  int
}

func (m *minutes) Message(e *event.Event) {
	m.lines = append(m.lines, fmt.Sprintf("message %d %s %s %d", e.Place.Packet, e.Remote, e.SIP.MethodName, e.SIP.Status))
}

func (m *minutes) Finding(f *detect.Finding) {
	m.lines = append(m.lines, fmt.Sprintf("finding %+v", *f))
}

func (m *minutes) Ban(b *ban.Ban) {
	m.lines = append(m.lines, fmt.Sprintf("ban %+v", *b))
	m.bans++
}

// verdicts are the lines without places, which differ when a capture is split.
func (m *minutes) verdicts() []string {
	var list []string
	for _, line := range m.lines {
		fields := strings.Fields(line)
		fields = slices.DeleteFunc(fields, func(f string) bool {
			return strings.HasPrefix(f, "Place:") || strings.HasPrefix(f, "Packet:") || strings.HasPrefix(f, "Line:")
		})
		list = append(list, strings.Join(fields, " "))
	}
	return list
}

// judge replays files and gives everything there is to know.
func judge(t *testing.T, files []string, change func(*Options)) (*minutes, Summary) {
	t.Helper()
	m := &minutes{}
	o := Options{Format: logline.Auto, Clock: logline.Clock{Now: scenario.Start, Zone: time.UTC}, Report: m}
	if change != nil {
		change(&o)
	}
	summary, err := Run(files, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, summary
}

// load reads one of the project's scenarios.
func load(t *testing.T, name string) *scenario.Scenario {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../detect/testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// capture writes messages to a file of their own.
func capture(t *testing.T, messages []scenario.Message) string {
	t.Helper()
	files := inputsOf(t, &scenario.Scenario{Messages: slices.Clone(messages)})
	return files[0]
}

func write(t *testing.T, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheSameFilesGiveTheSame: three replays report the same to the last word.
func TestTheSameFilesGiveTheSame(t *testing.T) {
	for _, name := range []string{"guess", "enum-spray", "forged-victim", "guess-office", "log-guess-joined", "log-guess"} {
		files := inputsOf(t, load(t, name))
		first, _ := judge(t, files, nil)
		if len(first.lines) == 0 {
			t.Fatalf("%s: nothing is reported", name)
		}
		for range 2 {
			if again, _ := judge(t, files, nil); !slices.Equal(first.lines, again.lines) {
				t.Errorf("%s:\n%s\nand then\n%s", name, strings.Join(first.lines, "\n"), strings.Join(again.lines, "\n"))
			}
		}
	}
}

// TestFilesAreMergedByTime: however a capture is split, and in whatever order its
// parts are named, the verdicts are the same.
func TestFilesAreMergedByTime(t *testing.T) {
	for _, name := range []string{"guess", "guess-office", "scan-invite"} {
		messages := load(t, name).Messages
		slices.SortStableFunc(messages, func(a, b scenario.Message) int { return a.Time.Compare(b.Time) })
		whole, summary := judge(t, []string{capture(t, messages)}, nil)
		parts := map[string]func(i int, m scenario.Message) int{
			"in the middle": func(i int, _ scenario.Message) int { return i * 2 / len(messages) },
			"by direction": func(_ int, m scenario.Message) int {
				return map[bool]int{true: 1}[m.From.Addr() == netip.MustParseAddr("192.0.2.10")]
			},
			"one by another": func(i int, _ scenario.Message) int { return i % 3 },
		}
		for how, part := range parts {
			split := make([][]scenario.Message, 3)
			for i, m := range messages {
				split[part(i, m)] = append(split[part(i, m)], m)
			}
			var files []string
			for _, some := range split {
				if len(some) > 0 {
					files = append(files, capture(t, some))
				}
			}
			for range 2 {
				got, sum := judge(t, files, nil)
				if !slices.Equal(got.verdicts(), whole.verdicts()) {
					t.Errorf("%s, split %s:\n%s\nwant\n%s", name, how, strings.Join(got.lines, "\n"), strings.Join(whole.lines, "\n"))
				}
				if sum.Packets != summary.Packets || sum.Sources != summary.Sources || !slices.Equal(sum.Local, summary.Local) {
					t.Errorf("%s, split %s: %+v, want %+v", name, how, sum, summary)
				}
				slices.Reverse(files)
			}
		}
	}
}

// TestSummary counts what there was, once, though files are read twice.
func TestSummary(t *testing.T) {
	s := load(t, "guess")
	files := inputsOf(t, s)
	size := int64(len(read(t, files[0])))
	for _, local := range [][]netip.Addr{nil, {netip.MustParseAddr("192.0.2.10")}, {netip.MustParseAddr("::ffff:192.0.2.10")}} {
		var bytes atomic.Int64
		passes := int64(0)
		m, got := judge(t, files, func(o *Options) {
			o.Local, o.Read, o.Messages = local, &bytes, true
			passes = o.Passes()
		})
		messages := 0
		for _, line := range m.lines {
			if strings.HasPrefix(line, "message ") {
				messages++
			}
		}
		n := uint64(len(s.Messages))
		if got.Packets != n || got.Messages != n || got.Events != n || messages != len(s.Messages) {
			t.Errorf("%d messages: %+v, %d told", n, got, messages)
		}
		if got.Findings != 1 || got.Bans != 1 || got.Sources != 1 || got.Skipped != 0 || len(got.Local) != 1 || got.Local[0].Unmap().String() != "192.0.2.10" {
			t.Errorf("summary %+v", got)
		}
		if bytes.Load() != size*passes {
			t.Errorf("%d bytes read in %d passes of %d", bytes.Load(), passes, size)
		}
	}
}

// TestGzippedAndNamed: a file is known by what it holds, not by its name.
func TestGzippedAndNamed(t *testing.T) {
	for _, name := range []string{"guess", "log-guess"} {
		file := inputsOf(t, load(t, name))[0]
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(read(t, file)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want, _ := judge(t, []string{file}, nil)
		if got, _ := judge(t, []string{write(t, packed.Bytes())}, nil); !slices.Equal(got.lines, want.lines) || got.bans == 0 {
			t.Errorf("%s gzipped: %q", name, got.lines)
		}
	}
}

// TestCutCapture: what was recorded counts, and a sentence says what is missing.
func TestCutCapture(t *testing.T) {
	whole := read(t, inputsOf(t, load(t, "guess"))[0])
	name := write(t, whole[:len(whole)-7])
	m, s := judge(t, []string{name}, nil)
	if m.bans != 1 || s.Skipped != 1 || len(s.Warnings) != 1 {
		t.Fatalf("%d bans, summary %+v", m.bans, s)
	}
	if w := s.Warnings[0]; !strings.HasPrefix(w, name+": ") || !strings.HasSuffix(w, "; what came before counts") {
		t.Errorf("warning %q", w)
	}
}

func TestUnreadable(t *testing.T) {
	whole := read(t, inputsOf(t, load(t, "guess"))[0])
	for name, test := range map[string]struct {
		file string
		want error
	}{
		"not there":         {filepath.Join(t.TempDir(), "none.pcap"), fs.ErrNotExist},
		"a folder":          {t.TempDir(), ErrInput},
		"broken gzip":       {write(t, []byte("\x1f\x8b\x08\x00broken")), ErrInput},
		"broken later":      {write(t, append(slices.Clone(whole), bytes.Repeat([]byte{0xff}, 99)...)), ErrInput},
		"a header only":     {write(t, whole[:10]), ErrInput},
		"gzip of a capture": {write(t, gzipped(t, whole)[:40]), ErrInput},
	} {
		for _, files := range [][]string{{test.file}, {inputsOf(t, load(t, "guess"))[0], test.file}} {
			m := &minutes{}
			_, err := Run(files, Options{Format: logline.Auto, Report: m})
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.file) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		}
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// TestNothingToJudge is no error: an empty capture, an empty file, a text.
func TestNothingToJudge(t *testing.T) {
	var empty bytes.Buffer
	if _, err := pcap.NewWriter(&empty, uint32(packet.RawIP)); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{
		"an empty capture": write(t, empty.Bytes()), "an empty file": write(t, nil), "a text": write(t, []byte("hello\nworld")),
	} {
		m, s := judge(t, []string{file}, nil)
		if len(m.lines) > 0 || s.Events > 0 || s.Packets > 0 {
			t.Errorf("%s: %q, %+v", name, m.lines, s)
		}
	}
	if _, s := judge(t, nil, nil); s.Events != 0 {
		t.Errorf("no file: %+v", s)
	}
}

// TestHostileCapture: frames that are no packets, times that jump, and a
// capture that is all one source's: the summary says what was skipped.
func TestHostileCapture(t *testing.T) {
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, uint32(packet.RawIP))
	if err != nil {
		t.Fatal(err)
	}
	messages := load(t, "guess").Messages
	times := []time.Time{time.Unix(0, 0), time.Unix(1<<32-1, 0), scenario.Start}
	for i, m := range messages {
		for _, frame := range [][]byte{packet.BuildUDP(m.From, m.To, m.Payload), {0xff}, nil} {
			if err := w.Write(times[i%len(times)], frame); err != nil {
				t.Fatal(err)
			}
		}
	}
	m, s := judge(t, []string{write(t, file.Bytes())}, nil)
	n := uint64(len(messages))
	if s.Packets != 3*n || s.Messages != n || s.Skipped != 2*n {
		t.Errorf("%d messages: %+v", n, s)
	}
	if m.bans == 0 {
		t.Error("the guesser gets away by its clock")
	}
}

// TestLimitsAreToldAgain: a limit that is only prolonged is told once; one that
// ran out and came again is told again.
func TestLimitsAreToldAgain(t *testing.T) {
	messages := load(t, "scan-register").Messages
	later := func(d time.Duration) []scenario.Message {
		all := slices.Clone(messages)
		for _, m := range messages {
			m.Time = m.Time.Add(d)
			all = append(all, m)
		}
		return all
	}
	for after, want := range map[time.Duration]int{40 * time.Second: 1, 5 * time.Minute: 2} {
		if m, _ := judge(t, []string{capture(t, later(after))}, nil); m.bans != want {
			t.Errorf("again after %s: told %d times, want %d", after, m.bans, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for want, until := range map[int64]time.Time{0: {}, 600: scenario.Start.Add(10 * time.Minute), 1: scenario.Start.Add(1999 * time.Millisecond)} {
		if got := Seconds(&ban.Ban{Since: scenario.Start, Until: until}); got != want {
			t.Errorf("until %s: %d, want %d", until, got, want)
		}
	}
}
