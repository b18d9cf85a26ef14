package audit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/mend"
	"github.com/sipward/sipward/internal/audit/paper"
)

// secret stands in a file outside of every tree; nobody may ever see it.
const secret = "outside-of-the-tree"

// names are files that somebody's reader opens.
var names = []string{
	"etc/asterisk/asterisk.conf", "etc/asterisk/pjsip.conf", "etc/asterisk/extensions.conf", "etc/asterisk/modules.conf", "etc/asterisk/manager.conf",
	"etc/asterisk/sip.conf", "etc/asterisk/logger.conf", "etc/asterisk/voicemail.conf", "etc/asterisk/rtp.conf",
	"etc/freeswitch/freeswitch.xml", "etc/freeswitch/vars.xml", "etc/freeswitch/autoload_configs/sofia.conf.xml", "etc/freeswitch/autoload_configs/modules.conf.xml",
	"etc/freeswitch/sip_profiles/internal.xml", "etc/freeswitch/directory/default/1000.xml", "etc/freeswitch/dialplan/public.xml", "etc/freeswitch/autoload_configs/acl.conf.xml",
	"etc/kamailio/kamailio.cfg", "etc/kamailio/tls.cfg", "etc/kamailio/dispatcher.list", "etc/opensips/opensips.cfg",
	"etc/nftables.conf", "etc/iptables/rules.v4", "etc/logrotate.d/x", "etc/sysctl.conf", "etc/os-release", "var/lib/dpkg/status", "lib/systemd/system/asterisk.service",
}

// pieces are texts that a hostile author would try, with %s for another name.
var pieces = []string{
	"[general]\nenabled=yes\n#include %s\n", "#include *.conf\n", "#include ../../../../%s\n", "[a](!)\n[b](a,b,a)\nx=1\n", "[x](+)\n;--\n", "#exec /bin/true\n",
	"exten => _X.,1,Dial(PJSIP/${EXTEN}@t)\n same => n,Goto(a,b,c)\n", "[transport](!)\ntype=transport\nbind=[::\n", "type=auth\npassword=1234\n",
	"<X-PRE-PROCESS cmd=\"include\" data=\"%s\"/>\n", "<X-PRE-PROCESS cmd=\"set\" data=\"a=$${a}$${a}\"/>\n", "<a><b><c>\n", "<!-- \n", "]]>\n", "<param name=\"x\" value=\"$${a}\"/>\n",
	"<profile name=\"p\"><settings><param name=\"auth-calls\" value=\"false\"/></settings></profile>\n", "&#0;&lol;\n",
	"#!define A B\n#!define B A\n#!ifdef A\n", "#!subst !A!B!\n#!substdef !A!B!g\n", "include_file \"%s\"\n", "request_route {\nif (A) {\n", "}\n}\n", "modparam(\"a|b\", \"c\", \"d\n", "/* \n", "\"\n",
	"route[X] { route(X); t_relay(); }\n", "loadmodule \"x.so\"\n", "table inet f { chain c { type filter hook input priority 0; jump c; }\n}\n", "-A INPUT -j INPUT\n", "\x00\xff\xfe\x1b[31m\n",
	"Package: asterisk\nStatus: install ok installed\nVersion: 1:16\x1b[0m\n\n", "ExecStart=/usr/sbin/asterisk -U\n", "/var/log/*/*.log {\n",
}

// hostileTree writes a tree that nobody would want to read, all of it by chance.
func hostileTree(t *testing.T, random *rand.Rand, dir, outside string) {
	t.Helper()
	for _, name := range names {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch random.IntN(24) {
		case 0:
			err = os.Symlink(outside, full)
		case 1:
			err = os.Symlink("../../../../../../../../.."+outside, full)
		case 2:
			err = os.Symlink(filepath.Base(full), full) // itself
		case 3:
			err = os.Mkdir(full, 0o755)
		case 4:
			err = os.WriteFile(full, []byte("[x]\n"), 0)
		case 5, 6, 7:
		case 8:
			err = os.WriteFile(full, bytes.Repeat([]byte(pieces[random.IntN(len(pieces))]), 2000), 0o644)
		case 9:
			junk := make([]byte, random.IntN(4096))
			for i := range junk {
				junk[i] = byte(random.Uint32())
			}
			err = os.WriteFile(full, junk, 0o644)
		default:
			var text strings.Builder
			for range random.IntN(40) {
				piece := pieces[random.IntN(len(pieces))]
				if strings.Contains(piece, "%s") {
					piece = fmt.Sprintf(piece, []string{outside, filepath.Base(names[random.IntN(len(names))]), "/" + name, "*"}[random.IntN(4)])
				}
				text.WriteString(piece)
			}
			err = os.WriteFile(full, []byte(text.String()), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileTrees: whatever stands in a tree, an audit ends, keeps to the tree
// and to its bounds, and prints nothing that steers a terminal.
func TestHostileTrees(t *testing.T) {
	trees := 60
	if os.Getenv("SIPWARD_THOROUGH") != "" {
		trees = 500
	}
	outside := filepath.Join(t.TempDir(), "outside.conf")
	if err := os.WriteFile(outside, []byte("[general]\n"+secret+"=yes\n"+secret+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := debug.SetMemoryLimit(audit.Memory)
	defer debug.SetMemoryLimit(before)
	seed := uint64(os.Getpid())
	t.Logf("seed %d", seed)
	var most uint64
	for n := range trees {
		dir := filepath.Join(t.TempDir(), "tree")
		hostileTree(t, rand.New(rand.NewPCG(seed, uint64(n))), dir, outside)
		root, site, err := audit.Open(dir, time.Unix(1e9, 0))
		if err != nil {
			t.Fatal(err)
		}
		r := audit.Run(site)
		var text bytes.Buffer
		if err := paper.SARIF(&text, r, "0"); err != nil {
			t.Fatal(err)
		}
		plan := mend.New(root.FS(), r)
		if err := plan.Patch(&text); err != nil {
			t.Fatal(err)
		}
		root.Close()
		if strings.Contains(text.String(), secret) {
			t.Fatalf("seed %d, tree %d: something outside of it was read", seed, n)
		}
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		most = max(most, memory.Sys-memory.HeapReleased)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d trees, at most %d MiB of memory", trees, most>>20)
	if most > 256<<20 {
		t.Errorf("memory grew to %d MiB", most>>20)
	}
}
