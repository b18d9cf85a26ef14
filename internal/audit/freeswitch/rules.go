package freeswitch

import "github.com/sipward/sipward/internal/audit/check"

// Documents that the checks go back to.
const (
	vanilla  = "FreeSWITCH conf/vanilla/"
	security = "FreeSWITCH documentation, Security"
)

// rules is the list of all checks, in the order of their ids.
var rules = []check.Rule[*server]{
	{Check: check.Check{
		ID: "FS-01", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "SIP accounts have long secrets",
		Why:        "Attackers try the password that the demo users share, names and numbers first.\nWhoever guesses one calls at your cost.",
		Fix:        `<X-PRE-PROCESS cmd="set" data="default_password=…sixteen random characters…"/>`,
		References: []string{vanilla + "vars.xml", security},
	}, Look: given(accounts, directory)},
	{Check: check.Check{
		ID: "FS-02", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "The demo users 1000 to 1019 are gone",
		Why:        "Every attacker knows the names of the users that FreeSWITCH comes with,\nand has only their passwords left to guess.",
		Fix:        "<!-- delete directory/default/1000.xml to 1019.xml, and name users after devices -->",
		References: []string{security},
	}, Look: given(demoUsers, directory)},
	{Check: check.Check{
		ID: "FS-03", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Mailboxes have PINs of their own",
		Why:        "A mailbox whose PIN is its number is open to all who call it.\nThey hear its messages, and call back at your cost.",
		Fix:        `<param name="vm-password" value="…six random digits…"/>`,
		References: []string{vanilla + "directory/default/1000.xml"},
	}, Look: given(mailboxes, directory)},
	{Check: check.Check{
		ID: "FS-04", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "Only those who need it may call abroad",
		Why:        "Fraud goes to expensive numbers abroad.\nAn account that cannot dial them is worth little to a thief.",
		Fix:        `<variable name="toll_allow" value="domestic,local"/>`,
		References: []string{vanilla + "directory/default/1000.xml"},
	}, Look: given(abroad, directory, dialplan)},
	{Check: check.Check{
		ID: "FS-05", Server: check.FreeSWITCH, Severity: check.Critical,
		Title:      "The event socket has a secret of its own",
		Why:        "Who reaches the event socket commands the server and runs programs on it.\nThe password that FreeSWITCH comes with is known to all.",
		Fix:        `<param name="password" value="…sixteen random characters…"/>`,
		References: []string{"CVE-2019-19492", vanilla + "autoload_configs/event_socket.conf.xml"},
	}, Look: given(socketSecret, configuration)},
	{Check: check.Check{
		ID: "FS-06", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "The event socket listens on this machine only",
		Why:        "Other machines reach the event socket, and only its password and its access list\nstand between them and the command of the server.",
		Fix:        `<param name="listen-ip" value="127.0.0.1"/>`,
		References: []string{vanilla + "autoload_configs/event_socket.conf.xml", "mod_event_socket.c"},
	}, Look: given(socketListen, configuration)},
	{Check: check.Check{
		ID: "FS-07", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "The event socket's access list names single machines",
		Why:        "A list of whole networks takes the place of FreeSWITCH's own,\nwhich lets in this machine only.",
		Fix:        `<param name="apply-inbound-acl" value="loopback.auto"/>`,
		References: []string{"mod_event_socket.c"},
	}, Look: given(socketLists, configuration, directory)},
	{Check: check.Check{
		ID: "FS-08", Server: check.FreeSWITCH, Severity: check.Critical,
		Title:      "mod_xml_rpc is off or has a secret of its own",
		Why:        "Who reaches mod_xml_rpc's web server runs every command of FreeSWITCH.\nThe password of the sample is known to all.",
		Fix:        `<!-- remove <load module="mod_xml_rpc"/> from modules.conf.xml, or: --><param name="auth-pass" value="…sixteen random characters…"/>`,
		References: []string{vanilla + "autoload_configs/xml_rpc.conf.xml", "Snort 53464"},
	}, Look: given(rpcSecret, configuration)},
	{Check: check.Check{
		ID: "FS-09", Server: check.FreeSWITCH, Severity: check.Critical,
		Title:      "Callers without a password cannot dial out",
		Why:        "A profile that asks callers for no password lets anybody dial\nwhat its context has, at your cost.",
		Fix:        `<param name="auth-calls" value="true"/>`,
		References: []string{vanilla + "sip_profiles/external.xml", vanilla + "dialplan/public.xml"},
	}, Look: given(freeCalls, configuration, dialplan, directory)},
	{Check: check.Check{
		ID: "FS-10", Server: check.FreeSWITCH, Severity: check.Critical,
		Title:      "Nobody registers or calls without an account",
		Why:        "Blind registration takes any name, blind authentication any password.\nAnybody is a phone of yours then, and calls at your cost.",
		Fix:        `<param name="accept-blind-reg" value="false"/>` + "\n" + `<param name="accept-blind-auth" value="false"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(blind, configuration)},
	{Check: check.Check{
		ID: "FS-11", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Failed passwords are logged",
		Why:        "Without it the log does not say who guesses passwords,\nand whatever reads the log is blind.",
		Fix:        `<param name="log-auth-failures" value="true"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(authFailures, configuration)},
	{Check: check.Check{
		ID: "FS-12", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Messages and subscriptions need a password",
		Why:        "Anybody sends messages in any name, and watches who calls whom and when.",
		Fix:        `<param name="auth-messages" value="true"/>` + "\n" + `<param name="auth-subscriptions" value="true"/>`,
		References: []string{"CVE-2021-37624", "CVE-2021-41157", "ES2021-07", "ES2021-08"},
	}, Look: given(messages, configuration)},
	{Check: check.Check{
		ID: "FS-13", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "TLS is 1.2 or later",
		Why:        "Older versions have known holes, and an attacker on the way can have them chosen.",
		Fix:        `<X-PRE-PROCESS cmd="set" data="sip_tls_version=tlsv1.2,tlsv1.3"/>`,
		References: []string{vanilla + "vars.xml", "RFC 8996"},
	}, Look: given(versions, configuration)},
	{Check: check.Check{
		ID: "FS-14", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "SIP is encrypted",
		Why:        "In the clear, all on the way see who calls whom,\nand what they need to guess passwords at home.",
		Fix:        `<X-PRE-PROCESS cmd="set" data="internal_ssl_enable=true"/>`,
		References: []string{vanilla + "vars.xml", "BSI KomTK", "NIST SP 800-58"},
	}, Look: given(inClear, configuration)},
	{Check: check.Check{
		ID: "FS-15", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Certificates are verified",
		Why:        "TLS without a look at the certificate speaks to anybody on the way,\nwho hears everything and passes it on.",
		Fix:        `<param name="tls-verify-policy" value="out|subjects_out"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(verification, configuration)},
	{Check: check.Check{
		ID: "FS-16", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Calls by TLS have encrypted media",
		Why:        "Keys that travel by TLS are of no use to calls whose media is in the clear.",
		Fix:        `<X-PRE-PROCESS cmd="set" data="rtp_secure_media=mandatory"/>`,
		References: []string{vanilla + "vars.xml"},
	}, Look: given(media, configuration, directory, dialplan)},
	{Check: check.Check{
		ID: "FS-17", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "WebSockets are encrypted",
		Why:        "Browsers' SIP crosses the network in the clear,\nwith all that is needed to guess passwords at home.",
		Fix:        `<param name="wss-binding" value=":7443"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(webSockets, configuration)},
	{Check: check.Check{
		ID: "FS-18", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "mod_verto speaks TLS, and only to accounts",
		Why:        "Verto's login sends the password as it is: only TLS hides it.\nBlind registration asks for none at all.",
		Fix:        `<param name="bind-local" value="0.0.0.0:8082" secure="true"/>` + "\n" + `<param name="blind-reg" value="false"/>`,
		References: []string{vanilla + "autoload_configs/verto.conf.xml"},
	}, Look: given(verto, configuration)},
	{Check: check.Check{
		ID: "FS-19", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "Access lists deny by default",
		Why:        "A list that allows by default lets in everybody whom it does not name.",
		Fix:        `<list name="lan" default="deny">`,
		References: []string{vanilla + "autoload_configs/acl.conf.xml"},
	}, Look: given(openLists, configuration, directory, dialplan)},
	{Check: check.Check{
		ID: "FS-20", Server: check.FreeSWITCH, Severity: check.High,
		Title:      "Only small networks call without a password",
		Why:        "FreeSWITCH takes callers from a network on the profile's access list for authenticated.\nOne infected machine there calls at your cost.",
		Fix:        `<node type="allow" cidr="192.0.2.10/32"/>`,
		References: []string{vanilla + "autoload_configs/acl.conf.xml", "sofia.c"},
	}, Look: given(freeNetworks, configuration, directory)},
	{Check: check.Check{
		ID: "FS-21", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Users register under their own names only",
		Why:        "With one account's password somebody registers as another,\nand gets its calls.",
		Fix:        `<param name="inbound-reg-force-matching-username" value="true"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(matchingName, configuration)},
	{Check: check.Check{
		ID: "FS-22", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "The realm is fixed",
		Why:        "The caller chooses the realm that passwords are asked for,\nand so which domains' accounts can be guessed at.",
		Fix:        `<param name="challenge-realm" value="$${domain}"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(realm, configuration)},
	{Check: check.Check{
		ID: "FS-23", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "Challenges do not live long",
		Why:        "Who overhears a login can use it again as long as its challenge lives.",
		Fix:        `<param name="nonce-ttl" value="60"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(nonces, configuration)},
	{Check: check.Check{
		ID: "FS-24", Server: check.FreeSWITCH, Severity: check.Medium,
		Title:      "Requests and registrations are limited",
		Why:        "A flood of requests takes all memory of the server,\nand one account may be registered a thousand times.",
		Fix:        `<param name="max-recv-requests-per-second" value="1000"/>` + "\n" + `<param name="max-registrations-per-extension" value="5"/>`,
		References: []string{"ES2021-06", "CVE-2021-41145", vanilla + "sip_profiles/internal.xml"},
	}, Look: given(floods, configuration)},
	{Check: check.Check{
		ID: "FS-25", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "Third-party call control is off",
		Why:        "FreeSWITCH accepts calls without media at once, before anybody has answered:\nwho probes or plays tricks with calls has it easier.",
		Fix:        `<param name="enable-3pcc" value="false"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(thirdParty, configuration)},
	{Check: check.Check{
		ID: "FS-26", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "The User-Agent does not name the release",
		Why:        "Every answer tells the release to the last commit,\nand so which holes are open.",
		Fix:        `<param name="user-agent-string" value="PBX"/>`,
		References: []string{vanilla + "sip_profiles/internal.xml"},
	}, Look: given(userAgent, configuration)},
	{Check: check.Check{
		ID: "FS-27", Server: check.FreeSWITCH, Severity: check.Critical,
		Title:      "Strangers reach own extensions only",
		Why:        "The dial plan takes strangers' numbers into a context that calls out,\nand you pay.",
		Fix:        `<condition field="destination_number" expression="^(10[01][0-9])$">`,
		References: []string{vanilla + "dialplan/public.xml"},
	}, Look: given(transfers, configuration, dialplan, directory)},
	{Check: check.Check{
		ID: "FS-28", Server: check.FreeSWITCH, Severity: check.Low,
		Title:      "Crashes leave no passwords behind",
		Why:        "A core file holds all passwords that the server knows,\nand lies where others may read it.",
		Fix:        `<param name="dump-cores" value="no"/>`,
		References: []string{vanilla + "autoload_configs/switch.conf.xml"},
	}, Look: given(coreDumps, configuration)},
}
