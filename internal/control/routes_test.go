package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

func TestOrdersRefused(t *testing.T) {
	r := newRig(t, ModeEnforce)
	r.NeverBan = []netip.Prefix{prefix("192.0.2.10/32")}
	type order = map[string]any
	for _, c := range []struct {
		name, path string
		body       any
		kind       error
		say        string
	}{
		{"no prefix", "/v1/ban", order{"seconds": 60}, ErrInvalid, "prefix"},
		{"not a prefix", "/v1/ban", order{"prefix": "x"}, ErrInvalid, "order"},
		{"host bits", "/v1/ban", order{"prefix": "192.0.2.1/24"}, ErrInvalid, "network"},
		{"IPv4 in IPv6", "/v1/ban", order{"prefix": "::ffff:192.0.2.1/128"}, ErrInvalid, "network"},
		{"a negative time", "/v1/ban", order{"prefix": "192.0.2.1/32", "seconds": -1}, ErrInvalid, "time"},
		{"a time that overflows", "/v1/ban", order{"prefix": "192.0.2.1/32", "seconds": 1 << 62}, ErrInvalid, "time"},
		{"an unknown scope", "/v1/ban", order{"prefix": "192.0.2.1/32", "scope": "tcp"}, ErrInvalid, "scope"},
		{"a long note", "/v1/ban", order{"prefix": "192.0.2.1/32", "note": strings.Repeat("x", 201)}, ErrInvalid, "note"},
		{"an unknown field", "/v1/ban", order{"prefix": "192.0.2.1/32", "for": 60}, ErrInvalid, "for"},
		{"every address", "/v1/ban", order{"prefix": "0.0.0.0/0", "accept_risk": []string{WideBan}}, ErrRefused, "every address"},
		{"every IPv6 address", "/v1/ban", order{"prefix": "::/0", "accept_risk": []string{WideBan}}, ErrRefused, "every address"},
		{"a wide network", "/v1/ban", order{"prefix": "192.0.0.0/23"}, ErrRefused, "--accept-risk=wide-ban"},
		{"a wide IPv6 network", "/v1/ban", order{"prefix": "2001:db8::/47"}, ErrRefused, "/48"},
		{"another risk", "/v1/ban", order{"prefix": "192.0.0.0/23", "accept_risk": []string{"wide"}}, ErrRefused, "/24"},
		{"a never-ban address", "/v1/ban", order{"prefix": "192.0.2.10/32"}, ErrRefused, "own"},
		{"a network around it", "/v1/ban", order{"prefix": "192.0.2.0/24"}, ErrRefused, "own"},
		{"allow everything", "/v1/allow", order{"prefix": "0.0.0.0/0"}, ErrRefused, "nothing would be protected"},
		{"allow half of everything", "/v1/allow", order{"prefix": "::/1"}, ErrRefused, "nothing would be protected"},
		{"lift nothing", "/v1/unban", order{}, ErrInvalid, "prefix or all"},
		{"lift both", "/v1/unban", order{"prefix": "192.0.2.1/32", "all": true}, ErrInvalid, "prefix or all"},
		{"lift what is not there", "/v1/unban", order{"prefix": "192.0.2.1/32"}, ErrNotFound, "not banned"},
		{"remove what is not there", "/v1/allow/remove", order{"prefix": "192.0.2.1/32"}, ErrNotFound, "allow-list"},
		{"no route", "/v2/ban", order{}, ErrNotFound, "/v2/ban"},
		{"a list", "/v1/ban", []int{}, ErrInvalid, "order"},
		{"a huge body", "/v1/ban", order{"note": strings.Repeat("x", maxBody)}, ErrInvalid, "too large"},
	} {
		_, err := post[Receipt](t.Context(), r.Client, c.path, c.body)
		wantKind(t, c.name, err, c.kind)
		if err != nil && !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %q does not say %q", c.name, err, c.say)
		}
	}
	_, err := one[Receipt](t.Context(), r.Client, http.MethodPost, "/v1/ban", strings.NewReader(`{"prefix":"192.0.2.1/32"} {}`))
	wantKind(t, "two objects", err, ErrInvalid)
	_, err = one[Receipt](t.Context(), r.Client, http.MethodGet, "/v1/ban", nil)
	wantKind(t, "the wrong method", err, ErrNotFound)
	if bans := r.Fake.Bans(); len(bans) != 0 {
		t.Errorf("a refused order left %v", bans)
	}
}

