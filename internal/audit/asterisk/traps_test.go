package asterisk

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/audit/check"
)

// TestIdle: a bad value without effect is latent, and says why.
func TestIdle(t *testing.T) {
	text, err := os.ReadFile("testdata/idle.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		parts := strings.Split(strings.TrimSuffix(line, "\n"), " | ")
		if len(parts) != 5 {
			t.Fatalf("%d parts: %s", len(parts), line)
		}
		files := tree(t, "hardened.txtar")
		olds, news := strings.Split(parts[2], " & "), strings.Split(parts[3], " & ")
		for i, name := range strings.Split(parts[1], " & ") {
			plant(t, files, []string{name}, olds[i], news[i])
		}
		got := results(files, "18.9.0")
		if len(got) == 0 {
			t.Errorf("%s: nothing is found", line)
		}
		for i := range got {
			if r := &got[i]; r.ID != parts[0] || r.State != check.Latent || !strings.Contains(r.Reason(), parts[4]) {
				t.Errorf("%sgot %s%s", line, spell(got[i:i+1]), r.Reason())
			}
			judge(t, &got[i])
		}
	}
}

// TestQuiet: what looks bad and is not, alone in the hardened tree.
func TestQuiet(t *testing.T) {
	for _, c := range []struct{ name, file, old, new string }{
		{"a hash is no password", "pjsip.conf", "auth_type = userpass\nusername = browser\npassword = Hd7-wq.Lo0_Zr", "auth_type = md5\nmd5_cred = 43a8d9be3da524f9a59ca0593d7b1b5d"},
		{"a carrier chose the password", "pjsip.conf", "[acl]\n", "[out]\ntype = registration\noutbound_auth = out\ntransport = transport-tls\n\n[out]\ntype = auth\npassword = 1234\n\n[acl]\n"},
		{"in a comment", "pjsip.conf", "[acl]\n", ";[anonymous]\n;type = endpoint\n;-- [anonymous]\ntype = endpoint\n--;\n[acl]\n"},
		{"in a template that nobody uses", "pjsip.conf", "[acl]\n", "[open](!)\ntype = endpoint\n\n[acl]\n"},
		{"overruled", "pjsip.conf", "[0004f2a1b2c3](phone)\n", "[0004f2a1b2c3](phone)\nmedia_encryption = no\nmedia_encryption = sdes\n"},
		{"a weak cipher taken away", "pjsip.conf", "AES128-GCM-SHA256", "AES128-GCM-SHA256,!RC4,-3DES"},
		{"a carrier with a network", "pjsip.conf", "match = 203.0.113.20", "match = 203.0.113.0/255.255.255.0,sip.example.net"},
		{"a desk phone with one contact", "pjsip.conf", "max_contacts = 1\nremove_existing = yes\n\n[browser]", "max_contacts = 1\n\n[browser]"},
		{"a pattern of digits", "extensions.conf", "System(/usr/local/bin/note ${FILTER(0-9,${CALLERID(num)})})", "NoOp()\nexten => _16X,1,System(/usr/local/bin/x ${EXTEN})"},
		{"checked before", "extensions.conf", "Set(CDR(userfield)=out)\n", "GotoIf($[${FILTER(0-9,${EXTEN})} != ${EXTEN}]?h,1)\n same => n,Dial(PJSIP/${EXTEN}@carrier)\n"},
		{"a phone of the carrier's number", "extensions.conf", "exten => 4930123456,1,Goto(internal,101,1)", "exten => _4930.,1,Dial(PJSIP/101)"},
		{"a menu without outbound calls", "extensions.conf", "exten => 4930123456,1,Goto(internal,101,1)", "exten => 4930123456,1,Goto(menu,s,1)\n[menu]\nexten => s,1,Background(x)\nexten => 1,1,Dial(PJSIP/101)\n[from-carrier]"},
		{"a listener on the network of the house", "pjsip.conf", "bind = 0.0.0.0\n", "bind = 192.168.1.10\n"},
		{"a user with an acl", "manager.conf", "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.1/255.255.255.255", "acl = here"},
		{"a user who cannot log in", "manager.conf", "secret = Zq5uD8wLs1Xh\n", "\n"},
		{"a crypted password", "ari.conf", "password = bT3kV9sGx7Wn", "password_format = crypt\npassword = $6$x"},
		{"all levels, and a formatter", "logger.conf", "security.log => security", "full => [json]*"},
		{"syslog", "logger.conf", "security.log => security", "syslog.local0 => notice,security"},
		{"strictrtp by number", "rtp.conf", "strictrtp = yes", "strictrtp = seqno"},
		{"an alias", "voicemail.conf", "[default]", "[general](+)\naliasescontext = other\n[other]\n1234@devices => 1234@default\n[default]"},
		{"the other file starts it", "asterisk.conf", "live_dangerously = no\n", "\n"},
	} {
		files := tree(t, "hardened.txtar")
		plant(t, files, []string{c.file}, c.old, c.new)
		if got := spell(results(files, "18.9.0")); got != "" {
			t.Errorf("%s: found %s", c.name, got)
		}
	}
}

