// Package testnet builds small networks of Linux network namespaces for tests.
//
// A [Net] is a star: one router in the middle and any number of hosts, each
// joined to the router by its own veth pair whose host end is called eth0.
// Everything uses documentation addresses, so a usual lab reads:
//
//	lab := testnet.New(t)
//	server := lab.Add("server", "192.0.2.10/24", "2001:db8:2::10/64")
//	phones := lab.Add("phones", "203.0.113.0/24")     // owns all 256 addresses
//	attacker := lab.Add("attacker", "198.51.100.0/24", "2001:db8:51::/64")
//	conn := server.ListenUDP("192.0.2.10:5060")
//	server.Command("nft", "list", "ruleset").Run()
//
// Nothing checks source addresses (rp_filter is off), so hosts may spoof; what
// has no route vanishes silently in the router, as it does on the Internet.
// The namespaces have no names and are held by file descriptors alone: they
// vanish with the test process however it ends. Tests need root, and the
// programs ip (iproute2) and nsenter (util-linux).
package testnet
