package advisory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/pkgversion"
)

// day is one on which all of the embedded data is fresh enough or not at all.
var day = time.Date(2026, 8, 20, 0, 0, 0, 0, time.UTC)

// states counts the records of each state.
func states(records []Record) string {
	n := map[State]int{}
	for _, r := range records {
		n[r.State]++
	}
	return fmt.Sprintf("%d open, %d unknown, %d fixed", n[Affected], n[Unknown], n[Fixed])
}

// state gives the state of an advisory by any of its names; empty when there is
// no record of it.
func state(records []Record, name string) State {
	for _, r := range records {
		if r.Advisory == name || slices.Contains(r.Aliases, name) {
			return r.State
		}
	}
	return ""
}

// TestVersions is the table of versions of distributions and projects, and what
// the data that comes with the program says of them, without a network. The
// names stand for one advisory of each kind: open, unknown, fixed, not listed.
func TestVersions(t *testing.T) {
	for _, c := range []struct {
		pkg, version string
		system       installed.System
		want         string
		names        map[string]State
	}{
		// Nothing can be told.
		{"nginx", "1.22.1-9", installed.System{}, "0 open, 1 unknown, 0 fixed", nil},
		{"asterisk", "GIT-20-0123abc", installed.System{}, "0 open, 1 unknown, 0 fixed", nil},
		{"asterisk", "", installed.System{}, "0 open, 1 unknown, 0 fixed", nil},
		{"asterisk", "1:16.99999999999999999999~dfsg-1", installed.System{}, "0 open, 1 unknown, 0 fixed", nil},
		{"kamailio", "5.6.3-2", installed.System{}, "0 open, 5 unknown, 0 fixed", map[string]State{"CVE-2026-39863": Unknown, "CVE-2020-28361": ""}},
		{"kamailio", "5.6.3-2", installed.System{ID: "debian", Release: "12"}, "0 open, 5 unknown, 0 fixed", map[string]State{"CVE-2026-39863": Unknown}},
		{"kamailio", "5.5.4-1", installed.System{ID: "ubuntu", Release: "22.04"}, "0 open, 5 unknown, 0 fixed", map[string]State{"CVE-2026-39863": Unknown}},
		{"kamailio", "5.8.4-1.fc42", installed.System{}, "0 open, 5 unknown, 0 fixed", map[string]State{"CVE-2026-39863": Unknown}},
		// Debian: the revision counts.
		{"asterisk", "1:16.28.0~dfsg-0+deb11u1", installed.System{}, "29 open, 23 unknown, 2 fixed", map[string]State{"CVE-2023-49786": Affected, "CVE-2022-23537": Affected}},
		{"asterisk", "1:16.28.0~dfsg-0+deb11u4", installed.System{}, "24 open, 23 unknown, 7 fixed",
			map[string]State{"CVE-2024-42365": Affected, "CVE-2026-42225": Affected, "CVE-2023-49786": Fixed, "GHSA-589g-qgf8-m6mx": Unknown, "CVE-2024-35190": Fixed}},
		{"asterisk", "1:16.28.0~dfsg-0+deb11u8", installed.System{}, "17 open, 23 unknown, 14 fixed", map[string]State{"CVE-2025-54995": Fixed, "CVE-2026-23738": Affected}},
		{"asterisk", "1:16.28.0~dfsg-0+deb11u10", installed.System{}, "0 open, 23 unknown, 31 fixed",
			map[string]State{"CVE-2024-42365": Fixed, "CVE-2026-42225": Fixed, "GHSA-589g-qgf8-m6mx": Unknown}},
		{"asterisk", "1:22.10.1+dfsg+~cs6.17.60671434-1", installed.System{}, "0 open, 0 unknown, 54 fixed", map[string]State{"GHSA-589g-qgf8-m6mx": Fixed, "CVE-2026-40892": Fixed}},
		{"asterisk", "1:22.8.2+dfsg+~cs6.15.60671435-1", installed.System{ID: "debian"}, "0 open, 35 unknown, 19 fixed", map[string]State{"CVE-2026-23738": Fixed, "GHSA-589g-qgf8-m6mx": Unknown}},
		{"kamailio", "6.0.1-1+deb13u1", installed.System{}, "5 open, 0 unknown, 0 fixed", map[string]State{"CVE-2026-39863": Affected, "CVE-2026-82608": Affected}},
		{"kamailio", "6.0.1-1+deb13u2", installed.System{}, "0 open, 0 unknown, 5 fixed", map[string]State{"CVE-2026-39863": Fixed}},
		{"kamailio", "6.0.1-1", installed.System{ID: "debian", Release: "13"}, "5 open, 0 unknown, 0 fixed", nil},
		{"rtpengine-daemon", "10.5.3.5-1", installed.System{ID: "debian", Release: "12"}, "1 open, 1 unknown, 0 fixed", map[string]State{"CVE-2025-53399": Affected}},
		{"rtpengine-daemon", "10.5.3.5-1+deb12u1", installed.System{}, "0 open, 1 unknown, 1 fixed", map[string]State{"ES2025-01": Fixed, "ES2023-03": Unknown}},
		{"libsofia-sip-ua0", "1.12.11+20110422.1-2.1+deb11u1", installed.System{}, "1 open, 0 unknown, 5 fixed", map[string]State{"CVE-2023-32307": Affected}},
		// Ubuntu and rpm: only the project's own releases are known.
		{"asterisk", "1:18.10.0~dfsg+~cs6.10.40431411-2ubuntu0.22.04.1", installed.System{}, "0 open, 41 unknown, 2 fixed", map[string]State{"CVE-2024-42365": Unknown, "CVE-2024-35190": Fixed}},
		{"asterisk", "1:20.6.0~dfsg+~cs6.13.40431414-2build5", installed.System{ID: "ubuntu", Release: "24.04"}, "0 open, 35 unknown, 8 fixed", map[string]State{"CVE-2023-49786": Fixed}},
		{"asterisk", "18.12.1-1.el9.1", installed.System{}, "0 open, 41 unknown, 2 fixed", map[string]State{"CVE-2024-42365": Unknown}},
		{"asterisk", "1:22.10.1-1.fc42", installed.System{}, "0 open, 0 unknown, 43 fixed", map[string]State{"GHSA-589g-qgf8-m6mx": Fixed}},
		// The projects' own releases and packages.
		{"asterisk", "16.28.0", installed.System{}, "41 open, 0 unknown, 2 fixed", map[string]State{"CVE-2024-42365": Affected, "GHSA-h5hv-jmgj-92q2": Fixed}},
		{"asterisk", "20.8.0", installed.System{}, "36 open, 0 unknown, 7 fixed", map[string]State{"CVE-2024-35190": Affected}},
		{"asterisk", "20.9.1", installed.System{}, "35 open, 0 unknown, 8 fixed", map[string]State{"CVE-2024-42365": Affected, "CVE-2024-35190": Fixed, "CVE-2025-54995": Fixed}},
		{"asterisk", "20.20.1", installed.System{}, "0 open, 0 unknown, 43 fixed", nil},
		{"asterisk", "21.12.2", installed.System{}, "20 open, 0 unknown, 23 fixed", map[string]State{"GHSA-h5hv-jmgj-92q2": Affected}},
		{"asterisk", "23.4.1", installed.System{}, "0 open, 0 unknown, 43 fixed", nil},
		{"asterisk", "certified-20.7-cert10", installed.System{}, "18 open, 1 unknown, 23 fixed", map[string]State{"GHSA-wcvv-g26m-wx5c": Fixed, "GHSA-589g-qgf8-m6mx": Affected}},
		{"asterisk", "certified-22.8-cert3", installed.System{}, "0 open, 1 unknown, 41 fixed", nil},
		{"freeswitch", "1.10.5", installed.System{}, "8 open, 0 unknown, 0 fixed", nil},
		{"freeswitch", "1.10.12", installed.System{}, "0 open, 0 unknown, 8 fixed", nil},
		{"freeswitch", "1.10.9~release~24~aeaf2efc2c~bookworm-1~bookworm+1", installed.System{ID: "debian", Release: "12"}, "3 open, 0 unknown, 5 fixed", map[string]State{"CVE-2023-51443": Affected}},
		{"kamailio", "5.3.2", installed.System{}, "6 open, 0 unknown, 0 fixed", map[string]State{"ES2020-01": Affected, "ES2018-05": ""}},
		{"kamailio", "5.8.8", installed.System{}, "3 open, 0 unknown, 2 fixed", map[string]State{"CVE-2026-39863": Fixed, "CVE-2026-52022": Affected}},
		{"kamailio", "5.8.4+bpo12", installed.System{ID: "debian", Release: "12"}, "5 open, 0 unknown, 0 fixed", nil},
		{"kamailio", "6.1.5", installed.System{}, "0 open, 1 unknown, 4 fixed", map[string]State{"CVE-2026-82608": Unknown}},
		{"opensips", "3.1.7-1", installed.System{ID: "debian", Release: "11"}, "5 open, 0 unknown, 6 fixed", map[string]State{"CVE-2023-28097": Affected}},
		{"opensips", "3.3.0", installed.System{}, "0 open, 0 unknown, 11 fixed", nil},
		{"rtpengine", "mr11.5.1.6", installed.System{}, "2 open, 0 unknown, 0 fixed", nil},
		{"sofia-sip", "1.13.17", installed.System{}, "0 open, 0 unknown, 5 fixed", map[string]State{"CVE-2022-47516": ""}},
	} {
		got := Embedded().Judge(Named(c.pkg, c.version, c.system), day)
		if states(got) != c.want {
			t.Errorf("%s=%s %s: %s, want %s", c.pkg, c.version, c.system.ID+c.system.Release, states(got), c.want)
		}
		for name, want := range c.names {
			if s := state(got, name); s != want {
				t.Errorf("%s=%s: %s is %q, want %q", c.pkg, c.version, name, s, want)
			}
		}
		for _, r := range got {
			if r.Why == "" || r.State == Affected && r.Advisory == "" {
				t.Errorf("%s=%s: %+v", c.pkg, c.version, r)
			}
		}
	}
}

