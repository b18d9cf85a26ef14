// Package secrets judges how easily a secret is guessed: a phone's password, a
// manager's, the PIN of a mailbox. It has no list of what is good, only of how
// people, programs and manuals make what is bad. It says why in words, and never
// repeats a secret.
package secrets

import (
	_ "embed"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

const (
	// Shortest is how many characters a secret should have at least, as Asterisk's
	// own README asks for.
	Shortest = 12
	// ShortestPIN is the same for what is keyed in on a phone.
	ShortestPIN = 6
	// TriesPerDay is what sipward leaves to somebody who guesses patiently. Days of
	// guessing are told by it; without sipward they are minutes.
	TriesPerDay = 60
	// enough is how many guesses a good secret takes at least, as a power of ten:
	// twelve random hexadecimal digits take 10^14.
	enough = 10
	// longest is how much of a secret is looked at, longestPart of one word in it.
	longest, longestPart = 64, 32
)

//go:embed common.txt
var commonText string

//go:embed published.txt
var publishedText string

// Published says that everybody can read the secret in a sample or a manual.
func Published(secret string) bool {
	for line := range strings.Lines(publishedText) {
		if line = strings.TrimSuffix(line, "\n"); line == secret && secret != "" && line[0] != '#' {
			return true
		}
	}
	return false
}

// Weakness says why a secret can be guessed, as a sentence without its full stop
// such as "it has 6 characters, and should have 12"; "" when it is good. The names
// are what an attacker knows: the user, the extension, the host.
func Weakness(secret string, names ...string) string {
	length := utf8.RuneCountInString(secret)
	switch name := namesake(secret, names); {
	case secret == "":
		return "it is empty"
	case name != "":
		return name + inDays(0)
	case Published(secret):
		return "it stands in a published sample" + inDays(0)
	case digits(secret):
		return fmt.Sprintf("it has digits only, %d of them%s", length, inDays(guesses(secret, names)))
	}
	power := guesses(secret, names)
	switch {
	case length < Shortest && power < enough:
		return fmt.Sprintf("it has %d characters, and should have %d%s", length, Shortest, inDays(power))
	case length < Shortest:
		return fmt.Sprintf("it has %d characters, and should have %d: who overhears one login tries billions a second", length, Shortest)
	case power < enough:
		return "it is made of common words, names or runs of keys" + inDays(power)
	}
	return ""
}

// WeakPIN says why a number to be keyed in can be guessed, in the same form.
func WeakPIN(pin string, names ...string) string {
	name := namesake(pin, names)
	switch {
	case pin == "":
		return "it is empty"
	case name != "":
		return name
	case utf8.RuneCountInString(pin) < ShortestPIN:
		return fmt.Sprintf("it has %d digits, and should have %d", utf8.RuneCountInString(pin), ShortestPIN)
	case digits(pin) && guesses(pin, names) < 4:
		return "it is a run, a repetition or one of the most common"
	}
	return ""
}

// namesake says which way a secret is one of the names: itself, backwards, more
// than once.
func namesake(secret string, names []string) string {
	s := lower(secret)
	for _, name := range names {
		name = lower(name)
		switch {
		case name == "":
		case s == name:
			return "it is the same as the name"
		case s == reversed(name):
			return "it is the name backwards"
		case len(s) > len(name) && strings.ReplaceAll(s, name, "") == "":
			return "it is the name repeated"
		}
	}
	return ""
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// inDays says how long a patient attacker takes for so many guesses, given as a
// power of ten. What takes longer than a century is not said.
func inDays(power float64) string {
	switch days := math.Ceil(math.Pow(10, power) / TriesPerDay); {
	case days <= 1:
		return fmt.Sprintf(": guessed within a day at %d tries a day", TriesPerDay)
	case days <= 36500:
		return fmt.Sprintf(": guessed within %.0f days at %d tries a day", days, TriesPerDay)
	}
	return ""
}
