// Package logtest reads the corpora of log lines that the tests of each server's
// room keep beside them, and asks a whole Reader what it makes of lines.
package logtest

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
)

// Clock is the reference of every corpus: 2026-11-24T00:00:00Z, zone UTC.
var Clock = logline.Clock{Now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}

// said is an answer in the words that a corpus uses.
type said struct {
	Verdict   string `json:"verdict"`
	Server    string `json:"server"`
	Kind      string `json:"kind"`
	Src       string `json:"src"`
	Port      uint16 `json:"port"`
	Transport string `json:"transport"`
	User      string `json:"user"`
	Time      string `json:"time"`
	Rule      string `json:"rule"`
}

// words puts an Event into the words of a corpus, with a source only where it is
// accused.
func words(e *event.Event) said {
	s := said{
		Verdict: e.Log.Verdict.String(), Server: e.Log.Server, Kind: e.Log.Kind.String(), User: string(e.Log.User), Rule: e.Log.Rule,
	}
	if e.Log.Transport != 0 {
		s.Transport = e.Log.Transport.String()
	}
	if Accuses(e) {
		s.Src, s.Port = e.Log.Source.Addr().String(), e.Log.Source.Port()
	}
	if !e.Time.IsZero() {
		s.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	return s
}

// Accuses says that a line is evidence against its source.
func Accuses(e *event.Event) bool {
	return e.Log.Source.IsValid() && (e.Log.Verdict == event.Hostile || e.Log.Verdict == event.Tampered)
}

// Read reads a whole log and hands each line's Event to see, in order.
func Read(format logline.Format, lines []string, see func(*event.Event)) {
	r := logline.Reader{Format: format, Clock: Clock}
	drain := func() {
		for e := r.Next(); e != nil; e = r.Next() {
			see(e)
		}
	}
	for _, text := range lines {
		r.Put([]byte(text), time.Time{})
		drain()
	}
	r.Flush()
	drain()
}

// Verdicts gives one word for each line: the verdict, and the source if it is
// accused.
func Verdicts(lines ...string) []string {
	var all []string
	Read(logline.Auto, lines, func(e *event.Event) {
		word := e.Log.Verdict.String()
		if Accuses(e) {
			word += " " + e.Log.Source.Addr().String()
		}
		all = append(all, word)
	})
	return all
}

// Corpus checks a file of log lines: comments behind "# ", expectations behind
// "# {", each with its line below. Lines with no blank line between are one log,
// read as Auto. A key that is missing in the expectation must be missing in the
// answer, but for rule, note, and the server, which is then server. The key class
// says what kind of injection a line is: internal/logline counts them. It gives
// the number of lines.
func Corpus(t *testing.T, path, server string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var wants []said
	total := 0
	for _, row := range strings.Split(string(text)+"\n", "\n") { // a carriage return is part of its line
		switch {
		case strings.HasPrefix(row, "# {"):
			var want said
			if err := json.Unmarshal([]byte(row[2:]), &want); err != nil {
				t.Fatalf("%s: %v", row, err)
			}
			wants = append(wants, want)
		case strings.HasPrefix(row, "# "):
		case row == "":
			check(t, lines, wants, server)
			lines, wants = nil, nil
		default:
			lines = append(lines, row)
			total++
			if len(wants) != len(lines) {
				t.Fatalf("no expectation for %s", row)
			}
		}
	}
	return total
}

func check(t *testing.T, lines []string, wants []said, server string) {
	t.Helper()
	i := 0
	Read(logline.Auto, lines, func(e *event.Event) {
		got, want := words(e), wants[i]
		if want.Rule == "" {
			got.Rule = ""
		}
		if want.Server == "" && got.Server == server {
			got.Server = ""
		}
		if want.Time == "" && !e.Log.HasTime { // it has its neighbour's
			got.Time = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n%s(-want +got, note %q)", lines[i], diff, e.Log.Note)
		}
		i++
	})
	if i != len(lines) {
		t.Errorf("%d lines gave %d events", len(lines), i)
	}
}