// TestBanAndBack follows a ban from the order to the history.
func TestBanAndBack(t *testing.T) {
	r, ctx := newRig(t, ModeEnforce), t.Context()
	before := time.Now()
	receipt, err := r.Ban(ctx, Order{Prefix: prefix("203.0.113.7/32"), Seconds: 3600, Scope: "all", Note: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	length := receipt.Until.Sub(receipt.Since)
	if !receipt.Enforced || receipt.Action != "drop" || receipt.Scope != "all" || length != time.Hour || receipt.Since.Before(before.Add(-time.Second)) {
		t.Errorf("receipt %+v", receipt)
	}
	if _, err := r.Ban(ctx, Order{Prefix: prefix("198.51.100.0/22"), AcceptRisk: []string{WideBan}}); err != nil {
		t.Fatal(err)
	}
	rows, err := r.Client.Bans(ctx)
	if err != nil || len(rows) != 2 || rows[0].Prefix != prefix("198.51.100.0/22") || !rows[0].Until.IsZero() {
		t.Fatalf("bans %+v, %v", rows, err)
	}
	if row := rows[1]; row.Why != "a test" || row.By != (peer{uid: 0}).name() && row.By == "" {
		t.Errorf("row %+v", row)
	}
	e, err := r.Client.Why(ctx, "203.0.113.7")
	if err != nil || e.Verdict != Blocked || !slices.Equal(e.Undo, []string{"sipward unban 203.0.113.7", "sipward allow 203.0.113.7 --for 24h"}) {
		t.Errorf("why %+v, %v", e, err)
	}
	_, err = r.Unban(ctx, prefix("198.51.100.9/32"))
	wantKind(t, "a part of a ban", err, ErrNotFound)
	if err == nil || !strings.Contains(err.Error(), "sipward unban 198.51.100.0/22") {
		t.Errorf("the wider ban is not named: %v", err)
	}
	if n, err := r.Unban(ctx, prefix("203.0.113.0/24")); n != 1 || err != nil {
		t.Errorf("unban of the network around: %d, %v", n, err)
	}
	if n, err := r.Unban(ctx, netip.Prefix{}); n != 1 || err != nil {
		t.Errorf("unban of all: %d, %v", n, err)
	}
	if n, err := r.Unban(ctx, netip.Prefix{}); n != 0 || err != nil {
		t.Errorf("unban of all when there are none: %d, %v", n, err)
	}
	e, err = r.Client.Why(ctx, "203.0.113.7")
	if err != nil || e.Verdict != NotBlocked || len(e.Entries) != 1 || e.Entries[0].EndedBy == "" || e.Undo != nil {
		t.Errorf("why afterwards %+v, %v", e, err)
	}
}

func TestAllowAndBack(t *testing.T) {
	r, ctx := newRig(t, ModeMonitor), t.Context()
	if _, err := r.Allow(ctx, Order{Prefix: prefix("192.0.2.0/24"), Note: "office"}); err != nil {
		t.Fatal(err)
	}
	receipt, err := r.Ban(ctx, Order{Prefix: prefix("203.0.113.7/32"), Seconds: 60})
	if err != nil || receipt.Enforced {
		t.Errorf("a ban in monitor mode: %+v, %v", receipt, err)
	}
	allowed, err := r.Allowed(ctx)
	if err != nil || len(allowed) != 1 || allowed[0].Action != "allow" || !allowed[0].Until.IsZero() {
		t.Errorf("allowed %+v, %v", allowed, err)
	}
	if bans, err := r.Client.Bans(ctx); err != nil || len(bans) != 1 || bans[0].Action != "drop" {
		t.Errorf("bans %+v, %v", bans, err)
	}
	if n, err := r.Unban(ctx, netip.Prefix{}); n != 1 || err != nil {
		t.Errorf("unban of all takes %d, %v", n, err)
	}
	_, err = r.Disallow(ctx, prefix("192.0.2.7/32"))
	if err == nil || !strings.Contains(err.Error(), "sipward allow remove 192.0.2.0/24") {
		t.Errorf("the wider entry is not named: %v", err)
	}
	if n, err := r.Disallow(ctx, prefix("192.0.2.0/24")); n != 1 || err != nil {
		t.Errorf("remove takes %d, %v", n, err)
	}
}

// TestRowsAreMachineReadable holds the names that scripts rely on.
func TestRowsAreMachineReadable(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	b := ban.Ban{Prefix: prefix("203.0.113.7/32"), Action: ban.Slow, Rule: "guess", Class: "auth.guess", Proof: "A", Why: "one sentence",
		By: "sipward", Since: at, Until: at.Add(time.Minute), Requests: 6, Evidence: []ban.Item{{Time: at, What: "failed"}}}
	text, err := json.Marshal(Row(&b, 12))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"prefix":"203.0.113.7/32","action":"limit","scope":"sip","rule":"guess","class":"auth.guess","proof":"A",` +
		`"why":"one sentence","by":"sipward","since":"2026-11-22T10:00:00Z","until":"2026-11-22T10:01:00Z","dropped":12,"requests":6}`
	if string(text) != want {
		t.Errorf("\n got %s\nwant %s", text, want)
	}
	if full := FullRow(&b, 0); len(full.Evidence) != 1 {
		t.Error("the full row has no evidence")
	}
}

func TestStatus(t *testing.T) {
	r, ctx := newRig(t, ModeEnforce), t.Context()
	r.Answer.Sources = []SourceStatus{{Name: "eth0", Kind: "packets", Events: 7, Last: time.Now().Add(-5 * time.Second)}, {Name: "x.log", Kind: "log"}}
	s, err := r.Client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if age := s.Sources[0].Age; age == nil || *age < 5 || *age > 60 {
		t.Errorf("age %v", age)
	}
	if s.Sources[1].Age != nil {
		t.Errorf("a source that never spoke has an age: %v", *s.Sources[1].Age)
	}
	r2 := newRig(t, ModeMonitor)
	r2.Answer = Status{Mode: ModeMonitor}
	response, err := r2.send(ctx, http.MethodGet, "/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"layers":{}`, `"sources":[]`, `"degraded":[]`, `"bans":0`} {
		if !bytes.Contains(text, []byte(part)) {
			t.Errorf("%s has no %s", text, part)
		}
	}
}

