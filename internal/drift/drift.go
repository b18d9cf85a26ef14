// Package drift notices when logs stop telling what they used to: after an
// upgrade that words its lines anew, a changed log level, a rotation gone wrong.
// It compares what the logs say with what the wire shows.
package drift

import (
	"fmt"
	"slices"
	"time"
)

const (
	// window is how long is counted before a judgement: two of them are less than
	// the five minutes in which people are to be told.
	window = 2 * time.Minute
	// enoughNear lines in a window are no accident: a text that only resembles a
	// security line comes alone.
	enoughNear = 3
	// enoughFailures on the wire must have left a trace in some log, unless the
	// server does not log failures at all.
	enoughFailures = 5
	// enoughRequests on the wire must make a log speak that tells of successes.
	enoughRequests = 20
	// enoughReplies of ours, with oneWay times fewer requests, show that requests
	// pass us by: a reply to an INVITE is sent eleven times at most until somebody
	// acknowledges it (RFC 3261 17.2.1, timer G up to timer H).
	enoughReplies = 40
	oneWay        = 20
	// remembered is how long a sentence stands after its last sign.
	remembered = time.Hour
)

// Log is what a log has said since the daemon began.
type Log struct {
	Name string
	// Lines were read, of which Near look like security lines and match nothing
	// known, Failures tell of a refused login, and Answered of a challenge or a
	// success: a log that has any of those tells of every request.
	Lines, Near, Failures, Answered uint64
	// Reserved says that its server may keep refused logins to itself, until the
	// log has told of one.
	Reserved bool
}

// Wire is what the packets have shown since the daemon began.
type Wire struct {
	// Requests came in; Failures are those whose credentials or accounts our
	// server refused.
	Requests, Failures uint64
	// Replies are what our server sent.
	Replies uint64
}

// Watch compares. It belongs to one goroutine.
type Watch struct {
	began time.Time
	wire  Wire
	logs  map[string]Log
	signs map[string]sign
}

// sign is a sentence about a log, or about all of them, and when it last held.
type sign struct {
	sentence string
	at       time.Time
}

// New begins a watch.
func New(now time.Time) *Watch {
	return &Watch{began: now, logs: map[string]Log{}, signs: map[string]sign{}}
}

// Look takes the figures as they now are, and gives one sentence for each thing
// that people ought to look at, in the order of the logs' names.
func (w *Watch) Look(now time.Time, wire Wire, logs []Log) []string {
	if now.Sub(w.began) >= window {
		w.judge(now, Wire{wire.Requests - w.wire.Requests, wire.Failures - w.wire.Failures, wire.Replies - w.wire.Replies}, logs)
		w.began, w.wire = now, wire
		clear(w.logs)
		for _, l := range logs {
			w.logs[l.Name] = l
		}
	}
	var names, sentences []string
	for name, s := range w.signs {
		if now.Sub(s.at) > remembered {
			delete(w.signs, name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		sentences = append(sentences, w.signs[name].sentence)
	}
	return sentences
}

// judge weighs one window. A log that was not there all the time is passed over.
func (w *Watch) judge(now time.Time, wire Wire, logs []Log) {
	told, known := uint64(0), 0
	switch {
	case wire.Replies >= enoughReplies && wire.Requests < wire.Replies/oneWay:
		w.signs["one way"] = sign{fmt.Sprintf("the wire shows %d replies of our server in two minutes and %d requests: does what comes in "+
			"take another way, past the interfaces that are watched?", wire.Replies, wire.Requests), now}
	case wire.Requests > 0:
		delete(w.signs, "one way")
	}
	for _, l := range logs {
		before, here := w.logs[l.Name]
		if !here || l.Lines < before.Lines { // it is counted anew
			continue
		}
		if !l.Reserved || l.Failures > 0 {
			known++
		}
		told += l.Failures - before.Failures
		if near := l.Near - before.Near; near >= enoughNear {
			told += near // the reason is known then
			w.signs["near "+l.Name] = sign{fmt.Sprintf("%d lines of %s look like security lines and match no known form: "+
				"was the server upgraded? `sipward explain %s` shows them", near, l.Name, l.Name), now}
		}
		silent := "silent " + l.Name
		switch {
		case l.Lines != before.Lines:
			delete(w.signs, silent)
		case before.Answered > 0 && wire.Requests >= enoughRequests:
			w.signs[silent] = sign{fmt.Sprintf("%s is silent, though %d requests came in the last two minutes: "+
				"does the server still write there?", l.Name, wire.Requests), now}
		}
	}
	switch {
	case told > 0:
		delete(w.signs, "untold")
	case known > 0 && wire.Failures >= enoughFailures:
		w.signs["untold"] = sign{fmt.Sprintf("the wire shows %d refused logins in two minutes, and no log tells of one: "+
			"the server does not log them, or words them in a new way", wire.Failures), now}
	}
}
