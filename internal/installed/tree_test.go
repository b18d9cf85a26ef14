package installed

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sipward/sipward/internal/plant"
)

// wanted are programs as the advisories want them.
var wanted = []Wanted{
	{Name: "asterisk", Packages: []string{"asterisk"}, Sources: []string{"asterisk"},
		Programs: []string{"usr/sbin/asterisk", "usr/local/sbin/asterisk"}, Processes: []string{"asterisk"}},
	{Name: "freeswitch", Packages: []string{"freeswitch"}, Sources: []string{"freeswitch"}, Programs: []string{"usr/local/freeswitch/bin/freeswitch"}},
	{Name: "kamailio", Packages: []string{"kamailio"}, Sources: []string{"kamailio"},
		Programs: []string{"usr/sbin/kamailio", "usr/local/sbin/kamailio"}, Processes: []string{"kamailio"}},
	{Name: "rtpengine", Packages: []string{"rtpengine-daemon"}, Sources: []string{"rtpengine"}},
}

// look plants files and looks at them.
func look(t *testing.T, files map[string]string) Report {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		plant.File(t, dir, name, text)
	}
	return lookAt(t, dir)
}

func lookAt(t *testing.T, dir string) Report {
	t.Helper()
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	return tree.Look(wanted)
}

// stanza is a paragraph of dpkg's list.
func stanza(name, version string, more ...string) string {
	return "Package: " + name + "\nStatus: install ok installed\nVersion: " + version + "\n" + strings.Join(append(more, ""), "\n") + "\n"
}

