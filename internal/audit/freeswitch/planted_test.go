package freeswitch

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/audit/check"
)

// planted are bad values, one for each check and more for the ways to have them:
// each alone in the hardened tree gives its own check and no other.
var planted = []struct {
	id       string
	state    check.State
	file     string
	old, new string
}{
	{"FS-01", check.Fail, "vars.xml", "kV8ozTq4mRw2YbXe", "1234"},
	{"FS-01", check.Fail, "directory/default/desk-0004f2b7.xml", "hB6yLw3tSn8KzVq4", "desk-0004f2b7"},
	{"FS-01", check.Fail, "directory/default/desk-0004f2b7.xml", `<param name="password" value="hB6yLw3tSn8KzVq4"/>`, ""},
	{"FS-01", check.Unknown, "directory/default/desk-0004f2b7.xml", "hB6yLw3tSn8KzVq4", "$${secret}"},
	{"FS-02", check.Fail, "directory/default/desk-0004f2a1.xml", `id="desk-0004f2a1"`, `id="1004"`},
	{"FS-03", check.Fail, "directory/default/desk-0004f2b7.xml", "284613", "desk-0004f2b7"},
	{"FS-03", check.Fail, "directory/default/desk-0004f2b7.xml", "284613", "1234"},
	{"FS-04", check.Fail, "directory/default/desk-0004f2b7.xml", "domestic,local", "domestic,international,local"},
	{"FS-05", check.Latent, "autoload_configs/event_socket.conf.xml", "T7dGqL2sZw9RfKxB", "ClueCon"},
	{"FS-05", check.Latent, "autoload_configs/event_socket.conf.xml", `<param name="password" value="T7dGqL2sZw9RfKxB"/>`, ""},
	{"FS-06", check.Latent, "autoload_configs/event_socket.conf.xml", "127.0.0.1", "0.0.0.0"},
	{"FS-06", check.Latent, "autoload_configs/event_socket.conf.xml", "127.0.0.1", "::"},
	{"FS-07", check.Latent, "autoload_configs/event_socket.conf.xml", "loopback.auto", "any_v4.auto"},
	{"FS-07", check.Latent, "autoload_configs/event_socket.conf.xml", "loopback.auto", "rfc1918.auto"},
	{"FS-08", check.Fail, "autoload_configs/xml_rpc.conf.xml", "Qx3vN8cJt6HpWm5D", "works"},
	{"FS-08", check.Fail, "autoload_configs/xml_rpc.conf.xml", `<param name="auth-realm" value="freeswitch"/>`, ""},
	{"FS-09", check.Fail, "sip_profiles/carrier.xml", `value="public"`, `value="default"`},
	{"FS-09", check.Fail, "dialplan/public.xml", `<context name="public">`, `<context name="public"><extension><condition field="destination_number" expression="^(\d+)$"><action application="bridge" data="{a=b}sofia/gateway/carrier/$1"/></condition></extension>`},
	{"FS-09", check.Latent, "vars.xml", "internal_auth_calls=true", "internal_auth_calls=false"},
	{"FS-10", check.Fail, "sip_profiles/internal.xml", `accept-blind-reg" value="false`, `accept-blind-reg" value="true`},
	{"FS-10", check.Fail, "sip_profiles/internal.xml", `accept-blind-auth" value="false`, `accept-blind-auth" value="yes`},
	{"FS-11", check.Fail, "sip_profiles/internal.xml", `log-auth-failures" value="true`, `log-auth-failures" value="false`},
	{"FS-11", check.Fail, "sip_profiles/internal.xml", `<param name="log-auth-failures" value="true"/>`, ""},
	{"FS-12", check.Fail, "sip_profiles/internal.xml", `auth-messages" value="true`, `auth-messages" value="false`},
	{"FS-12", check.Fail, "sip_profiles/internal.xml", `auth-subscriptions" value="true`, `auth-subscriptions" value="false`},
	{"FS-12", check.Fail, "sip_profiles/internal.xml", "<settings>", `<settings><param name="disable-auth-messages" value="true"/>`},
	{"FS-12", check.Unknown, "sip_profiles/internal.xml", `<param name="auth-messages" value="true"/>`, ""},
	{"FS-13", check.Fail, "vars.xml", "tlsv1.2,tlsv1.3", "tlsv1,tlsv1.1,tlsv1.2"},
	{"FS-13", check.Fail, "sip_profiles/carrier.xml", `value="tlsv1.2"`, `value="sslv23"`},
	{"FS-14", check.Fail, "sip_profiles/internal.xml", `tls-only" value="true`, `tls-only" value="false`},
	{"FS-14", check.Fail, "vars.xml", "internal_ssl_enable=true", "internal_ssl_enable=false"},
	{"FS-15", check.Fail, "sip_profiles/carrier.xml", `tls-verify-policy" value="all`, `tls-verify-policy" value="none`},
	{"FS-15", check.Fail, "sip_profiles/carrier.xml", `<param name="tls-verify-policy" value="all"/>`, ``},
	{"FS-16", check.Fail, "vars.xml", "rtp_secure_media=mandatory", "rtp_secure_media=optional"},
	{"FS-16", check.Fail, "vars.xml", `<X-PRE-PROCESS cmd="set" data="rtp_secure_media=mandatory"/>`, ""},
	{"FS-17", check.Fail, "sip_profiles/internal.xml", `wss-binding" value=":7443"`, `ws-binding" value=":5066"`},
	{"FS-18", check.Fail, "autoload_configs/verto.conf.xml", "127.0.0.1:8081", "0.0.0.0:8081"},
	{"FS-18", check.Fail, "autoload_configs/verto.conf.xml", `blind-reg" value="false`, `blind-reg" value="true`},
	{"FS-19", check.Latent, "autoload_configs/acl.conf.xml", `"lan" default="deny"`, `"lan" default="allow"`},
	{"FS-19", check.Fail, "autoload_configs/acl.conf.xml", `"domains" default="deny"`, `"domains" default="allow"`},
	{"FS-20", check.Fail, "directory/default/desk-0004f2b7.xml", "192.0.2.77/32", "10.0.0.0/8"},
	{"FS-20", check.Fail, "sip_profiles/internal.xml", `apply-inbound-acl" value="domains"`, `apply-inbound-acl" value="wan.auto"`},
	{"FS-21", check.Fail, "sip_profiles/internal.xml", `matching-username" value="true`, `matching-username" value="false`},
	{"FS-22", check.Fail, "sip_profiles/internal.xml", `challenge-realm" value="$${domain}`, `challenge-realm" value="auto_from`},
	{"FS-22", check.Fail, "sip_profiles/internal.xml", `challenge-realm" value="$${domain}`, `challenge-realm" value="auto_to`},
	{"FS-23", check.Fail, "sip_profiles/internal.xml", `nonce-ttl" value="60`, `nonce-ttl" value="86400`},
	{"FS-23", check.Fail, "sip_profiles/internal.xml", "<settings>", `<settings><param name="max-auth-validity" value="1000"/>`},
	{"FS-24", check.Fail, "sip_profiles/internal.xml", `per-second" value="500`, `per-second" value="0`},
	{"FS-24", check.Fail, "sip_profiles/internal.xml", `<param name="max-registrations-per-extension" value="3"/>`, ""},
	{"FS-24", check.Unknown, "sip_profiles/internal.xml", `<param name="max-recv-requests-per-second" value="500"/>`, ""},
	{"FS-25", check.Fail, "sip_profiles/internal.xml", `enable-3pcc" value="proxy`, `enable-3pcc" value="true`},
	{"FS-26", check.Fail, "sip_profiles/carrier.xml", `<param name="user-agent-string" value="PBX"/>`, ""},
	{"FS-27", check.Fail, "dialplan/public.xml", `^(20\d\d)$`, `^(.*)$`},
	{"FS-27", check.Fail, "dialplan/public.xml", `<condition field="destination_number" expression="^(20\d\d)$">`, "<condition>"},
	{"FS-27", check.Unknown, "dialplan/public.xml", `^(20\d\d)$`, `^(?!666)(\d+)$`},
	{"FS-28", check.Fail, "autoload_configs/switch.conf.xml", `value="no"`, `value="yes"`},
}

