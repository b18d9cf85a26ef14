package house

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestMain removes the binary that some tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := workshop(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// workshop is a directory for what the tests of this package share.
var workshop = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "sipward-house-") })

// built is sipward, built once.
var built = sync.OnceValues(func() (string, error) {
	dir, err := workshop()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sipward")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "./cmd/sipward")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sipward: %w\n%s", err, out)
	}
	return path, nil
})

func binary(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// installed gives a directory that sipward was installed into.
func installed(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	run(t, "make", "-C", root, "--no-print-directory", "install-files", "DESTDIR="+tree, "BIN="+binary(t))
	return tree
}

// run runs a program that must do well.
func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, arguments, err, out)
	}
}

// TestStatic: the binary needs nothing of the machine, so it runs on all of them.
func TestStatic(t *testing.T) {
	out, err := exec.Command("go", "version", "-m", binary(t)).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	if !containsLine(string(out), "CGO_ENABLED=0") {
		t.Errorf("the binary was built with cgo:\n%s", out)
	}
}
