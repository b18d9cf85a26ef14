package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sipward/sipward/internal/ban"
)

func TestOpenMakesPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c%41", "state")
	s := open(t, dir)
	fill(t, s, typical(3))
	for name, want := range map[string]os.FileMode{"": os.ModeDir | 0o750, fileName: 0o640, lockName: 0o640, fileName + "-wal": 0o640} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, fileName+"-shm")); err == nil {
		t.Error("there is shared memory, which a full disk could tear away")
	}
	if s.Warning() != "" {
		t.Errorf("Warning = %q", s.Warning())
	}
}

// TestSettings holds what durability rests on.
func TestSettings(t *testing.T) {
	s := open(t, t.TempDir())
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "locking_mode": "exclusive"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestOnlyOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := Open(dir, noon)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("second Open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

func TestClosed(t *testing.T) {
	s := open(t, t.TempDir())
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Append(typical(1)); !errors.Is(err, errClosed) {
		t.Errorf("Append after Close: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, noon); err == nil {
		t.Error("a file was taken for a directory")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, lockName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, noon); err == nil {
		t.Error("a directory was taken for the lock")
	}
}

// TestNewerIsLeftAlone holds that an older version does not touch the database
// of a newer one, whether that was closed or killed.
func TestNewerIsLeftAlone(t *testing.T) {
	for _, killed := range []bool{false, true} {
		dir := t.TempDir()
		s := open(t, dir)
		fill(t, s, typical(100))
		for _, statement := range []string{
			"PRAGMA user_version = 99",
			"UPDATE meta SET value = '99' WHERE name = 'schema'",
			"ALTER TABLE bans ADD COLUMN novelty TEXT",
			"PRAGMA wal_checkpoint(TRUNCATE)",
		} {
			if _, err := s.db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		left := files(t, dir)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if killed { // then the log is still there
			for name, content := range left {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o640); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := files(t, dir)
		_, err := Open(dir, noon)
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "99") {
			t.Errorf("killed %v: Open = %v", killed, err)
		}
		if after := files(t, dir); !reflect.DeepEqual(before, after) {
			t.Errorf("killed %v: files were touched", killed)
		}
	}
}

// anyBan draws a ban with any content, sensible or not.
func anyBan(t *rapid.T) ban.Ban {
	text := rapid.String()
	at := func(label string) time.Time {
		if rapid.Bool().Draw(t, label+" zero") {
			return time.Time{}
		}
		seconds := rapid.Int64Range(-1<<36, 1<<36).Draw(t, label)
		return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, label+" nanos")).UTC()
	}
	prefix := rapid.SampledFrom(typical(3)).Draw(t, "prefix").Prefix
	b := ban.Ban{
		Prefix: prefix, Port: rapid.Uint16().Draw(t, "port"), Action: ban.Drop, Scope: ban.ScopeAll,
		Rule: text.Draw(t, "rule"), Class: text.Draw(t, "class"), Proof: text.Draw(t, "proof"),
		Why: text.Draw(t, "why"), By: text.Draw(t, "by"), EndedBy: text.Draw(t, "ended by"),
		Since: at("since"), Until: at("until"), Ended: at("ended"),
		Requests: rapid.Uint32().Draw(t, "requests"), Times: rapid.IntRange(0, 1000).Draw(t, "times"),
		Packet: rapid.Uint64().Draw(t, "packet"), Line: rapid.Uint64().Draw(t, "line"),
		Seq: rapid.Uint64().Draw(t, "seq"), ID: rapid.Uint64Range(1, 1<<62).Draw(t, "id"),
	}
	for range rapid.IntRange(0, 8).Draw(t, "accounts") {
		b.Accounts = append(b.Accounts, rapid.Uint64().Draw(t, "account"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		b.Evidence = append(b.Evidence, ban.Item{
			Time: at("item"), Method: text.Draw(t, "method"), Account: text.Draw(t, "account"),
			Status: rapid.Int().Draw(t, "status"), Proof: text.Draw(t, "proof"), What: text.Draw(t, "what"),
			Step: rapid.Float64().Draw(t, "step"),
		})
	}
	return b
}

// TestCodec holds that a body gives back exactly what went in, that a longer
// one of a later version can be read, and that a shorter one is an error.
func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBan(t)
		body := encodeBan(nil, &b)
		for _, later := range []string{"", "fields to come"} {
			got, err := decodeBan(string(append(body, later...)))
			if err != nil || !reflect.DeepEqual(got, b) {
				t.Fatalf("got %+v, %v; want %+v", got, err, b)
			}
		}
		if n := rapid.IntRange(0, len(body)-1).Draw(t, "cut"); n < len(body) {
			if got, err := decodeBan(string(body[:n])); !errors.Is(err, errCut) {
				t.Fatalf("of %d bytes %d gave %+v, %v", len(body), n, got, err)
			}
		}
	})
}

// TestCodecKnowsAllFields fails when Ban or Item gets a field that the journal
// would forget.
func TestCodecKnowsAllFields(t *testing.T) {
	b := ban.Ban{Evidence: make([]ban.Item, 1)}
	setAll(t, reflect.ValueOf(&b).Elem())
	setAll(t, reflect.ValueOf(&b.Evidence[0]).Elem())
	got, err := decodeBan(string(encodeBan(nil, &b)))
	if err != nil || !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, b)
	}
}