// TestHostileTrees: whatever is in a tree, it is read without leaving it, within
// bounds, and what is wrong is said in a sentence.
func TestHostileTrees(t *testing.T) {
	outside := t.TempDir()
	plant.File(t, outside, "status", stanza("asterisk", "6.6.6-outside"))
	plant.File(t, outside, "proc/1/comm", "asterisk\n")
	plant.File(t, outside, "rpmdb.sqlite", rpmDatabaseOf(t, rpmHeader("asterisk", "6.6.6", "1.outside", "asterisk-6.6.6-1.src.rpm")))
	plant.File(t, outside, "asterisk", "Asterisk 6.6.6 \x00")
	up := strings.Repeat("../", 30) + strings.TrimPrefix(outside, "/")
	for _, c := range []struct {
		name  string
		plant func(dir string)
		want  string // part of a sentence; empty where none is needed
	}{
		{"an absolute link out", func(dir string) {
			plant.File(t, dir, dpkgStatus, "-> "+outside+"/status")
			plant.File(t, dir, "usr/sbin/asterisk", "-> "+outside+"/asterisk")
			plant.File(t, dir, "var/lib/rpm/rpmdb.sqlite", "-> "+outside+"/rpmdb.sqlite")
		}, ""},
		{"a relative link out", func(dir string) {
			plant.File(t, dir, dpkgStatus, "-> "+up+"/status")
			plant.File(t, dir, "usr/sbin/asterisk", "-> "+up+"/asterisk")
			plant.File(t, dir, "var/lib/rpm/rpmdb.sqlite", "-> "+up+"/rpmdb.sqlite")
		}, ""},
		{"a folder that leads out", func(dir string) {
			plant.File(t, dir, "var/lib/dpkg", "-> "+outside)
			plant.File(t, dir, "var/lib/rpm", "-> "+up)
			plant.File(t, dir, "usr/sbin", "-> "+outside)
			plant.File(t, dir, "proc", "-> "+outside+"/proc")
		}, ""},
		{"links in a circle", func(dir string) {
			plant.File(t, dir, dpkgStatus, "-> again")
			plant.File(t, dir, "var/lib/dpkg/again", "-> status")
		}, "too many links"},
		{"a folder in itself", func(dir string) { plant.File(t, dir, "var/lib/dpkg", "-> dpkg") }, "too many links"},
		{"a chain of long links", func(dir string) {
			plant.File(t, dir, dpkgStatus, "-> "+strings.Repeat("./", 2000)+"status")
		}, "too many links"},
		{"a folder instead of the list", func(dir string) { plant.File(t, dir, dpkgStatus+"/x", "") }, "no ordinary file"},
		{"a FIFO instead of the list", func(dir string) {
			plant.File(t, dir, "var/lib/dpkg/x", "")
			if err := unix.Mkfifo(filepath.Join(dir, dpkgStatus), 0o644); err != nil {
				t.Fatal(err)
			}
		}, "no ordinary file"},
		{"NULs", func(dir string) { plant.File(t, dir, dpkgStatus, strings.Repeat("\x00\xff", 1<<20)) }, "damaged"},
		{"one endless line", func(dir string) { plant.File(t, dir, dpkgStatus, strings.Repeat("Package: asterisk ", 1<<17)) }, "damaged"},
		{"a list without end", func(dir string) {
			plant.File(t, dir, dpkgStatus, "")
			if err := os.Truncate(filepath.Join(dir, dpkgStatus), maxStatus+10); err != nil { // a hole: no bytes on disk
				t.Fatal(err)
			}
		}, "too large"},
		{"too many packages", func(dir string) {
			plant.File(t, dir, dpkgStatus, strings.Repeat(stanza("a", "1"), maxPackages+2))
		}, "too large"},
		{"half a database", func(dir string) { plant.File(t, dir, "var/lib/rpm/rpmdb.sqlite", "SQLite format 3\x00half") }, "no database"},
		{"text as a database", func(dir string) { plant.File(t, dir, "var/lib/rpm/rpmdb.sqlite", "hello") }, "no database"},
		{"Berkeley DB", func(dir string) { plant.File(t, dir, "var/lib/rpm/Packages", "x") }, "Berkeley DB"},
		{"ndb", func(dir string) { plant.File(t, dir, "usr/lib/sysimage/rpm/Packages.db", "RpmP") }, "format ndb"},
		{"a change log that unpacks without end", func(dir string) {
			plant.File(t, dir, dpkgStatus, stanza("kamailio", "5.6.3-2"))
			plant.File(t, dir, "usr/share/doc/kamailio/changelog.Debian.gz", gzipped(t, strings.Repeat("\x00", maxChangelog+2)))
		}, "too large"},
		{"a change log that is not packed", func(dir string) {
			plant.File(t, dir, dpkgStatus, stanza("kamailio", "5.6.3-2"))
			plant.File(t, dir, "usr/share/doc/kamailio/changelog.Debian.gz", "kamailio (5.6.3-2) unstable; urgency=low")
		}, "gzip: invalid header"},
		{"names that are none", func(dir string) {
			plant.File(t, dir, dpkgStatus, stanza("asterisk", "6.6.6 outside")+stanza("asterisk", "6.6.6\x1b[2Joutside")+stanza("../../asterisk", "6.6.6-outside"))
		}, ""},
		{"a program that is a folder", func(dir string) { plant.File(t, dir, "usr/sbin/asterisk/x", "") }, "no ordinary file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.plant(dir)
			r := lookAt(t, dir)
			for _, p := range r.Packages {
				if strings.Contains(p.Version, "6.6.6") || p.Restart {
					t.Errorf("it was read outside of the tree: %+v", p)
				}
			}
			if told := strings.Join(r.Problems, "; "); !strings.Contains(told, c.want) || strings.Contains(told, outside) {
				t.Errorf("it says %q, want %q", told, c.want)
			}
			if c.want != "" && strings.Contains(c.name, "list") && len(r.Unread) == 0 {
				t.Error("nothing is unread")
			}
		})
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestLinksInside: a tree's own links are followed, absolute ones from its root.
func TestLinksInside(t *testing.T) {
	r := look(t, map[string]string{
		"srv/list":               stanza("kamailio", "5.6.3-2"),
		dpkgStatus:               "-> /srv/list",
		"etc/os-release":         "-> ../usr/lib/os-release",
		"usr/lib/os-release":     "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n",
		"usr/share/doc/kamailio": "-> kamailio-doc",
		"usr/share/doc/kamailio-doc/changelog.Debian": "kamailio (5.6.3-2) unstable; urgency=medium\n\n  * Fix.\n\n -- A <a@b>  Wed, 01 Feb 2023 11:15:26 +0100\n",
	})
	if len(r.Problems) > 0 || len(r.Packages) != 1 || r.Packages[0].Version != "5.6.3-2" || len(r.Packages[0].Changelog) != 1 {
		t.Errorf("%+v", r)
	}
	if r.System.ID != "debian" || r.System.Release != "12" {
		t.Errorf("the system is %+v", r.System)
	}
}

// TestPermissionDenied: files of others are a sentence. To root nothing is denied,
// so the thread becomes nobody for files; it ends with the goroutine.
func TestPermissionDenied(t *testing.T) {
	dir := t.TempDir()
	plant.File(t, dir, dpkgStatus, stanza("asterisk", "6.6.6"))
	plant.File(t, dir, "var/lib/rpm/rpmdb.sqlite", "SQLite format 3\x00")
	plant.File(t, dir, "usr/sbin/asterisk", "Asterisk 6.6.6 ")
	plant.File(t, dir, "usr/local/sbin/kamailio", "kamailio 6.6.6 (")
	for name, mode := range map[string]fs.FileMode{dpkgStatus: 0, "var/lib/rpm": 0, "usr/sbin/asterisk": 0, "usr/local": 0} {
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		os.Chmod(filepath.Join(dir, "var/lib/rpm"), 0o755)
		os.Chmod(filepath.Join(dir, "usr/local"), 0o755)
	})
	tree, err := Open(dir) // as root: the folders of tests are for their owner
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	told := make(chan Report, 1)
	go func() {
		defer close(told)
		runtime.LockOSThread()
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Error(err)
		}
		told <- tree.Look(wanted)
	}()
	r := <-told
	for _, p := range r.Packages {
		if p.Version != "" {
			t.Errorf("it was read: %+v", p)
		}
	}
	all := strings.Join(r.Problems, "\n")
	for _, want := range []string{"/var/lib/dpkg/status cannot be read: permission denied", "/var/lib/rpm/rpmdb.sqlite cannot be read: permission denied", "/usr/sbin/asterisk cannot be searched for its version: permission denied"} {
		if !strings.Contains(all, want) {
			t.Errorf("it does not say %q:\n%s", want, all)
		}
	}
	if len(r.Unread) != 2 {
		t.Errorf("unread are %q", r.Unread)
	}
	if _, err := Open(filepath.Join(dir, "nowhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a tree that is not there: %v", err)
	}
}

// TestThisMachine looks at what is here, whatever it is.
func TestThisMachine(t *testing.T) {
	r := lookAt(t, "/")
	t.Logf("%s: %d packages, %q", r.System.Name, len(r.Packages), r.Problems)
	for _, p := range r.Packages {
		if p.Manager != "" && !clean(p.Version) {
			t.Errorf("%+v", p)
		}
	}
}
