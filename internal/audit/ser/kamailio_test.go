package ser

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

const kamailioScript = "etc/kamailio/kamailio.cfg"

// archive reads the files of a test archive.
func archive(t testing.TB, name string) map[string]string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range a.Files {
		files[f.Name] = string(f.Data)
	}
	return files
}

// audit looks at files as if they were a machine's.
func auditKamailio(files map[string]string, version string, words ...string) []check.Result {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	site := &check.Site{Files: tree, Words: map[string][]string{check.Kamailio: words}, Version: map[string]string{}}
	if version != "" {
		site.Version[check.Kamailio] = version
	}
	return Kamailio(site, settings.New(tree), kamailioScript)
}

// told writes what is not well, a line each: id, state, place, setting, value.
func told(results []check.Result) string {
	var lines []string
	for _, r := range results {
		if r.State != check.Pass {
			lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %s %s:%d %s = %s", r.ID, r.State, filepath.Base(r.Place.File), r.Place.Line, r.Setting, r.Value), " ="))
		}
	}
	return strings.Join(lines, "\n")
}

// ids are the checks that do not pass, with their states.
func ids(results []check.Result) string {
	found := map[string]bool{}
	for _, r := range results {
		if r.State != check.Pass {
			found[r.ID+" "+string(r.State)] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), ", ")
}

// change is a copy of files in which old is new.
func change(t testing.TB, files map[string]string, changes ...string) map[string]string {
	t.Helper()
	files = maps.Clone(files)
	for i := 0; i+1 < len(changes); i += 2 {
		done := false
		for _, name := range slices.Sorted(maps.Keys(files)) {
			text := files[name]
			if !done && strings.Contains(text, changes[i]) {
				files[name], done = strings.Replace(text, changes[i], changes[i+1], 1), true
			}
		}
		if !done {
			t.Fatalf("%q stands nowhere", changes[i])
		}
	}
	return files
}

