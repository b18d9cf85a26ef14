package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
)

// TestLog wants that the log says to our reader what it is meant to say.
func TestLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := writeLog(log, 1_000_000, 1); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := logline.NewFile(file, logline.Auto, logline.Clock{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	verdicts, sources := map[event.Verdict]int{}, map[string]bool{}
	for {
		e, err := lines.NextLine()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		verdicts[e.Log.Verdict]++
		if e.Log.Verdict == event.Hostile {
			sources[e.Remote.Addr().String()] = true
		}
	}
	all := int(lines.Lines())
	for verdict, want := range map[event.Verdict]int{event.Tampered: 0, event.Near: 0, event.Unknown: 480, event.Benign: 340, event.Hostile: 180} {
		if got := verdicts[verdict] * 1000 / all; got < want-25 || got > want+25 || want == 0 && verdicts[verdict] > 0 {
			t.Errorf("%s: %d of a thousand lines, want about %d", verdict, got, want)
		}
	}
	if len(sources) < 300 {
		t.Errorf("only %d attackers in %d lines", len(sources), all)
	}
}

// TestShares: kinds are shares of a thousand.
func TestShares(t *testing.T) {
	sum := 0
	for _, kind := range kinds {
		sum += kind.share
	}
	if sum != 1000 {
		t.Errorf("%d shares, want 1000", sum)
	}
}

// TestHead: a shorter log is the beginning of a longer one.
func TestHead(t *testing.T) {
	dir := t.TempDir()
	var logs [2][]byte
	for i, size := range []int64{10_000, 50_000} {
		name := filepath.Join(dir, "log")
		if err := writeLog(name, size, 7); err != nil {
			t.Fatal(err)
		}
		var err error
		if logs[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(logs[0]) < 10_000 || !bytes.HasPrefix(logs[1], logs[0]) {
		t.Errorf("%d bytes are not the beginning of %d", len(logs[0]), len(logs[1]))
	}
}

func TestLinesOf(t *testing.T) {
	for _, tt := range []struct {
		name, report string
		want         uint64
		ok           bool
	}{
		{"bad: nothing", "", 0, false},
		{"bad: nothing matched", "\nLines: 12 lines, 0 ignored, 0 matched, 12 missed\n", 0, false},
		{"bad: no figure", "\nLines: many lines, 0 ignored, 3 matched\n", 0, false},
		{"OK", "Results\n=======\n\nLines: 12 lines, 0 ignored, 10 matched, 2 missed\n[processed in 0.01 sec]\n", 12, true},
	} {
		if got, err := linesOf(tt.report); got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %d, %v", tt.name, got, err)
		}
	}
}

func TestMedian(t *testing.T) {
	got := median([]measured{{cpu: 3, peak: 1}, {cpu: 1, peak: 9}, {cpu: 2}})
	if got.cpu != 2 || got.peak != 9 {
		t.Errorf("%+v", got)
	}
}

func TestJudge(t *testing.T) {
	theirs := measured{lines: 1000, wall: 2 * time.Second, cpu: time.Second}
	fast := measured{lines: 100_000, wall: time.Second, cpu: time.Second, peak: 20 << 10}
	slow := measured{lines: 99_000, wall: 9 * time.Second, cpu: time.Second, peak: 20 << 10}
	large := fast
	large.peak = 129 << 10
	wanted := options{reading: 100, replay: 50}
	for _, tt := range []struct {
		name          string
		options       options
		river, reader measured
		want          string
	}{
		{"bad: slow reading", wanted, fast, slow, "the reading is 99.0 times as fast, not 100"},
		{"bad: slow replay", wanted, slow, fast, "the replay is 22.0 times as fast, not 50"},
		{"bad: both", wanted, slow, slow, "the reading is 99.0 times as fast, not 100\nthe replay is 22.0 times as fast, not 50"},
		{"bad: large replay", wanted, large, fast, "129 MB of memory, not 128"},
		{"bad: large reader", wanted, fast, large, "129 MB of memory, not 128"},
		{"OK: nothing wanted", options{}, slow, slow, ""},
		{"OK: as wanted", wanted, fast, fast, ""},
	} {
		var out bytes.Buffer
		tt.options.out = &out
		got := ""
		if err := tt.options.judge(tt.river, tt.reader, theirs); err != nil {
			got = err.Error()
		}
		if passed := bytes.HasSuffix(out.Bytes(), []byte("\npass\n")); got != tt.want || passed != (tt.want == "") {
			t.Errorf("%s: %q, want %q\n%s", tt.name, got, tt.want, out.String())
		}
	}
}
