package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sipward/sipward/internal/bounded"
)

// The metrics of every table of fixed size, by its name; docs/memory.md says what
// each is and what happens when it is full.
var (
	tableEntriesMetric  = describeTable("table_entries", "Entries of a table in memory.")
	tableCapacityMetric = describeTable("table_capacity", "Entries that a table has room for.")
	tableEvictedMetric  = describeTable("table_evicted_total", "Entries that had to make room, or found none.")
)

func describeTable(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("sipward_"+name, help, []string{"table"}, nil)
}

// tables gives the gauges of all tables, those of the lanes added up. The lanes'
// are up to a second old.
func (d *Daemon) tables() []bounded.Gauge {
	var all []bounded.Gauge
	for _, s := range d.table.Sizes() {
		all = append(all, bounded.Gauge{Name: s.Name, Entries: s.Entries, Cap: s.Cap, Evicted: s.Evicted})
	}
	at := map[string]int{}
	for _, l := range d.lanes {
		gauges := l.gauges.Load()
		if gauges == nil {
			continue // it has not begun
		}
		for _, g := range *gauges {
			i, found := at[g.Name]
			if !found {
				at[g.Name] = len(all)
				all = append(all, g)
				continue
			}
			all[i].Entries += g.Entries
			all[i].Cap += g.Cap
			all[i].Evicted += g.Evicted
		}
	}
	return all
}

func (d *Daemon) collectTables(to chan<- prometheus.Metric) {
	for _, g := range d.tables() {
		to <- prometheus.MustNewConstMetric(tableEntriesMetric, prometheus.GaugeValue, float64(g.Entries), g.Name)
		to <- prometheus.MustNewConstMetric(tableCapacityMetric, prometheus.GaugeValue, float64(g.Cap), g.Name)
		to <- prometheus.MustNewConstMetric(tableEvictedMetric, prometheus.CounterValue, float64(g.Evicted), g.Name)
	}
}
