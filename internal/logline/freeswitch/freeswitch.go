// Package freeswitch reads the lines of FreeSWITCH: what mod_sofia says about
// registrations and calls it refuses, and the event socket about connections.
package freeswitch

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

const serverName = "freeswitch"

// record is one line of FreeSWITCH's logger, taken apart (src/switch_log.c). All
// parts but message are the server's own words.
type record struct {
	level, file, message []byte
	// at is the logger's own stamp; zero where syslog's or none stands.
	at time.Time
	// escaped is line.Header.Escaped.
	escaped bool
}

// form is a message that can be told by its file and its start. The file is
// part of it: scripts and the dial plan log whatever somebody sent them, but
// under names of their own.
type form struct {
	files []string
	start string
	read  func(record) line.Reading
}

var (
	anyFile  = []string{""}
	register = []string{"sofia_reg.c"}
	sofia    = []string{"sofia_reg.c", "sofia.c"}
	refusers = []string{"sofia_reg.c", "sofia.c", "mod_event_socket.c", "mod_erlang_event.c"}
)

var forms = []form{
	{register, "SIP auth ", readAuth},
	{register, "Can't find user [", readUnknownUser},
	{anyFile, "Can't find user [", readSourceless},
	{refusers, "IP ", readRefusedAddress},
	{register, "Can not do authorization without a complete header in REGISTER request from ", readIncomplete},
	{register, "NO CONTACT! ip: ", readNoContact},
	{sofia, "", readOwnRegistration},
	{register, "Invalid Authorization header!", readSourceless},
	{register, "Empty password denied for user ", readSourceless},
	{register, "Cant register a pointer.", readSourceless},
}

// Read reads one line, without the header of syslog.
func Read(h line.Header, r *line.Reading) {
	rec, ok := jsonRecord(h)
	if !ok {
		rec, ok = splitRecord(h)
	}
	if ok {
		*r = readRecord(rec)
		return
	}
	readLoose(h, r)
}

// readRecord judges a message by the form it has.
func readRecord(rec record) line.Reading {
	r := matchRecord(rec)
	r.Whole, r.Server, r.At, r.Stamped = true, serverName, rec.at, !rec.at.IsZero()
	if r.Verdict == event.Unknown && !isQuiet(rec.level) && line.Suspicious(rec.message) {
		r.Verdict, r.Note = event.Near, "no known form"
	}
	if r.Breakable() && line.IsCut(len(rec.message), rec.escaped) {
		r.Source = netip.AddrPort{}
		r.Tamper("long enough to have been cut off")
	}
	if r.Verdict != event.Hostile && r.Verdict != event.Tampered {
		r.Source = netip.AddrPort{}
	}
	return r
}

func matchRecord(rec record) line.Reading {
	if isQuiet(rec.level) {
		return readCall(rec.message)
	}
	message := rec.message
	for i := range forms {
		rest, ok := line.CutPrefix(message, forms[i].start)
		if !ok || !isOneOf(rec.file, forms[i].files) {
			continue
		}
		rec.message = rest
		if r := forms[i].read(rec); r.Verdict != event.Unknown {
			return r
		}
	}
	return line.Reading{}
}

func isOneOf(file []byte, files []string) bool {
	for _, name := range files {
		if name == "" || string(file) == name {
			return true
		}
	}
	return false
}

// isQuiet says that lines of this level never speak about security first hand.
// At level DEBUG the server says that a list rejects an address, and goes on to
// ask for a password.
func isQuiet(level []byte) bool {
	switch string(level) {
	case "INFO", "DEBUG", "CONSOLE", "NOTICE":
		return true
	}
	return false
}

// splitRecord takes the logger's prefix apart, in any of its shapes:
//
//	2026-11-22 13:05:17.653234 [WARNING] sofia_reg.c:1787 message
//	2026-11-22 13:05:17.653234 33.60% [WARNING] sofia_reg.c:1787 message   with the idle time of the processor
//	aaa95998-71cd-48db-9adc-38c11103f18e 2026-11-22 13:05:17.653234 …       with the call it is about
//	11-22 13:05:17.653234 [WARN] [SOFIA] [sofia_reg.c:1787] message
//
// with or without stamps, and colours in front.
func splitRecord(h line.Header) (record, bool) {
	rec := record{escaped: h.Escaped}
	text := line.SkipColour(h.Text)
	if isUUID(text) {
		text = text[uuidSize+1:]
	}
	if at, n := h.Clock.Stamp(text); n > 0 && n < len(text) && text[n] == ' ' {
		rec.at, text = at, text[n+1:]
	}
	text = skipIdle(text)
	level, text, ok := bracketed(text)
	if !ok || !isLevel(level) {
		return rec, false
	}
	rec.level = level
	if subsystem, rest, ok := bracketed(text); ok && isLevel(subsystem) {
		text = rest
		place, rest, ok := bracketed(text)
		if !ok {
			return rec, false
		}
		rec.message = bytes.TrimPrefix(rest, []byte("- "))
		return rec, rec.setPlace(place)
	}
	place, text := cutWord(text)
	if word, rest := cutWord(text); line.HasSuffix(word, "()") { // built with SWITCH_FUNC_IN_LOG
		text = rest
	}
	rec.message = text
	return rec, rec.setPlace(place)
}