// backported are the fixes that bullseye-security made between two revisions of
// one upstream version: the difference must be these, and nothing else.
func TestBackports(t *testing.T) {
	d := Embedded()
	before := d.Judge(Named("asterisk", "1:16.28.0~dfsg-0+deb11u4", installed.System{}), day)
	after := d.Judge(Named("asterisk", "1:16.28.0~dfsg-0+deb11u10", installed.System{}), day)
	var changed []string
	for _, r := range before {
		if s := state(after, r.Advisory); s != r.State {
			if r.State != Affected || s != Fixed || !strings.HasPrefix(r.FixedIn, "1:16.28.0~dfsg-0+deb11u") {
				t.Errorf("%s goes from %s to %s; fixed in %q", r.Advisory, r.State, s, r.FixedIn)
			}
			changed = append(changed, r.Advisory)
		}
	}
	if len(changed) != 24 {
		t.Errorf("%d changed: %q", len(changed), changed)
	}
}

// TestChangelogCounts: the package's own word, within its limits.
func TestChangelogCounts(t *testing.T) {
	entry := func(version, text string) installed.Entry { return installed.Entry{Version: version, Text: text} }
	for _, c := range []struct {
		name    string
		log     []installed.Entry
		want    State
		wantWhy string
	}{
		{"no log", nil, Unknown, "is not known"},
		{"silence", []installed.Entry{entry("5.6.3-2", "  * New upstream release.\n")}, Unknown, "is not known"},
		{"an entry that is newer than what is installed", []installed.Entry{entry("5.6.3-3", "  * Fix CVE-2026-39863\n")}, Unknown, "is not known"},
		{"an entry without a version", []installed.Entry{entry("", "  * Fix CVE-2026-39863\n")}, Unknown, "is not known"},
		{"a longer number", []installed.Entry{entry("5.6.3-2", "  * Fix CVE-2026-398631\n")}, Unknown, "is not known"},
		{"another hole is related", []installed.Entry{entry("5.6.3-2", "  * Fix CVE-2023-1.\n    This is related to CVE-2026-39863.\n")}, Unknown, "is not known"},
		{"taken back", []installed.Entry{entry("5.6.3-2", "  * Revert the patch for CVE-2026-39863, it breaks TLS.\n"), entry("5.6.3-1", "  * Fix CVE-2026-39863\n")}, Unknown, "may say that the fix is not there"},
		{"not fixed", []installed.Entry{entry("5.6.3-2", "  * CVE-2026-39863 is not fixed yet\n")}, Unknown, "may say"},
		{"named", []installed.Entry{entry("5.6.3-2", "  * CVE-2026-39863 fix\n")}, Fixed, "names CVE-2026-39863 under 5.6.3-2"},
		{"named by its alias", []installed.Entry{entry("5.6.3-2", "  * new release\n    GHSA-xxxx GHSA-2wj4-f825-2h2f\n")}, Fixed, "names GHSA-2wj4-f825-2h2f"},
		{"named long ago", []installed.Entry{entry("5.6.3-2", "  * Something.\n"), entry("5.6.3-1", "  [ Someone ]\n  * Fix CVE-2023-1, CVE-2026-39863.\n")}, Fixed, "under 5.6.3-1"},
		{"its patch is dropped, the release has it", []installed.Entry{entry("5.6.3-2", "  * Drop CVE-2026-39863.patch, applied upstream\n")}, Fixed, "under 5.6.3-2"},
		{"related here, fixed before", []installed.Entry{entry("5.6.3-2", "  * Fix CVE-2023-1: similar to CVE-2026-39863\n"), entry("5.6.3-1", "  * Fix CVE-2026-39863\n")}, Fixed, "under 5.6.3-1"},
	} {
		p := installed.Package{Name: "kamailio", Version: "5.6.3-2", Manager: installed.Dpkg, Changelog: c.log}
		got := Embedded().Judge(Installed(p, installed.System{ID: "debian", Release: "12"}), day)
		for _, r := range got {
			if r.Advisory == "CVE-2026-39863" && (r.State != c.want || !strings.Contains(r.Why, c.wantWhy)) {
				t.Errorf("%s: %s, %q, want %s, %q", c.name, r.State, r.Why, c.want, c.wantWhy)
			}
		}
	}
}

