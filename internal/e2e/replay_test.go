package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// verdict is what a live run and a replay of its recording must agree on. How
// long a ban lasts is drawn by lot live.
type verdict struct {
	Type, Src, Prefix, Action, Rule, Class, Severity, Proof string
	Requests                                                int
}

// verdicts reads JSON Lines of events or of a replay, up to the given moment. A
// ban that only goes on is told once.
func verdicts(t *testing.T, text string, until time.Time) (list []verdict) {
	t.Helper()
	told := map[string]bool{}
	for line := range strings.Lines(text) {
		var v struct {
			verdict
			Time time.Time
			By   string
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if v.Type != "finding" && v.Type != "ban" || v.Time.After(until) {
			continue
		}
		if v.Type == "ban" {
			// The deciding moment names a ban; what comes later with the same one prolongs it.
			key := fmt.Sprint(v.Prefix, v.Action, v.Time.UnixMicro())
			if told[key] {
				continue
			}
			told[key] = true
		}
		if v.Type == "finding" {
			v.Requests = 0 // a replay does not tell
		}
		list = append(list, v.verdict)
	}
	return list
}

// TestLiveEqualsReplay: what was decided live is decided again when the
// recorded packets are replayed, in the same order and for the same reasons.
func TestLiveEqualsReplay(t *testing.T) {
	l := newLab(t)
	s := l.sipward("mode: enforce\nmetrics: off\nlocal: [" + serverAddress + "]\ntrunks: [" + trunkAddress + "]\nlisten: [{port: 5060, transport: udp}]\n")
	recording := filepath.Join(l.dir, "record.pcap")
	s.run("--config", s.settings, "--record", recording)
	mixedLoad(l)
	live, errors, code := s.program("events", "--json", "--socket", s.socket)
	if code != 0 {
		t.Fatalf("events: exit %d\n%s", code, errors)
	}
	// The lanes are still; what came in by now is recorded.
	s.signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	again, errors, code := s.program("replay", "--json", "--config", s.settings, recording)
	if code != 0 {
		t.Fatalf("replay: exit %d\n%s", code, errors)
	}
	end := lastTime(t, live)
	want, got := verdicts(t, live, end), verdicts(t, again, end)
	bans := 0
	for i := range max(len(want), len(got)) {
		var a, b verdict
		if i < len(want) {
			a = want[i]
		}
		if i < len(got) {
			b = got[i]
		}
		if a != b {
			t.Fatalf("verdict %d of %d live and %d in the replay:\nlive   %+v\nreplay %+v", i, len(want), len(got), a, b)
		}
		if a.Type == "ban" {
			bans++
		}
	}
	t.Logf("%d findings and %d bans, the same live and in the replay", len(want)-bans, bans)
	if bans < 3 {
		t.Errorf("only %d bans: too few for a proof", bans)
	}
}

// lastTime is the moment of the last verdict.
func lastTime(t *testing.T, text string) (last time.Time) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v struct {
			Type string
			Time time.Time
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if (v.Type == "finding" || v.Type == "ban") && v.Time.After(last) {
			last = v.Time
		}
	}
	return last
}

// mixedLoad is ten seconds of phones, guessers and enumerators at once.
func mixedLoad(l *lab) {
	l.t.Helper()
	var work sync.WaitGroup
	for n := range 8 {
		phone, user := l.client(l.phones, fmt.Sprintf("203.0.113.%d", 10+n), 5060), fmt.Sprint(1001+n)
		work.Go(func() {
			pace := time.NewTicker(time.Duration(300+50*n) * time.Millisecond)
			defer pace.Stop()
			for round := range 20 {
				pass := password(user)
				if n == 3 && round%7 == 2 {
					pass = "mistyped"
				}
				phone.register(user, pass)
				<-pace.C
			}
		})
	}
	for n := range 3 { // guessers, one faster than the other
		guesser := l.client(l.attackers, fmt.Sprintf("198.51.100.%d", 20+n), 5060)
		work.Go(func() {
			pace := time.NewTicker(time.Duration(20+90*n) * time.Millisecond)
			defer pace.Stop()
			unheard := 0
			for guess := 0; guess < 30 && unheard < 5; guess++ {
				if guesser.register(fmt.Sprint(1001+guess*n%10), fmt.Sprint("guess", guess)) == 0 {
					unheard++
				}
				<-pace.C
			}
		})
	}
	for n, method := range []string{"REGISTER", "INVITE", "OPTIONS"} { // enumerators that wait for nothing
		enumerator := l.client(l.attackers, fmt.Sprintf("198.51.100.%d", 40+n), 5060)
		work.Go(func() {
			pace := time.NewTicker(time.Duration(15+10*n) * time.Millisecond)
			defer pace.Stop()
			for number := range 150 {
				target := fmt.Sprint(2000 + number)
				enumerator.conn.Write([]byte(enumerator.request(method, target, target, "")))
				<-pace.C
			}
		})
	}
	work.Wait()
}
