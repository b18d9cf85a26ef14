package secrets

import (
	"math"
	"slices"
	"strings"
	"sync"
)

// rows are keys beside each other on keyboards and dial pads, and alphabets.
var rows = []string{
	"01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertz", "yxcvbnm", "azerty",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm", "147", "258", "369", "159", "357", "147258369", "!@#$%^&*()",
}

// Powers of ten: what it costs to try all of a kind.
const (
	ofRun    = 2.3 // runs of keys: where it begins, how far, which way
	ofName   = 0.5 // a name, or one of its spellings
	ofRepeat = 0.5 // how often something is repeated
	ofCase   = 0.5 // capitals, digits for letters
)

// leet undoes the digits that stand for letters.
var leet = strings.NewReplacer("0", "o", "1", "l", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// guesses estimates how many guesses a secret takes, as a power of ten, of
// somebody who tries words, names, runs of keys and repetitions before anything
// else. It is the cheapest way to put the secret together of such parts, and of
// single characters.
func guesses(secret string, names []string) float64 {
	if len(secret) > longest {
		secret = secret[:longest]
	}
	g := guesser{secret: secret, lower: lower(secret)}
	for _, name := range names {
		if name = lower(name); len(name) >= 3 {
			g.names = append(g.names, name, reversed(name))
		}
	}
	g.leet, g.backwards = leet.Replace(g.lower), reversed(g.lower)
	// least[i] is the cost of the first i bytes.
	least := make([]float64, len(secret)+1)
	for end := 1; end <= len(secret); end++ {
		least[end] = least[end-1] + single(secret[end-1])
		for from := max(0, end-longestPart); from <= end-3; from++ {
			if cost, ok := g.part(from, end); ok {
				least[end] = min(least[end], least[from]+cost)
			}
		}
	}
	return least[len(secret)]
}

// guesser has a secret in the spellings that are compared; all have its length.
type guesser struct {
	secret, lower, leet, backwards string
	names                          []string
}

// lower makes small letters of capitals, byte by byte.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// common gives each word of the list its cost: the first of a list cost least.
var common = sync.OnceValue(func() map[string]float64 {
	known := map[string]float64{}
	for word := range strings.Lines(commonText) {
		known[strings.TrimSuffix(word, "\n")] = math.Log10(float64(len(known) + 2))
	}
	return known
})

// single is the cost of a character that no part explains.
func single(c byte) float64 {
	switch {
	case c >= '0' && c <= '9':
		return 1
	case c|0x20 >= 'a' && c|0x20 <= 'z':
		return math.Log10(26)
	}
	return math.Log10(33)
}

// part is the cost of a piece as a whole, if it is one that people would take.
func (g *guesser) part(from, end int) (float64, bool) {
	if cost, ok := g.word(from, end); ok {
		return cost, true
	}
	// Something short over and over: aaaa, abab, passwordpassword.
	for size := 1; size <= (end-from)/2; size++ {
		if (end-from)%size != 0 || !g.repeats(from, end, size) {
			continue
		}
		cost, ok := g.word(from, from+size)
		for i := from; i < from+size && !ok; i++ {
			cost += single(g.secret[i])
		}
		return cost + ofRepeat, true
	}
	return 0, false
}

// repeats says that a stretch is one piece over and over.
func (g *guesser) repeats(from, end, size int) bool {
	for i := from + size; i < end; i++ {
		if g.secret[i] != g.secret[i-size] {
			return false
		}
	}
	return true
}

// word is the cost of a known word or a run of keys.
func (g *guesser) word(from, end int) (float64, bool) {
	s := g.lower[from:end]
	if slices.Contains(g.names, s) {
		return ofName, true
	}
	if cost, ok := common()[s]; ok {
		if s != g.secret[from:end] {
			cost += ofCase
		}
		return cost, true
	}
	if cost, ok := common()[g.leet[from:end]]; ok {
		return cost + ofCase, true
	}
	if end-from < 3 {
		return 0, false
	}
	other := g.backwards[len(g.lower)-end : len(g.lower)-from]
	for _, row := range rows {
		if strings.Contains(row, s) || strings.Contains(row, other) {
			return ofRun, true
		}
	}
	return 0, false
}
