package firewall

import (
	"os/exec"
	"strings"
	"testing"
)

// The judgements of the tests, by letter: open, limited, closed.
var letters = map[Access]string{Open: "o", Limited: "l", Closed: "c"}

// asked are the packets that each rule set is asked about: SIP over both
// protocols and families, and a manager's port.
func asked(r *Rules) string {
	var got strings.Builder
	for _, family := range []string{IPv4, IPv6} {
		for _, a := range []struct {
			protocol string
			port     uint16
		}{{"udp", 5060}, {"tcp", 5060}, {"tcp", 5038}} {
			got.WriteString(letters[r.Judge(family, a.protocol, a.port)])
		}
	}
	return got.String()
}

// nftSets are rule sets as people write them, and what becomes of the packets.
var nftSets = []struct{ name, text, want string }{
	{"nothing", "", "oooooo"},
	{"junk", "}}{ table { chain } \x00 \" table inet", "oooooo"},
	{"a chain that nobody calls", "table inet f { chain c { drop; } }", "oooooo"},
	{"nat filters nothing", "table ip f { chain c { type nat hook prerouting priority 0; policy accept; udp dport 5060 drop; }\n}", "oooooo"},
	{"output is another way", "table inet f { chain c { type filter hook output priority 0; policy drop; }\n}", "oooooo"},
	{"policy", "table inet f { chain c { type filter hook input priority 0; policy drop; }\n}", "cccccc"},
	{"policy on a line of its own", "table inet f {\n chain c {\n type filter hook input priority 0\n policy drop\n }\n}", "cccccc"},
	{"IPv4 only", "table ip f { chain c { type filter hook input priority 0; policy drop; }\n}", "cccooo"},
	{"ports", "table inet f { chain c { type filter hook input priority 0; policy drop; udp dport { 5060, 5061 } accept; tcp dport 5000-5070 accept; }\n}", "oooooo"},
	{"named ports", "table inet f { chain c { type filter hook input priority 0; policy drop; udp dport sip accept; }\n}", "occocc"},
	{"defined", "define sip = { 5060, 5061 }\ntable inet f { chain c { type filter hook input priority 0; policy drop; udp dport $sip accept; }\n}", "occocc"},
	{"all but", "table inet f { chain c { type filter hook input priority 0; udp dport != 5060 accept; drop; }\n}", "cccccc"},
	{"an allow-list", "table inet f { set a { type ipv4_addr; elements = { 192.0.2.1 }\n }\n chain c { type filter hook input priority 0; policy drop; ip saddr @a accept; ip saddr 192.0.2.0/24 accept; iif lo accept; ct state established,related accept; }\n}", "cccccc"},
	{"everybody", "table ip f { chain c { type filter hook input priority 0; policy drop; ip saddr 0.0.0.0/0 accept; }\n}", "oooooo"},
	{"a ban list", "table inet f { chain c { type filter hook input priority 0; ip saddr @bad drop; udp dport 5060 accept; }\n}", "oooooo"},
	{"all but an allow-list", "table ip f { chain c { type filter hook input priority 0; ip saddr != 192.0.2.0/24 drop; }\n}", "cccooo"},
	{"new connections", "table inet f { chain c { type filter hook input priority 0; policy drop; ct state new udp dport 5060 accept; ct state { established, new } tcp dport 5038 accept; }\n}", "ocooco"},
	{"a limit that drops", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 limit rate over 10/second burst 5 packets drop; }\n}", "looloo"},
	{"a meter", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 meter m { ip saddr limit rate over 5/second } drop; }\n}", "looloo"},
	{"a set of limits", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 add @m { ip saddr limit rate over 5/second } counter packets 0 bytes 0 drop; }\n}", "looloo"},
	{"what cannot be weighed and drops", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 @th,64,32 0x1234 drop; }\n}", "looloo"},
	{"what cannot be weighed and accepts", "table inet f { chain c { type filter hook input priority 0; policy drop; udp dport 5060 @th,64,32 0x1234 accept; }\n}", "cccccc"},
	{"a queue", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 queue num 0; }\n}", "looloo"},
	{"a map of verdicts", "table inet f { chain c { type filter hook input priority 0; tcp dport vmap { 5060 : drop }; }\n}", "olloll"},
	{"jumps", "table inet f { chain sip { ct state established accept; udp dport 5060 return; drop; }\n chain c { type filter hook input priority 0; jump sip; }\n}", "occocc"},
	{"goto", "table inet f { chain sip { udp dport 5060 accept; }\n chain c { type filter hook input priority 0; policy drop; goto sip; accept; }\n}", "occocc"},
	{"a jump to nowhere", "table inet f { chain c { type filter hook input priority 0; jump x; }\n}", "llllll"},
	{"chains in a ring", "table inet f { chain a { jump b; }\n chain b { jump a; }\n chain c { type filter hook input priority 0; jump a; }\n}", "llllll"},
	{"two tables", "table inet a { chain c { type filter hook input priority 0; accept; }\n}\ntable inet b { chain c { type filter hook prerouting priority -300; tcp dport 5038 drop; }\n}", "oocooc"},
	{"logs and counters", "table inet f { chain c { type filter hook input priority 0; udp dport 5060 counter packets 1 bytes 2 log prefix \"a; drop {\" level info reject with icmpx type admin-prohibited; }\n}", "coocoo"},
	{"comments", "# drop\ntable inet f { # { \n chain c { type filter hook input priority 0; # policy drop;\n comment \"policy drop\"; udp dport 5060 drop comment \"x\"; }\n}", "coocoo"},
	{"protocol by meta", "table inet f { chain c { type filter hook input priority 0; meta l4proto { tcp, udp } th dport 5060 drop; ip protocol icmp drop; }\n}", "ccocco"},
	{"added line by line", "flush ruleset\ntable inet f {\nchain c { type filter hook input priority 0; }\n}\nadd rule inet f c udp dport 5060 drop\n", "coocoo"},
}

