package mend

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// manifest says what one change did; it lies beside the copies of the files as
// they were.
type manifest struct {
	Root  string    `json:"root"`
	When  time.Time `json:"when"`
	Files []kept    `json:"files"`
}

// kept is one file of a change: the name of its copy, and how to tell that the
// file is still as the change left it.
type kept struct {
	Name  string `json:"name"`
	Copy  string `json:"copy"`
	After string `json:"after_sha256"`
}

// manifestName ends with what a copy is never called.
const manifestName = "manifest.json"

// Apply makes the planned changes below a root, and keeps the files as they were
// in a new folder below backups, whose name it gives. All copies are on disk
// before the first file is changed; when something fails midway, what was
// changed is put back.
func (p *Plan) Apply(root *os.Root, backups string, now time.Time) (string, error) {
	if len(p.Files) == 0 {
		return "", errors.New("apply changes: there are none")
	}
	dir := filepath.Join(backups, now.UTC().Format("20060102T150405.000000000Z"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep files: %w", err)
	}
	m := manifest{Root: root.Name(), When: now}
	for i := range p.Files {
		f := &p.Files[i]
		k := kept{Name: f.Name, Copy: fmt.Sprintf("%03d", i), After: sum(f.New())}
		if err := writeSynced(filepath.Join(dir, k.Copy), f.old); err != nil {
			return "", fmt.Errorf("keep files: %w", err)
		}
		m.Files = append(m.Files, k)
	}
	text, err := json.MarshalIndent(&m, "", " ")
	if err == nil {
		err = writeSynced(filepath.Join(dir, manifestName), text)
	}
	if err != nil {
		return "", fmt.Errorf("keep files: %w", err)
	}
	for i := range p.Files {
		f := &p.Files[i]
		if err := replace(root, f.Name, f.old, f.New()); err != nil {
			for j := range i {
				err = errors.Join(err, replace(root, p.Files[j].Name, p.Files[j].New(), p.Files[j].old))
			}
			return "", errors.Join(fmt.Errorf("change /%s: %w", f.Name, err), os.RemoveAll(dir))
		}
	}
	return dir, nil
}

// Undo takes the last change of a root back, byte for byte, and gives the files'
// names. A file that somebody has changed since is an error, and then nothing
// is touched.
func Undo(root *os.Root, backups string) ([]string, error) {
	dir, m, err := last(root.Name(), backups)
	if err != nil {
		return nil, err
	}
	var names []string
	before, after := map[string][]byte{}, map[string][]byte{}
	for _, k := range m.Files {
		now, err := root.ReadFile(k.Name)
		if err != nil {
			return nil, fmt.Errorf("undo change of /%s: %w", k.Name, err)
		}
		if sum(now) != k.After {
			return nil, fmt.Errorf("undo change of /%s: it was changed again since: the file as it was is %s", k.Name, filepath.Join(dir, k.Copy))
		}
		old, err := os.ReadFile(filepath.Join(dir, k.Copy))
		if err != nil {
			return nil, fmt.Errorf("undo change of /%s: %w", k.Name, err)
		}
		before[k.Name], after[k.Name] = old, now
		names = append(names, k.Name)
	}
	for _, name := range names {
		if err := replace(root, name, after[name], before[name]); err != nil {
			return nil, fmt.Errorf("undo change of /%s: %w", name, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return names, fmt.Errorf("remove copies: %w", err)
	}
	return names, nil
}

// ErrNothing says that there is no change to take back.
var ErrNothing = errors.New("no change was made here that could be taken back")

// last finds the latest change of a root.
func last(root, backups string) (string, *manifest, error) {
	entries, err := os.ReadDir(backups)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("look for changes: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		dir := filepath.Join(backups, e.Name())
		text, err := os.ReadFile(filepath.Join(dir, manifestName))
		if err != nil {
			continue // the change was not made
		}
		var m manifest
		if err := json.Unmarshal(text, &m); err != nil {
			return "", nil, fmt.Errorf("read %s: %w", filepath.Join(dir, manifestName), err)
		}
		if m.Root == root {
			return dir, &m, nil
		}
	}
	return "", nil, ErrNothing
}

// replace puts new text in the place of old: in one step, with the rights and the
// owner that the file has, and only if the old text is still there.
func replace(root *os.Root, name string, old, new []byte) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("it is not a plain file")
	}
	if now, err := root.ReadFile(name); err != nil || !bytes.Equal(now, old) {
		return errors.Join(errors.New("it was changed meanwhile"), err)
	}
	fresh := name + ".sipward-new"
	f, err := root.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(new)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		err = errors.Join(err, f.Chown(int(owner.Uid), int(owner.Gid)))
	}
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(fresh, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(fresh))
	}
	return nil
}

// writeSynced writes a new file that only root can read: settings hold secrets.
func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// sum tells whether a file is still as we left it.
func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}
