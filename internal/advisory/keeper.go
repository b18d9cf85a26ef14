package advisory

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Keeper keeps the newest bundle that was good, and the one before it, in a
// folder of its own. What is refused changes nothing.
type Keeper struct {
	Dir  string
	Keys []ed25519.PublicKey
}

// The files in the folder. Either may be missing or damaged.
const (
	newestBundle = "advisories.bundle"
	formerBundle = "advisories.bundle.before"
)

// Current gives the newest good bundle; an expired one still counts, since old
// knowledge is better than none, and the answer says how old it is. Without one
// it gives fs.ErrNotExist.
func (k *Keeper) Current() (*Bundle, error) {
	var best *Bundle
	err := error(fs.ErrNotExist)
	for _, name := range []string{newestBundle, formerBundle} {
		b, bad := k.load(name)
		switch {
		case bad == nil && (best == nil || b.Serial > best.Serial):
			best = b
		case bad != nil && !errors.Is(bad, fs.ErrNotExist):
			err = bad
		}
	}
	if best == nil {
		return nil, fmt.Errorf("read bundle: %w", err)
	}
	return best, nil
}

// load checks a bundle each time it is read: what is on disk is trusted no more than
// what arrives.
func (k *Keeper) load(name string) (*Bundle, error) {
	f, err := os.Open(filepath.Join(k.Dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxBundle+1))
	if err != nil {
		return nil, err
	}
	return OpenBundle(data, k.Keys)
}

// Take checks a bundle and keeps it. One that is not newer than the current one
// is refused: who can hold updates back must not be able to turn time back.
func (k *Keeper) Take(data []byte, now time.Time) (*Bundle, error) {
	b, err := OpenBundle(data, k.Keys)
	if err != nil {
		return nil, err
	}
	if now.After(b.Expires) {
		return nil, fmt.Errorf("take bundle %d: %w", b.Serial, ErrExpired)
	}
	if old, err := k.Current(); err == nil && b.Serial <= old.Serial {
		return nil, fmt.Errorf("take bundle %d, having %d: %w", b.Serial, old.Serial, ErrOlder)
	}
	if err := k.store(data); err != nil {
		return nil, fmt.Errorf("keep bundle: %w", err)
	}
	return b, nil
}

// store puts the new bundle in its place in one step, so that there is a whole
// one at every moment; the former one stays beside it.
func (k *Keeper) store(data []byte) error {
	f, err := os.CreateTemp(k.Dir, newestBundle+".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in its place it has another name
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	newest, former := filepath.Join(k.Dir, newestBundle), filepath.Join(k.Dir, formerBundle)
	if _, err := k.load(newestBundle); err == nil { // a damaged one must not push a good one out
		if err := errors.Join(removeOld(former), os.Link(newest, former)); err != nil {
			return err
		}
	}
	return os.Rename(f.Name(), newest)
}

// removeOld removes a file that may not be there.
func removeOld(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
