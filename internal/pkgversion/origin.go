package pkgversion

import (
	"regexp"
	"strings"
)

// Origin is who built a package, as far as its version tells.
type Origin struct {
	// Scheme is whose order its versions follow.
	Scheme Scheme
	// Name is the distribution as OSV spells it ("Debian", "Ubuntu", "Fedora",
	// "Enterprise Linux"), empty where the version does not tell.
	Name string
	// Release is the distribution's release ("11", "22.04"), empty when unknown.
	Release string
	// Project says that the project itself built it from its own release: then
	// nothing is backported, and the release number says everything.
	Project bool
}

// Ecosystem names the distribution and its release as OSV does: "Debian:11".
func (o Origin) Ecosystem() string {
	if o.Release == "" {
		return o.Name
	}
	return o.Name + ":" + o.Release
}

// The marks that distributions and projects leave in the versions they build.
var (
	debianMark   = regexp.MustCompile(`[+~]deb([0-9]{1,2})u[0-9]+`)
	backportMark = regexp.MustCompile(`~bpo([0-9]{1,2})\+`)
	ubuntuMark   = regexp.MustCompile(`ubuntu[0-9]*(?:\.([0-9]{2}\.[0-9]{2}))?`)
	projectMark  = regexp.MustCompile(`~release~|\+bpo[0-9]{1,2}$|\+(?:ubuntu)?(?:focal|jammy|noble|bullseye|bookworm|trixie)$`)
	epochMark    = regexp.MustCompile(`^[0-9]{1,9}:`)
)

// rpmMarks stand in the release part of an rpm.
var rpmMarks = []struct {
	form *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`\.el([0-9]{1,2})`), "Enterprise Linux"},
	{regexp.MustCompile(`\.fc([0-9]{1,3})`), "Fedora"},
	{regexp.MustCompile(`\.amzn([0-9]{1,4})`), "Amazon Linux"},
	{regexp.MustCompile(`\.mga([0-9]{1,2})`), "Mageia"},
	{regexp.MustCompile(`\b(?:lp|bp)([0-9]{3})\.`), "openSUSE"},
	{regexp.MustCompile(`\.ns([0-9]{1,2})|\.sng([0-9]{1,2})`), "Sangoma"},
}

// OriginOf tells from a version who built its package.
func OriginOf(version string) Origin {
	plain := epochMark.ReplaceAllString(version, "")
	at := strings.IndexByte(plain, '-')
	if at >= 0 {
		for _, m := range rpmMarks {
			if found := m.form.FindStringSubmatch(plain[at:]); found != nil {
				return Origin{Scheme: RPM, Name: m.name, Release: found[1]}
			}
		}
	}
	switch {
	case projectMark.MatchString(plain):
		return Origin{Scheme: Deb, Project: true}
	case debianMark.MatchString(plain):
		return Origin{Scheme: Deb, Name: "Debian", Release: debianMark.FindStringSubmatch(plain)[1]}
	case backportMark.MatchString(plain): // built from another release than it is for
		return Origin{Scheme: Deb, Name: "Debian"}
	case ubuntuMark.MatchString(plain):
		return Origin{Scheme: Deb, Name: "Ubuntu", Release: ubuntuMark.FindStringSubmatch(plain)[1]}
	case at < 0 && plain == version && !strings.ContainsAny(plain, "+~"), ownHyphen(plain):
		return Origin{Scheme: Upstream, Project: true}
	}
	return Origin{Scheme: Deb}
}

// ownHyphen tells "20.7-cert3", "22.0.0-rc1" and "1.10.12-release" from a
// package's revision, which begins with a number as a rule.
func ownHyphen(version string) bool {
	_, behind, found := strings.Cut(version, "-")
	if strings.HasPrefix(version, "certified") {
		return true
	}
	if !found || strings.Contains(behind, "-") && !strings.HasPrefix(behind, "cert") {
		return false
	}
	for _, word := range []string{"cert", "rc", "beta", "alpha", "pre", "dev", "release"} {
		if strings.HasPrefix(behind, word) {
			return true
		}
	}
	return false
}

// Base gives the project's own release number in a package's version: what is
// left without the epoch and the packager's revision.
func Base(s Scheme, version string) (Release, error) {
	plain := epochMark.ReplaceAllString(version, "")
	switch s {
	case Deb:
		if at := strings.LastIndexByte(plain, '-'); at >= 0 && !ownHyphen(plain) {
			plain = plain[:at]
		}
	case RPM:
		plain, _, _ = strings.Cut(plain, "-")
	}
	return ParseUpstream(plain)
}