// planted are bad values, each alone in a script that is otherwise in order.
var planted = []struct {
	name    string
	changes []string
	version string
	want    string
}{
	{"nothing", nil, "5.6.3-2", ""},
	{"registrations without a password", []string{`if (is_method("REGISTER") || from_uri == myself) {`, `if (!is_method("REGISTER") && from_uri == myself) {`}, "5.6.3-2", "KAM-01 fail"},
	{"an answer to the challenge that nobody waits for", []string{"auth_challenge(\"$fd\", \"0\");\n\t\t\texit;", `auth_challenge("$fd", "0");`}, "5.6.3-2", "KAM-01 fail, KAM-06 fail"},
	{"no limit", []string{"if (!pike_check_req()) {\n\t\t\t$sht(ipban=>$si) = 1;\n\t\t\texit;\n\t\t}", ""}, "5.6.3-2", "KAM-02 fail"},
	{"a public password", []string{"text:///usr/share", "mysql://kamailio:kamailiorw@localhost/usr/share"}, "5.6.3-2", "KAM-03 fail"},
	{"a public password in a module's own", []string{"ca=>text://", "ca=>mysql://kamailio:kamailioro@h/"}, "5.6.3-2", "KAM-03 fail"},
	{"a public password of the tools", []string{"bN3Pzr4rGaYdWqLx", "kamailiorw"}, "5.6.3-2", "KAM-03 fail"},
	{"the tools' own password", []string{"DBRWPW=\"bN3Pzr4rGaYdWqLx\"\n", ""}, "5.6.3-2", "KAM-03 fail"},
	{"malformed requests", []string{`if (!sanity_check("17895", "7"))`, "if (0)"}, "5.6.3-2", "KAM-04 fail"},
	{"circles", []string{`if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }`, ""}, "5.6.3-2", "KAM-05 fail"},
	{"an open relay", []string{"if (from_uri != myself && uri != myself) {", "if (from_uri != myself && uri != myself && method == \"MESSAGE\") {"}, "5.6.3-2", "KAM-06 fail"},
	{"an open relay for who says that it is one of us", []string{`|| from_uri == myself) {`, ") {"}, "5.6.3-2", "KAM-06 fail"},
	{"a filter by name alone", []string{"if (!pike_check_req()) {\n\t\t\t$sht(ipban=>$si) = 1;\n\t\t\texit;\n\t\t}", "if (!rl_check()) exit;\n\t\tif ($ua =~ \"scanner\") exit;"}, "5.6.3-2", "KAM-07 fail"},
	{"commands from everywhere", []string{"if (src_ip != 127.0.0.1) {", "if ($hu =~ \"^/x\") {"}, "5.6.3-2", "KAM-08 fail"},
	{"a control socket on the network", []string{"unix:/run/kamailio/kamailio_ctl", "tcp:192.0.2.1:2046"}, "5.6.3-2", "KAM-09 fail"},
	{"a control socket everywhere", []string{"unix:/run/kamailio/kamailio_ctl", "udp:*:3012"}, "5.6.3-2", "KAM-09 fail"},
	{"a control socket by its port", []string{"unix:/run/kamailio/kamailio_ctl", "tcp:3012"}, "5.6.3-2", "KAM-09 fail"},
	{"a control FIFO", []string{"unix:/run/kamailio/kamailio_ctl", "fifo:/run/kamailio/fifo"}, "5.6.3-2", ""},
	{"a control socket by its path", []string{"unix:/run/kamailio/kamailio_ctl", "/run/kamailio/ctl"}, "5.6.3-2", ""},
	{"a control socket of this machine", []string{"unix:/run/kamailio/kamailio_ctl", "localhost:3000"}, "5.6.3-2", ""},
	{"a FIFO for everybody", []string{`"fifo_mode", 0660`, `"fifo_mode", 0666`}, "5.6.3-2", "KAM-09 fail"},
	{"a FIFO for everybody, in decimal", []string{`"fifo_mode", 0660`, `"fifo_mode", 438`}, "5.6.3-2", "KAM-09 fail"},
	{"old TLS", []string{"method = TLSv1.2+", "method = TLSv1"}, "5.6.3-2", "KAM-10 fail"},
	{"a trunk that proves nothing", []string{"verify_certificate = yes", "verify_certificate = no"}, "5.6.3-2", "KAM-11 fail"},
	{"everybody calls", []string{"1 198.51.100.20 32", "1 0.0.0.0 0"}, "5.6.3-2", "KAM-12 fail"},
	{"half of everybody calls", []string{"2 [2001:db8:5::] 48", "2 [2001:db8:5::] 16"}, "5.6.3-2", "KAM-12 fail"},
	{"a shell", []string{"$(fU{s.md5})", "$fU"}, "5.6.3-2", "KAM-13 fail"},
	{"a shell and a variable", []string{"$(fU{s.md5})", "$var(x)"}, "5.6.3-2", "KAM-13 unknown"},
	{"a query", []string{"$(rU{s.escape.common})", "$rU"}, "5.6.3-2", "KAM-14 fail"},
	{"a public key", []string{"4yv9Wq0ZkT", "YouDoHaveToChangeThisKey"}, "5.6.3-2", "KAM-15 fail"},
	{"no key", []string{"modparam(\"topoh\", \"mask_key\", \"4yv9Wq0ZkT\")", ""}, "5.6.3-2", "KAM-15 fail"},
	{"the version told", []string{"server_signature=no\n", ""}, "5.6.3-2", "KAM-16 fail"},
	{"the version told in words", []string{"server_signature=no", "server_header=\"Server: kamailio (5.6.3)\"\nuser_agent_header=\"User-Agent: x\""}, "5.6.3-2", "KAM-16 fail"},
	{"words of the owner's", []string{"server_signature=no", "server_header=\"Server: x\"\nuser_agent_header=\"User-Agent: x\""}, "5.6.3-2", ""},
	{"any number of contacts", []string{`"max_contacts", 10`, `"max_contacts", 0`}, "5.6.3-2", "KAM-17 fail"},
	{"any number of contacts, by custom", []string{"modparam(\"registrar\", \"max_contacts\", 10)", ""}, "5.6.3-2", "KAM-17 fail"},
	{"one contact, by a flag", []string{"modparam(\"registrar\", \"max_contacts\", 10)", "", `save("location")`, `save("location", "0x04")`}, "5.6.3-2", ""},
	{"a challenge for an hour", []string{`"nonce_expire", 120`, `"nonce_expire", 3600`}, "5.6.3-2", "KAM-18 fail"},
	{"a challenge for an hour that counts", []string{`"nonce_expire", 120)`, "\"nonce_expire\", 3600)\nmodparam(\"auth\", \"nonce_count\", 1)"}, "5.6.3-2", ""},
	{"an old version", nil, "5.3.8-1", "KAM-19 fail"},
	{"a version that is not known", nil, "", "KAM-19 unknown"},
	{"a version that is none", nil, "latest", "KAM-19 unknown"},
	{"plain passwords", []string{`"calculate_ha1", 0`, `"calculate_ha1", yes`}, "5.6.3-2", "KAM-20 fail"},
}

