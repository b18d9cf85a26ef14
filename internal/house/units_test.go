package house

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnits installs into an empty directory and lets systemd judge the units
// there: every setting known, every program in its place.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze here")
	}
	tree := installed(t)
	var units []string
	for _, u := range []string{"sipward.service", "sipward-boot.service"} {
		units = append(units, relocated(t, filepath.Join(tree, "usr/lib/systemd/system", u), tree))
	}
	for _, complaint := range verify(units...) {
		t.Error(complaint)
	}
	// The judge must not be blind: a slip of the pen in a unit is found.
	text, err := os.ReadFile(units[0])
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "sipward-wrong.service")
	if err := os.WriteFile(wrong, []byte(strings.Replace(string(text), "Restart=", "Restrat=", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if len(verify(wrong)) == 0 {
		t.Error("systemd-analyze finds nothing wrong with Restrat=")
	}
}

// TestUnitsStandAlone: nothing else that stops takes sipward with it.
func TestUnitsStandAlone(t *testing.T) {
	for _, u := range []string{"sipward.service", "sipward-boot.service"} {
		for line := range strings.Lines(document(t, "packaging/"+u)) {
			for _, bond := range []string{"PartOf=", "BindsTo=", "Requires=", "Requisite=", "StopPropagatedFrom="} {
				if strings.HasPrefix(line, bond) {
					t.Errorf("%s: %s", u, line)
				}
			}
		}
	}
}

// verify gives what systemd says of our units; those of the machine may have
// faults of their own.
func verify(units ...string) []string {
	out, err := exec.Command("systemd-analyze", append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	var complaints []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sipward") {
			complaints = append(complaints, strings.TrimSpace(line))
		}
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		complaints = append(complaints, err.Error())
	}
	return complaints
}

// relocated writes a copy of a unit whose programs are those of the tree, since
// systemd-analyze looks for programs in this machine's own.
func relocated(t *testing.T, path, tree string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.ReplaceAll(string(text), "/usr/bin/sipward", tree+"/usr/bin/sipward")
	if moved == string(text) {
		t.Fatalf("%s runs no sipward", path)
	}
	copied := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := os.WriteFile(copied, []byte(moved), 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestInstall: an installation is complete, keeps the settings that are there,
// and can be undone.
func TestInstall(t *testing.T) {
	tree := installed(t)
	settings := filepath.Join(tree, "etc/sipward/sipward.yaml")
	for path, mode := range map[string]os.FileMode{
		"usr/bin/sipward":                             0o755,
		"usr/lib/systemd/system/sipward.service":      0o644,
		"usr/lib/systemd/system/sipward-boot.service": 0o644,
		"usr/share/doc/sipward/sipward.yaml":          0o644,
		"etc/sipward/sipward.yaml":                    0o640,
	} {
		info, err := os.Stat(filepath.Join(tree, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %v", path, info, err, mode)
		}
	}
	const mine = "mode: enforce\n"
	if err := os.WriteFile(settings, []byte(mine), 0o640); err != nil {
		t.Fatal(err)
	}
	run(t, "make", "-C", root, "--no-print-directory", "install-files", "DESTDIR="+tree, "BIN="+binary(t))
	if text, err := os.ReadFile(settings); err != nil || string(text) != mine {
		t.Errorf("a second installation left %q, %v of the settings", text, err)
	}
	run(t, "make", "-C", root, "--no-print-directory", "uninstall", "DESTDIR="+tree)
	for _, path := range []string{"usr/bin/sipward", "usr/lib/systemd/system/sipward.service", "usr/lib/systemd/system/sipward-boot.service"} {
		if _, err := os.Stat(filepath.Join(tree, path)); err == nil {
			t.Errorf("%s is still there", path)
		}
	}
	if _, err := os.Stat(settings); err != nil {
		t.Errorf("the settings went with the program: %v", err)
	}
}
