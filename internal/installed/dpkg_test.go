package installed

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDpkg(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []Package
	}{
		{"removed, its settings are left", map[string]string{dpkgStatus: "Package: asterisk\nStatus: deinstall ok config-files\nVersion: 1\n"}, nil},
		{"half installed", map[string]string{dpkgStatus: "Package: asterisk\nStatus: install ok half-installed\nVersion: 1\n"}, nil},
		{"only its settings", map[string]string{dpkgStatus: stanza("asterisk-config", "1", "Source: asterisk")}, nil},
		{"no version", map[string]string{dpkgStatus: "Package: asterisk\nStatus: install ok installed\n"}, nil},
		{"another program's", map[string]string{dpkgStatus: stanza("asterisk-tools", "1", "Source: tools")}, nil},
		{"a description that looks like a field", map[string]string{dpkgStatus: "Package: bash\nStatus: install ok installed\nVersion: 5\nDescription: x\n Package: asterisk\n Version: 9\n"}, nil},
		{"an empty list", map[string]string{dpkgStatus: "\n\n"}, nil},
		{"with what was built beside it", map[string]string{dpkgStatus: stanza("asterisk-modules", "1:16.28.0~dfsg-0+deb11u4+b1", "Source: asterisk (1:16.28.0~dfsg-0+deb11u4)") +
			stanza("bash", "5.1") + stanza("asterisk", "1:16.28.0~dfsg-0+deb11u4+b1", "Source: asterisk (1:16.28.0~dfsg-0+deb11u4)")},
			[]Package{{Name: "asterisk", Binary: "asterisk", Version: "1:16.28.0~dfsg-0+deb11u4+b1", SourceVersion: "1:16.28.0~dfsg-0+deb11u4",
				Manager: Dpkg, Siblings: []string{"asterisk", "asterisk-modules"}}}},
		{"two architectures", map[string]string{dpkgStatus: stanza("kamailio", "5.6.3-2", "Architecture: amd64") + stanza("kamailio", "5.6.3-2", "Architecture: i386")},
			[]Package{{Name: "kamailio", Binary: "kamailio", Version: "5.6.3-2", Manager: Dpkg, Siblings: []string{"kamailio"}}}},
		{"a file for each package", map[string]string{
			dpkgStatusD + "/kamailio":         "Package: kamailio\nVersion: 5.6.3-2\n",
			dpkgStatusD + "/kamailio.md5sums": "Package: asterisk\nVersion: 1\n"},
			[]Package{{Name: "kamailio", Binary: "kamailio", Version: "5.6.3-2", Manager: Dpkg, Siblings: []string{"kamailio"}}}},
		{"without an end of line", map[string]string{dpkgStatus: strings.TrimSpace(stanza("rtpengine-daemon", "10.5.3.5-1+deb12u1", "Source: rtpengine"))},
			[]Package{{Name: "rtpengine", Binary: "rtpengine-daemon", Version: "10.5.3.5-1+deb12u1", Manager: Dpkg, Siblings: []string{"rtpengine-daemon"}}}},
		{"CR LF and other letters", map[string]string{dpkgStatus: "PACKAGE: kamailio\r\nstatus: install ok installed\r\nversion: 5.6.3-2\r\n\r\n"},
			[]Package{{Name: "kamailio", Binary: "kamailio", Version: "5.6.3-2", Manager: Dpkg, Siblings: []string{"kamailio"}}}},
		{"behind a line that is too long", map[string]string{dpkgStatus: "Package: bash\nConffiles: " + strings.Repeat("x", 3*maxLine) + "\nStatus: install ok installed\n\n" + stanza("kamailio", "5.6.3-2")},
			[]Package{{Name: "kamailio", Binary: "kamailio", Version: "5.6.3-2", Manager: Dpkg, Siblings: []string{"kamailio"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := look(t, c.files)
			if d := cmp.Diff(c.want, r.Packages); d != "" || len(r.Problems) > 0 {
				t.Errorf("%q %s", r.Problems, d)
			}
		})
	}
}

const changelog = `asterisk (1:16.28.0~dfsg-0+deb11u5) bullseye-security; urgency=high

  * Non-maintainer upload by the LTS Team.
  * CVE-2024-42365
    Fix privilege escalation.

 -- Somebody <s@example.org>  Sun, 20 Oct 2024 16:03:02 +0200

asterisk (1:16.28.0~dfsg-0+deb11u4) bullseye-security; urgency=high

  * Fix CVE-2023-49786:
    (a parenthesis; and a semicolon)

 -- Somebody <s@example.org>  Thu, 4 Jan 2024 18:58:50 +0100
`

func TestChangelog(t *testing.T) {
	for _, c := range []struct {
		name, text string
		versions   []string
	}{
		{"nothing", "", nil},
		{"another file", "root:x:0:0:root:/root:/bin/bash\n", nil},
		{"a heading without a version", "asterisk () unstable; urgency=low\n", nil},
		{"an entry without an end", "asterisk (1) unstable; urgency=low\n\n  * x", []string{"1"}},
		{"a date that is none", "asterisk (1) unstable; urgency=low\n\n -- a <b>  yesterday\n", []string{"1"}},
		{"a line without end", "asterisk (1) unstable; urgency=low\n" + strings.Repeat("x", 3*maxLine) + "\nasterisk (0) unstable; urgency=low\n", []string{"1", "0"}},
		{"two entries", changelog, []string{"1:16.28.0~dfsg-0+deb11u5", "1:16.28.0~dfsg-0+deb11u4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, e := range readChangelog([]byte(c.text)) {
				got = append(got, e.Version)
			}
			if !slices.Equal(got, c.versions) {
				t.Errorf("%q, want %q", got, c.versions)
			}
		})
	}
	entries := readChangelog([]byte(changelog))
	if !strings.Contains(entries[0].Text, "CVE-2024-42365") || strings.Contains(entries[0].Text, "49786") || entries[1].Time.Year() != 2024 || entries[1].Time.Day() != 4 {
		t.Errorf("%+v", entries)
	}
	if long := readChangelog([]byte(strings.Repeat("a (1) b; c\n"+strings.Repeat("x", 200)+"\n", maxLogEntries+5))); len(long) != maxLogEntries {
		t.Errorf("%d entries", len(long))
	}
}