func TestWhyRefusesNonsense(t *testing.T) {
	r := newRig(t, ModeEnforce)
	for _, target := range []string{"", strings.Repeat("x", 257), "\xff"} {
		_, err := r.Client.Why(t.Context(), target)
		wantKind(t, fmt.Sprintf("%.10q", target), err, ErrInvalid)
	}
	if e, err := r.Client.Why(t.Context(), "al ice&x=1%"); err != nil || e.Target != "al ice&x=1%" || e.Verdict != NotSeen {
		t.Errorf("an account's name arrives as %+v, %v", e, err)
	}
}

func TestEvents(t *testing.T) {
	r, ctx := newRig(t, ModeEnforce), t.Context()
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const many = 3*batchSize + 17
	for i := range many {
		r.Note(EventRecord{Time: start.Add(time.Duration(i) * time.Second), Type: "finding", Why: "x"})
	}
	count := func(q EventQuery) (n int, last uint64) {
		t.Helper()
		if err := r.Client.Events(ctx, q, func(e EventRecord) error { n, last = n+1, e.Seq; return nil }); err != nil {
			t.Error(err)
		}
		return n, last
	}
	if n, last := count(EventQuery{}); n != many || last != many {
		t.Errorf("all: %d up to %d", n, last)
	}
	if n, last := count(EventQuery{Since: start.Add((many - 5) * time.Second)}); n != 5 || last != many {
		t.Errorf("the last five: %d up to %d", n, last)
	}
	if n, _ := count(EventQuery{Since: start.Add(many * time.Hour)}); n != 0 {
		t.Errorf("none: %d", n)
	}
	enough := errors.New("enough")
	if err := r.Client.Events(ctx, EventQuery{}, func(EventRecord) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the reader's own error becomes %v", err)
	}
	_, err := get[Status](ctx, r.Client, "/v1/events?since=yesterday")
	wantKind(t, "a bad time", err, ErrInvalid)
}

