package terminal

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"\x1b[2J":               "␛[2J",
		"a\nb\tc\x00":           "a␊b␉c␀",
		"\x7f":                  "␡",
		"\u009b31m":             `\u009b31m`,
		"\u202e\u2066\u200b":    `\u202e\u2066\u200b`,
		"\ufeff\u2028":          `\ufeff\u2028`,
		"\xff\xfe":              `\xff\xfe`,
		"\U000e0041":            `\ue0041`,
		"plain, é, 日本, emoji 🙂": "plain, é, 日本, emoji 🙂",
	} {
		if got := Printable(text); got != want {
			t.Errorf("Printable(%q) = %q, want %q", text, got, want)
		}
	}
	if got := PrintableLines("a\n\x1b\n"); got != "a\n␛\n" {
		t.Errorf("lines become %q", got)
	}
}

// TestPrintableAnything is no fuzz target: that would have to instrument
// everything the program is linked with.
func TestPrintableAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		got := Printable(text)
		if !utf8.ValidString(got) || Printable(got) != got || strings.ContainsFunc(got, func(c rune) bool { return c < ' ' }) {
			t.Errorf("Printable(%q) = %q", text, got)
		}
		for _, line := range Wrap(got, 20) {
			if utf8.RuneCountInString(line) > 20 {
				t.Errorf("Wrap(%q): %q", got, line)
			}
		}
	})
}

func TestFit(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 1, ""}, {"日本", 2, "日本"}, {"日本語", 2, "日…"}, {"abc", 1, "…"},
	} {
		if got := Fit(test.text, test.width); got != test.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

// TestWrap: no word is lost, and none is longer than the line.
func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"":               "",
		"a b":            "a b",
		"one two three":  "one|two|three",
		"a longerword b": "a|longe|rword|b",
	} {
		if got := strings.Join(Wrap(text, 5), "|"); got != want {
			t.Errorf("Wrap(%q) = %q, want %q", text, got, want)
		}
	}
}
