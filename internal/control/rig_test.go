package control

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// rig is a fake daemon that listens in a directory of the test.
type rig struct {
	*Fake
	*Client
	path string
	// stopped receives each order to stop; reloadErr is what Reload gives.
	stopped   chan bool
	reloadErr error
	// end stops the server; done receives what Serve gave.
	end  context.CancelFunc
	done chan error
}

func newRig(t *testing.T, mode string) *rig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	server, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &rig{Fake: NewFake(mode), Client: NewClient(path), path: path,
		stopped: make(chan bool, 1), end: cancel, done: make(chan error, 1)}
	doors := Doors{
		Guard: r.Fake, Feed: r.Fake,
		Stop:   func(clear bool) error { r.stopped <- clear; cancel(); return nil },
		Reload: func() error { return r.reloadErr },
	}
	go func() { r.done <- errors.Join(server.Serve(ctx, doors), server.Close()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-r.done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return r
}

// wantKind checks the kind of an error, and that it says something.
func wantKind(t *testing.T, what string, err, kind error) {
	t.Helper()
	var p *Problem
	if !errors.Is(err, kind) {
		t.Errorf("%s: got %v, want %v", what, err, kind)
	} else if !errors.As(err, &p) || p.What == "" {
		t.Errorf("%s: %v is no Problem", what, err)
	}
}