// TestKamailioPlanted: a bad value alone gives its own finding and no other, and all
// checks have such a value.
func TestKamailioPlanted(t *testing.T) {
	files := archive(t, "kamailio/hardened.txtar")
	seen := map[string]bool{}
	for _, c := range planted {
		results := auditKamailio(change(t, files, c.changes...), c.version)
		if got := ids(results); got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, told(results))
		}
		if id, state, _ := strings.Cut(c.want, " "); state == string(check.Fail) {
			seen[id] = true
		}
	}
	for i, c := range KamailioChecks() {
		if want := fmt.Sprintf("KAM-%02d", i+1); c.ID != want || !seen[c.ID] {
			t.Errorf("%s, where %s belongs, has a planted value: %v", c.ID, want, seen[c.ID])
		}
	}
}

// TestKamailioNotInForce: a bad value without effect is latent, or nothing at all.
func TestKamailioNotInForce(t *testing.T) {
	files := archive(t, "kamailio/hardened.txtar")
	off := func(line string) []string { return []string{"request_route {", line + "\nrequest_route {"} }
	for _, c := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"a comment", off(`# modparam("auth", "nonce_expire", 9999)`), ""},
		{"a module that is not loaded", off(`modparam("mi_fifo", "fifo_mode", 0666)`), "KAM-09 latent"},
		{"left out", off("#!ifdef NOWHERE\nmodparam(\"ctl\", \"binrpc\", \"tcp:*:2046\")\nexec_msg(\"echo $rU\");\n#!endif"), "KAM-09 latent, KAM-13 latent"},
		{"the other half", off("#!ifndef NOWHERE\n#!else\nmodparam(\"auth_db\", \"calculate_ha1\", 1)\n#!endif"), "KAM-20 latent"},
		{"a definition nobody uses", off("#!define OTHER \"mysql://kamailio:kamailiorw@h/k\""), "KAM-03 latent"},
		{"a definition left out", off("#!ifdef NOWHERE\n#!define OTHER \"mysql://kamailio:kamailiorw@h/k\"\n#!endif"), "KAM-03 latent"},
		{"a route without a way in", off("route[NOWAY] {\nexec_msg(\"echo $rU\");\nsql_query(\"ca\", \"select '$ua'\", \"r\");\n}"), "KAM-13 latent, KAM-14 latent"},
		{"a value set again", off("modparam(\"registrar\", \"max_contacts\", 0)\nmodparam(\"registrar\", \"max_contacts\", 5)"), ""},
		{"TLS switched off", []string{"enable_tls=yes", "enable_tls=no", "method = TLSv1.2+", "method = SSLv23"}, "KAM-10 latent"},
		{"TLS not loaded", []string{"#!define WITH_TLS\n", "", "method = TLSv1.2+", "method = TLSv1.1+"}, "KAM-10 latent"},
		{"no TCP", []string{"children=2", "children=2\ndisable_tcp=yes", "if (src_ip != 127.0.0.1) {", "if ($hu == 1) {"}, "KAM-08 latent"},
		{"HTTP left out", []string{`"transport", 7`, `"transport", 6`, "if (src_ip != 127.0.0.1) {", "if ($hu == 1) {"}, "KAM-08 latent"},
		{"addresses nobody asks for", []string{"&& allow_source_address()", "&& from_gw()", "1 198.51.100.20 32", "1 0.0.0.0/0"}, "KAM-12 latent"},
		{"tools without a database", []string{"DBENGINE=MYSQL", "# none", "bN3Pzr4rGaYdWqLx", "kamailiorw"}, "KAM-03 latent"},
		{"registrar without registrations", []string{"if (!save(\"location\")) sl_reply_error();", "", "\"max_contacts\", 10", "\"max_contacts\", 0"}, "KAM-17 latent"},
		{"an environment variable of the shell", []string{"$(fU{s.md5})", "$$SIP_HF_FROM"}, ""},
	} {
		results := auditKamailio(change(t, files, c.changes...), "5.6.3")
		if got := ids(results); got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, told(results))
		}
	}
}

