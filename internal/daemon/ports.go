package daemon

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/source"
)

const (
	// defaultPort is where SIP is served when nothing says otherwise (RFC 3261 18.1.1).
	defaultPort = 5060
	// serversEvery is how often the machine is asked for SIP servers.
	serversEvery = 10 * time.Second
)

// ports are the protected ports: 5060 where none are known.
func (d *Daemon) ports() (udp, tcp []uint16) {
	listen := d.knownPorts()
	if len(listen) == 0 {
		listen = []config.Listen{{Port: defaultPort, Transport: "udp"}, {Port: defaultPort, Transport: "tcp"}}
	}
	return config.Ports(listen)
}

// knownPorts are the settings' own ports, else those where SIP servers have been
// found.
func (d *Daemon) knownPorts() []config.Listen {
	if len(d.config.Listen) > 0 {
		return d.config.Listen
	}
	return d.served
}

// unwatched are the transports that none of the watched ports serves.
func (d *Daemon) unwatched() []event.Transport {
	names := []string{"udp", "tcp"} // of the default ports
	if listen := d.knownPorts(); len(listen) > 0 {
		names = nil
		for _, l := range listen {
			names = append(names, l.Transport)
		}
	}
	return source.Unwatched(names)
}

// servedPorts is where the SIP servers found here listen; unless the settings
// say where.
func (d *Daemon) servedPorts() []config.Listen {
	if len(d.config.Listen) > 0 {
		return nil
	}
	var listen []config.Listen
	for _, server := range d.servers {
		for _, p := range server.Ports {
			listen = append(listen, config.Listen{Port: p.Port, Transport: string(p.Transport)})
		}
	}
	return listen
}

// lookForServers takes up the ports, logs and trunks of servers that have
// started or were set up anew since: at boot we may be up first. What a server
// leaves stays watched until the next reload, for it may only be restarting.
func (d *Daemon) lookForServers() {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.ending {
		return
	}
	if d.look() {
		d.names.SetNames(d.trunkNames())
		d.guard.Protect(d.posts(), d.clock.Now())
	}
	served := union(d.served, d.servedPorts())
	logs := d.findLogs()
	if len(served) == len(d.served) && len(union(d.senses.wanted, logs)) == len(d.senses.wanted) {
		return
	}
	before := d.served
	d.served = served
	err := d.changeSenses()
	if err != nil {
		d.served = before
	} else {
		d.tellWatched()
		err = d.changeKernel()
	}
	d.health.Report("new server", "a SIP server that has started is not protected", err)
}

// union is what there was and what has come, in this order.
func union[T comparable](before, found []T) []T {
	all := slices.Clone(before)
	for _, x := range found {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

// tellWatched logs what is watched, for whoever looks there first.
func (d *Daemon) tellWatched() {
	var interfaces, logs []string
	for _, i := range d.senses.interfaces {
		interfaces = append(interfaces, i.Name)
	}
	for _, f := range d.senses.logs {
		logs = append(logs, f.config.Name())
	}
	for _, f := range d.senses.feeds {
		logs = append(logs, f.Name())
	}
	d.options.Log.Info("watching", "mode", d.config.Mode, "ports", strings.Join(d.senses.listen(), " "),
		"interfaces", strings.Join(interfaces, " "), "logs", strings.Join(logs, " "), "state", d.first.State)
	if len(d.knownPorts()) == 0 {
		d.options.Log.Info("no SIP server runs here yet: its ports are watched as soon as it starts")
	}
}

// listen names the ports that are watched, as 5060/udp.
func (s *senses) listen() []string {
	var names []string
	for _, p := range s.udp {
		names = append(names, fmt.Sprintf("%d/udp", p))
	}
	for _, p := range s.tcp {
		names = append(names, fmt.Sprintf("%d/tcp", p))
	}
	return names
}
