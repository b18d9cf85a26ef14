package advisory

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/installed"
	"github.com/sipward/sipward/internal/pkgversion"
)

// TestEmbedded reads the data that comes with the program as strictly as its
// makers should: every version can be ordered, every record says where it is from.
func TestEmbedded(t *testing.T) {
	if len(embedded) > 100_000 {
		t.Errorf("%d bytes", len(embedded))
	}
	var file struct {
		Sources map[string]string `json:"sources"`
		Vulns   []struct {
			ID       string `json:"id"`
			Specific struct {
				Sources []string `json:"sources"`
				RatedBy string   `json:"rated_by"`
			} `json:"database_specific"`
		} `json:"vulns"`
	}
	if err := json.Unmarshal(embedded, &file); err != nil {
		t.Fatal(err)
	}
	for _, v := range file.Vulns {
		if len(v.Specific.Sources) == 0 || v.Specific.RatedBy == "" {
			t.Errorf("%s has no source", v.ID)
		}
		for _, s := range v.Specific.Sources {
			if file.Sources[s] == "" {
				t.Errorf("%s: %s is no source", v.ID, s)
			}
		}
	}
	d := Embedded()
	if len(d.advisories) != len(file.Vulns) {
		t.Errorf("%d of %d records", len(d.advisories), len(file.Vulns))
	}
	ghsa := 0
	for _, a := range d.advisories {
		if a.Severity == "" || a.Summary == "" {
			t.Errorf("%s: %+v", a.ID, a)
		}
		for _, r := range a.Affected {
			s := pkgversion.Deb
			if r.Ecosystem == Upstream {
				s = pkgversion.Upstream
			}
			for i := 1; i < len(r.Events); i++ {
				if r.Events[i-1].at() == "0" {
					continue
				}
				if c, err := pkgversion.Compare(s, r.Events[i-1].at(), r.Events[i].at()); err != nil || c > 0 {
					t.Errorf("%s: %s is not before %s: %v", a.ID, r.Events[i-1].at(), r.Events[i].at(), err)
				}
			}
			if r.Ecosystem == Upstream && r.Package == "asterisk" {
				ghsa++
			}
		}
	}
	if ghsa != 43 { // 41 of the releases' change logs, 2 of CVE records alone
		t.Errorf("%d advisories of Asterisk's own", ghsa)
	}
	for _, p := range products {
		if d.Known(p.name).IsZero() {
			t.Errorf("%s has no day", p.name)
		}
	}
}

const record = `{"id":"CVE-2027-1","modified":"2027-01-02T00:00:00Z","affected":[{"package":{"ecosystem":"Debian:12","name":"kamailio"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"5.6.3-2+deb12u1"}]}]}]}`

func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                  "",
		"a number":                 "1",
		"text":                     "CVE-2024-1",
		"an empty object":          "{}",
		"an empty list":            "[]",
		"something else":           `{"name":"x","version":1}`,
		"half a record":            record[:60],
		"half a list":              "[" + record,
		"two":                      record + record,
		"a record without an id":   `[{"affected":[]}]`,
		"an id with a line break":  `[{"id":"CVE\n1","affected":[]}]`,
		"an id as a path":          `[{"id":"../../etc","affected":[]}]`,
		"events that are a string": strings.Replace(record, `[{"introduced":"0"},{"fixed":"5.6.3-2+deb12u1"}]`, `"x"`, 1),
		"a date that is none":      strings.Replace(record, "2027-01-02T00:00:00Z", "soon", 1),
		"nested without end":       strings.Repeat(`{"a":`, 100_000),
		"lists without end":        strings.Repeat("[", 100_000),
		"too many events":          strings.Replace(record, `{"introduced":"0"}`, strings.Repeat(`{"introduced":"0"},`, maxEvents)+`{"introduced":"0"}`, 1),
		"a tracker that is none":   `{"kamailio":[1,2]}`,
		"bytes that are no text":   "{\"\xff\xfe\":\x00}",
	} {
		file := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), file) || strings.Count(err.Error(), file) > 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := t.TempDir()
	if _, err := Load(empty); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Load(filepath.Join(empty, "x.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Load("/dev/null"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a device: %v", err)
	}
}

const tracker = `{"nginx":{"CVE-2021-1":{"releases":{"bookworm":{"status":"open"}}}},
"kamailio":{
 "TEMP-0000000-ABCDEF":{"releases":{"bookworm":{"status":"open","urgency":"high"}}},
 "CVE-2026-39863":{"description":"TCP","scope":"remote","releases":{
  "bookworm":{"status":"resolved","fixed_version":"5.6.3-2+deb12u1","urgency":"not yet assigned"},
  "trixie":{"status":"open","urgency":"medium"},"experimental":{"status":"open"},"sid":{"status":"undetermined"}}},
 "CVE-2027-2":{"releases":{"bookworm":{"status":"resolved","fixed_version":"0","urgency":"unimportant"}}}}}`