// setPlace reads "sofia_reg.c:1787".
func (rec *record) setPlace(place []byte) bool {
	file, number, ok := bytes.Cut(place, []byte(":"))
	_, ok2 := line.Number(number)
	rec.file = file
	return ok && ok2 && len(file) > 0
}

// cutWord cuts text at the first blank; unlike line.Token it keeps a second one.
func cutWord(text []byte) (word, rest []byte) {
	word, rest, _ = bytes.Cut(text, []byte(" "))
	return word, rest
}

// bracketed takes "[word] " off text.
func bracketed(text []byte) (word, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '[' {
		return nil, text, false
	}
	end := bytes.IndexByte(text, ']')
	if end < 2 || end > 64 || end+1 < len(text) && text[end+1] != ' ' {
		return nil, text, false
	}
	return text[1:end], text[min(end+2, len(text)):], true
}

// isLevel knows words of capitals and digits: WARNING, and DEBUG10.
func isLevel(word []byte) bool {
	for _, b := range word {
		if (b < 'A' || b > 'Z') && !line.IsDigit(b) {
			return false
		}
	}
	return len(word) > 2
}

// uuidSize is the length of the identifier that a call has in the log.
const uuidSize = len("aaa95998-71cd-48db-9adc-38c11103f18e")

func isUUID(text []byte) bool {
	if len(text) <= uuidSize || text[uuidSize] != ' ' || text[8] != '-' {
		return false
	}
	for _, b := range text[:uuidSize] {
		if !line.IsDigit(b) && b != '-' && (b < 'a' || b > 'f') {
			return false
		}
	}
	return true
}

// skipIdle passes over "33.60% ".
func skipIdle(text []byte) []byte {
	word, rest := cutWord(text)
	figure, ok := bytes.CutSuffix(word, []byte("%"))
	if !ok || len(figure) == 0 || len(bytes.Trim(figure, "0123456789.")) > 0 {
		return text
	}
	return rest
}

// readCall reads what the core says when a call begins, with the caller's own
// words, percent escapes resolved:
//
//	Processing name <number>->number in context public
//
// What stands in such lines is no evidence, but a line break in a name can put
// whole lines into the log.
func readCall(message []byte) line.Reading {
	const context = " in context "
	if _, ok := line.CutPrefix(message, "Processing "); !ok || line.Contains(message, context) {
		return line.Reading{}
	}
	return line.Reading{Clause: context, Open: true, Log: event.Log{
		Verdict: event.Tampered, Kind: event.KindOther, Rule: "freeswitch.call", Note: "ends inside a value",
	}}
}

// readLoose looks at a line without the server's prefix: foreign text, or the
// rest of a record with a line break in it. Nothing in it names a culprit.
func readLoose(h line.Header, r *line.Reading) {
	if h.Escaped || len(h.Text) == 0 {
		return
	}
	for _, words := range advice {
		if bytes.HasPrefix(h.Text, []byte(words)) {
			r.Say(event.Benign, event.KindOther, "freeswitch.advice")
			r.Server = serverName
			return
		}
	}
	tail := tailClauses.In(h.Text)
	if !tail && !looseClauses.In(h.Text) {
		return
	}
	r.Say(event.Tampered, event.KindOther, "freeswitch.fragment")
	r.Tail, r.Server, r.Note = tail, serverName, "a clause of the server without the server's prefix"
}

// advice follows a user that is unknown, in lines of its own.
var advice = [...]string{"You must define a domain called '", "and you must configure your device to use the proper domain in "}

// looseClauses are clauses that the server writes before or after somebody
// else's text; tailClauses end lines about calls.
var (
	looseClauses = line.NewWords(fromIP, "SIP auth failure (", "Can't find user [", "Rejected by acl ", "Rejected by register acl ", "Rejected by user acl ")
	tailClauses  = line.NewWords(">->", " receiving invite from ")
)
