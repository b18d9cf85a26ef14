package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/firewall"
	"github.com/sipward/sipward/internal/settings"
)

// keptRules are the packet filter's rules that files hold.
type keptRules struct {
	rules firewall.Rules
	files []string
	// any says that there are rules at all, loaded that they are put in force at
	// boot; loader is the unit that would do it.
	any, loaded bool
	loader      string
	// elsewhere says why the rules cannot be judged: another program makes them.
	elsewhere string
}

// place is where the rules are written.
func (k *keptRules) place() settings.Place {
	if len(k.files) == 0 {
		return settings.Place{}
	}
	return settings.Place{File: k.files[0]}
}

// readKept reads the usual files of rules: nftables', iptables-persistent's, those
// of Red Hat and of ufw.
func readKept(m *machine) *keptRules {
	k := &keptRules{}
	k.take(m, "nftables", func(text []byte, _ string) { k.rules.Nft(text) }, "etc/nftables.conf", "etc/sysconfig/nftables.conf")
	iptables := func(text []byte, name string) {
		family := firewall.IPv4
		if strings.Contains(name, "6") {
			family = firewall.IPv6
		}
		k.rules.Iptables(text, family)
	}
	k.take(m, "netfilter-persistent", iptables, "etc/iptables/rules.v4", "etc/iptables/rules.v6")
	k.take(m, "iptables", iptables, "etc/sysconfig/iptables")
	k.take(m, "ip6tables", iptables, "etc/sysconfig/ip6tables")
	k.ufw(m)
	if m.wanted("firewalld") {
		k.elsewhere = "firewalld makes the rules of its zones: only a running machine shows them"
		k.loaded = true
	}
	return k
}

// take reads files of rules that one unit loads.
func (k *keptRules) take(m *machine, loader string, read func(text []byte, name string), names ...string) {
	for _, name := range names {
		text := m.tree.Read(name)
		if len(text) == 0 {
			continue
		}
		before := firewall.Rules{}
		read(text, name)
		k.files = append(k.files, name)
		if loader == "nftables" {
			for _, included := range k.included(m, name, text) {
				read(m.tree.Read(included), included)
				k.files = append(k.files, included)
			}
		}
		if before = k.rules; before.Empty() {
			continue
		}
		k.any, k.loader = true, loader
		k.loaded = k.loaded || m.wanted(loader)
	}
}

// included lists the files that a file of nftables includes.
func (k *keptRules) included(m *machine, name string, text []byte) []string {
	var found []string
	for line := range bytes.Lines(text) {
		if word, rest, ok := strings.Cut(strings.TrimSpace(string(line)), " "); ok && word == "include" {
			found = append(found, m.tree.Match(settings.Inside(path.Dir(name), strings.Trim(strings.TrimSpace(rest), `"';`)))...)
		}
	}
	return found
}

// ufw reads the rules that ufw keeps: the user's own, below its default.
func (k *keptRules) ufw(m *machine) {
	enabled := false
	m.textFile("etc/ufw/ufw.conf", "#", func(line string, _ settings.Place) {
		enabled = enabled || strings.EqualFold(strings.ReplaceAll(line, " ", ""), "enabled=yes")
	})
	policy := "DROP" // ufw's own default
	m.textFile("etc/default/ufw", "#", func(line string, _ settings.Place) {
		if value, ok := strings.CutPrefix(line, "DEFAULT_INPUT_POLICY="); ok {
			policy = strings.Trim(value, `"'`)
		}
	})
	for _, f := range []struct{ name, family, chain string }{
		{"etc/ufw/user.rules", firewall.IPv4, "ufw-user-input"}, {"etc/ufw/user6.rules", firewall.IPv6, "ufw6-user-input"},
	} {
		text := m.tree.Read(f.name)
		if len(text) == 0 {
			continue
		}
		k.files, k.any, k.loader, k.loaded = append(k.files, f.name), true, "ufw", k.loaded || enabled
		if enabled {
			k.rules.Iptables([]byte("*filter\n:INPUT "+policy+"\n-A INPUT -j "+f.chain+"\n"), f.family)
			k.rules.Iptables(text, f.family)
		}
	}
}

// listers print the rules that are in force; none changes anything.
var listers = []struct {
	words []string
	read  func(r *firewall.Rules, text []byte)
}{
	{[]string{"nft", "list", "ruleset"}, func(r *firewall.Rules, text []byte) { r.Nft(text) }},
	{[]string{"iptables-legacy-save"}, func(r *firewall.Rules, text []byte) { r.Iptables(text, firewall.IPv4) }},
	{[]string{"ip6tables-legacy-save"}, func(r *firewall.Rules, text []byte) { r.Iptables(text, firewall.IPv6) }},
}

const (
	// patience is how long a program may take that lists rules.
	patience = 10 * time.Second
	// maxListing bounds what it prints.
	maxListing = 32 << 20
)

// inForce reads the rules of this machine; or says why it cannot.
func inForce() (*firewall.Rules, string) {
	r := &firewall.Rules{}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i, l := range listers {
		cmd := exec.CommandContext(ctx, l.words[0], l.words[1:]...)
		var text limited
		cmd.Stdout = &text
		err := cmd.Run()
		switch {
		case err == nil:
			l.read(r, text.Bytes())
		case errors.Is(err, exec.ErrNotFound) && i > 0: // only newer machines' rules are there
		default:
			return r, fmt.Sprintf("the packet filter's rules cannot be read (%s: %v)", strings.Join(l.words, " "), err)
		}
	}
	return r, ""
}

// limited keeps the beginning of what is written to it.
type limited struct{ bytes.Buffer }

// Write takes as much as there is room for, and fails at the end of it.
func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > maxListing {
		return 0, errors.New("there are too many rules")
	}
	return l.Buffer.Write(b)
}
