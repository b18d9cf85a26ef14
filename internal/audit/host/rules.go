package host

import "github.com/sipward/sipward/internal/audit/check"

// rules is the list of all checks, in the order of their ids.
var rules = []check.Rule[*machine]{
	{Check: check.Check{
		ID: "HOST-01", Server: check.Host, Severity: check.High,
		Title: "SIP is not open to the world without a limit",
		Why: "Whoever scans the network finds an open SIP port within minutes, and guesses\n" +
			"passwords as fast as the server answers.",
		Fix:        "sipward run --enforce, or a rule such as: udp dport 5060 ip saddr != @friends drop",
		References: []string{"nft(8)", "SIP server hardening guides, step 2 and 3"},
	}, Look: openSIP},
	{Check: check.Check{
		ID: "HOST-02", Server: check.Host, Severity: check.High,
		Title: "Management ports cannot be reached from elsewhere",
		Why: "Manager interfaces, event sockets and web consoles give full control of calls; on a\n" +
			"public address their passwords are guessed like any other.",
		Fix:        "bind them to 127.0.0.1 in the server's settings, or drop the port in the packet filter",
		References: []string{"Asterisk manager.conf and http.conf samples", "FreeSWITCH event_socket.conf.xml"},
	}, Look: openManagement},
	{Check: check.Check{
		ID: "HOST-03", Server: check.Host, Severity: check.High,
		Title: "IPv6 is filtered like IPv4",
		Why: "A port that only the rules for IPv4 guard stands open for everybody who comes by\n" +
			"IPv6.",
		Fix:        "write the rules in a table of the family inet, or the same ones for ip6tables",
		References: []string{"nft(8), address families"},
	}, Look: unequalFamilies},
	{Check: check.Check{
		ID: "HOST-04", Server: check.Host, Severity: check.High,
		Title: "SIP servers do not run as root",
		Why: "One hole in a program that reads packets from everybody is then the whole machine's.\n" +
			"Each server has a user of its own in its package.",
		Fix:        "User=asterisk (or freeswitch, kamailio, opensips) under [Service] in the unit",
		References: []string{"systemd.exec(5), User=", "README-SERIOUSLY.bestpractices"},
	}, Look: runsAsRoot},
	{Check: check.Check{
		ID: "HOST-05", Server: check.Host, Severity: check.High,
		Title: "SIP programs have no known holes",
		Why: "A hole that is published is tried on every server within days.\n" +
			"The upgrade is the only cure that lasts.",
		Fix:        "sipward advisories --plan prints the commands that upgrade",
		References: []string{"sipward advisories"},
	}, Look: knownHoles},
	{Check: check.Check{
		ID: "HOST-06", Server: check.Host, Severity: check.Medium,
		Title: "TLS certificates are good and their keys are private",
		Why: "A certificate that runs out cuts all phones off on one day; a weak one, or a key that\n" +
			"others can read, lets somebody listen in.",
		Fix:        "renew the certificate (RSA 2048 or more, SHA-256); chmod 0640 the key, owned by the server's user",
		References: []string{"CA/Browser Forum Baseline Requirements", "RFC 8446"},
	}, Look: certificates},
	{Check: check.Check{
		ID: "HOST-07", Server: check.Host, Severity: check.Medium,
		Title: "The kernel's SIP helper is off",
		Why: "The connection tracker's SIP helper opens ports that a packet's text asks for, which\n" +
			"others can write, and it breaks calls of phones behind NAT.",
		Fix:        "net.netfilter.nf_conntrack_helper = 0",
		References: []string{"Linux Documentation/networking/nf_conntrack-sysctl", "NAT slipstreaming"},
	}, Look: sipHelper},
	{Check: check.Check{
		ID: "HOST-08", Server: check.Host, Severity: check.Medium,
		Title: "Ports for speech are few, and rtpengine's control is not open",
		Why: "Each open port for speech is one that strangers may send to; and who reaches the\n" +
			"control port of rtpengine steers everybody's calls.",
		Fix:        "as many ports as four for each call: rtpstart=10000, rtpend=12000; listen-ng = 127.0.0.1:2223",
		References: []string{"ES2025-01", "CVE-2025-53399", "Asterisk rtp.conf sample"},
	}, Look: speechPorts},
	{Check: check.Check{
		ID: "HOST-09", Server: check.Host, Severity: check.Low,
		Title: "Logs are there, plain, and rotated",
		Why: "A log that is missing or full of colours leaves those who watch it blind; one that\n" +
			"nobody rotates fills the disk.",
		Fix:        "a file in /etc/logrotate.d for it, and no colours in what is written to files",
		References: []string{"logrotate(8)", "fail2ban issue 2621"},
	}, Look: logFiles},
	{Check: check.Check{
		ID: "HOST-10", Server: check.Host, Severity: check.Low,
		Title: "The clock is kept",
		Why: "With a wrong clock, nonces and certificates fail, and logs cannot be compared with\n" +
			"those of others.",
		Fix:        "apt install chrony (or systemctl enable --now systemd-timesyncd)",
		References: []string{"adjtimex(2)"},
	}, Look: clock},
	{Check: check.Check{
		ID: "HOST-11", Server: check.Host, Severity: check.Medium,
		Title: "The packet filter's rules come back after a reboot",
		Why: "Rules that no file holds are gone after the next reboot, and nobody notices before\n" +
			"the bill comes.",
		Fix:        "nft list ruleset > /etc/nftables.conf; systemctl enable nftables",
		References: []string{"nftables.service", "netfilter-persistent(8)"},
	}, Look: persistence},
	{Check: check.Check{
		ID: "HOST-12", Server: check.Host, Severity: check.High,
		Title: "Phones' settings are not given to everybody",
		Why: "A provisioning server without a password hands out every phone's secret to whoever\n" +
			"asks for files by MAC address.",
		Fix:        "serve them by HTTPS with a password or a client certificate, and to known addresses only",
		References: []string{"SeeYouCM-Thief", "RFC 1350, section 6"},
	}, Look: provisioning},
}
