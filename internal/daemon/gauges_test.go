package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestTables: each table of fixed size has its metrics, and its row on the page
// that says what happens when it is full.
func TestTables(t *testing.T) {
	r := newRig(t, nil)
	for _, l := range r.lanes {
		gauges := l.hall.Gauges()
		l.gauges.Store(&gauges)
	}
	page, err := os.ReadFile("../../docs/memory.md")
	if err != nil {
		t.Fatal(err)
	}
	tables, names := r.tables(), map[string]bool{}
	for _, g := range tables {
		if g.Cap < 1 || g.Entries > g.Cap || names[g.Name] {
			t.Errorf("%+v", g)
		}
		names[g.Name] = true
		if !strings.Contains(string(page), "\n| `"+g.Name+"` |") {
			t.Errorf("docs/memory.md does not name the table %s", g.Name)
		}
	}
	if rows := strings.Count(string(page), "\n| `"); rows != len(tables) || rows < 15 {
		t.Errorf("docs/memory.md has %d tables, the daemon %d", rows, len(tables))
	}
	told := make(chan prometheus.Metric, 1000)
	r.collectTables(told)
	if found := len(told); found != 3*len(tables) {
		t.Errorf("%d metrics of %d tables", found, len(tables))
	}
}