func TestNft(t *testing.T) {
	for _, c := range nftSets {
		r := &Rules{}
		r.Nft([]byte(c.text))
		if got := asked(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestNftPrinted: what nft itself prints of a rule set that the kernel has taken
// is judged as what was written.
func TestNftPrinted(t *testing.T) {
	printed := 0
	for _, c := range nftSets {
		cmd := exec.Command("unshare", "-n", "sh", "-c", "nft -f - && nft list ruleset")
		cmd.Stdin = strings.NewReader(c.text)
		text, err := cmd.Output()
		if err != nil {
			continue // nft does not take it: a test of junk, or of what is not there
		}
		printed++
		r := &Rules{}
		r.Nft(text)
		if got := asked(r); got != c.want {
			t.Errorf("%s: got %s, want %s of\n%s", c.name, got, c.want, text)
		}
	}
	if printed < 18 {
		t.Errorf("only %d rule sets were taken by the kernel", printed)
	}
}

func TestIptables(t *testing.T) {
	const head = "*filter\n:INPUT ACCEPT [0:0]\n:SIP - [0:0]\n"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "oooooo"},
		{"junk", "-A\n*\n:\n-A INPUT -j\n\"\n-P INPUT", "oooooo"},
		{"policy", "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\nCOMMIT\n", "cccooo"},
		{"forwarding is another way", "*filter\n:INPUT ACCEPT\n:FORWARD DROP\nCOMMIT\n", "oooooo"},
		{"nat filters nothing", "*nat\n:PREROUTING DROP\n-A PREROUTING -j DROP\n", "oooooo"},
		{"raw does", "*raw\n:PREROUTING ACCEPT\n-A PREROUTING -p udp --dport 5060 -j DROP\n", "cooooo"},
		{"a port", head + "-A INPUT -p udp -m udp --dport 5060 -j DROP\n", "cooooo"},
		{"all but a port", head + "-A INPUT -p udp ! --dport 5060 -j ACCEPT\n-A INPUT -j DROP\n", "cccooo"},
		{"a range, a list", head + "-A INPUT -p udp --dport 5000:5070 -j DROP\n-A INPUT -p tcp -m multiport --dports 22,5038 -j REJECT --reject-with tcp-reset\n", "cocooo"},
		{"an allow-list", head + "-A INPUT -s 192.0.2.0/24 -j ACCEPT\n-A INPUT -m set --match-set good src -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j DROP\n", "cccooo"},
		{"all but an allow-list", head + "-A INPUT ! -s 192.0.2.0/24 -p udp --dport 5060 -j DROP\n", "cooooo"},
		{"a ban list", head + "-A INPUT -s 192.0.2.7/32 -j DROP\n-A INPUT -m set --match-set bad src -j DROP\n", "oooooo"},
		{"new", head + "-P INPUT DROP\n-A INPUT -p udp --dport 5060 -m state --state NEW -j ACCEPT\n", "occooo"},
		{"a limit", head + "-A INPUT -p udp --dport 5060 -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name sip -j DROP\n", "looooo"},
		{"recent", head + "-A INPUT -p udp --dport 5060 -m recent --set --name SIP --rsource\n-A INPUT -p udp --dport 5060 -m recent --update --seconds 60 --hitcount 10 --name SIP --rsource -j DROP\n", "looooo"},
		{"strings", head + "-A INPUT -p udp --dport 5060 -m string --string \"friendly -j DROP\" --algo bm -j DROP\n", "looooo"},
		{"jumps", head + "-A INPUT -p udp --dport 5060 -j SIP\n-A SIP -s 192.0.2.1/32 -j RETURN\n-A SIP -j DROP\n", "cooooo"},
		{"returns", head + "-A INPUT -j SIP\n-A SIP -p udp -j RETURN\n-A SIP -j DROP\n", "occooo"},
		{"goto", head + "-A INPUT -g SIP\n-A INPUT -j DROP\n-A SIP -p tcp -j DROP\n", "occooo"},
		{"first of all", head + "-A INPUT -p udp -j DROP\n-I INPUT -p udp --dport 5060 -j ACCEPT\n", "oooooo"},
		{"comments", head + "# -A INPUT -j DROP\n-A INPUT -p udp --dport 5060 -m comment --comment \"all -j ACCEPT\" -j DROP\n", "cooooo"},
	} {
		r := &Rules{}
		r.Iptables([]byte(c.text), IPv4)
		if got := asked(r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestEmpty: rules that filter nothing are none.
func TestEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "table ip nat { chain c { type nat hook prerouting priority 0; accept; }\n}": true,
		"table ip f { chain c { type filter hook input priority 0; policy accept; }\n}":    true,
		"table ip f { chain c { type filter hook input priority 0; policy drop; }\n}":      false,
		"table ip f { chain c { type filter hook input priority 0; udp dport 1 drop; }\n}": false,
	} {
		r := &Rules{}
		r.Nft([]byte(text))
		if r.Empty() != want || r.Holds("f") == want && text != "" && strings.Contains(text, "table ip f") != r.Holds("f") {
			t.Errorf("%q: empty %v", text, r.Empty())
		}
	}
}

// TestTooManyRules: what is left out makes nothing open.
func TestTooManyRules(t *testing.T) {
	text := "table inet f { chain c { type filter hook input priority 0; policy accept;\n" + strings.Repeat("udp dport 1 drop\n", maxRules+2000) + "}\n}"
	r := &Rules{}
	r.Nft([]byte(text))
	if !r.Cut() || asked(r) != "llllll" || len(r.chains[0].rules) > maxRules {
		t.Errorf("cut %v, %s, %d rules", r.Cut(), asked(r), len(r.chains[0].rules))
	}
}

// FuzzRules reads any text as either form: it ends, and gives an answer.
func FuzzRules(f *testing.F) {
	for _, c := range nftSets {
		f.Add([]byte(c.text))
	}
	f.Add([]byte("*filter\n:INPUT DROP [0:0]\n-A INPUT ! -s 1.2.3.4 -m string --string \"a b\" -g x\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &Rules{}
		r.Nft(text)
		r.Iptables(text, IPv4)
		asked(r)
		if len(r.chains) > maxChains {
			t.Errorf("%d chains", len(r.chains))
		}
	})
}
