package pkgversion

import (
	"strings"
	"testing"
)

func TestCompareRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		s       Scheme
		version string
	}{
		{"nothing", Deb, ""},
		{"nothing", RPM, ""},
		{"nothing", Upstream, ""},
		{"a line break", Deb, "1.0\n2.0"},
		{"a control character", RPM, "1.0\x1b[2J"},
		{"letters of elsewhere", Deb, "1.0é"},
		{"too long", RPM, strings.Repeat("1.", 200)},
		{"a number beyond 64 bits", Deb, "1.99999999999999999999"},
		{"a number beyond 64 bits", RPM, "1.99999999999999999999-1"},
		{"an epoch that is none", Deb, "x:1.0"},
		{"no digit first", Deb, "asterisk"},
		{"a hash", Upstream, "GIT-20-0123abc"},
		{"a word behind", Upstream, "20.9.1abc"},
		{"an underscore of a URL", Upstream, "../20.9.1"},
	} {
		if n, err := Compare(c.s, c.version, "1.0"); err == nil {
			t.Errorf("%s %s: %q is ordered: %d", c.s, c.name, c.version, n)
		}
		if n, err := Compare(c.s, "1.0", c.version); err == nil {
			t.Errorf("%s %s: %q is ordered: %d", c.s, c.name, c.version, n)
		}
	}
}

