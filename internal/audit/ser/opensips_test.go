package ser

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

const opensipsScript = "etc/opensips/opensips.cfg"

// auditOpenSIPS looks at a script as if it were a machine's.
func auditOpenSIPS(files map[string]string, words ...string) []check.Result {
	tree := fstest.MapFS{opensipsScript: {Data: []byte(files[opensipsScript])}}
	return OpenSIPS(&check.Site{Files: tree, Words: map[string][]string{check.OpenSIPS: words}}, settings.New(tree), opensipsScript)
}

// TestOpenSIPSPlanted: a bad value alone gives its own finding and no other, and all
// checks have such a value.
func TestOpenSIPSPlanted(t *testing.T) {
	hardened := archive(t, "opensips/hardened.txtar")
	seen := map[string]bool{}
	for _, c := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"nothing", nil, ""},
		{"a FIFO for everybody", []string{"0660", "0666"}, "OS-01 fail"},
		{"a FIFO by custom", []string{"modparam(\"mi_fifo\", \"fifo_mode\", 0660)", ""}, ""},
		{"registrations without a password", []string{`if (!www_authorize("", "subscriber")) {`, "if (0) {"}, "OS-02 fail"},
		{"an answer to the challenge that nobody waits for", []string{"www_challenge(\"\", \"auth\");\n\t\t\texit;", `www_challenge("", "auth");`}, "OS-02 fail"},
		{"calls without a password", []string{`if (!proxy_authorize("", "subscriber")) {`, "if (0) {"}, "OS-03 fail"},
		{"no limit", []string{"if (!pike_check_req()) { exit; }", ""}, "OS-04 fail"},
		{"a limit by a parameter", []string{"if (!pike_check_req()) { exit; }", "", `"sampling_time_unit", 2)`, "\"check_route\", \"pike\")"}, ""},
		{"management from everywhere", []string{"modparam(\"httpd\", \"ip\", \"127.0.0.1\")", ""}, "OS-05 fail"},
		{"management from the network", []string{`"ip", "127.0.0.1"`, `"ip", "192.0.2.10"`}, "OS-05 fail"},
		{"commands in datagrams", []string{"udp:127.0.0.1:8080", "udp:192.0.2.10:8080"}, "OS-05 fail"},
		{"another management from everywhere", []string{"loadmodule \"mi_datagram.so\"", "loadmodule \"mi_datagram.so\"\nloadmodule \"mi_xmlrpc.so\""}, "OS-05 fail"},
		{"a Route of the caller's", []string{"# preloaded route checking\n\tif (loose_route()) {", "if (0) {"}, "OS-06 fail"},
		{"a Route taken away", []string{"# preloaded route checking\n\tif (loose_route()) {", "remove_hf(\"Route\");\n\tif (0) {"}, ""},
		{"an open relay", []string{"if (!is_myself(\"$rd\")) {\n\t\t\t\tsend_reply(403", "if (0) {\n\t\t\t\tsend_reply(403"}, "OS-07 fail"},
		{"a public password", []string{"bN3Pzr4rGaYdWqLx", "opensipsrw"}, "OS-08 fail"},
		{"old TLS", []string{"TLSv1_2-", "TLSv1"}, "OS-09 fail"},
		{"old TLS in a range", []string{"TLSv1_2-", "TLSv1-TLSv1_2"}, "OS-09 fail"},
		{"certificates not looked at", []string{"\"verify_cert\", \"[trunks]1\"", "\"verify_cert\", \"[trunks]0\""}, "OS-09 fail"},
		{"certificates not needed", []string{"\"require_cert\", \"[trunks]1\"", "\"require_cert\", 0"}, "OS-09 fail"},
		{"the version told", []string{"server_signature=no\n", ""}, "OS-10 fail"},
		{"any number of contacts", []string{"modparam(\"registrar\", \"max_contacts\", 10)", "#modparam(\"registrar\", \"max_contacts\", 10)"}, "OS-11 fail"},
		{"few contacts by a flag", []string{"modparam(\"registrar\", \"max_contacts\", 10)", "", `save("location")`, `save("location", "rc3v")`}, ""},
		{"plain passwords", []string{"\"calculate_ha1\", 0", "\"calculate_ha1\", yes"}, "OS-12 fail"},
	} {
		results := auditOpenSIPS(change(t, hardened, c.changes...))
		if got := ids(results); got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, told(results))
		}
		id, _, _ := strings.Cut(c.want, " ")
		seen[id] = true
	}
	for i, c := range OpenSIPSChecks() {
		if want := fmt.Sprintf("OS-%02d", i+1); c.ID != want || !seen[c.ID] {
			t.Errorf("%s, where %s belongs, has a planted value: %v", c.ID, want, seen[c.ID])
		}
	}
}

