package daemon

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/crew"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/source"
)

// rig is a daemon with a real store and table, whose lanes and wires do not
// run: what is given to a lane stays in its inbox.
type rig struct {
	*Daemon
	t   *testing.T
	log *journal
}

// journal is the daemon's log, for several goroutines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func newRig(t *testing.T, record io.Writer) *rig {
	t.Helper()
	settings := config.Default()
	settings.State = t.TempDir()
	r := &rig{t: t, log: &journal{}}
	d, err := build(Options{Record: record, Root: t.TempDir(), Log: slog.New(slog.NewTextHandler(r.log, nil))}, settings)
	if err != nil {
		t.Fatal(err)
	}
	r.Daemon = d
	r.senses = &senses{stop: func() {}, sides: &source.Sides{}}
	t.Cleanup(func() {
		d.machine.Close()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// scribe starts what writes to the store, until the test ends.
func (r *rig) scribe() {
	scribes := crew.New(context.Background(), func() {})
	scribes.Add(r.writer.Run, r.chronicle.Run)
	r.t.Cleanup(func() {
		if err := scribes.Dismiss(); err != nil {
			r.t.Error(err)
		}
	})
}

// prefix reads an address or a prefix.
func prefix(text string) netip.Prefix {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p
	}
	a := netip.MustParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen())
}

// entry is an hour of an action, ordered by somebody.
func entry(action ban.Action, text, by string) ban.Ban {
	now := time.Now()
	return ban.Ban{Prefix: prefix(text), Action: action, By: by, Since: now, Until: now.Add(time.Hour)}
}

// protect makes these prefixes the never-ban list.
func (r *rig) protect(texts ...string) {
	var posts []policy.Post
	for _, text := range texts {
		posts = append(posts, policy.Post{Prefix: prefix(text), Reason: "a post"})
	}
	r.guard.Protect(posts, time.Now())
}

// sentences fails the test unless exactly these complaints stand, each named by
// a few of its words.
func (r *rig) sentences(want ...string) {
	r.t.Helper()
	got := r.health.Sentences()
	same := len(got) == len(want)
	for i := range want {
		same = same && strings.Contains(got[i], want[i])
	}
	if !same {
		r.t.Errorf("degraded: %q, want %q", got, want)
	}
}