// TestOrder has the cases that naive comparisons get wrong. The rpm ones are
// from rpm's own tests of rpmvercmp.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		s    Scheme
		a, b string
		want int
	}{
		{Deb, "1:16.28.0~dfsg-0+deb11u4", "1:16.28.0~dfsg-0+deb11u10", -1},
		{Deb, "1:16.28.0~dfsg-0+deb11u4+b1", "1:16.28.0~dfsg-0+deb11u5", -1},
		{Deb, "20.9.1", "1:16.28.0", -1},
		{Deb, "22.0.0~~rc2~dfsg", "22.0.0~rc1", -1},
		{Deb, "22.0.0~dfsg", "22.0.0", -1},
		{Deb, "22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1-1", 1},
		{Deb, "1.0", "1.0-0", 0},
		{Deb, "1.00", "1.0", 0},
		{Deb, "1.0a", "1.0+", -1},
		{Deb, "6.0.1-1+deb13u1", "6.0.1-1", 1},
		{RPM, "18.12.1-1.el9", "18.12.1-1.el9.1", -1},
		{RPM, "1:1.0-1", "2.0-1", 1},
		{RPM, "1.0~rc1-1", "1.0-1", -1},
		{RPM, "1.0^git1-1", "1.0-1", 1},
		{RPM, "1.0^git1-1", "1.0.1-1", -1},
		{RPM, "2.0.1a", "2.0.1", 1},
		{RPM, "5.5p10", "5.5p2", 1},
		{RPM, "10xyz", "10.1xyz", -1},
		{RPM, "xyz10", "xyz10.1", -1},
		{RPM, "xyz.4", "8", -1},
		{RPM, "1.0010", "1.9", 1},
		{RPM, "2_0", "2.0", 0},
		{Upstream, "20.9.1", "20.10.0", -1},
		{Upstream, "1.10.9", "1.10.12", -1},
		{Upstream, "5.6.3", "5.6.3", 0},
		{Upstream, "6.1", "6.1.0", 0},
		{Upstream, "v6.1.0", "6.1.0", 0},
		{Upstream, "mr13.4.1.1", "13.4.1", 1},
		{Upstream, "22.0.0-rc1", "22.0.0", -1},
		{Upstream, "22.0.0-beta2", "22.0.0-rc1", -1},
		{Upstream, "22.0.0-rc2", "22.0.0-rc10", -1},
		{Upstream, "certified-20.7-cert2", "certified/20.7-cert10", -1},
		{Upstream, "20.7-cert10", "certified-20.7-cert11", -1},
		{Upstream, "certified-18.9-cert17", "certified-20.7-cert1", -1},
		{Upstream, "certified-20.7-cert1-rc1", "certified-20.7-cert1", -1},
	} {
		for _, turned := range []bool{false, true} {
			a, b, want := c.a, c.b, c.want
			if turned {
				a, b, want = b, a, -want
			}
			got, err := Compare(c.s, a, b)
			if err != nil || sign(got) != want {
				t.Errorf("%s: %q to %q is %d, %v, want %d", c.s, a, b, got, err, want)
			}
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestOriginOf(t *testing.T) {
	for _, c := range []struct {
		version   string
		scheme    Scheme
		ecosystem string
		project   bool
	}{
		{"", Upstream, "", true},
		{"garbage", Upstream, "", true},
		{"5.6.3-2", Deb, "", false},
		{"1:20.6.0~dfsg+~cs6.13.40431414-2build5", Deb, "", false},
		{"20.9.1", Upstream, "", true},
		{"22.0.0-rc1", Upstream, "", true},
		{"20.7-cert3", Upstream, "", true},
		{"certified-22.8-cert1-rc2", Upstream, "", true},
		{"1.10.12-release", Upstream, "", true},
		{"mr13.4.1.1", Upstream, "", true},
		{"1:16.28.0~dfsg-0+deb11u4", Deb, "Debian:11", false},
		{"6.0.1-1+deb13u2", Deb, "Debian:13", false},
		{"2.0.0-1~deb12u1", Deb, "Debian:12", false},
		{"1:20.6.0-1~bpo12+1", Deb, "Debian", false},
		{"1:18.10.0~dfsg+~cs6.10.40431411-2ubuntu0.22.04.1", Deb, "Ubuntu:22.04", false},
		{"1:18.10.0~dfsg-2ubuntu1", Deb, "Ubuntu", false},
		{"18.12.1-1.el9", RPM, "Enterprise Linux:9", false},
		{"0:18.12.1-1.el8_9.2", RPM, "Enterprise Linux:8", false},
		{"18.12.1-1.fc42.1", RPM, "Fedora:42", false},
		{"5.8.4-lp156.2.1", RPM, "openSUSE:156", false},
		{"16.9.0-1.mga8", RPM, "Mageia:8", false},
		{"1.10.12~release~10~a88d069d6f~bookworm-1~bookworm+1", Deb, "", true},
		{"5.8.4+bpo12", Deb, "", true},
	} {
		o := OriginOf(c.version)
		if o.Scheme != c.scheme || o.Ecosystem() != c.ecosystem || o.Project != c.project {
			t.Errorf("%q: %+v, want %s %q %v", c.version, o, c.scheme, c.ecosystem, c.project)
		}
	}
}

func TestBase(t *testing.T) {
	for _, c := range []struct {
		s             Scheme
		version, want string // want is empty where there is none
	}{
		{Deb, "", ""},
		{Deb, "1:GIT-2024-1", ""},
		{Deb, "1:16.28.0~dfsg-0+deb11u4", "16.28.0"},
		{Deb, "1:22.10.1+dfsg+~cs6.17.60671434-1", "22.10.1"},
		{Deb, "1:22.0.0~~rc2~dfsg+~cs6.14.60671435-1", "22.0.0-rc2"},
		{Deb, "1.12.11+20110422.1-2.1+deb11u2", "1.12.11"},
		{Deb, "1.10.12~release~10~a88d069d6f~bookworm-1~bookworm+1", "1.10.12"},
		{Deb, "5.6.3-2", "5.6.3"},
		{RPM, "1:18.12.1-1.el9", "18.12.1"},
		{RPM, "6.1.0~pre1-1.fc42", "6.1.0-pre1"},
		{Upstream, "certified/20.7-cert11", "20.7-cert11"},
		{Upstream, "22.0.0-rc1", "22.0.0-rc1"},
	} {
		r, err := Base(c.s, c.version)
		if got := r.String(); (err != nil) != (c.want == "") || err == nil && got != c.want {
			t.Errorf("%s %q: %q, %v, want %q", c.s, c.version, got, err, c.want)
		}
	}
}

// FuzzVersion wants an order that is one: nothing is before itself, and what is
// before another is not behind it.
func FuzzVersion(f *testing.F) {
	for _, v := range []string{"1:16.28.0~dfsg-0+deb11u4", "20.9.1", "certified-20.7-cert3", "18.12.1-1.el9", "22.0.0-rc1", "0", "~", "1-", ":"} {
		f.Add(v, "1.0-1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		OriginOf(a)
		for _, s := range []Scheme{Upstream, Deb, RPM} {
			if r, err := Base(s, a); err == nil {
				if again, err := ParseUpstream(r.String()); err != nil || again.Compare(r) != 0 {
					t.Errorf("%q is %q, which is %q, %v", a, r, again, err)
				}
			}
			one, err := Compare(s, a, b)
			if err != nil {
				continue
			}
			if two, err := Compare(s, b, a); err != nil || sign(two) != -sign(one) {
				t.Errorf("%s: %q to %q is %d, and back %d, %v", s, a, b, one, two, err)
			}
			if same, err := Compare(s, a, a); err != nil || same != 0 {
				t.Errorf("%s: %q is not itself: %d, %v", s, a, same, err)
			}
		}
	})
}
