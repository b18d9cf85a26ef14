package store

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/sipward/sipward/internal/ban"
)

// TestStateInMemory: a state directory that cannot be used is copied into
// memory, as far as it can be read, and `status` can say so.
func TestStateInMemory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/sipward"} {
		s, trouble, err := OpenAnyway(dir, noon)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		if trouble == nil || s.memory == "" {
			t.Errorf("%s: used from %q, trouble %v", dir, s.memory, trouble)
		}
		if err := s.Append([]ban.Ban{{ID: 1, Seq: 1, Prefix: netip.MustParsePrefix("203.0.113.7/32"), Action: ban.Drop}}); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if _, err := os.Stat(s.memory); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %s is left behind: %v", dir, s.memory, err)
		}
	}
}

// TestStateIsTakenAlong: what the directory holds is known in memory, too. Its
// lock file is a directory, so that it can be read and not used.
func TestStateIsTakenAlong(t *testing.T) {
	dir := t.TempDir()
	before, err := Open(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	b := ban.Ban{ID: 1, Seq: 1, Prefix: netip.MustParsePrefix("203.0.113.7/32"), Action: ban.Drop, By: ban.Self, Since: noon}
	if err := errors.Join(before.Append([]ban.Ban{b}), before.Close()); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(dir, "sipward.lock")
	if err := errors.Join(os.Remove(lock), os.Mkdir(lock, 0o700)); err != nil {
		t.Fatal(err)
	}
	s, trouble, err := OpenAnyway(dir, noon)
	if err != nil || trouble == nil {
		t.Fatalf("%v, trouble %v", err, trouble)
	}
	defer s.Close()
	table := ban.NewTable(ban.Limits{})
	if _, err := table.Restore(s.Load, noon); err != nil || table.Len(ban.KindBlock) != 1 {
		t.Errorf("%d bans are known, %v", table.Len(ban.KindBlock), err)
	}
}

// TestStateInUse: another process that has it is no reason to go on without.
func TestStateInUse(t *testing.T) {
	dir := t.TempDir()
	first, trouble, err := OpenAnyway(dir, noon)
	if err != nil || trouble != nil {
		t.Fatal(err, trouble)
	}
	defer first.Close()
	if _, _, err := OpenAnyway(dir, noon); !errors.Is(err, ErrLocked) {
		t.Errorf("the second one gets %v", err)
	}
}