// TestKamailioUnknown: what cannot be told is said to be so, with the reason.
func TestKamailioUnknown(t *testing.T) {
	files := archive(t, "kamailio/hardened.txtar")
	const routing = "KAM-01 unknown, KAM-04 unknown, KAM-05 unknown, KAM-06 unknown"
	for _, c := range []struct {
		name       string
		changes    []string
		want, word string
	}{
		{"another language", []string{"children=2", "children=2\ncfgengine \"lua\""}, routing, "a program in lua"},
		{"a database of addresses", []string{`"address_file", "address.list"`, `"db_url", DBURL`}, "KAM-12 unknown", "in a database"},
		{"a variable decides", []string{"if (from_uri != myself && uri != myself) {", "if ($avp(foreign) == 1) {"}, "KAM-06 unknown", "hangs on a condition"},
		{"another language is asked", []string{"if (from_uri != myself && uri != myself) {", "lua_run(\"decide\");\nif (0) {"}, "KAM-06 unknown", "another language"},
		{"a file is missing", []string{"if (from_uri != myself && uri != myself) {", "if (0) {", "children=2", "children=2\ninclude_file \"nowhere.cfg\""}, "KAM-06 unknown", "could not be read"},
		{"a route is missing", []string{"route(AUTH);", "route(ELSEWHERE);", "children=2", "children=2\ninclude_file \"nowhere.cfg\""}, "KAM-01 unknown, KAM-06 unknown", "could not be read"},
	} {
		results := auditKamailio(change(t, files, c.changes...), "5.6.3")
		if got := ids(results); got != c.want {
			t.Errorf("%s: got %s, want %s\n%s", c.name, got, c.want, told(results))
		}
		for _, r := range results {
			if r.State == check.Unknown && !strings.Contains(r.Reason(), c.word) {
				t.Errorf("%s: %s says %q", c.name, r.ID, r.Reason())
			}
		}
	}
	for name, text := range map[string]string{"m4": "ifelse(`A', `yes', `port=5060')\n", "nothing": ""} {
		results := auditKamailio(map[string]string{kamailioScript: text}, "")
		if name == "m4" && (len(results) != len(kamailioRules) || ids(results[:1]) != "KAM-01 unknown" || ids(results[19:]) != "KAM-20 unknown") {
			t.Errorf("%s: %s", name, told(results))
		}
	}
}

// TestKamailioNoSecrets: no secret is in any word of the results.
func TestKamailioNoSecrets(t *testing.T) {
	files := change(t, archive(t, "kamailio/hardened.txtar"), "text:///usr/share", "mysql://kamailio:kamailiorw@h/usr", "4yv9Wq0ZkT", "YouDoHaveToChangeThisKey", "bN3Pzr4rGaYdWqLx", "kamailioro")
	for _, r := range auditKamailio(files, "") {
		for _, secret := range []string{"kamailiorw", "kamailioro", "YouDoHave"} {
			if strings.Contains(fmt.Sprint(r.Value, r.Reason(), r.Remedy(), r.Setting), secret) {
				t.Errorf("%s tells %s: %+v", r.ID, secret, r.Finding)
			}
		}
	}
}

// TestKamailioDefined: what the command line defines counts.
func TestKamailioDefined(t *testing.T) {
	files := map[string]string{kamailioScript: "#!ifdef WITH_X\nserver_signature=no\n#!endif\nrequest_route { exit; }\n"}
	if got := ids(auditKamailio(files, "", "kamailio", "-A", "WITH_X")); strings.Contains(got, "KAM-16") {
		t.Error(got)
	}
	if got := ids(auditKamailio(files, "")); !strings.Contains(got, "KAM-16 fail") {
		t.Error(got)
	}
}

// TestKamailioEdits: what is mended without asking passes afterwards, and changes one
// line.
func TestKamailioEdits(t *testing.T) {
	files := archive(t, "kamailio/hardened.txtar")
	for _, c := range [][]string{
		{"server_signature=no\n", ""}, {"server_signature=no", "server_signature=yes"},
		{`"fifo_mode", 0660`, `"fifo_mode", 0666`}, {`"ctl", "mode", 0660`, `"ctl", "mode", 0777`},
	} {
		changed := change(t, files, c...)
		var edit *check.Edit
		for _, r := range auditKamailio(changed, "5.6.3") {
			if r.State == check.Fail {
				edit = r.Edit
			}
		}
		if edit == nil {
			t.Errorf("%q is not mended", c[1])
			continue
		}
		lines := strings.SplitAfter(changed[edit.File], "\n")
		if edit.Old != "" && lines[edit.Line-1] != edit.Old {
			t.Errorf("%q is not line %d", edit.Old, edit.Line)
		}
		if lines[edit.Line-1] = edit.New + strings.TrimPrefix(lines[edit.Line-1], edit.Old); edit.Old != "" {
			lines[edit.Line-1] = edit.New
		}
		changed[edit.File] = strings.Join(lines, "")
		if got := ids(auditKamailio(changed, "5.6.3")); got != "" {
			t.Errorf("mended %q: %s", c[1], got)
		}
	}
}

// TestRealKamailioTakesIt: the hardened script is one that the server starts
// with. TLS is a package of its own and is left out.
func TestRealKamailioTakesIt(t *testing.T) {
	dir := t.TempDir()
	for name, text := range change(t, archive(t, "kamailio/hardened.txtar"), "#!define WITH_TLS\n", "") {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("kamailio", "-c", "-f", filepath.Join(dir, "kamailio.cfg")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "config file ok") {
		t.Errorf("%v\n%s", err, out)
	}
}