func TestSystem(t *testing.T) {
	for _, c := range []struct {
		text string
		want System
	}{
		{"", System{}},
		{"\x00\x01=\n=\nID\n", System{}},
		{"ID=" + strings.Repeat("x", 4096), System{}},
		{"ID=debian\n", System{ID: "debian"}},
		{"ID='Ubuntu'\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.5 LTS\"", System{ID: "ubuntu", Like: []string{"debian"}, Release: "22.04", Name: "Ubuntu 22.04.5 LTS"}},
		{"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n", System{ID: "rocky", Like: []string{"rhel", "centos", "fedora"}, Release: "9.4"}},
	} {
		if d := cmp.Diff(c.want, readSystem(c.text)); d != "" {
			t.Errorf("%q: %s", c.text, d)
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add([]byte(stanza("asterisk", "1:16.28.0~dfsg-0+deb11u4", "Source: asterisk (1:16)")))
	f.Add([]byte("Package: \nVersion:\n\n \n\t\n:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, always := range []bool{false, true} {
			lines, err := readStatus(strings.NewReader(string(data)), maxStatus, always)
			for _, l := range lines {
				if !clean(l.binary) || !clean(l.version) || l.sourceVersion != "" && !clean(l.sourceVersion) {
					t.Errorf("%+v, %v", l, err)
				}
			}
		}
	})
}

func FuzzChangelog(f *testing.F) {
	f.Add([]byte(changelog))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range readChangelog(data) {
			if e.Version == "" || len(e.Text) > maxEntry {
				t.Errorf("%q, %d bytes", e.Version, len(e.Text))
			}
		}
	})
}
