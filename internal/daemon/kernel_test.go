package daemon

import (
	"errors"
	"testing"
)

// TestTrouble stands until kernel and table have been found equal.
func TestTrouble(t *testing.T) {
	r := newRig(t, nil)
	r.chronicle.Trouble(errors.New("no buffer space"))
	r.sentences("no buffer space")
	r.sync()
	r.sentences()
}

// TestSignal: whoever asks twice is heard once, and waits for nobody.
func TestSignal(t *testing.T) {
	c := make(chan struct{}, 1)
	signal(c)
	signal(c)
	<-c
	select {
	case <-c:
		t.Error("a second token")
	default:
	}
}
