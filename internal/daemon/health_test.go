package daemon

import (
	"errors"
	"testing"
)

// TestHealth says a thing once, in the order of the things' names, and tells
// when it is over.
func TestHealth(t *testing.T) {
	r := newRig(t, nil)
	broken := errors.New("broken")
	r.health.report("b", "the second does not work", nil)
	r.sentences()
	r.health.report("b", "the second does not work", broken)
	r.health.report("b", "the second does not work", broken)
	r.health.report("a", "the first does not work", broken)
	r.sentences("the first does not work: broken", "the second does not work: broken")
	if n := r.log.count("the second does not work"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	r.health.report("b", "the second does not work", errors.New("worse"))
	r.sentences("the first does not work: broken", "the second does not work: worse")
	r.health.list("c", []string{"this", "that"})
	r.sentences("the first", "the second", "this; that")
	r.health.list("c", nil)
	r.health.report("b", "the second does not work", errors.Join(broken, errors.New("worse")))
	r.sentences("the first", "the second does not work: broken; worse") // in one line
	r.health.report("a", "the first does not work", nil)
	r.health.clear("b")
	r.health.clear("b")
	r.sentences()
	if n := r.log.count("works again"); n != 3 {
		t.Errorf("said %d times that something works again", n)
	}
}
