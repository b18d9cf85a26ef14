package control

import (
	"errors"
	"net/http"
)

// The kinds of problem, to be asked for with errors.Is.
var (
	// ErrUnreachable: no daemon answers at the socket.
	ErrUnreachable = errors.New("daemon not reachable")
	// ErrNotPermitted: the caller may not talk to the daemon.
	ErrNotPermitted = errors.New("not permitted")
	// ErrNotFound: there is no such entry.
	ErrNotFound = errors.New("not found")
	// ErrRefused: a safety rule forbids it.
	ErrRefused = errors.New("refused by a safety rule")
	// ErrInvalid: what was given, or the settings file, is wrong.
	ErrInvalid = errors.New("invalid")
	// ErrPartly: something was done, and not all that was meant.
	ErrPartly = errors.New("partly done")
)

// statuses carries the kinds over HTTP and back.
var statuses = []struct {
	kind   error
	status int
}{
	{ErrNotPermitted, http.StatusForbidden},
	{ErrNotFound, http.StatusNotFound},
	{ErrRefused, http.StatusConflict},
	{ErrInvalid, http.StatusUnprocessableEntity},
	{ErrPartly, http.StatusMultiStatus},
}

func statusOf(err error) int {
	for _, s := range statuses {
		if errors.Is(err, s.kind) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}

// kindOf gives nil for a status that stands for no kind.
func kindOf(status int) error {
	for _, s := range statuses {
		if s.status == status {
			return s.kind
		}
	}
	return nil
}

// Problem is an error in three parts, as people need it.
type Problem struct {
	// What happened, why, and what to do now: a sentence each, the last two optional.
	What string `json:"error"`
	Why  string `json:"why,omitempty"`
	Do   string `json:"do,omitempty"`
	// Kind is one of the kinds above, or nil.
	Kind error `json:"-"`
}

// Error gives the parts in one line.
func (p *Problem) Error() string {
	text := p.What
	if p.Why != "" {
		text += ": " + p.Why
	}
	if p.Do != "" {
		text += "; " + p.Do
	}
	return text
}

// Unwrap gives the kind.
func (p *Problem) Unwrap() error { return p.Kind }

// problemOf puts any error into three parts.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{What: err.Error()}
}
