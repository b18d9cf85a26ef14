// Package pkgversion orders the versions of packages as their package managers
// do, and tells from a version who built the package. dpkg, rpm and the projects
// themselves order versions differently: 1.0~rc1 is before 1.0 for dpkg, and
// 1.0-rc1 behind it.
//
// A version that cannot be ordered gives an error and never a guess: whoever
// asks must then say that he does not know.
package pkgversion

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	deb "github.com/knqyf263/go-deb-version"
	rpm "github.com/knqyf263/go-rpm-version"
)

// Scheme is whose order counts.
type Scheme string

// The schemes.
const (
	Upstream Scheme = "upstream" // a project's own release numbers
	Deb      Scheme = "deb"      // deb-version(7)
	RPM      Scheme = "rpm"      // rpm-version(7)
)

// maxLength bounds a version. The longest of Debian's archive has 67 letters.
const maxLength = 256

// The errors of Compare.
var (
	errTooLong = errors.New("it is too long")
	errNumber  = errors.New("a number in it is too long")
	errNoOrder = errors.New("it is no version")
)

// tooBig is a number that does not fit into 64 bits. Git's hashes are full of them.
var tooBig = regexp.MustCompile(`[0-9]{19}`)

// Compare is negative where a is before b, and zero where they are equal.
func Compare(s Scheme, a, b string) (int, error) {
	for _, v := range []string{a, b} {
		if err := check(v); err != nil {
			return 0, fmt.Errorf("order version %q: %w", clip(v), err)
		}
	}
	switch s {
	case Deb:
		return compareDeb(a, b)
	case RPM:
		return rpm.NewVersion(a).Compare(rpm.NewVersion(b)), nil
	}
	va, err := ParseUpstream(a)
	if err != nil {
		return 0, err
	}
	vb, err := ParseUpstream(b)
	if err != nil {
		return 0, err
	}
	return va.Compare(vb), nil
}

// check refuses what no package manager prints. The libraries below would order it
// somehow, and somehow is a guess.
func check(v string) error {
	switch {
	case len(v) > maxLength:
		return errTooLong
	case v == "" || strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return errNoOrder
	case tooBig.MatchString(v):
		return errNumber
	}
	return nil
}

// compareDeb orders as dpkg does; what deb-version(7) forbids is an error.
func compareDeb(a, b string) (int, error) {
	va, err := deb.NewVersion(a)
	if err != nil {
		return 0, fmt.Errorf("order version %q: %w", a, err)
	}
	vb, err := deb.NewVersion(b)
	if err != nil {
		return 0, fmt.Errorf("order version %q: %w", b, err)
	}
	return va.Compare(vb), nil
}

// clip keeps an error short whatever was given.
func clip(v string) string {
	const most = 64
	if len(v) > most {
		return v[:most] + "…"
	}
	return v
}