// plant changes one place of a file; a change that does not take is a mistake of
// the test.
func plant(t *testing.T, files fstest.MapFS, file, old, new string) {
	t.Helper()
	f := files[home+"/"+file]
	if f == nil || strings.Count(string(f.Data), old) != 1 {
		t.Fatalf("%s does not have %q once", file, old)
	}
	files[home+"/"+file] = &fstest.MapFile{Data: []byte(strings.Replace(string(f.Data), old, new, 1))}
}

// TestPlanted plants each alone. No secret comes out.
func TestPlanted(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range planted {
		files := tree(t, "hardened.txtar")
		plant(t, files, c.file, c.old, c.new)
		got := ""
		for _, r := range run(files, "") {
			if r.State == check.Pass {
				continue
			}
			if got != "" {
				got += ", "
			}
			got += r.ID + " " + string(r.State)
			for _, secret := range []string{"T7dGqL2sZw9RfKxB", "hB6yLw3tSn8KzVq4", "kV8ozTq4mRw2YbXe", "Qx3vN8cJt6HpWm5D", "ClueCon", "284613"} {
				if strings.Contains(r.Value+r.Reason()+r.Remedy(), secret) {
					t.Errorf("%s tells a secret: %+v", r.ID, r.Finding)
				}
			}
			if strings.ContainsRune(r.Value+r.Reason()+r.Remedy(), '\ue000') {
				t.Errorf("%s shows what stands for the unknown: %+v", r.ID, r.Finding)
			}
		}
		if want := c.id + " " + string(c.state); got != want {
			t.Errorf("%s in %s: got %q, want %q", c.new, c.file, got, want)
		}
		seen[c.id] = true
	}
	for _, c := range Checks() {
		if !seen[c.ID] {
			t.Errorf("%s is never planted", c.ID)
		}
	}
	if len(seen) != 28 {
		t.Errorf("%d checks", len(seen))
	}
}