// setAll gives every field of a struct a value that is not zero.
func setAll(t *testing.T, v reflect.Value) {
	for i := range v.NumField() {
		switch field := v.Field(i); x := field.Addr().Interface().(type) {
		case *time.Time:
			*x = noon
		case *[]uint64:
			*x = []uint64{7}
		case *[]ban.Item: // set by the caller
		default:
			switch {
			case field.CanUint():
				field.SetUint(3)
			case field.CanInt():
				field.SetInt(4)
			case field.CanFloat():
				field.SetFloat(0.5)
			case field.Kind() == reflect.String:
				field.SetString("text of " + v.Type().Field(i).Name)
			case v.Type().Field(i).Name == "Prefix":
				field.Set(reflect.ValueOf(typical(1)[0].Prefix))
			default:
				t.Fatalf("no value for a %v", field.Type())
			}
		}
	}
}

func FuzzDecodeBan(f *testing.F) {
	for _, b := range typical(3) {
		f.Add(encodeBan(nil, &b))
	}
	f.Add([]byte{4, 1, 2, 3, 4, 33})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := decodeBan(string(body))
		if err != nil {
			return
		}
		again, err := decodeBan(string(encodeBan(nil, &b)))
		// Not a number is not equal to itself, so bodies are compared.
		if err != nil || string(encodeBan(nil, &again)) != string(encodeBan(nil, &b)) {
			t.Errorf("%x: %+v, again %+v, %v", body, b, again, err)
		}
	})
}

// drain appends to the journal what has changed in a table, as a Writer does.
func drain(t *rapid.T, table *ban.Table, s *Store, seq uint64) uint64 {
	for {
		some, next := table.Since(seq)
		if len(some) == 0 {
			return next
		}
		if err := s.Append(some); err != nil {
			t.Fatal(err)
		}
		seq = next
	}
}

// TestJournalEqualsTable holds that a table restored from the journal is the
// table that wrote it, after any life and any number of restarts.
func TestJournalEqualsTable(t *testing.T) {
	prefixes := typical(6)
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		s := open(t, dir)
		table, now, seq := ban.NewTable(ban.Limits{}), noon, uint64(0)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "pause")) * time.Second)
			p := rapid.SampledFrom(prefixes).Draw(rt, "prefix").Prefix
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0:
				table.Remove(p, ban.KindBlock, "admin", now)
			case 1:
				table.Expire(now)
			case 2:
				seq = drain(rt, table, s, seq)
			default:
				b := anyBan(rt)
				b.Prefix, b.Since, b.By = p, now, rapid.SampledFrom([]string{ban.Self, "admin"}).Draw(rt, "by")
				b.Action = ban.Action(rapid.IntRange(int(ban.Allow), int(ban.Drop)).Draw(rt, "action"))
				b.Until = now.Add(time.Duration(rapid.IntRange(1, 900).Draw(rt, "life")) * time.Second)
				table.Put(b)
			}
		}
		drain(rt, table, s, seq)
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
		s = open(t, dir)
		restored := ban.NewTable(ban.Limits{})
		if skipped, err := restored.Restore(s.Load, now); skipped > 0 || err != nil {
			rt.Fatalf("%d entries skipped, %v", skipped, err)
		}
		table.Expire(now)
		want, _ := table.Since(0)
		if got, _ := restored.Since(0); !reflect.DeepEqual(got, want) {
			rt.Fatalf("restored\n%+v\nwant\n%+v", got, want)
		}
		if err := s.Close(); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestEvents(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var records []Record
	for i := range 2500 {
		records = append(records, Record{Time: noon.Add(time.Duration(i) * time.Second), Body: fmt.Appendf(nil, `{"type":"finding","packet":%d}`, i)})
	}
	for _, part := range [][]Record{records[:1000], nil, records[1000:]} {
		if err := s.AppendEvents(part); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name        string
		query       Query
		first, last int // index in records; -1 for none
	}{
		{"nothing is so late", Query{Since: noon.Add(time.Hour)}, -1, -1},
		{"nothing behind the last", Query{After: 2500}, -1, -1},
		{"everything, bounded", Query{}, 0, 999},
		{"since", Query{Since: noon.Add(2400 * time.Second)}, 2400, 2499},
		{"going on", Query{After: 1000}, 1000, 1999},
		{"both", Query{Since: noon.Add(100 * time.Second), After: 50, Limit: 10}, 100, 109},
	}
	for _, test := range tests {
		got, err := s.Events(test.query)
		if err != nil {
			t.Fatal(err)
		}
		if test.first < 0 {
			if len(got) != 0 {
				t.Errorf("%s: %+v", test.name, got)
			}
			continue
		}
		want := records[test.first : test.last+1]
		if len(got) != len(want) || string(got[0].Body) != string(want[0].Body) || !got[0].Time.Equal(want[0].Time) ||
			string(got[len(got)-1].Body) != string(want[len(want)-1].Body) {
			t.Errorf("%s: %d records", test.name, len(got))
		}
	}
	// Numbers are not given twice, even when all records are gone.
	if gone, err := s.PruneEvents(noon.Add(time.Hour), 1000); err != nil || gone != 2500 {
		t.Errorf("pruned %d, %v", gone, err)
	}
	if err := s.AppendEvents(records[:1]); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Events(Query{}); err != nil || len(got) != 1 || got[0].ID != 2501 {
		t.Errorf("after pruning: %+v, %v", got, err)
	}
}

