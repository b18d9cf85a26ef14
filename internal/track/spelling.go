package track

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
)

// accountID names whom a request is about, whatever way it is spelled. One
// number that answers would otherwise speak for its caller once per spelling,
// and hide the numbers that do not.
func (t *Tracker) accountID(e *event.Event) uint64 {
	target := e.SIP.Method != event.REGISTER && (!e.Echoes || len(e.SIP.Auth.User) == 0)
	return event.AccountID(t.fold(accountOf(e), target))
}

// fold gives the one spelling of a name, good until the next call. Databases
// compare names without regard to case. Of a target the server looks at
// neither the parameters (RFC 3261 19.1.1; Asterisk's ignore_uri_user_options)
// nor, in a number, at what makes it easier to read (RFC 3966 5.1.1).
func (t *Tracker) fold(name []byte, target bool) []byte {
	if target {
		if before, _, found := bytes.Cut(name, []byte(";")); found && len(before) > 0 {
			name = before
		}
		target = isNumber(name)
	}
	t.spelled = t.spelled[:0]
	for _, c := range name {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case target && isSeparator(c):
			continue
		}
		t.spelled = append(t.spelled, c)
	}
	return t.spelled
}

// isNumber says that a name is dialled digits, and not separators alone.
func isNumber(name []byte) bool {
	digits := 0
	for _, c := range name {
		switch {
		case '0' <= c && c <= '9', c == '+', c == '*', c == '#':
			digits++
		case !isSeparator(c):
			return false
		}
	}
	return digits > 0
}

// isSeparator knows the visual separators of RFC 3966, and the blank.
func isSeparator(c byte) bool { return c == '-' || c == '.' || c == '(' || c == ')' || c == ' ' }
