package daemon

import (
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/health"
	"github.com/sipward/sipward/internal/host"
	"github.com/sipward/sipward/internal/store"
)

// TestNamesOutliveTheProcess: what a trunk's name stood for is known at the
// next start, before DNS is.
func TestNamesOutliveTheProcess(t *testing.T) {
	kept, err := store.Open(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	machine, err := host.Open(host.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	d := &Daemon{store: kept, machine: machine, health: health.New(slog.New(slog.NewTextHandler(io.Discard, nil)))}
	const name, address = "sip.example.net", "8.8.4.4"
	d.names = host.NewResolver(host.ResolverOptions{Answers: []host.Answer{
		{Name: name, Address: netip.MustParseAddr(address), Seen: time.Now()},
	}})
	d.names.SetNames([]string{name})
	d.saveNames()
	again := d.newNames()
	again.SetNames([]string{name})
	found := again.Addresses()[name]
	if len(found) != 1 || found[0].String() != address {
		t.Errorf("after a restart %s stands for %v, want %s; health %q", name, found, address, d.health.Sentences())
	}
}
