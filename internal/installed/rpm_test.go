package installed

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"
)

// rpmHeader makes a description of a package as rpm's database keeps it.
func rpmHeader(name, version, release, source string, changes ...Entry) []byte {
	var index, store []byte
	tags := 0
	add := func(tag, kind uint32, count int, value []byte) {
		tags++
		index = binary.BigEndian.AppendUint32(index, tag)
		index = binary.BigEndian.AppendUint32(index, kind)
		index = binary.BigEndian.AppendUint32(index, uint32(len(store)))
		index = binary.BigEndian.AppendUint32(index, uint32(count))
		store = append(store, value...)
	}
	text := func(s string) []byte { return append([]byte(s), 0) }
	add(tagName, typeString, 1, text(name))
	if epoch, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
		add(tagEpoch, typeInt32, 1, []byte{0, 0, 0, epoch[0] - '0'})
	}
	add(tagVersion, typeString, 1, text(version))
	add(tagRelease, typeString, 1, text(release))
	add(tagSource, typeString, 1, text(source))
	var times, names, texts []byte
	for _, e := range changes {
		times = binary.BigEndian.AppendUint32(times, uint32(e.Time.Unix()))
		names = append(names, text("A. Packager <a@example.org> - "+e.Version)...)
		texts = append(texts, text(e.Text)...)
	}
	if len(changes) > 0 {
		add(tagChangelogTime, typeInt32, len(changes), times)
		add(tagChangelogName, typeStringArray, len(changes), names)
		add(tagChangelogText, typeStringArray, len(changes), texts)
	}
	blob := binary.BigEndian.AppendUint32(nil, uint32(tags))
	blob = binary.BigEndian.AppendUint32(blob, uint32(len(store)))
	return append(append(blob, index...), store...)
}

// rpmDatabaseOf makes a database with SQLite itself, as rpm does.
func rpmDatabaseOf(t testing.TB, headers ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	statements := []string{
		"CREATE TABLE 'Basenames' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)",
		"CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)",
	}
	for _, s := range statements {
		if _, err := tx.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range headers {
		if _, err := tx.Exec("INSERT INTO Packages (blob) VALUES (?)", h); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestRPM(t *testing.T) {
	changed := []Entry{{Version: "18.12.1-2", Time: time.Unix(1700000000, 0).UTC(), Text: "- fix CVE-2024-42365"}}
	ours := rpmHeader("asterisk", "1:18.12.1", "2.el9", "asterisk-18.12.1-2.el9.src.rpm", changed...)
	var many [][]byte
	for range 3000 { // a tree of pages, and rows on chains of pages
		many = append(many, rpmHeader("bash", "5.1.8", "9.el9", "bash-5.1.8-9.el9.src.rpm"))
	}
	long := rpmHeader("glibc", "2.34", "1.el9", "glibc-2.34-1.el9.src.rpm", Entry{Version: "2.34-1", Text: strings.Repeat("long ", 100000)})
	many = append(many, long, ours, rpmHeader("asterisk-pjsip", "1:18.12.1", "2.el9", "asterisk-18.12.1-2.el9.src.rpm"), long)
	whole := rpmDatabaseOf(t, many...)
	want := []Package{{Name: "asterisk", Binary: "asterisk", Version: "1:18.12.1-2.el9", Manager: RPM,
		Siblings: []string{"asterisk", "asterisk-pjsip"}, Changelog: changed}}
	for _, folder := range rpmFolders {
		r := look(t, map[string]string{folder + "/rpmdb.sqlite": whole})
		if d := cmp.Diff(want, r.Packages); d != "" || len(r.Problems) > 0 {
			t.Errorf("%s: %q %s", folder, r.Problems, d)
		}
	}
	// One folder is a link to the other since Fedora 36; changes may be on their way.
	r := look(t, map[string]string{"var/lib/rpm": "-> ../../usr/lib/sysimage/rpm", "usr/lib/sysimage/rpm/rpmdb.sqlite": whole, "usr/lib/sysimage/rpm/rpmdb.sqlite-wal": "x"})
	if d := cmp.Diff(want, r.Packages); d != "" || len(r.Problems) == 0 || !strings.Contains(r.Problems[0], "changes that are not read") {
		t.Errorf("%q %s", r.Problems, d)
	}
}

// TestDamagedDatabase cuts and changes a database at every place that counts:
// each time there is an answer, or an error, and never a panic or an endless loop.
func TestDamagedDatabase(t *testing.T) {
	good := []byte(rpmDatabaseOf(t, rpmHeader("asterisk", "18.12.1", "1.el9", "asterisk-18.12.1-1.el9.src.rpm"),
		rpmHeader("glibc", "2.34", "1.el9", "glibc-2.34-1.el9.src.rpm", Entry{Version: "2.34-1", Text: strings.Repeat("long ", 4000)})))
	for at := 0; at < len(good); at += 1 + at/64 {
		if at < len(good)-1 {
			readAll(good[:at])
		}
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[at] = b
			readAll(bad)
		}
	}
}

// readAll reads a database as far as it goes.
func readAll(data []byte) {
	d, err := openDatabase(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	root, err := d.table("Packages")
	if err != nil {
		return
	}
	_ = d.rows(root, func(values []value) error { // an error is an answer too
		for _, v := range values {
			if h, err := readHeader(v.bytes); err == nil {
				_, _, _ = h.version(), h.source(), h.changelog()
			}
		}
		return nil
	})
}

func TestHeader(t *testing.T) {
	for name, blob := range map[string][]byte{
		"nothing":                     nil,
		"shorter than its lengths":    {0, 0, 0, 1, 0, 0, 0, 1},
		"lengths beyond any":          bytes.Repeat([]byte{0xff}, 64),
		"more tags than rpm permits":  append([]byte{0, 1, 0, 1, 0, 0, 0, 0}, make([]byte, 1<<21)...),
		"a store larger than what is": {0, 0, 0, 0, 0, 0, 0, 9, 1},
	} {
		if _, err := readHeader(blob); err == nil {
			t.Errorf("%s is a header", name)
		}
	}
	h, err := readHeader(rpmHeader("a", "9:1", "2", "no-source"))
	if err != nil || h.version() != "9:1-2" || h.source() != "" || h.changelog() != nil {
		t.Errorf("%q %q %v", h.version(), h.source(), err)
	}
	if decimal(0) != "0" || decimal(4294967295) != "4294967295" {
		t.Errorf("%s %s", decimal(0), decimal(4294967295))
	}
}

// FuzzDatabase begins with a database that SQLite made: to make one here would
// take longer than the fuzzing.
func FuzzDatabase(f *testing.F) {
	seed, err := os.ReadFile("testdata/rpmdb.sqlite")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(_ *testing.T, data []byte) { readAll(data) })
}

func FuzzHeader(f *testing.F) {
	f.Add(rpmHeader("asterisk", "1:18.12.1", "1.el9", "asterisk-18.12.1-1.el9.src.rpm", Entry{Version: "18.12.1-1", Text: "x"}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if h, err := readHeader(data); err == nil {
			_, _, _, _ = h.text(tagName), h.version(), h.source(), h.changelog()
		}
	})
}