// TestReach: modules that are not loaded, and programs that were not restarted.
func TestReach(t *testing.T) {
	loads := func(modules ...string) func(string) (bool, bool) {
		return func(m string) (bool, bool) { return slices.Contains(modules, m), m != "cel_tds.so" }
	}
	s := Named("asterisk", "20.9.1", installed.System{})
	for _, c := range []struct {
		name   string
		loaded func(string) (bool, bool)
		id     string
		open   bool
		known  bool
	}{
		{"nobody knows", nil, "GHSA-3g56-cgrh-95p5", true, false},
		{"one of two is not known", loads(), "GHSA-ph27-3m5q-mj5m", true, false},
		{"it is loaded", loads("chan_unistim.so"), "GHSA-3g56-cgrh-95p5", true, true},
		{"the program itself has the hole", loads(), "GHSA-3rhj-hhw7-m6fw", true, false},
		{"it is not loaded", loads(), "GHSA-3g56-cgrh-95p5", false, true},
	} {
		s.Loaded = c.loaded
		for _, r := range Embedded().Judge(s, day) {
			if r.Advisory == c.id && (r.State != Affected || r.Open() != c.open || (r.Loaded != nil) != c.known) {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
	p := installed.Package{Name: "kamailio", Version: "6.0.1-1+deb13u2", Manager: installed.Dpkg, Restart: true}
	for _, r := range Embedded().Judge(Installed(p, installed.System{}), day) {
		if r.State != Unknown || !r.Restart || !strings.Contains(r.Why, "restart kamailio") {
			t.Errorf("%+v", r)
		}
	}
}

// TestInstalledOrigin: the package manager that has it says whose order counts.
func TestInstalledOrigin(t *testing.T) {
	for _, c := range []struct {
		p       installed.Package
		system  installed.System
		scheme  pkgversion.Scheme
		project bool
		builder string
	}{
		{installed.Package{Name: "asterisk", Version: "20.9.1", Manager: installed.Dpkg}, installed.System{ID: "debian", Release: "12"}, pkgversion.Deb, false, "Debian 12"},
		{installed.Package{Name: "asterisk", Version: "18.12.1-1.el9", Manager: installed.RPM}, installed.System{ID: "rocky", Release: "9.4"}, pkgversion.RPM, false, "Enterprise Linux 9"},
		{installed.Package{Name: "asterisk", Version: "18.12.1-1", Manager: installed.RPM}, installed.System{ID: "plan9"}, pkgversion.RPM, false, "its distribution"},
		{installed.Package{Name: "asterisk", Version: "1:20.6.0-1~bpo12+1", Manager: installed.Dpkg}, installed.System{ID: "debian", Release: "12"}, pkgversion.Deb, false, "Debian"},
		{installed.Package{Name: "asterisk", Version: "1:16.28.0~dfsg-0+deb11u4", Manager: installed.Dpkg}, installed.System{ID: "ubuntu", Release: "22.04"}, pkgversion.Deb, false, "Debian 11"},
		{installed.Package{Name: "opensips", Version: "3.4.5-1", Manager: installed.Dpkg}, installed.System{ID: "debian", Release: "12"}, pkgversion.Deb, true, "its distribution"},
		{installed.Package{Name: "asterisk", Version: "20.9.1", Program: "usr/local/sbin/asterisk"}, installed.System{ID: "debian", Release: "12"}, pkgversion.Upstream, true, "its distribution"},
	} {
		s := Installed(c.p, c.system)
		if s.Origin.Scheme != c.scheme || s.Origin.Project != c.project || s.builder() != c.builder {
			t.Errorf("%+v: %+v, built by %s", c.p, s.Origin, s.builder())
		}
	}
	alma := Installed(installed.Package{Name: "kamailio", Version: "5.8.4-1.el9", Manager: installed.RPM}, installed.System{ID: "almalinux", Release: "9.4"})
	for ecosystem, want := range map[string]bool{"AlmaLinux:8": false, "Rocky Linux:9": false, "AlmaLinux:9": true, "Enterprise Linux:9": true} {
		if alma.from(ecosystem) != want {
			t.Errorf("a package of AlmaLinux 9 from %s: %v", ecosystem, !want)
		}
	}
}

func TestStale(t *testing.T) {
	d := Embedded()
	for _, c := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"nginx", day, "nothing is known"},
		{"freeswitch", day, "days ago: newer advisories are missing"},
		{"asterisk", d.Known("asterisk").AddDate(0, 0, 91), "what is known of asterisk is of 2026-08-13, 91 days ago"},
		{"asterisk", d.Known("asterisk").AddDate(0, 0, 89), ""},
		{"rtpengine-daemon", d.Known("rtpengine").AddDate(0, 0, 1), ""},
	} {
		if got := d.Stale(c.name, c.now); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, r := range d.Judge(Named("freeswitch", "1.10.12", installed.System{}), day) {
		if !r.Stale || r.AsOf != "2023-12-27" {
			t.Errorf("%+v", r)
		}
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		s, least Severity
		want     bool
	}{
		{Low, High, false}, {Info, Low, false}, {High, Critical, false}, {"", Critical, false},
		{"", High, true}, {Critical, Low, true}, {Medium, Medium, true},
	} {
		if c.s.AtLeast(c.least) != c.want {
			t.Errorf("%q at least %q: %v", c.s, c.least, !c.want)
		}
	}
}

func TestPlan(t *testing.T) {
	packages := []installed.Package{
		{Name: "asterisk", Version: "1", Manager: installed.Dpkg, Siblings: []string{"asterisk", "asterisk-modules", "--config=x", "a b", "../x"}},
		{Name: "kamailio", Version: "2", Manager: installed.RPM, Siblings: []string{"kamailio"}},
		{Name: "opensips", Version: "3", Program: "usr/local/sbin/opensips"},
		{Name: "rtpengine", Version: "4", Manager: installed.Dpkg, Siblings: []string{"rtpengine-daemon"}},
	}
	records := []Record{
		{Package: "asterisk", Version: "1", State: Affected}, {Package: "kamailio", Version: "2", State: Unknown},
		{Package: "opensips", Version: "3", State: Affected}, {Package: "rtpengine", Version: "4", State: Fixed},
	}
	commands, by := Plan(packages, records)
	got := fmt.Sprint(commands, by)
	want := "[[apt-get update] [apt-get install --only-upgrade asterisk asterisk-modules] [dnf upgrade --refresh kamailio]] [usr/local/sbin/opensips]"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if commands, by := Plan(packages, nil); commands != nil || by != nil {
		t.Errorf("nothing open: %v %v", commands, by)
	}
}
