package ser

import "github.com/sipward/sipward/internal/audit/check"

// opensipsRules is the list of all checks of OpenSIPS, in the order of their ids.
var opensipsRules = []check.Rule[*opensips]{
	opensipsRule(check.Check{
		ID: "OS-01", Severity: check.Medium, Title: "The control FIFO is its owner's",
		Why: "The FIFO asks for no password: every user of this machine commands the server\n" +
			"through it.",
		Fix:        "modparam(\"mi_fifo\", \"fifo_mode\", 0660)",
		References: []string{"opensips.cfg, mi_fifo", "modules/mi_fifo"},
	}, (*opensips).fifo),
	opensipsRule(check.Check{
		ID: "OS-02", Severity: check.Critical, Title: "Registrations need a password",
		Why: "Whoever sends a REGISTER gets the calls of any account, and makes calls in its name:\n" +
			"the binding is saved before anybody asked for a password.",
		Fix:        "if (!www_authorize(\"\", \"subscriber\")) { www_challenge(\"\", \"auth\"); exit; }",
		References: []string{"opensips_residential.m4, USE_AUTH"},
	}, (*opensips).registration),
	opensipsRule(check.Check{
		ID: "OS-03", Severity: check.Critical, Title: "Users need a password for calls",
		Why: "Whoever writes a user of this server in From makes calls as that user: nothing asks\n" +
			"for a password before the call goes on.",
		Fix:        "if (!proxy_authorize(\"\", \"subscriber\")) { proxy_challenge(\"\", \"auth\"); exit; }",
		References: []string{"opensips_residential.m4, USE_AUTH"},
	}, (*opensips).calls),
	opensipsRule(check.Check{
		ID: "OS-04", Severity: check.Medium, Title: "One source cannot send without limit",
		Why: "Guessing, scanning and floods go on as fast as the line allows, for nothing counts\n" +
			"what a source sends.",
		Fix:        "loadmodule \"pike.so\"\n# first in route, trunks excepted:\nif (!pike_check_req()) { exit; }",
		References: []string{"modules/pike", "modules/ratelimit"},
	}, (*opensips).limit),
	opensipsRule(check.Check{
		ID: "OS-05", Severity: check.Critical, Title: "Commands over the network come from this machine only",
		Why: "The management interface asks for no password: whoever reaches its port commands\n" +
			"the server.",
		Fix:        "modparam(\"httpd\", \"ip\", \"127.0.0.1\")",
		References: []string{"opensips_residential.m4, USE_HTTP_MANAGEMENT_INTERFACE", "modules/httpd"},
	}, (*opensips).management),
	opensipsRule(check.Check{
		ID: "OS-06", Severity: check.High, Title: "Callers do not choose the route",
		Why: "The first request of a call is passed on although it brings a Route of its own: callers\n" +
			"send through this server to wherever they like.",
		Fix:        "if (loose_route()) { if (!is_method(\"ACK\")) send_reply(403, \"Preload Route denied\"); exit; }",
		References: []string{"opensips.cfg, preloaded route checking", "RFC 3261 section 16.4"},
	}, (*opensips).preloaded),
	opensipsRule(check.Check{
		ID: "OS-07", Severity: check.Critical, Title: "Strangers cannot relay to strangers",
		Why: "A request of anybody to anywhere is passed on: the server is an open relay, for calls at\n" +
			"the owner's cost and for attacks in the owner's name.",
		Fix:        "if (!is_myself(\"$fd\") && !is_myself(\"$rd\")) { send_reply(403, \"Relay Forbidden\"); exit; }",
		References: []string{"opensips.cfg, Relay Forbidden"},
	}, (*opensips).relay),
	opensipsRule(check.Check{
		ID: "OS-08", Severity: check.High, Title: "The database has a password of its own",
		Why: "The password is the one that every installation is shipped with. Whoever reaches the\n" +
			"database reads and writes accounts.",
		Fix:        "modparam(\"auth_db\", \"db_url\", \"mysql://opensips:A-LONG-RANDOM-PASSWORD@localhost/opensips\")",
		References: []string{"opensips_residential.m4, db_url"},
	}, (*opensips).password),
	opensipsRule(check.Check{
		ID: "OS-09", Severity: check.Medium, Title: "TLS is 1.2 or later, and certificates are looked at",
		Why: "Who stands between takes the place of a trunk whose certificate nobody looks at, or makes\n" +
			"both sides speak a version of TLS that is broken.",
		Fix: "modparam(\"tls_mgm\", \"tls_method\", \"[DOMAIN]TLSv1_2-\")\nmodparam(\"tls_mgm\", \"verify_cert\", \"[DOMAIN]1\")\n" +
			"modparam(\"tls_mgm\", \"require_cert\", \"[DOMAIN]1\")",
		References: []string{"modules/tls_mgm", "RFC 8996"},
	}, (*opensips).tls),
	opensipsRule(check.Check{
		ID: "OS-10", Severity: check.Low, Title: "Messages do not tell the version",
		Why: "Every answer tells the product and its version, and scanners look for those that have\n" +
			"known holes.",
		Fix:        "server_signature=no",
		References: []string{"core parameters, server_header and user_agent_header"},
	}, (*opensips).signature),
	opensipsRule(check.Check{
		ID: "OS-11", Severity: check.Medium, Title: "An account has few contacts",
		Why: "One account may register any number of contacts: its calls go to all of them, and they\n" +
			"fill the memory.",
		Fix:        "modparam(\"registrar\", \"max_contacts\", 10)",
		References: []string{"opensips.cfg, registrar", "modules/registrar"},
	}, (*opensips).contacts),
	opensipsRule(check.Check{
		ID: "OS-12", Severity: check.Medium, Title: "The database holds no plain passwords",
		Why: "Passwords lie in the database as they are: who reads it once, in a backup or through a\n" +
			"hole elsewhere, has every account.",
		Fix:        "modparam(\"auth_db\", \"calculate_ha1\", 0)\nmodparam(\"auth_db\", \"password_column\", \"ha1\")",
		References: []string{"modules/auth_db", "opensips_residential.m4"},
	}, (*opensips).plainPasswords),
}