// TestOpenSIPSNotInForce: a bad value without effect is latent, and what cannot be told
// is unknown.
func TestOpenSIPSNotInForce(t *testing.T) {
	hardened := archive(t, "opensips/hardened.txtar")
	for _, c := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"not loaded", []string{"loadmodule \"mi_fifo.so\"", "", "0660", "0666"}, "OS-01 latent"},
		{"no TLS", []string{"loadmodule \"proto_tls.so\"", "", "TLSv1_2-", "SSLv23"}, "OS-09 latent"},
		{"a comment that Kamailio would read", []string{"log_level=3", "#!define X\n#!ifdef Y\nlog_level=3\n#!endif"}, ""},
		{"no management", []string{"loadmodule \"mi_http.so\"", "", `"ip", "127.0.0.1"`, `"ip", "0.0.0.0"`}, "OS-05 latent"},
		{"passwords not asked for", []string{"loadmodule \"auth_db.so\"", "", "\"calculate_ha1\", 0", "\"calculate_ha1\", 1"}, "OS-12 latent"},
		{"an empty key in the database", []string{"loadmodule \"auth_db.so\"", "", "loadmodule \"usrloc.so\"", "", "bN3Pzr4rGaYdWqLx", "opensipsrw"}, "OS-08 latent"},
		{"a variable decides", []string{`if (!www_authorize("", "subscriber")) {`, "if ($var(known) != 1) {"}, "OS-02 unknown"},
		{"a program decides", []string{`if (!www_authorize("", "subscriber")) {`, "if (!perl_exec(\"known\")) {"}, "OS-02 unknown"},
		{"a result kept", []string{`if (!www_authorize("", "subscriber")) {`, "$var(rc) = www_authorize(\"\", \"subscriber\");\nif ($var(rc) < 0) {"}, "OS-02 unknown"},
		{"a result looked at", []string{`if (!www_authorize("", "subscriber")) {`, "www_authorize(\"\", \"subscriber\");\nif ($retcode < 0) {"}, ""},
		{"a call in a route of its own", []string{`if (!www_authorize("", "subscriber")) {`, "if (!route(known)) {", "route[relay] {", "route[known] {\nif (www_authorize(\"\", \"s\")) return(1);\nreturn(-1);\n}\nroute[relay] {"}, ""},
		{"a switch", []string{`if (!www_authorize("", "subscriber")) {`, "switch ($rm) {\ncase \"INVITE\": break;\ncase \"REGISTER\": if (!www_authorize(\"\", \"s\")) exit; break;\n}\nif (0) {"}, ""},
	} {
		results := auditOpenSIPS(change(t, hardened, c.changes...))
		if got := ids(results); got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, told(results))
		}
	}
	for why, results := range map[string][]check.Result{
		"m4":       auditOpenSIPS(map[string]string{opensipsScript: "divert(-1)\ndefine(`USE_AUTH', `no')\ndivert\nlog_level=3\n"}),
		"program":  auditOpenSIPS(hardened, "opensips", "-p", "m4"),
		"not read": auditOpenSIPS(map[string]string{opensipsScript: "include_file \"nowhere.cfg\"\n"}),
	} {
		for _, r := range results {
			if r.State != check.Unknown || r.Reason() == "" {
				t.Errorf("%s: %s %s %q", why, r.ID, r.State, r.Reason())
			}
		}
	}
}

// TestOpenSIPSDefault: what is said of the first script that people have, line by line.
func TestOpenSIPSDefault(t *testing.T) {
	got, golden := told(auditOpenSIPS(archive(t, "opensips/default.txtar")))+"\n", "testdata/opensips/default.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%v: got\n%swant\n%s", err, got, want)
	}
}
