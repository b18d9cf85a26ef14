package drift

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// minute is what happens in one minute of a test.
type minute struct {
	wire Wire
	log  Log
	want string // words of the only sentence, empty for none
}

func TestWatch(t *testing.T) {
	busy := Wire{Requests: 100, Failures: 10}
	healthy := Log{Lines: 50, Failures: 10, Answered: 40}
	nothing := Log{}
	tests := []struct {
		name    string
		minutes []minute
	}{
		{"bad: the wording changes", []minute{
			{busy, healthy, ""}, {busy, healthy, ""},
			{busy, Log{Lines: 50, Near: 10, Answered: 40}, ""}, {busy, Log{Lines: 50, Near: 10, Answered: 40}, "20 lines of a.log"},
		}},
		{"bad: the log goes silent", []minute{
			{busy, healthy, ""}, {busy, healthy, ""}, {Wire{Requests: 30}, nothing, ""}, {Wire{Requests: 30}, nothing, "a.log is silent"},
		}},
		{"bad: failures are no longer logged", []minute{
			{busy, healthy, ""}, {busy, healthy, ""},
			{busy, Log{Lines: 40, Answered: 40}, ""}, {busy, Log{Lines: 40, Answered: 40}, "20 refused logins"},
			{busy, healthy, "20 refused logins"}, {busy, healthy, ""}, // and again they are
		}},
		{"bad: one direction passes us by", []minute{
			{busy, healthy, ""}, {busy, healthy, ""},
			{Wire{Replies: 30}, healthy, ""}, {Wire{Replies: 30, Requests: 1}, healthy, "60 replies of our server in two minutes and 1 requests"},
			{Wire{Replies: 50, Requests: 50}, healthy, "60 replies"}, {Wire{Replies: 50, Requests: 50}, healthy, ""}, // mended
		}},
		{"few replies", []minute{{Wire{Replies: 10}, nothing, ""}, {Wire{Replies: 10}, nothing, ""}}},
		{"an answer to a forger, again and again", []minute{
			{Wire{Replies: 1100, Requests: 100}, nothing, ""}, {Wire{Replies: 1100, Requests: 100}, nothing, ""}}},
		{"all is well", []minute{{busy, healthy, ""}, {busy, healthy, ""}, {busy, healthy, ""}, {busy, healthy, ""}}},
		{"a quiet night", []minute{{busy, healthy, ""}, {busy, healthy, ""}, {Wire{}, nothing, ""}, {Wire{Requests: 3}, nothing, ""}}},
		{"a log of failures alone, and none", []minute{
			{busy, Log{Lines: 10, Failures: 10}, ""}, {busy, Log{Lines: 10, Failures: 10}, ""},
			{Wire{Requests: 100}, nothing, ""}, {Wire{Requests: 100}, nothing, ""},
		}},
		{"a text that resembles one", []minute{
			{busy, healthy, ""}, {busy, healthy, ""}, {busy, Log{Lines: 50, Near: 1, Failures: 10, Answered: 40}, ""}, {busy, healthy, ""},
		}},
	}
	for _, test := range tests {
		w := New(noon)
		var wire Wire
		log := Log{Name: "a.log"}
		for i, m := range test.minutes {
			wire.Requests, wire.Failures = wire.Requests+m.wire.Requests, wire.Failures+m.wire.Failures
			wire.Replies += m.wire.Replies
			log.Lines, log.Near = log.Lines+m.log.Lines, log.Near+m.log.Near
			log.Failures, log.Answered = log.Failures+m.log.Failures, log.Answered+m.log.Answered
			got := strings.Join(w.Look(noon.Add(time.Duration(i+1)*time.Minute), wire, []Log{log}), "; ")
			if m.want == "" && got != "" || !strings.Contains(got, m.want) || strings.Contains(got, ";") {
				t.Errorf("%s, minute %d: %q, want %q", test.name, i+1, got, m.want)
			}
		}
	}
}

// TestReserved: a server that does not log refused logins unless asked to is not
// said to have ceased, until its log has told of one.
func TestReserved(t *testing.T) {
	w := New(noon)
	var wire Wire
	log := Log{Name: "kamailio.log", Reserved: true}
	told := func(failures, minutes int) string {
		wire.Failures, log.Lines, log.Failures = wire.Failures+10, log.Lines+50, log.Failures+uint64(failures)
		return strings.Join(w.Look(noon.Add(time.Duration(minutes)*time.Minute), wire, []Log{log}), "; ")
	}
	for minutes := 2; minutes < 8; minutes += 2 {
		if got := told(0, minutes); got != "" {
			t.Errorf("of a log that never told: %q", got)
		}
	}
	if got := told(10, 8); got != "" {
		t.Errorf("of one that tells: %q", got)
	}
	if got := told(0, 10); !strings.Contains(got, "10 refused logins") {
		t.Errorf("of one that tells no more: %q", got)
	}
}

// TestWithinFiveMinutes: whenever the trouble begins, people are told in time.
func TestWithinFiveMinutes(t *testing.T) {
	for offset := range 24 {
		begins := time.Duration(offset) * 5 * time.Second
		w := New(noon)
		var wire Wire
		log := Log{Name: "a.log"}
		var told time.Duration
		for at := 5 * time.Second; at < 20*time.Minute && told == 0; at += 5 * time.Second {
			wire.Requests += 2
			if at < 6*time.Minute+begins {
				log.Lines, log.Answered = log.Lines+2, log.Answered+2
			}
			if len(w.Look(noon.Add(at), wire, []Log{log})) > 0 {
				told = at - 6*time.Minute - begins
			}
		}
		if told <= 0 || told > 5*time.Minute {
			t.Errorf("a log that goes silent after %s: told after %s", begins, told)
		}
	}
}

// TestAfterAnHour a sentence without a new sign is gone, and logs that come late
// are not judged by what they said before.
func TestAfterAnHour(t *testing.T) {
	w := New(noon)
	w.Look(noon.Add(2*time.Minute), Wire{}, nil)
	if got := w.Look(noon.Add(4*time.Minute), Wire{}, []Log{{Name: "late.log", Near: 100}}); len(got) != 0 {
		t.Errorf("a log that was not there: %q", got)
	}
	near := []Log{{Name: "late.log", Near: 103, Lines: 3}}
	if got := w.Look(noon.Add(6*time.Minute), Wire{}, near); len(got) != 1 {
		t.Fatalf("three lines in two minutes: %q", got)
	}
	if got := w.Look(noon.Add(65*time.Minute), Wire{}, near); len(got) != 1 {
		t.Errorf("within the hour: %q", got)
	}
	if got := w.Look(noon.Add(67*time.Minute), Wire{}, near); len(got) != 0 {
		t.Errorf("after an hour: %q", got)
	}
	fewer := []Log{{Name: "late.log", Near: 1, Lines: 1}}
	if got := w.Look(noon.Add(69*time.Minute), Wire{}, fewer); len(got) != 0 {
		t.Errorf("counted anew: %q", got)
	}
}
