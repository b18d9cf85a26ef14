package advisory

import (
	"slices"

	"github.com/sipward/sipward/internal/installed"
)

// A product is a program that advisories are about.
type product struct {
	name string
	// packages are the binary packages that hold it, whoever built them, and
	// sources what those are built from.
	packages, sources   []string
	programs, processes []string
	// ownBuilds says that no distribution we know builds it, so a package of it
	// comes from the project's own repository and carries its release as it is.
	ownBuilds bool
}

// byBranch are Sangoma's packages for FreePBX, one for each branch of Asterisk.
var byBranch = []string{"asterisk16", "asterisk18", "asterisk20", "asterisk21", "asterisk22", "asterisk23"}

// products are the SIP servers, and what media and messages pass through beside
// them. Debian, Ubuntu and Fedora have neither FreeSWITCH nor OpenSIPS.
var products = []product{
	{name: "asterisk",
		packages: append([]string{"asterisk"}, byBranch...), sources: append([]string{"asterisk"}, byBranch...),
		programs:  []string{"usr/sbin/asterisk", "usr/local/sbin/asterisk", "opt/asterisk/sbin/asterisk"},
		processes: []string{"asterisk"}},
	{name: "freeswitch", ownBuilds: true,
		packages: []string{"freeswitch"}, sources: []string{"freeswitch"},
		programs:  []string{"usr/bin/freeswitch", "usr/local/bin/freeswitch", "usr/local/freeswitch/bin/freeswitch"},
		processes: []string{"freeswitch"}},
	{name: "kamailio",
		packages: []string{"kamailio"}, sources: []string{"kamailio"},
		programs:  []string{"usr/sbin/kamailio", "usr/local/sbin/kamailio", "usr/local/kamailio/sbin/kamailio"},
		processes: []string{"kamailio"}},
	{name: "opensips", ownBuilds: true,
		packages: []string{"opensips"}, sources: []string{"opensips"},
		programs:  []string{"usr/sbin/opensips", "usr/local/sbin/opensips", "usr/local/opensips/sbin/opensips"},
		processes: []string{"opensips"}},
	{name: "rtpengine",
		packages:  []string{"rtpengine-daemon", "ngcp-rtpengine-daemon", "ngcp-rtpengine", "rtpengine"},
		sources:   []string{"rtpengine", "ngcp-rtpengine"},
		processes: []string{"rtpengine"}},
	{name: "sofia-sip",
		packages: []string{"libsofia-sip-ua0", "sofia-sip"}, sources: []string{"sofia-sip"}},
}

// Wanted is what to look for on a machine.
func Wanted() []installed.Wanted {
	var all []installed.Wanted
	for _, p := range products {
		all = append(all, installed.Wanted{Name: p.name, Packages: p.packages, Sources: p.sources,
			Programs: p.programs, Processes: p.processes})
	}
	return all
}

// productOf finds the product of a package; nil when it is none of ours.
func productOf(name string) *product {
	for i, p := range products {
		if p.name == name || slices.Contains(p.packages, name) || slices.Contains(p.sources, name) {
			return &products[i]
		}
	}
	return nil
}