// change is one place of a file.
type change struct{ file, old, new string }

// TestTogether: what several values say together, one by one harmless or worse.
func TestTogether(t *testing.T) {
	const (
		esl, modules, internal, carrier, public = "autoload_configs/event_socket.conf.xml", "autoload_configs/modules.conf.xml",
			"sip_profiles/internal.xml", "sip_profiles/carrier.xml", "dialplan/public.xml"
		anywhere = `"127.0.0.1"`
		noList   = `    <param name="apply-inbound-acl" value="loopback.auto"/>` + "\n"
		secret   = "T7dGqL2sZw9RfKxB"
	)
	for _, c := range []struct {
		name, version string
		changes       []change
		want          string
	}{
		{"event socket: no list, so FreeSWITCH's own", "", []change{{esl, anywhere, `"::"`}, {esl, noList, ""}, {esl, secret, "ClueCon"}}, "FS-05 latent, FS-06 latent"},
		{"event socket: no list before there was one", "1.4.26", []change{{esl, anywhere, `"::"`}, {esl, noList, ""}, {esl, secret, "ClueCon"}}, "FS-05 fail, FS-06 fail"},
		{"event socket: open to all", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "any_v4.auto"}, {esl, secret, "ClueCon"}}, "FS-05 fail, FS-06 fail, FS-07 fail"},
		{"event socket: open to all, with a good secret", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "wan.auto"}}, "FS-06 fail, FS-07 fail"},
		{"event socket: one other machine", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "carrier"}, {esl, secret, "ClueCon"}}, "FS-05 fail, FS-06 latent"},
		{"event socket: a network in the list's place", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "192.0.2.0/23"}}, "FS-06 fail, FS-07 fail"},
		{"event socket: a list that is not there", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "nowhere"}, {esl, secret, "ClueCon"}}, "FS-05 latent, FS-06 latent"},
		{"event socket: all lists must let in", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, noList, noList + strings.Replace(noList, "loopback.auto", "any_v4.auto", 1)}}, "FS-06 latent, FS-07 latent"},
		{"event socket: module off", "", []change{{modules, `    <load module="mod_event_socket"/>` + "\n", ""}, {esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "any_v4.auto"}, {esl, secret, "ClueCon"}}, "FS-05 latent, FS-06 latent, FS-07 latent"},
		{"event socket: a list that a variable names", "", []change{{esl, anywhere, `"0.0.0.0"`}, {esl, "loopback.auto", "$${list}"}}, "FS-06 unknown, FS-07 unknown"},
		{"XML-RPC off", "", []change{{modules, `<load module="mod_xml_rpc"/>`, `<!-- <load module="mod_xml_rpc"/> -->`}, {"autoload_configs/xml_rpc.conf.xml", "Qx3vN8cJt6HpWm5D", "works"}}, "FS-08 latent"},
		{"no modules named, so all", "", []change{{modules, `<configuration name="modules.conf">`, `<configuration name="other.conf">`}, {"autoload_configs/xml_rpc.conf.xml", "Qx3vN8cJt6HpWm5D", "works"}}, "FS-08 fail"},
		{"SIP off", "", []change{{modules, `<load module="mod_sofia"/>`, ""}, {internal, `accept-blind-reg" value="false`, `accept-blind-reg" value="true`}, {carrier, `"all"`, `"none"`}}, "FS-10 latent, FS-15 latent"},
		{"TLS off", "", []change{{"vars.xml", "internal_ssl_enable=true", "internal_ssl_enable=false"}, {"vars.xml", "tlsv1.2,tlsv1.3", "tlsv1"}, {internal, "out|subjects_out", "none"}}, "FS-13 latent, FS-14 fail, FS-15 latent"},
		{"a profile on loopback", "", []change{{carrier, "192.0.2.10", "127.0.0.1"}, {carrier, `value="public"`, `value="default"`}, {carrier, `tls-only" value="true`, `tls-only" value="false`}}, "FS-09 latent, FS-14 latent"},
		{"strangers dial out", "", []change{{carrier, `value="public"`, `value="default"`}}, "FS-09 fail"},
		{"only the carrier dials out", "", []change{{carrier, `value="public"`, `value="default"`}, {carrier, "<settings>", `<settings><param name="apply-inbound-acl" value="carrier"/>`}}, "FS-09 latent"},
		{"who is not the carrier dials out", "", []change{{carrier, "<settings>", `<settings><param name="apply-inbound-acl" value="carrier:public:default"/>`}}, "FS-09 fail"},
		{"a list for all", "", []change{{carrier, `value="public"`, `value="default"`}, {carrier, "<settings>", `<settings><param name="apply-inbound-acl" value="any_v4.auto"/>`}}, "FS-09 fail"},
		{"no word about passwords is no", "", []change{{internal, `<param name="auth-calls" value="$${internal_auth_calls}"/>`, ""}, {internal, `apply-inbound-acl" value="domains"`, `apply-inbound-acl" value="none"`}}, "FS-09 fail"},
		{"strangers' way to the dial-out is guarded", "", []change{{public, `<condition field="destination_number" expression="^(20\d\d)$">`, `<condition field="${sip_authorized}" expression="true"/><condition field="destination_number" expression="^(.*)$">`}}, ""},
		{"guarded by an access list", "", []change{{public, `<condition field="destination_number" expression="^(20\d\d)$">`, `<condition field="${acl(${network_addr} carrier)}" expression="true"/><condition field="destination_number" expression="^(.*)$">`}}, ""},
		{"guarded by what comes before", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {public, `<context name="public">`,
			`<context name="public"><extension name="check"><condition field="${sip_authorized}" expression="^true$" break="never"><anti-action application="respond" data="407"/></condition></extension>`}}, ""},
		{"strangers are turned away first", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {public, `<context name="public">`,
			`<context name="public"><extension name="check"><condition field="${sip_authorized}" expression="^false$"><action application="hangup"/></condition></extension>`}}, ""},
		{"a guard that lets go on", "", []change{{public, `<condition field="destination_number" expression="^(20\d\d)$">`, `<condition field="${sip_authorized}" expression="true" break="never"/><condition field="destination_number" expression="^(.*)$">`}}, "FS-27 fail"},
		{"a number of ours", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {public, "$1 XML default", "2041 XML default"}}, ""},
		{"into nothing", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {public, "$1 XML default", "$1 XML elsewhere"}}, ""},
		{"into a context without a way out", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {"dialplan/default.xml", "sofia/gateway/carrier/$1", "user/$1"}}, "FS-27 latent"},
		{"round about", "", []change{{public, `expression="^(20\d\d)$"`, `expression="^(.*)$"`}, {public, `application="transfer" data="$1 XML default"`, `application="bridge" data="loopback/$1/default/XML"`}}, "FS-27 fail"},
		{"nobody asks for toll_allow", "", []change{{"dialplan/default.xml", "${toll_allow}", "${caller_id_number}"}, {"directory/default/desk-0004f2b7.xml", "domestic,local", "international"}}, "FS-04 latent"},
		{"nobody has the shared password", "", []change{{"vars.xml", "kV8ozTq4mRw2YbXe", "1234"}, {"directory/default/desk-0004f2a1.xml", "$${default_password}", "nM4cXz7rWq2LtYb9"}}, "FS-01 latent"},
		{"a hash in the password's place", "", []change{{"directory/default/desk-0004f2b7.xml", `<param name="password" value="hB6yLw3tSn8KzVq4"/>`, `<param name="a1-hash" value="c6440e5de50b403206989679159de89a"/><param name="password" value="1234"/>`}}, ""},
		{"messages since 1.10.7", "1.10.12~release~12~f9d8cd1", []change{{internal, `<param name="auth-messages" value="true"/>`, ""}, {internal, `<param name="max-recv-requests-per-second" value="500"/>`, ""}}, ""},
		{"messages before", "1.10.6", []change{{internal, `<param name="auth-messages" value="true"/>`, ""}, {internal, `<param name="max-recv-requests-per-second" value="500"/>`, ""}}, "FS-12 fail, FS-24 fail"},
		{"one registration each", "", []change{{internal, `<param name="multiple-registrations" value="contact"/>`, ""}, {internal, `<param name="max-registrations-per-extension" value="3"/>`, ""}}, ""},
		{"networks that register without a password", "", []change{{internal, "<settings>", `<settings><param name="apply-register-acl" value="rfc1918.auto"/>`}}, "FS-20 fail"},
		{"what a variable decides", "", []change{{internal, `log-auth-failures" value="true`, `log-auth-failures" value="$${nobody}`}}, "FS-11 unknown"},
		{"what a program decides", "", []change{{"vars.xml", `cmd="set" data="internal_ssl_enable=true"`, `cmd="exec-set" data="internal_ssl_enable=cat tls"`}}, "FS-14 unknown"},
		{"a command in a comment", "", []change{{"vars.xml", "</include>", "<!--<X-PRE-PROCESS cmd=\"set\" data=\"internal_auth_calls=false\"/>-->\n</include>"}}, "FS-09 latent"},
		{"a profile in a comment", "", []change{{carrier, `<profile name="carrier">`, `<!-- <profile name="carrier">`}, {carrier, "</profile>", "</profile> -->"}, {carrier, `"all"`, `"none"`}}, ""},
		{"a profile that nothing includes", "", []change{{"autoload_configs/sofia.conf.xml", "../sip_profiles/*.xml", "../sip_profiles/internal.xml"}, {carrier, `"all"`, `"none"`}}, "FS-15 latent"},
	} {
		files := tree(t, "hardened.txtar")
		for _, ch := range c.changes {
			plant(t, files, ch.file, ch.old, ch.new)
		}
		var got []string
		for _, r := range run(files, c.version) {
			if r.State != check.Pass {
				got = append(got, r.ID+" "+string(r.State))
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: got %q, want %q", c.name, text, c.want)
		}
	}
}