func TestPrune(t *testing.T) {
	s := open(t, t.TempDir())
	bans := typical(12_000)
	for i := range bans[:11_000] {
		bans[i].Ended = bans[i].Since.Add(time.Hour)
	}
	fill(t, s, bans)
	tests := []struct {
		name   string
		before time.Time
		keep   int
		gone   int
	}{
		{"nothing is so old", noon, 20_000, 0},
		{"by age", noon.Add(time.Hour + 3*time.Second), 20_000, 3000},
		{"by number", noon, 100, 7900},
		{"live ones stay", noon.Add(24 * time.Hour), 0, 100},
	}
	for _, test := range tests {
		if gone, err := s.PruneBans(test.before, test.keep); err != nil || gone != test.gone {
			t.Errorf("%s: %d gone, %v; want %d", test.name, gone, err, test.gone)
		}
	}
	if left := load(t, s); len(left) != 1000 {
		t.Errorf("%d left, want the live 1000", len(left))
	}
}

func TestCheckpoints(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if got, err := s.Checkpoint("/var/log/a"); got != nil || err != nil {
		t.Errorf("before it is saved: %q, %v", got, err)
	}
	for _, body := range []string{`{"offset":1}`, `{"offset":2}`} {
		if err := s.SaveCheckpoint("/var/log/a", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got, err := s.Checkpoint("/var/log/a"); string(got) != `{"offset":2}` || err != nil {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	if _, err := s.db.Exec("UPDATE checkpoints SET body = '{\"offset\":9}'"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Checkpoint("/var/log/a"); got != nil || err != nil {
		t.Errorf("when damaged: %q, %v", got, err)
	}
}

func BenchmarkAppend4096(b *testing.B) {
	s, bans := open(b, b.TempDir()), typical(4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(bans); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds(), "bans/s")
}

// BenchmarkCommit is one ban in a transaction of its own: the wait of a human.
func BenchmarkCommit(b *testing.B) {
	s, bans := open(b, b.TempDir()), typical(1)
	for b.Loop() {
		if err := s.Append(bans); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGroupCommit is many humans at once, each waiting for the disk.
func BenchmarkGroupCommit(b *testing.B) {
	s, table := open(b, b.TempDir()), ban.NewTable(ban.Limits{})
	w := ban.NewWriter(table, s, time.After)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	var number atomic.Uint64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			put, _ := table.Put(numbered(number.Add(1)))
			if err := w.Durable(ctx, put.Seq); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkLoad100k is the start of a daemon with 100,000 entries.
func BenchmarkLoad100k(b *testing.B) {
	s := open(b, b.TempDir())
	fill(b, s, typical(100_000))
	before := processorTime(b)
	for b.Loop() {
		if _, err := loaded(s); err != nil {
			b.Fatal(err)
		}
	}
	// The wall's time says little on a machine that others use too.
	b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkOpen100k includes the look into every page.
func BenchmarkOpen100k(b *testing.B) {
	dir := b.TempDir()
	s := open(b, dir)
	fill(b, s, typical(100_000))
	for b.Loop() {
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		s = open(b, dir)
	}
}
