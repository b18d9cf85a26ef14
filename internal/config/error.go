package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is one mistake in a settings file.
type Error struct {
	// File, Line and Column (both from 1) say where it is.
	File         string
	Line, Column int
	// Key is the dotted name of the setting; empty when the text is not YAML.
	Key string
	Mistake
}

// Error gives "file:line:column: key: what is wrong; what to do".
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Mistake.Error())
	return b.String()
}

// Mistake is a word that cannot be right, wherever it was given: in a file or
// on the command line.
type Mistake struct {
	// Word is what was given; empty when something is missing.
	Word string
	// Why says what is wrong with it, as the rest of a sentence after Word.
	Why string
	// Do says what to write instead.
	Do string
}

// Error gives the mistake in one line. The word is quoted in ASCII, so that a
// letter that only looks right can be seen.
func (m Mistake) Error() string {
	text := m.Why
	if m.Word != "" {
		text = quote(m.Word) + " " + m.Why
	}
	if m.Do != "" {
		text += "; " + m.Do
	}
	return text
}

// quote shows a word that may hold anything, and not more of it than helps.
func quote(word string) string {
	const most = 60
	if runes := []rune(word); len(runes) > most {
		word = string(runes[:most]) + "..."
	}
	return strconv.QuoteToASCII(word)
}

// place is a position in a settings file; Line 0 means nowhere.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// maxErrors bounds a report: past it a reader has the wrong file in hand.
const maxErrors = 10

// faults collects mistakes, so that one look shows them all.
type faults []*Error

func (f *faults) add(at place, key string, m Mistake) {
	*f = append(*f, &Error{File: at.file, Line: at.line, Column: at.column, Key: key, Mistake: m})
}

// err joins the mistakes in the order of the text; nil when there are none.
func (f faults) err() error {
	slices.SortStableFunc(f, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var all []error
	for i, e := range f {
		if i == maxErrors {
			all = append(all, fmt.Errorf("and %d more", len(f)-i))
			break
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

// unknownWord says which of the right words was probably meant, or lists them.
func unknownWord(word, why string, right []string) Mistake {
	if near := Nearest(word, right); near != "" {
		return Mistake{Word: word, Why: why, Do: fmt.Sprintf("did you mean %q?", near)}
	}
	return Mistake{Word: word, Why: why, Do: "known: " + strings.Join(right, ", ")}
}

// Nearest gives the candidate that word was probably meant to be, or "" when
// none is near: at most a third of its letters, and never fewer than two, may
// be wrong.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", max(2, len(word)/3)+1
	for _, c := range candidates {
		d := distance(strings.ToLower(word), c)
		// A short word is not near to one that shares no letter with it.
		if d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap to get from a
// to b (optimal string alignment). Words longer than any of ours are just far.
func distance(a, b string) int {
	const long = 64
	s, t := []rune(a), []rune(b)
	if len(s) > long || len(t) > long {
		return long
	}
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(s); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(t); j++ {
			change := 1
			if s[i-1] == t[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(t)]
}
