package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// sample makes a database with bans, events and checkpoints, as a kill leaves
// it (with a log) or as a proper end does. It gives the files.
func sample(t *testing.T, n int, killed bool) map[string]string {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir)
	bans := typical(n)
	fill(t, s, bans[:n/2])
	if err := s.AppendEvents([]Record{{Time: noon, Body: []byte(`{}`)}, {Time: noon, Body: []byte(`{}`)}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveCheckpoint("log", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	fill(t, s, bans[n/2:])
	if killed {
		return files(t, dir)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

// openDamaged puts files into a new directory and opens it. It must open, and
// whatever it gives must be what was once put in.
func openDamaged(t *testing.T, contents map[string]string, bans map[uint64]ban.Ban) (s *Store, dir string, found int) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	entries := load(t, s)
	for id, b := range entries {
		if !reflect.DeepEqual(b, bans[id]) {
			t.Fatalf("ban %d is %+v", id, b)
		}
	}
	if err := s.Append(typical(1)); err != nil && !errors.Is(err, ban.ErrLost) {
		t.Fatal(err)
	}
	return s, dir, len(entries)
}

func byID(bans []ban.Ban) map[uint64]ban.Ban {
	all := map[uint64]ban.Ban{}
	for _, b := range bans {
		all[b.ID] = b
	}
	return all
}

func TestDamageIsSetAside(t *testing.T) {
	const n = 2000
	whole := sample(t, n, false)
	db := whole[fileName]
	set := func(at int, content string) string { return db[:at] + content + db[at+len(content):] }
	tests := []struct {
		name string
		file string
		// least is how many bans must be saved.
		least int
	}{
		{"empty file", "", 0},
		{"one byte", "S", 0},
		{"garbage", strings.Repeat("garbage ", 10_000), 0},
		{"zeros", strings.Repeat("\x00", len(db)), 0},
		{"magic gone", set(0, "X"), n},
		{"read-only by its header", set(18, "\x07"), n},
		{"newer by a flipped bit", set(60, "\x40"), n},
		{"cut in the middle", db[:len(db)/2], n / 4},
		{"cut to one page", db[:4096], 0},
		{"zero tail", db[:len(db)/2] + strings.Repeat("\x00", len(db)-len(db)/2), n / 4},
		{"a page in the middle", set(len(db)/2/4096*4096, strings.Repeat("\xff", 4096)), n * 9 / 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, dir, found := openDamaged(t, map[string]string{fileName: test.file}, byID(typical(n)))
			if found < test.least || found > n {
				t.Errorf("%d bans saved, want %d at least", found, test.least)
			}
			aside := filepath.Join(dir, fmt.Sprintf("%s.broken-%d", fileName, noon.Unix()))
			if !strings.Contains(s.Warning(), aside) {
				t.Errorf("Warning = %q, want it to name %s", s.Warning(), aside)
			}
			if kept, err := os.ReadFile(aside); err != nil || string(kept) != test.file {
				t.Errorf("set aside: %d bytes, %v; want the %d there were", len(kept), err, len(test.file))
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if s := open(t, dir); s.Warning() != "" {
				t.Errorf("the new one is damaged too: %s", s.Warning())
			}
		})
	}
}

// TestDamagedRow holds that a change inside a row, which SQLite cannot see, is
// found, and costs that row alone.
func TestDamagedRow(t *testing.T) {
	for _, change := range []string{"body = zeroblob(200)", "at = 7", "sum = 7", "sum = 1 << 40", "at = 'text'", "id = 7000"} {
		dir := t.TempDir()
		s := open(t, dir)
		fill(t, s, typical(100))
		if _, err := s.db.Exec("UPDATE bans SET " + change + " WHERE id = 7"); err != nil {
			t.Fatal(err)
		}
		want := byID(typical(100))
		delete(want, 7)
		if got := load(t, s); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d loaded, want 99", change, len(got))
		}
		if !strings.Contains(s.Warning(), "99 records") {
			t.Errorf("%s: Warning = %q", change, s.Warning())
		}
		// What was loaded is what the table knows: it need not be given again.
		if err := s.Append(typical(1)); err != nil {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// TestOldLogIsNotTaken holds that the log of a database that is gone does not
// leak into the new one.
func TestOldLogIsNotTaken(t *testing.T) {
	contents := sample(t, 100, true)
	if contents[fileName+"-wal"] == "" {
		t.Fatal("the sample has no log")
	}
	delete(contents, fileName)
	if _, _, found := openDamaged(t, contents, byID(typical(100))); found != 0 {
		t.Errorf("%d bans of a lost database", found)
	}
}

// TestMutations flips, cuts, zeroes and swaps at random places of all files.
func TestMutations(t *testing.T) {
	const n = 300
	random := rand.New(rand.NewPCG(2026, 1122))
	bans := byID(typical(n))
	samples := []map[string]string{sample(t, n, false), sample(t, n, true)}
	repaired, saved, slowest := 0, 0, time.Duration(0)
	count := rounds(300, 10_000)
	for range count {
		contents := maps.Clone(samples[random.IntN(len(samples))])
		for range 1 + random.IntN(3) {
			name := fileName
			if _, killed := contents[fileName+"-wal"]; killed && random.IntN(2) == 0 {
				name += "-wal"
			}
			contents[name] = mutate(random, contents[name])
		}
		start := time.Now()
		s, dir, found := openDamaged(t, contents, bans)
		slowest = max(slowest, time.Since(start))
		if s.Warning() != "" {
			repaired++
			saved += found
		}
		if err := errors.Join(s.Close(), os.RemoveAll(dir)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d mutations opened, %d repaired with %d bans on average, slowest %v", count, repaired, saved/max(repaired, 1), slowest)
}

func mutate(random *rand.Rand, content string) string {
	if content == "" {
		return content
	}
	b := []byte(content)
	at := random.IntN(len(b))
	end := min(len(b), at+1+random.IntN(5000))
	switch random.IntN(6) {
	case 0:
		return string(b[:at])
	case 1:
		clear(b[at:end])
	case 2:
		for i := range b[at:end] {
			b[at+i] = byte(random.Uint32())
		}
	case 3:
		copy(b[at:end], b[random.IntN(len(b)):])
	case 4: // the header, where a bit means most
		b[random.IntN(min(100, len(b)))] ^= 1 << random.IntN(8)
	default:
		b[at] ^= 1 << random.IntN(8)
	}
	return string(b)
}

// TestOldBrokenOnesGo holds that repeated damage does not fill the disk.
func TestOldBrokenOnesGo(t *testing.T) {
	dir := t.TempDir()
	for day := range 6 {
		if err := os.WriteFile(filepath.Join(dir, fileName), []byte("garbage"), 0o640); err != nil {
			t.Fatal(err)
		}
		s, err := Open(dir, noon.AddDate(0, 0, day))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.broken-*"))
	if err != nil || len(names) != brokenKept {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%s.broken-%d", fileName, noon.AddDate(0, 0, 5).Unix()))); err != nil {
		t.Errorf("the newest is gone: %v", err)
	}
}

// TestDamageWhileOpen writes garbage under the running store. It must notice,
// begin again, and ask for everything, so that nothing is lost.
func TestDamageWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	bans := typical(12_000) // more than SQLite keeps in memory
	fill(t, s, bans)
	if _, err := s.db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileName)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte(strings.Repeat("garbage ", int(info.Size())/8))); err != nil {
		t.Fatal(err)
	}
	lost := false
	for tries := 0; tries < 5 && !lost; tries++ {
		lost = errors.Is(s.Append(bans[4000:8000]), ban.ErrLost)
	}
	if !lost || s.Warning() == "" {
		t.Fatalf("lost %v, warning %q", lost, s.Warning())
	}
	fill(t, s, bans)
	if got := load(t, s); !reflect.DeepEqual(got, byID(bans)) {
		t.Errorf("%d bans of %d", len(got), len(bans))
	}
}
