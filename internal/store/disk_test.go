package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/sipward/sipward/internal/ban"
)

// TestDisk lets a small disk run full, become read-only, and recover. The disk
// is a tmpfs in a mount namespace of its own.
func TestDisk(t *testing.T) {
	cmd := child(t, "disk", t.TempDir())
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("making a mount namespace is not permitted here")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// diskChild runs in its own mount namespace.
func diskChild(dir string) int {
	// Without this the mount would be seen outside where "/" is shared.
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Println("make mounts private:", err)
		return 1
	}
	if err := syscall.Mount("state", dir, "tmpfs", 0, "size=8m"); err != nil {
		fmt.Println("mount:", err)
		return 1
	}
	for _, check := range []func(string) error{fullAtStart, fullWhileRunning, readOnlyWhileRunning} {
		if err := check(dir); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return 0
}

// stuff fills the disk to the last byte; the returned function makes room again.
func stuff(dir string) (clear func() error, err error) {
	path := filepath.Join(dir, "stuffing")
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return nil, err
		}
	}
	return func() error { return os.Remove(path) }, nil
}

// fullAtStart: an existing database is read on a full disk; a new one cannot be made.
func fullAtStart(dir string) error {
	s, err := Open(filepath.Join(dir, "old"), noon)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Append(typical(100)), s.Close()); err != nil {
		return err
	}
	clear, err := stuff(dir)
	if err != nil {
		return err
	}
	if s, err := Open(filepath.Join(dir, "new"), noon); err == nil {
		return errors.Join(errors.New("a new database was made on a full disk"), s.Close())
	}
	s, err = Open(filepath.Join(dir, "old"), noon)
	if err != nil {
		return fmt.Errorf("open on a full disk: %w", err)
	}
	entries, err := loaded(s)
	if err != nil || len(entries) != 100 || s.Warning() != "" {
		return fmt.Errorf("on a full disk: %d bans, %w, %q", len(entries), err, s.Warning())
	}
	if err := s.Append(typical(2000)); err == nil {
		return errors.New("appended to a full disk")
	}
	if err := errors.Join(clear(), s.Append(typical(2000)), s.Close()); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	s, err = Open(filepath.Join(dir, "new"), noon)
	if err != nil {
		return fmt.Errorf("make a new one with room again: %w", err)
	}
	return errors.Join(s.Close(), os.RemoveAll(filepath.Join(dir, "old")), os.RemoveAll(filepath.Join(dir, "new")))
}

// fullWhileRunning: every append that said yes is kept, however full it gets.
func fullWhileRunning(dir string) error {
	dir = filepath.Join(dir, "running")
	s, err := Open(dir, noon)
	if err != nil {
		return err
	}
	all, acked, refused := typical(40_000), map[uint64]ban.Ban{}, 0
	var clear func() error
	for i := 0; i < len(all); i += 50 {
		if err := s.Append(all[i : i+50]); err == nil {
			for _, b := range all[i : i+50] {
				acked[b.ID] = b
			}
		} else if isDamage(err) {
			return err
		} else {
			refused++
			if got, err := loaded(s); err != nil || len(got) != len(acked) {
				return fmt.Errorf("reading while full: %d of %d, %w", len(got), len(acked), err)
			}
			if refused > 20 {
				break
			}
		}
		if i == 5000 {
			if clear, err = stuff(dir); err != nil {
				return err
			}
		}
	}
	if refused == 0 {
		return errors.New("the disk never filled")
	}
	if err := errors.Join(clear(), s.Append(all[:50])); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	return errors.Join(sameAfterRestart(s, dir, acked, refused), os.RemoveAll(dir))
}

// sameAfterRestart holds that exactly what was acknowledged is there.
func sameAfterRestart(s *Store, dir string, acked map[uint64]ban.Ban, refused int) error {
	if err := s.Close(); err != nil {
		return err
	}
	s, err := Open(dir, noon)
	if err != nil {
		return err
	}
	defer s.Close()
	entries, err := loaded(s)
	if err != nil || s.Warning() != "" || !reflect.DeepEqual(byID(entries), acked) {
		return fmt.Errorf("%d bans of %d acknowledged, %w, %q", len(entries), len(acked), err, s.Warning())
	}
	fmt.Printf("%d refused, %d acknowledged, 0 lost\n", refused, len(acked))
	return nil
}

// readOnlyWhileRunning: the file system turns read-only, as after an I/O error,
// under the store's feet: its files are gone for writing until it is re-opened.
func readOnlyWhileRunning(dir string) error {
	state := filepath.Join(dir, "readonly")
	s, err := Open(state, noon)
	if err != nil {
		return err
	}
	if err := s.Append(typical(100)); err != nil {
		return err
	}
	// Let go of the files, or the kernel refuses the change.
	null, err := os.Open(os.DevNull)
	if err := errors.Join(err, s.db.Close(), s.lock.Close()); err != nil {
		return err
	}
	s.db, s.lock = nil, null
	if err := syscall.Mount("state", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("remount read-only: %w", err)
	}
	for range 3 {
		if _, err := loaded(s); isDamage(err) {
			return fmt.Errorf("read from a read-only disk: %w", err)
		}
		if err := s.Append(typical(200)); err == nil || isDamage(err) {
			return fmt.Errorf("append to a read-only disk: %w", err)
		}
	}
	if names, _ := filepath.Glob(filepath.Join(state, "*")); strings.Contains(strings.Join(names, " "), "broken") {
		return fmt.Errorf("a read-only disk was taken for damage: %v", names)
	}
	if err := syscall.Mount("state", dir, "tmpfs", syscall.MS_REMOUNT, "size=8m"); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	if err := s.Append(typical(200)); err != nil {
		return fmt.Errorf("append when it is writable again: %w", err)
	}
	return sameAfterRestart(s, state, byID(typical(200)), 3)
}