// TestFollow reads records that are made while it reads, then ends in both ways.
func TestFollow(t *testing.T) {
	r := newRig(t, ModeEnforce)
	old := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r.Note(EventRecord{Time: old, Type: "finding"})
	query := EventQuery{Since: old.Add(time.Hour), Follow: true}

	ctx, cancel := context.WithCancel(t.Context())
	r.Note(EventRecord{Time: old.Add(2 * time.Hour), Type: "ban"})
	const more = 2*batchSize + 1
	got := 0
	err := r.Client.Events(ctx, query, func(e EventRecord) error {
		if e.Type != "ban" {
			t.Errorf("got %+v", e)
		}
		if got++; got <= more {
			r.Note(EventRecord{Time: old.Add(2 * time.Hour), Type: "ban"})
		} else {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || got != more+1 {
		t.Errorf("the reader ends with %v after %d records", err, got)
	}
	err = r.Client.Events(t.Context(), query, func(EventRecord) error { r.end(); return nil })
	if err != nil {
		t.Errorf("the daemon's end is %v", err)
	}
}

func TestStopAndReload(t *testing.T) {
	r, ctx := newRig(t, ModeEnforce), t.Context()
	if err := r.Reload(ctx); err != nil {
		t.Errorf("reload: %v", err)
	}
	r.reloadErr = errors.New("s.yaml:1:1: nonsense")
	err := r.Reload(ctx)
	wantKind(t, "a reload of nonsense", err, ErrInvalid)
	if err == nil || !strings.Contains(err.Error(), "s.yaml:1:1") {
		t.Errorf("the mistake is not named: %v", err)
	}
	if err := r.Stop(ctx, true); err != nil || !<-r.stopped {
		t.Errorf("stop: %v", err)
	}
	_, err = r.Client.Status(ctx)
	wantKind(t, "after the stop", err, ErrUnreachable)
}

func TestLiftMatches(t *testing.T) {
	drop := func(p string) *ban.Ban { return &ban.Ban{Prefix: prefix(p), Action: ban.Drop} }
	for _, c := range []struct {
		name string
		lift Lift
		b    *ban.Ban
		want bool
	}{
		{"a wider ban", Lift{Prefix: prefix("192.0.2.1/32"), Kind: ban.KindBlock}, drop("192.0.2.0/24"), false},
		{"a neighbour", Lift{Prefix: prefix("192.0.2.0/24"), Kind: ban.KindBlock}, drop("192.0.3.1/32"), false},
		{"the other family", Lift{Prefix: prefix("::/0"), Kind: ban.KindBlock}, drop("192.0.2.1/32"), false},
		{"the other kind", Lift{All: true, Kind: ban.KindAllow}, drop("192.0.2.1/32"), false},
		{"itself", Lift{Prefix: prefix("192.0.2.1/32"), Kind: ban.KindBlock}, drop("192.0.2.1/32"), true},
		{"a part", Lift{Prefix: prefix("192.0.2.0/24"), Kind: ban.KindBlock}, drop("192.0.2.1/32"), true},
		{"all", Lift{All: true, Kind: ban.KindBlock}, drop("2001:db8::1/128"), true},
	} {
		if got := c.lift.Matches(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
