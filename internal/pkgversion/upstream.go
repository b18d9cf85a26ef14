package pkgversion

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Release is a project's own release number, as "20.9.1", "certified-20.7-cert3",
// "22.0.0-rc1" or "mr13.4.1.1".
type Release struct {
	numbers []int
	// cert is the number of a certified Asterisk, which are counted for
	// themselves: certified-20.7-cert3 is no 20.7.
	cert int
	// stage is how far before the release it is; the release itself is last.
	stage, stageNumber int
}

// The forms of release numbers. Each quantity is bounded, so that every number fits.
var (
	releaseForm = regexp.MustCompile(`^(?:v|mr|certified[-/])?([0-9]{1,9}(?:\.[0-9]{1,9}){0,5})(.*)$`)
	certForm    = regexp.MustCompile(`^-cert([0-9]{1,4})(.*)$`)
	stageForm   = regexp.MustCompile(`^[-~+._]*(alpha|beta|dev|pre|rc)[-.]?([0-9]{0,6})(?:[^0-9a-z].*)?$`)
)

// stages are in order; the last one is the release.
var stages = []string{"alpha", "beta", "dev", "pre", "rc", ""}

// ParseUpstream reads a project's release number. What a packager adds behind it
// ("~dfsg", "+git20240101") is passed over.
func ParseUpstream(text string) (Release, error) {
	r := Release{stage: len(stages) - 1}
	m := releaseForm.FindStringSubmatch(text)
	if m == nil || len(text) > maxLength {
		return r, fmt.Errorf("read version %q: %w", clip(text), errNoOrder)
	}
	for part := range strings.SplitSeq(m[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return r, fmt.Errorf("read version %q: %w", text, err)
		}
		r.numbers = append(r.numbers, n)
	}
	rest := m[2]
	if c := certForm.FindStringSubmatch(rest); c != nil {
		r.cert, _ = strconv.Atoi(c[1]) // at most four digits
		rest = c[2]
	}
	if s := stageForm.FindStringSubmatch(rest); s != nil {
		r.stage = slices.Index(stages, s[1])
		r.stageNumber, _ = strconv.Atoi(s[2]) // none is 0
		return r, nil
	}
	// "20.9.1abc" is anything; what is added needs a mark before it.
	if rest != "" && !strings.ContainsAny(rest[:1], "-+~_ ") {
		return r, fmt.Errorf("read version %q: %w", text, errNoOrder)
	}
	return r, nil
}

// Certified says that it is of Asterisk's certified line.
func (r Release) Certified() bool { return r.cert > 0 }

// Branch is the line that it belongs to: its first number.
func (r Release) Branch() int { return r.numbers[0] }

// Compare is negative where r is before o. Numbers that are not there are 0.
func (r Release) Compare(o Release) int {
	for i := range max(len(r.numbers), len(o.numbers)) {
		if c := cmp.Compare(number(r.numbers, i), number(o.numbers, i)); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(r.cert, o.cert), cmp.Compare(r.stage, o.stage), cmp.Compare(r.stageNumber, o.stageNumber))
}

// number gives a part of a release, 0 where it has fewer.
func number(numbers []int, i int) int {
	if i < len(numbers) {
		return numbers[i]
	}
	return 0
}

// String gives the release number without what packagers add.
func (r Release) String() string {
	var b strings.Builder
	for i, n := range r.numbers {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	if r.cert > 0 {
		fmt.Fprintf(&b, "-cert%d", r.cert)
	}
	if s := stages[r.stage]; s != "" {
		fmt.Fprintf(&b, "-%s", s)
		if r.stageNumber > 0 {
			b.WriteString(strconv.Itoa(r.stageNumber))
		}
	}
	return b.String()
}
