package ser

import "github.com/sipward/sipward/internal/audit/check"

// kamailioRules is the list of all checks of Kamailio, in the order of their ids.
var kamailioRules = []check.Rule[*kamailio]{
	kamailioRule(check.Check{
		ID: "KAM-01", Severity: check.Critical, Title: "Registrations need a password",
		Why: "Whoever sends a REGISTER gets the calls of any account, and makes calls in its name:\n" +
			"the binding is saved before anybody asked for a password.",
		Fix:        "#!define WITH_AUTH\n# or, before save():\nif (!auth_check(\"$fd\", \"subscriber\", \"1\")) { auth_challenge(\"$fd\", \"0\"); exit; }",
		References: []string{"kamailio.cfg, WITH_AUTH"},
	}, (*kamailio).registration),
	kamailioRule(check.Check{
		ID: "KAM-02", Severity: check.Medium, Title: "One source cannot send without limit",
		Why: "Guessing, scanning and floods go on as fast as the line allows, for nothing counts\n" +
			"what a source sends.",
		Fix:        "#!define WITH_ANTIFLOOD\n# or, first in request_route, trunks excepted:\nif (!pike_check_req()) { exit; }",
		References: []string{"kamailio.cfg, WITH_ANTIFLOOD", "modules/pike"},
	}, (*kamailio).limit),
	kamailioRule(check.Check{
		ID: "KAM-03", Severity: check.High, Title: "The database has a password of its own",
		Why: "The password is the one that every installation is shipped with. Whoever reaches the\n" +
			"database reads and writes accounts.",
		Fix:        "#!define DBURL \"mysql://kamailio:A-LONG-RANDOM-PASSWORD@localhost/kamailio\"",
		References: []string{"kamailio.cfg, DBURL", "kamctlrc, DBRWPW"},
	}, (*kamailio).password),
	kamailioRule(check.Check{
		ID: "KAM-04", Severity: check.Medium, Title: "Malformed requests are refused first",
		Why: "Requests that break the rules of SIP reach the routes, the servers behind and the phones;\n" +
			"attacks on parsers look like that.",
		Fix:        "if (!sanity_check(\"17895\", \"7\")) { exit; }",
		References: []string{"kamailio.cfg, route[REQINIT]", "modules/sanity"},
	}, (*kamailio).sanity),
	kamailioRule(check.Check{
		ID: "KAM-05", Severity: check.Medium, Title: "Requests that go round in circles end",
		Why: "Without a look at Max-Forwards a loop lasts until a machine gives up, and one request\n" +
			"becomes thousands.",
		Fix:        "if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too Many Hops\"); exit; }",
		References: []string{"kamailio.cfg, route[REQINIT]", "RFC 5393"},
	}, (*kamailio).hops),
	kamailioRule(check.Check{
		ID: "KAM-06", Severity: check.Critical, Title: "Strangers cannot relay to strangers",
		Why: "A request of anybody to anywhere is passed on: the server is an open relay, for calls at\n" +
			"the owner's cost and for attacks in the owner's name.",
		Fix:        "if (from_uri!=myself && uri!=myself) { sl_send_reply(\"403\", \"Not relaying\"); exit; }",
		References: []string{"kamailio.cfg, route[AUTH]"},
	}, (*kamailio).relay),
	kamailioRule(check.Check{
		ID: "KAM-07", Severity: check.Low, Title: "Scanners are known by more than their name",
		Why: "Only the User-Agent tells a scanner here, and a scanner writes there what it likes.\n" +
			"Nothing judges what a source does.",
		Fix:        "# after the filter, by behaviour:\nif (!pike_check_req()) { $sht(ipban=>$si) = 1; exit; }",
		References: []string{"kamailio.cfg, route[REQINIT]"},
	}, (*kamailio).userAgent),
	kamailioRule(check.Check{
		ID: "KAM-08", Severity: check.Critical, Title: "Commands over HTTP come from this machine only",
		Why: "Whoever reaches the port commands the server: it reads accounts, drops calls and shuts\n" +
			"down. No condition on the source stands before.",
		Fix:        "if (src_ip!=127.0.0.1) { xhttp_reply(\"403\", \"Forbidden\", \"text/html\", \"\"); exit; }",
		References: []string{"kamailio.cfg, event_route[xhttp:request]"},
	}, (*kamailio).http),
	kamailioRule(check.Check{
		ID: "KAM-09", Severity: check.Critical, Title: "The control sockets are this machine's and its owner's",
		Why: "The control socket asks for no password: whoever reaches it commands the server,\n" +
			"over the network or as any user of this machine.",
		Fix:        "modparam(\"ctl\", \"binrpc\", \"unix:/run/kamailio/kamailio_ctl\")\nmodparam(\"ctl\", \"mode\", 0660)",
		References: []string{"modules/ctl", "modules/jsonrpcs"},
	}, (*kamailio).control),
	kamailioRule(check.Check{
		ID: "KAM-10", Severity: check.Medium, Title: "TLS is 1.2 or later",
		Why: "Older versions of TLS are broken: who stands between reads passwords and keys, or\n" +
			"makes both sides take the old version.",
		Fix:        "method = TLSv1.2+",
		References: []string{"modules/tls, tls.cfg", "RFC 8996"},
	}, (*kamailio).tlsMethod),
	kamailioRule(check.Check{
		ID: "KAM-11", Severity: check.Medium, Title: "Trunks over TLS prove who they are",
		Why: "Without a look at its certificate anybody who answers in its place is the trunk,\n" +
			"and hears and places its calls.",
		Fix:        "verify_certificate = yes\nrequire_certificate = yes",
		References: []string{"modules/tls, tls.cfg"},
	}, (*kamailio).tlsVerify),
	kamailioRule(check.Check{
		ID: "KAM-12", Severity: check.Critical, Title: "Calls without a password come from few addresses",
		Why: "Every address of this network makes calls without a password. Wider than a /16 it is\n" +
			"no trunk's, and strangers are inside.",
		Fix:        "1 198.51.100.20 32",
		References: []string{"kamailio.cfg, WITH_IPAUTH", "modules/permissions"},
	}, (*kamailio).addresses),
	kamailioRule(check.Check{
		ID: "KAM-13", Severity: check.Critical, Title: "Nothing of a request reaches a shell",
		Why: "The command holds words of the request as they came: whoever writes a command there\n" +
			"has it run with the server's rights.",
		Fix:        "# no exec: ask over HTTP or a database, with the words escaped, instead",
		References: []string{"modules/exec", "Enable Security: the exec module considered harmful"},
	}, (*kamailio).shell),
	kamailioRule(check.Check{
		ID: "KAM-14", Severity: check.High, Title: "Words of a request are escaped in queries",
		Why: "The query holds words of the request as they came: with a quote in its user name a caller\n" +
			"writes the rest of the query.",
		Fix:        "sql_query(\"ca\", \"select … where user='$(rU{s.escape.common})'\", \"ra\");",
		References: []string{"modules/sqlops", "modules/secfilter"},
	}, (*kamailio).query),
	kamailioRule(check.Check{
		ID: "KAM-15", Severity: check.Low, Title: "The hidden topology has a key of its own",
		Why: "The key that hides addresses and hops is public or missing, so that anybody reads\n" +
			"them in the headers.",
		Fix:        "modparam(\"topoh\", \"mask_key\", \"A-LONG-RANDOM-TEXT\")",
		References: []string{"modules/topoh", "Kamailio security page"},
	}, (*kamailio).topology),
	kamailioRule(check.Check{
		ID: "KAM-16", Severity: check.Low, Title: "Messages do not tell the version",
		Why: "Every answer tells the product and its version, and scanners look for those that have\n" +
			"known holes.",
		Fix:        "server_signature=no",
		References: []string{"core cookbook, server_signature"},
	}, (*kamailio).signature),
	kamailioRule(check.Check{
		ID: "KAM-17", Severity: check.Medium, Title: "An account has few contacts",
		Why: "One account may register any number of contacts: its calls go to all of them, and they\n" +
			"fill the memory.",
		Fix:        "modparam(\"registrar\", \"max_contacts\", 10)",
		References: []string{"kamailio.cfg, registrar params"},
	}, (*kamailio).contacts),
	kamailioRule(check.Check{
		ID: "KAM-18", Severity: check.Medium, Title: "A challenge is good for minutes at most",
		Why: "Who overheard one answer to a challenge can use it again until the challenge expires,\n" +
			"and nothing counts how often.",
		Fix:        "modparam(\"auth\", \"nonce_expire\", 120)\nmodparam(\"auth\", \"nonce_count\", 1)",
		References: []string{"modules/auth"},
	}, (*kamailio).nonce),
	kamailioRule(check.Check{
		ID: "KAM-19", Severity: check.High, Title: "Headers that are trusted cannot be smuggled in",
		Why: "Before 5.4.0 remove_hf() misses a header with a blank before its colon, so that a\n" +
			"caller brings an identity of its own.",
		Fix:        "# upgrade Kamailio to 5.4.0 or later",
		References: []string{"CVE-2020-28361", "ES2020-01"},
	}, (*kamailio).smuggling),
	kamailioRule(check.Check{
		ID: "KAM-20", Severity: check.Medium, Title: "The database holds no plain passwords",
		Why: "Passwords lie in the database as they are: who reads it once, in a backup or through a\n" +
			"hole elsewhere, has every account.",
		Fix:        "modparam(\"auth_db\", \"calculate_ha1\", 0)\nmodparam(\"auth_db\", \"password_column\", \"ha1\")",
		References: []string{"modules/auth_db", "kamailio.cfg, auth_db params"},
	}, (*kamailio).plainPasswords),
}
