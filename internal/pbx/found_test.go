package pbx

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/plant"
	"github.com/sipward/sipward/internal/process"
)

var update = flag.Bool("update", false, "write down what is found as what is wanted")

// describe writes servers as the archives do.
func describe(root string, servers []Server) string {
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "%s %s pid %d", s.Name, s.Version, s.PID)
		for _, p := range s.Ports {
			fmt.Fprintf(&b, " %d/%s", p.Port, p.Transport)
		}
		if s.Apart != "" {
			b.WriteString(" in " + s.Apart)
		}
		fmt.Fprintf(&b, " settings %s\n", s.Settings)
		for _, l := range s.Logs {
			fmt.Fprintf(&b, "  log %s%s %s", strings.TrimPrefix(l.File, root), l.Unit, l.Format)
			if l.Security {
				b.WriteString(" security")
			}
			if l.Notice {
				b.WriteString(" notice")
			}
			if l.DateFormat != "" {
				fmt.Fprintf(&b, " %q", l.DateFormat)
			}
			fmt.Fprintf(&b, " (%s)\n", l.From)
		}
		for _, t := range s.Trunks {
			name := t.Name
			if t.Prefix.IsValid() {
				name = t.Prefix.String()
			}
			fmt.Fprintf(&b, "  trunk %s (%s)\n", name, t.From)
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "  note %s\n", n)
		}
		for _, p := range s.Problems {
			fmt.Fprintf(&b, "  problem %s\n", p)
		}
	}
	return b.String()
}

// running asks the archive's own /proc.
func running(t testing.TB, root string) []Running {
	t.Helper()
	found, err := process.Servers(os.DirFS(root))
	must(t, err)
	var list []Running
	ports := func(from []process.Port) (to []Port) {
		for _, p := range from {
			to = append(to, Port{p.Port, Transport(p.Transport)})
		}
		return to
	}
	for _, s := range found {
		list = append(list, Running{Name: s.Name, Process: s.Process, PID: s.PID, Ports: ports(s.Ports), Open: ports(s.Open),
			Container: s.Apart == process.InContainer, Apart: s.Apart, Alien: s.Alien, Words: s.Words, Unit: s.Unit})
	}
	return list
}

// TestInstallations: each archive is a machine, and what must be found there.
func TestInstallations(t *testing.T) {
	archives, err := filepath.Glob("testdata/found/*.txtar")
	must(t, err)
	if len(archives) < 12 {
		t.Fatalf("only %d installations", len(archives))
	}
	for _, archive := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(archive), ".txtar"), func(t *testing.T) {
			root, want := plant.All(t, archive, "wanted")
			servers := Open(root).Look(running(t, root))
			got := describe(root, servers)
			if *update {
				rewrite(t, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// rewrite puts what was found into the archive.
func rewrite(t *testing.T, archive, found string) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	must(t, err)
	for i := range a.Files {
		if a.Files[i].Name == "wanted" {
			a.Files[i].Data = []byte(found)
		}
	}
	must(t, os.WriteFile(archive, txtar.Format(a), 0o644))
}
