package advisory

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sipward/sipward/internal/pkgversion"
)

// undone are words that say of a fix that it is not, or no longer, there.
var undone = regexp.MustCompile(`(?i)\b(revert(s|ed|ing)?|back(ed|ing)? out|disabled?|drop(s|ped)?|remov(e|es|ed|ing)|incomplete|unfixed|not (yet )?fix(ed)?|does not fix|still (open|vulnerable|affected)|postponed?|ignored?)\b`)

// aside are words that only bring a hole up to explain another one.
var aside = regexp.MustCompile(`(?i)\b(related to|similar to|caused by|introduced by|regression (of|from)|see also|difference (to|from))\b`)

// fixing are words that say in such a paragraph that the fix is there all the
// same: a patch is dropped because the new release has it.
var fixing = regexp.MustCompile(`(?i)\b(applied|included|fixed|merged|integrated|present) (upstream|in (the )?(new )?(upstream )?(release|version))|upstream(ed)? (already )?(fixed|applied|includes)|no longer needed|obsolete`)

// evidence looks into the package's own change log: an entry of the installed
// version, or of one before it, that names the advisory says that it is fixed.
// Silence says nothing, for old entries are cut off from change logs.
func evidence(a *Advisory, s *Subject) (verdict, bool) {
	for _, e := range s.Changelog {
		if e.Version == "" {
			continue
		}
		// An entry of a later version is there where a package was set back to an older
		// one and its documents were not.
		if c, err := pkgversion.Compare(s.Origin.Scheme, e.Version, s.counts()); err != nil || c > 0 {
			continue
		}
		for _, n := range a.Names() {
			switch named, doubtful := mentions(e.Text, n); {
			case named:
				return verdict{Fixed, e.Version, fmt.Sprintf("the package's change log names %s under %s", n, e.Version)}, true
			case doubtful:
				return verdict{Unknown, "", fmt.Sprintf("the package's change log names %s under %s, and may say that the fix is not there", n, e.Version)}, true
			}
		}
	}
	return verdict{}, false
}

// mentions says that a text names an advisory as one it fixes, or that all it
// says of it may be the opposite.
func mentions(text, name string) (named, doubtful bool) {
	for item := range items(text) {
		if !hasName(item, name) {
			continue
		}
		for sentence := range sentences(item) {
			switch {
			case !hasName(sentence, name) || aside.MatchString(sentence):
			case undone.MatchString(sentence) && !fixing.MatchString(sentence):
				doubtful = true
			default:
				named = true
			}
		}
	}
	return named && !doubtful, doubtful
}

// items are the points of a change log's entry: each begins with a star.
func items(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		var item strings.Builder
		for line := range strings.Lines(text) {
			trimmed := strings.TrimSpace(line)
			if strings.HasPrefix(trimmed, "* ") || strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "+ ") {
				if item.Len() > 0 && !yield(item.String()) {
					return
				}
				item.Reset()
			}
			item.WriteString(trimmed + " ")
		}
		if item.Len() > 0 {
			yield(item.String())
		}
	}
}

// sentences are parted by full stops with a blank behind.
func sentences(item string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for s := range strings.SplitSeq(item, ". ") {
			if !yield(s) {
				return
			}
		}
	}
}

// hasName finds a name that is not a part of a longer one: CVE-2024-1234 is not
// in CVE-2024-12345.
func hasName(text, name string) bool {
	for {
		at := strings.Index(text, name)
		if at < 0 {
			return false
		}
		end := at + len(name)
		if (end == len(text) || !wordByte(text[end])) && (at == 0 || !wordByte(text[at-1])) {
			return true
		}
		text = text[end:]
	}
}

// wordByte says that a letter would make a number a longer one.
func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
