package daemon

import (
	"encoding/json"
	"net/netip"

	"github.com/sipward/sipward/internal/host"
)

// namesCheckpoint is where the store keeps what the trunks' names stood for:
// after a boot the carriers must be known before DNS is.
const namesCheckpoint = "trunk names"

// newNames makes the resolver, with the answers of the last run. Which of the
// names are still wanted shows when the SIP servers have been looked at.
func (d *Daemon) newNames() *host.Resolver {
	var kept []host.Answer
	saved, err := d.store.Checkpoint(namesCheckpoint)
	if err == nil && len(saved) > 0 {
		err = json.Unmarshal(saved, &kept)
	}
	d.health.Report("names", "what the trunks' names stood for is lost until DNS answers", err)
	return host.NewResolver(host.ResolverOptions{Answers: kept, Own: d.own})
}

// own says that an address is this machine's: no name may stand for it.
func (d *Daemon) own(a netip.Addr) bool {
	ours, err := d.machine.Addresses()
	return err == nil && ours[a]
}

// saveNames keeps the resolver's answers.
func (d *Daemon) saveNames() {
	body, err := json.Marshal(d.names.Answers())
	if err == nil {
		err = d.store.SaveCheckpoint(namesCheckpoint, body)
	}
	d.health.Report("names", "what the trunks' names stand for is not saved", err)
}
