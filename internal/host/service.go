package host

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
)

// A service is something this machine depends on, and the files that name its
// servers.
type service struct {
	pattern string // below the root
	reason  string
	read    func(text []byte) []netip.Addr
}

// services are the files that are read. Servers given by name are left out: a
// never-ban list must not depend on what DNS answers.
var services = []service{
	{"etc/resolv.conf", "a DNS resolver", resolvers},
	// Where resolv.conf names only resolved's own address, this names its upstreams.
	{"run/systemd/resolve/resolv.conf", "a DNS resolver", resolvers},

	{"etc/chrony/chrony.conf", "an NTP server", timeServers},
	{"etc/chrony/conf.d/*.conf", "an NTP server", timeServers},
	{"etc/chrony/sources.d/*.sources", "an NTP server", timeServers},
	{"etc/chrony.conf", "an NTP server", timeServers},
	{"etc/chrony.d/*.conf", "an NTP server", timeServers},
	{"run/chrony-dhcp/*.sources", "an NTP server", timeServers},
	{"etc/ntp.conf", "an NTP server", timeServers},
	{"etc/ntpsec/ntp.conf", "an NTP server", timeServers},
	{"etc/openntpd/ntpd.conf", "an NTP server", timeServers},
	{"etc/systemd/timesyncd.conf", "an NTP server", assigned("NTP", "FallbackNTP")},
	{"etc/systemd/timesyncd.conf.d/*.conf", "an NTP server", assigned("NTP", "FallbackNTP")},
	{"run/systemd/netif/links/*", "an NTP server", assigned("NTP")},

	{"run/systemd/netif/leases/*", "the DHCP server", assigned("SERVER_ADDRESS")},
	{"var/lib/NetworkManager/*.lease", "the DHCP server", assigned("SERVER_ADDRESS")},
	{"var/lib/dhcp/dhclient*.lease*", "the DHCP server", leaseServers},
	{"var/lib/dhclient/*.lease*", "the DHCP server", leaseServers},
}

// readServices gives the servers of all services. The reason names the file
// where a person would look it up and change it.
func readServices(files fs.FS) ([]claim, error) {
	var claims []claim
	var errs []error
	for _, s := range services {
		for _, name := range match(files, s.pattern) {
			text, err := read(files, name)
			errs = append(errs, err)
			reason := s.reason
			if strings.HasSuffix(name, ".conf") {
				reason += " (/" + name + ")"
			}
			for _, a := range s.read(text) {
				claims = append(claims, claim{a, reason})
			}
		}
	}
	return claims, errors.Join(errs...)
}

// resolvers reads resolv.conf(5).
func resolvers(text []byte) []netip.Addr {
	var found []netip.Addr
	for line := range bytes.Lines(text) {
		if words := strings.Fields(string(line)); len(words) >= 2 && words[0] == "nameserver" {
			found = collect(found, words[1])
		}
	}
	return found
}

// timeServers reads the settings of chrony, ntpd and openntpd, which agree on
// "server ADDRESS …"; ntpd allows -4 or -6 in between.
func timeServers(text []byte) []netip.Addr {
	var found []netip.Addr
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		if len(words) < 2 || !slices.Contains([]string{"server", "peer", "pool"}, strings.ToLower(words[0])) {
			continue
		}
		if strings.HasPrefix(words[1], "-") && len(words) > 2 {
			words = words[1:]
		}
		found = collect(found, words[1])
	}
	return found
}

// assigned reads systemd's KEY=ADDRESS ADDRESS ….
func assigned(keys ...string) func([]byte) []netip.Addr {
	return func(text []byte) []netip.Addr {
		var found []netip.Addr
		for line := range bytes.Lines(text) {
			key, value, _ := strings.Cut(string(line), "=")
			if !slices.Contains(keys, strings.TrimSpace(key)) {
				continue
			}
			for _, word := range strings.Fields(value) {
				found = collect(found, word)
			}
		}
		return found
	}
}

// leaseServers reads dhclient.leases(5): blocks in order of time, of which the
// last one of each interface holds. An outdated lease counts too: it may be
// renewed from the same server.
func leaseServers(text []byte) []netip.Addr {
	var port string
	servers := map[string]netip.Addr{}
	for line := range bytes.Lines(text) {
		words := strings.Fields(strings.TrimRight(string(line), "; \t\r\n"))
		switch {
		case len(words) == 2 && words[0] == "interface":
			port = words[1]
		case len(words) == 3 && words[0] == "option" && words[1] == "dhcp-server-identifier":
			if a, ok := literal(words[2]); ok && (len(servers) < maxServers || servers[port].IsValid()) {
				servers[port] = a
			}
		}
	}
	found := make([]netip.Addr, 0, len(servers))
	for _, a := range servers {
		found = append(found, a)
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found)
}

// maxServers bounds what one file may name.
const maxServers = 64

func collect(found []netip.Addr, word string) []netip.Addr {
	if a, ok := literal(word); ok && len(found) < maxServers {
		found = append(found, a)
	}
	return found
}
