package answer

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/control"
)

// TestExplanationOfAnOffice: one phone of a known-good office is limited, and
// the answer speaks of the limit and not of the office's own good entry.
func TestExplanationOfAnOffice(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	office := netip.MustParsePrefix("203.0.113.30/32")
	phone := control.BanRow{Prefix: office, Port: 5079, Action: "limit", Scope: "sip", Rule: "guess", Class: "auth.guess",
		Proof: "A", By: "sipward", Why: "it tried 6 wrong passwords", Since: now, Until: now.Add(9 * time.Minute), Requests: 18}
	good := control.BanRow{Prefix: office, Action: "pass", Scope: "sip", Rule: "good", Class: "good", Proof: "A", By: "sipward",
		Since: now.Add(-time.Hour), Until: now.Add(720 * time.Hour), Requests: 6}
	e := control.Explanation{Target: "203.0.113.30", Verdict: control.Limited, Mode: control.ModeEnforce, Why: phone.Why,
		Entries: []control.BanRow{phone, good}, First: good.Since, Requests: 18, Layers: map[string]string{"eth0": "nft"},
		Undo: []string{"sipward unban 203.0.113.30", "sipward allow 203.0.113.30 --for 24h"}}
	answer := explained(&e, now)
	for _, line := range []string{
		"LIMITED  203.0.113.30, its port 5079 only, until ",
		"rule       guess auth.guess\n",
		"enforced   eth0 nft; 0 packets turned away since\n",
		"also       203.0.113.30 known-good until ",
		"undo       sipward unban 203.0.113.30\n",
	} {
		if !strings.Contains(answer, line) {
			t.Errorf("no %q in\n%s", line, answer)
		}
	}
	for _, wrong := range []string{"ran out", "before", "0001", "29d"} {
		if strings.Contains(answer, wrong) {
			t.Errorf("%q in\n%s", wrong, answer)
		}
	}
}

// TestExplanationFits a terminal, however long the address is and how far away
// the end.
func TestExplanationFits(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, source := range []string{"203.0.113.130", "2001:db8:1234:5678:9abc:def0:1234:5678"} {
		address := netip.MustParseAddr(source)
		row := control.BanRow{Prefix: netip.PrefixFrom(address, address.BitLen()), Port: 50790, Action: "limit", Scope: "sip",
			By: "sipward", Rule: "budget", Why: "it guesses", Since: now, Until: now.Add(7*24*time.Hour - time.Minute)}
		answer := explained(&control.Explanation{Target: source, Verdict: control.Limited, Mode: control.ModeMonitor,
			Entries: []control.BanRow{row}}, now)
		for _, line := range strings.Split(answer, "\n") {
			if utf8.RuneCountInString(line) > Columns {
				t.Errorf("%q is wider than %d", line, Columns)
			}
		}
		if !strings.HasPrefix(answer, "WOULD BE LIMITED  "+source) || !strings.Contains(answer, "its port 50790 only, until ") {
			t.Errorf("it says\n%s", answer)
		}
	}
}

// TestStatusFits a terminal with any number of interfaces and ports.
func TestStatusFits(t *testing.T) {
	var text bytes.Buffer
	o := &Output{W: &text}
	s := control.Status{Mode: control.ModeMonitor, Layers: map[string]string{},
		Listen: []string{"5060/udp", "5080/udp", "5060/tcp", "5061/tcp"}}
	for _, name := range []string{"eth0", "eth1", "wg0", "wg1"} {
		s.Layers[name] = "dryrun"
	}
	o.Headline(&s)
	if line := strings.TrimSuffix(text.String(), "\n"); utf8.RuneCountInString(line) > Columns {
		t.Errorf("%q is wider than %d", line, Columns)
	}
}

// TestExplanationOfAnAccount: an account is never blocked, so no entry's end
// stands in its headline.
func TestExplanationOfAnAccount(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	e := control.Explanation{Target: "1006", Verdict: control.NotBlocked, Mode: control.ModeMonitor, Why: "accounts are never blocked",
		Entries: []control.BanRow{{Prefix: netip.MustParsePrefix("203.0.113.66/32"), Action: "drop", Rule: "guess",
			By: "sipward", Why: "it guesses", Since: now, Until: now.Add(time.Hour)}}}
	answer := explained(&e, now)
	if !strings.HasPrefix(answer, "NOT BLOCKED  1006\nbecause    accounts are never blocked\nalso       203.0.113.66 drop until ") {
		t.Errorf("it says\n%s", answer)
	}
}

func explained(e *control.Explanation, now time.Time) string {
	var text bytes.Buffer
	o := &Output{W: &text, Now: now}
	o.Explanation(e)
	return text.String()
}
