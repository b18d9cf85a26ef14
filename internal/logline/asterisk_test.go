package logline

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/event"
)

// testClock is the reference of the corpus.
var testClock = Clock{Now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}

// said is an answer in the words that the corpus uses.
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

// words puts an Event into the words of the corpus, with a source only where it
// is accused.
func words(e *event.Event) said {
	s := said{
		Verdict: e.Log.Verdict.String(), Server: e.Log.Server, Kind: e.Log.Kind.String(), User: string(e.Log.User), Rule: e.Log.Rule,
	}
	if e.Log.Transport != 0 {
		s.Transport = e.Log.Transport.String()
	}
	if accuses(e) {
		s.Src, s.Port = e.Log.Source.Addr().String(), e.Log.Source.Port()
	}
	if !e.Time.IsZero() {
		s.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	return s
}

func accuses(e *event.Event) bool {
	return e.Log.Source.IsValid() && (e.Log.Verdict == event.Hostile || e.Log.Verdict == event.Tampered)
}

// readAll reads a whole log and hands each line's Event to see.
func readAll(lines []string, see func(*event.Event)) {
	r := Reader{Format: Auto, Clock: testClock}
	for _, line := range lines {
		r.Put([]byte(line), time.Time{})
		for e := r.Next(); e != nil; e = r.Next() {
			see(e)
		}
	}
	r.Flush()
	for e := r.Next(); e != nil; e = r.Next() {
		see(e)
	}
}

// TestAsteriskCorpus reads testdata/asterisk.txt: comments, expectations behind
// "# {" and the lines below them. Lines that follow without a blank line
// between are one log.
func TestAsteriskCorpus(t *testing.T) {
	file, err := os.Open("testdata/asterisk.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []string
	var wants []said
	check := func() {
		i := 0
		readAll(lines, func(e *event.Event) {
			got, want := words(e), wants[i]
			if want.Rule == "" {
				got.Rule = ""
			}
			if want.Server == "" && got.Server == "asterisk" {
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
		lines, wants = nil, nil
	}
	total := 0
	for scan := bufio.NewScanner(file); scan.Scan(); {
		line := scan.Text()
		switch {
		case strings.HasPrefix(line, "# {"):
			var want said
			if err := json.Unmarshal([]byte(line[2:]), &want); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			wants = append(wants, want)
		case strings.HasPrefix(line, "# "):
		case line == "":
			check()
		default:
			lines = append(lines, line)
			total++
			if len(wants) != len(lines) {
				t.Fatalf("no expectation for %s", line)
			}
		}
	}
	check()
	if total < 100 {
		t.Errorf("only %d lines in the corpus", total)
	}
}