// TestUnknown: what cannot be told is said, and by whom.
func TestUnknown(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"a database", "extconfig.conf", "[settings]\nvoicemail => odbc,asterisk\n", "AST-43 unknown extconfig.conf:2  = \n"},
		{"a file in a database", "extconfig.conf", "[settings]\nmanager.conf => odbc,asterisk\n", "AST-25 AST-26 AST-27 AST-28 AST-29 AST-30"},
		{"phones in a database", "sorcery.conf", "[res_pjsip]\nendpoint=realtime,ps_endpoints\n", "AST-01 AST-02 AST-03"},
		{"another language", "extensions.ael", "context a {}", "AST-20 AST-21 AST-22 AST-23"},
	} {
		files := tree(t, "hardened.txtar")
		files[folder+"/"+c.file] = &fstest.MapFile{Data: []byte(c.text)}
		if c.file == "extensions.ael" {
			plant(t, files, []string{"modules.conf"}, "load = res_ari.so", `load = res_ari.so\nload = pbx_ael.so`)
		}
		got := results(files, "18.9.0")
		for i := range got {
			if got[i].State != check.Unknown {
				t.Errorf("%s: %s", c.name, spell(got[i:i+1]))
			}
			judge(t, &got[i])
		}
		if text := spell(got); !strings.Contains(text, strings.Fields(c.want)[0]) || len(got) < len(strings.Split(c.want, " AST"))-1 {
			t.Errorf("%s: got %s", c.name, text)
		}
	}
	files := tree(t, "hardened.txtar")
	plant(t, files, []string{"sip.conf"}, "allowguest = no", "allowguest = yes")
	if got := spell(results(files, "1:22.10.1+dfsg-1")); got != "AST-16 latent sip.conf:2 allowguest = yes\n" {
		t.Errorf("without chan_sip: got %s", got)
	}
	files = tree(t, "hardened.txtar")
	plant(t, files, []string{"asterisk.conf"}, `runuser = asterisk\n`, "")
	files["usr/lib/systemd/system/asterisk.service"] = &fstest.MapFile{Data: []byte("[Service]\nExecStart=/usr/sbin/asterisk -g -f -p -U asterisk -G asterisk\n")}
	if got := spell(results(files, "18.9.0")); got != "" {
		t.Errorf("a unit with a user: got %s", got)
	}
}

// TestWizard: pjsip_wizard.conf makes phones and carriers too.
func TestWizard(t *testing.T) {
	files := tree(t, "hardened.txtar")
	files[folder+"/pjsip_wizard.conf"] = &fstest.MapFile{Data: []byte(`[phone-w](!)
type = wizard
transport = transport-tls
endpoint/media_encryption = sdes
accepts_registrations = yes
accepts_auth = yes

[good](phone-w)
inbound_auth/username = good
inbound_auth/password = gT5nW8xR2kQz

[weak](phone-w)
inbound_auth/username = weak
inbound_auth/password = weak

[open]
type = wizard
endpoint/context = internal

[provider]
type = wizard
remote_hosts = 203.0.113.40
endpoint/context = from-carrier
`)}
	plant(t, files, []string{"modules.conf"}, "load = res_ari.so", `load = res_ari.so\nload = res_pjsip_config_wizard.so`)
	want := "AST-01 fail pjsip_wizard.conf:14 password = (hidden)\nAST-05 fail pjsip_wizard.conf:16 auth = \n"
	if got := spell(results(files, "18.9.0")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
