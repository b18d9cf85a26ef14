package advisory

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keys makes a key, and one of somebody else.
func keys(t testing.TB) (ours, theirs ed25519.PrivateKey) {
	t.Helper()
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)), ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
}

func public(k ed25519.PrivateKey) []ed25519.PublicKey {
	return []ed25519.PublicKey{k.Public().(ed25519.PublicKey)}
}

func payload(serial int) []byte {
	return fmt.Appendf(nil, `{"serial":%d,"expires":"2027-06-01T00:00:00Z","products":{"kamailio":"2027-01-01"},"vulns":[%s]}`, serial, record)
}

func TestBundleRefused(t *testing.T) {
	ours, theirs := keys(t)
	good := SignBundle(ours, payload(7))
	turned := bytes.Clone(good)
	turned[len(turned)-3] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrInvalid},
		{"no signature", payload(7), ErrInvalid},
		{"half a signature", append([]byte(bundleMark+"AAAA\n"), payload(7)...), ErrInvalid},
		{"a signature that is no base64", append([]byte(bundleMark+"!!\n"), payload(7)...), ErrInvalid},
		{"somebody else's", SignBundle(theirs, payload(7)), ErrSignature},
		{"a bit turned", turned, ErrSignature},
		{"cut off", good[:len(good)-1], ErrSignature},
		{"something behind", append(bytes.Clone(good), '\n'), ErrSignature},
		{"signed for something else", []byte(strings.Replace(string(SignBundle(ours, append([]byte("x"), payload(7)...))), "\nx{", "\n{", 1)), ErrSignature},
		{"no serial", SignBundle(ours, []byte(`{"expires":"2027-06-01T00:00:00Z","vulns":[]}`)), ErrInvalid},
		{"no end", SignBundle(ours, []byte(`{"serial":7,"vulns":[]}`)), ErrInvalid},
		{"no data", SignBundle(ours, []byte(`{"serial":7,"expires":"2027-06-01T00:00:00Z"}`)), ErrInvalid},
		{"too large", make([]byte, maxBundle+1), errTooLarge},
	} {
		if _, err := OpenBundle(c.data, public(ours)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := OpenBundle(good, nil); !errors.Is(err, ErrSignature) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := OpenBundle(good, []ed25519.PublicKey{{1, 2, 3}}); !errors.Is(err, ErrSignature) {
		t.Errorf("with half a key: %v", err)
	}
	b, err := OpenBundle(good, append(public(theirs), public(ours)...))
	if err != nil || b.Serial != 7 || len(b.Data.about("kamailio")) != 1 {
		t.Errorf("%+v, %v", b, err)
	}
}

// TestKeeper: serials only grow, and the last good one survives everything.
func TestKeeper(t *testing.T) {
	ours, theirs := keys(t)
	now := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	k := &Keeper{Dir: t.TempDir(), Keys: public(ours)}
	if _, err := k.Current(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	current := func(want uint64) {
		t.Helper()
		if b, err := k.Current(); err != nil || b.Serial != want {
			t.Errorf("current is %+v, %v, want %d", b, err, want)
		}
	}
	for _, step := range []struct {
		name string
		data []byte
		now  time.Time
		err  error
		then uint64
	}{
		{"the first", SignBundle(ours, payload(5)), now, nil, 5},
		{"the same again", SignBundle(ours, payload(5)), now, ErrOlder, 5},
		{"an older one", SignBundle(ours, payload(4)), now, ErrOlder, 5},
		{"somebody else's newer one", SignBundle(theirs, payload(9)), now, ErrSignature, 5},
		{"one that has expired", SignBundle(ours, payload(6)), now.AddDate(1, 0, 0), ErrExpired, 5},
		{"garbage", []byte("x"), now, ErrInvalid, 5},
		{"a newer one", SignBundle(ours, payload(6)), now, nil, 6},
		{"a newer one still", SignBundle(ours, payload(8)), now, nil, 8},
	} {
		if _, err := k.Take(step.data, step.now); !errors.Is(err, step.err) {
			t.Errorf("%s: %v, want %v", step.name, err, step.err)
		}
		current(step.then)
	}
	// The newest is damaged on disk: the one before it counts, and it cannot be
	// pushed out by what is damaged.
	newest := filepath.Join(k.Dir, newestBundle)
	if err := os.WriteFile(newest, []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	current(6)
	if _, err := k.Take(SignBundle(ours, payload(7)), now); err != nil {
		t.Error(err)
	}
	current(7)
	if err := os.Remove(newest); err != nil {
		t.Fatal(err)
	}
	current(6)
	left, err := os.ReadDir(k.Dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := (&Keeper{Dir: filepath.Join(k.Dir, "nowhere"), Keys: k.Keys}).Take(SignBundle(ours, payload(9)), now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func FuzzBundle(f *testing.F) {
	ours, _ := keys(f)
	f.Add(SignBundle(ours, payload(7)))
	f.Add([]byte(bundleMark))
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := OpenBundle(data, public(ours)); err == nil && b.Serial != 7 {
			t.Errorf("somebody signed %d", b.Serial)
		}
	})
}
