// Package terminal shows text and progress to people: nothing that comes from
// elsewhere may command their terminal or run past its edge.
package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Wrap breaks text at blanks into lines of at most width letters; a longer
// word is broken anywhere.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		for utf8.RuneCountInString(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			runes := []rune(word)
			lines, word = append(lines, string(runes[:width])), string(runes[width:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

// Fit cuts text to width letters.
func Fit(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}

// Printable makes text from the wire harmless on a terminal: control
// characters become pictures, and what reorders or hides text becomes its
// number.
func Printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case c < 0x20:
			b.WriteRune(0x2400 + c) // the control pictures, in the same order
		case c == 0x7f:
			b.WriteRune('␡')
		case !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
		text = text[size:]
	}
	return b.String()
}

// PrintableLines is Printable for texts of our own with several lines.
func PrintableLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = Printable(lines[i])
	}
	return strings.Join(lines, "\n")
}

// EscapeJSON writes every unprintable character past ASCII as its number; the
// encoder has done so with the others, except for the DEL character.
func EscapeJSON(line []byte) []byte {
	if bytes.IndexFunc(line, unfit) < 0 {
		return line
	}
	var out []byte
	for len(line) > 0 {
		c, size := utf8.DecodeRune(line)
		if unfit(c) {
			for _, unit := range utf16.AppendRune(nil, c) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, line[:size]...)
		}
		line = line[size:]
	}
	return out
}

func unfit(c rune) bool { return c >= 0x7f && !unicode.IsPrint(c) }
