package reports

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/hep"
)

// Ears are all places where somebody is heard.
type Ears []*Ear

// OpenAll opens the places that the settings ask for and tells the owner of those
// that cannot be. Without its key nobody is heard, rather than anybody.
func OpenAll(settings config.HEP, owner Owner) Ears {
	from, also := settings.From, func(netip.Addr) bool { return false }
	if len(from) == 0 {
		// A server that is bound to one address sends from there, to 127.0.0.1 too.
		from, also = ThisMachine(), owner.Local
	}
	key, err := Key(settings.KeyFile)
	if err != nil {
		owner.Trouble(err)
		return nil
	}
	var ears Ears
	var problems []error
	for _, l := range settings.Listen {
		e, err := Open("hep:"+l.String(), hep.Config{Network: l.Network, At: l.At, From: from, Also: also, Key: key}, owner)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		ears = append(ears, e)
	}
	owner.Trouble(errors.Join(problems...))
	return ears
}

// Run hears at all places until ctx ends, and tells the owner of what ended before.
func (e Ears) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	for _, ear := range e {
		work.Go(func() {
			if err := ear.Run(ctx); err != nil {
				ear.owner.Trouble(err)
			}
		})
	}
}

// Complaints are those of all ears.
func (e Ears) Complaints() []string {
	var list []string
	for _, ear := range e {
		if c := ear.Complaint(); c != "" {
			list = append(list, c)
		}
	}
	return list
}

// Notes are those of all ears.
func (e Ears) Notes() []string {
	var list []string
	for _, ear := range e {
		if n := ear.Note(); n != "" {
			list = append(list, n)
		}
	}
	return list
}

// Status is the ears among the sources.
func (e Ears) Status() []control.SourceStatus {
	var list []control.SourceStatus
	for _, ear := range e {
		events, last := ear.Seen()
		list = append(list, control.SourceStatus{Name: ear.Name(), Kind: "hep", Events: events, Last: last})
	}
	return list
}

var packetsMetric = prometheus.NewDesc("sipward_hep_total", "HEP packets by what became of them.", []string{"source", "result"}, nil)

// Collect gives the ears' counters.
func (e Ears) Collect(to chan<- prometheus.Metric) {
	for _, ear := range e {
		for result, n := range ear.Counts() {
			to <- prometheus.MustNewConstMetric(packetsMetric, prometheus.CounterValue, float64(n), ear.Name(), result)
		}
	}
}