// TestLoad adds data in each of its forms.
func TestLoad(t *testing.T) {
	bookworm := installed.System{ID: "debian", Release: "12"}
	for _, c := range []struct {
		name, text string
		version    string
		want       map[string]State
	}{
		{"a record", record, "5.6.3-2", map[string]State{"CVE-2027-1": Affected, "CVE-2026-39863": Unknown}},
		{"a list of records", "[" + record + "]", "5.6.3-2+deb12u1", map[string]State{"CVE-2027-1": Fixed, "CVE-2026-39863": Unknown}},
		{"records in an object", `{"vulns":[` + record + `]}`, "5.6.3-2+deb12u2", map[string]State{"CVE-2027-1": Fixed}},
		{"withdrawn", strings.Replace(record, `"modified"`, `"withdrawn":"2027-01-03T00:00:00Z","modified"`, 1), "5.6.3-2", map[string]State{"CVE-2027-1": ""}},
		{"of a program that is none of ours", `[{"id":"CVE-2027-3","affected":[{"package":{"ecosystem":"Debian:12","name":"nginx"},"versions":["1"]}]}]`, "5.6.3-2", map[string]State{"CVE-2027-3": ""}},
		{"only commits", strings.Replace(record, "ECOSYSTEM", "GIT", 1), "5.6.3-2", map[string]State{"CVE-2027-1": ""}},
		{"versions one by one", `[{"id":"DSA-1-1","aliases":["CVE-2027-4"],"affected":[{"package":{"ecosystem":"Debian:12","name":"kamailio"},"versions":["5.6.3-2"]}]}]`, "5.6.3-2", map[string]State{"CVE-2027-4": Affected, "DSA-1-1": Affected}},
		{"a collection", `[{"id":"DSA-2-1","upstream":["CVE-2027-5","CVE-2027-6","CVE-2026-39863"],"affected":[{"package":{"ecosystem":"Debian:12","name":"kamailio"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"5.6.3-2+deb12u1"}]}]}]}]`, "5.6.3-2",
			map[string]State{"CVE-2027-5": Affected, "CVE-2027-6": Affected, "CVE-2026-39863": Affected, "CVE-2026-39864": Unknown, "DSA-2-1": ""}},
		{"versions one by one, and it is another", `[{"id":"CVE-2027-4","affected":[{"package":{"ecosystem":"Debian:12","name":"kamailio"},"versions":["5.6.3-1"]}]}]`, "5.6.3-2", map[string]State{"CVE-2027-4": Unknown}},
		{"the tracker", tracker, "5.6.3-2", map[string]State{"CVE-2026-39863": Affected, "CVE-2027-2": Fixed, "TEMP-0000000-ABCDEF": "", "CVE-2021-1": ""}},
		{"the tracker, updated", tracker, "5.6.3-2+deb12u1", map[string]State{"CVE-2026-39863": Fixed}},
		{"the tracker without our programs", `{"nginx":{"CVE-2021-1":{"releases":{"bookworm":{"status":"open"}}}}}`, "5.6.3-2", map[string]State{"CVE-2026-39863": Unknown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "x.json"), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			got := d.Judge(Named("kamailio", c.version, bookworm), day)
			for name, want := range c.want {
				if s := state(got, name); s != want {
					t.Errorf("%s is %q, want %q", name, s, want)
				}
			}
		})
	}
}

// TestMerge: newer data adds to what the program knows, and puts right only the
// lines of versions that it is about.
func TestMerge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tracker.json")
	if err := os.WriteFile(file, []byte(tracker), 0o644); err != nil {
		t.Fatal(err)
	}
	made := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	if err := os.Chtimes(file, made, made); err != nil {
		t.Fatal(err)
	}
	d, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Known("kamailio").Equal(made) || d.Stale("kamailio", made.AddDate(0, 0, 1)) != "" {
		t.Errorf("known up to %v", d.Known("kamailio"))
	}
	// Trixie is open again for the tracker, and upstream's line is still there.
	if s := state(d.Judge(Named("kamailio", "6.0.1-1+deb13u2", installed.System{}), day), "CVE-2026-39863"); s != Affected {
		t.Errorf("Debian 13: %s", s)
	}
	if s := state(d.Judge(Named("kamailio", "6.1.1", installed.System{}), day), "GHSA-2wj4-f825-2h2f"); s != Fixed {
		t.Errorf("upstream: %s", s)
	}
	for _, r := range d.Judge(Named("kamailio", "6.0.1-1+deb13u1", installed.System{}), day) {
		if r.Advisory == "CVE-2026-39863" && (r.Severity != High || r.Summary == "TCP") {
			t.Errorf("%+v", r)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(record))
	f.Add([]byte("[" + record + "]"))
	f.Add([]byte(tracker))
	f.Add(embedded[:2000])
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDatabase()
		if err := d.read(strings.NewReader(string(data)), day); err != nil {
			if len(d.advisories) > 0 {
				t.Error("something of bad data was kept")
			}
			return
		}
		for _, v := range []string{"5.6.3-2", "5.6.3", "1:16.28.0~dfsg-0+deb11u4", "18.12.1-1.el9"} {
			for _, p := range products {
				if len(d.Judge(Named(p.name, v, installed.System{ID: "debian", Release: "12"}), day)) == 0 {
					t.Errorf("no answer for %s=%s", p.name, v)
				}
			}
		}
	})
}

func FuzzJudge(f *testing.F) {
	f.Add("1:16.28.0~dfsg-0+deb11u4", "  * Fix CVE-2024-42365\n")
	f.Add("20.9.1", "")
	d := Embedded()
	f.Fuzz(func(t *testing.T, version, text string) {
		s := Named("asterisk", version, installed.System{ID: "debian", Release: "11"})
		s.Changelog = []installed.Entry{{Version: version, Text: text}}
		records := d.Judge(s, day)
		if len(records) == 0 {
			t.Error("no answer")
		}
		for _, r := range records {
			if r.State == Fixed && r.Advisory == "" || r.Why == "" {
				t.Errorf("%+v", r)
			}
		}
	})
}
