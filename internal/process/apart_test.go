package process

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/plant"
)

// TestWhatAProcessMayTell: an ordinary user's process leads us nowhere, and
// neither does one in a namespace that anybody can make.
func TestWhatAProcessMayTell(t *testing.T) {
	const socket = "   1: 00000000:13C4 00000000:0000 07 00000000:00000000 00:00000000 00000000   108        0 1001 2 0 0\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing is known of it", map[string]string{"50/cmdline": "x -C /a"}, " words=[] unit="},
		{"a user", map[string]string{"50/cmdline": "x -C /a", "50/status": "Name:\tx\nUid:\t1000\t0\t0\t0\n"}, " words=[] unit="},
		{"no number", map[string]string{"50/cmdline": "x -C /a", "50/status": "Uid:\troot\n"}, " words=[] unit="},
		{"nobody", map[string]string{"50/cmdline": "x -C /a", "50/status": "Uid:\t65534\t\n"}, " words=[] unit="},
		{"another user namespace", map[string]string{"50/cmdline": "x -C /a", "50/status": "Uid:\t0\t0\n", "self/ns/user": "-> user:[1]", "50/ns/user": "-> user:[2]"},
			" alien words=[] unit="},
		{"a user's service", map[string]string{"50/cgroup": "0::/" + "user.slice/user-1.slice/user@1.service/app.slice/asterisk.service\n"}, " words=[] unit="},
		{"a container", map[string]string{"50/root/etc/x": "", "self/ns/net": "-> net:[1]", "50/ns/net": "-> net:[2]"}, "a container words=[] unit="},
		{"a network", map[string]string{"50/root": "-> ../..", "self/ns/net": "-> net:[1]", "50/ns/net": "-> net:[2]"}, "a network of its own words=[] unit="},
		{"here", map[string]string{"50/root": "-> ../..", "self/ns/net": "-> net:[1]", "50/ns/net": "-> net:[1]", "self/ns/user": "-> user:[1]", "50/ns/user": "-> user:[1]"},
			" words=[] unit="},
		{"no words", map[string]string{"50/cmdline": "", "50/status": "Uid:\t0\t0\n"}, " words=[] unit="},
		{"a system's account", map[string]string{"50/cmdline": "x -C /a", "50/status": "Name:\tx\nUid:\t108\t108\n", "50/cgroup": "1:name=systemd:/\n0::/" + "system.slice/a\x1b.service\n"},
			" words=[-C /a] unit=a?.service"},
		{"many words", map[string]string{"50/cmdline": strings.Repeat("x ", 1000), "50/status": "Uid:\t0\t0\n"},
			" words=[" + strings.TrimSpace(strings.Repeat("x ", 255)) + "] unit="},
	} {
		dir := t.TempDir()
		plant.File(t, dir, "proc/50/stat", "50 (asterisk) S 1 50")
		plant.File(t, dir, "proc/50/net/udp", "title\n"+socket)
		plant.File(t, dir, "proc/50/fd/3", "-> socket:[1001]")
		for name, text := range c.files {
			plant.File(t, dir, "proc/"+name, text)
		}
		servers, err := Servers(os.DirFS(dir))
		must(t, err)
		if len(servers) != 1 {
			t.Fatalf("%s: found %v", c.name, servers)
		}
		got := servers[0].Apart
		if servers[0].Alien {
			got += " alien"
		}
		if got += fmt.Sprintf(" words=%v unit=%s", servers[0].Words, servers[0].Unit); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}
