package main

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
)

func whyCommand() *cobra.Command {
	return daemonVerb(&cobra.Command{
		Use:   "why TARGET",
		Short: "Explain how an address is treated",
		Long: `Explain how an address is treated and why: the evidence as it stood when the
decision fell, what proves that the address is real, what was spared and why,
and how to take it back. It answers for addresses that are not blocked too.`,
		Example:           `  sipward why 203.0.113.7`,
		Args:              wants("TARGET"),
		ValidArgsFunction: bannedAddresses,
		RunE:              runWhy,
	})
}

func runWhy(cmd *cobra.Command, args []string) error {
	target := args[0]
	if _, err := netip.ParseAddr(target); err != nil && meantAsAddress(target) {
		prefix, err := prefixArgument(cmd, target)
		if err != nil {
			return err
		}
		target = prefixWord(prefix)
	}
	ctx, stop := untilInterrupted(cmd)
	defer stop()
	e, err := client(cmd).Why(ctx, target)
	if err != nil {
		return err
	}
	o := newOutput(cmd)
	if o.json {
		return o.object(&e)
	}
	o.explanation(&e)
	return nil
}

// meantAsAddress says that a word is no account's name: a slip in an address
// must not be answered with "not seen".
func meantAsAddress(target string) bool {
	dotted := strings.Trim(target, "0123456789./:") == "" && strings.ContainsAny(target, "./:")
	return dotted || strings.Count(target, ":") > 1 && strings.Trim(target, "0123456789abcdefABCDEF.:/[]%") == ""
}

func (o *output) explanation(e *control.Explanation) {
	var live *control.BanRow
	if len(e.Entries) > 0 && e.Entries[0].Ended.IsZero() {
		live = &e.Entries[0]
	}
	o.verdict(e, live)
	if live != nil {
		o.entry(e, live)
	}
	if e.Requests > 0 {
		o.field("seen", fmt.Sprintf("%s requests, first %s, last %s", grouped(e.Requests), o.clock(e.First), o.clock(e.Last)))
	}
	for i, shield := range e.Shields {
		o.field(labelOnce("shields", i), shield)
	}
	past := e.Entries
	if live != nil {
		past = past[1:]
	}
	for i := range past {
		o.field(labelOnce("before", i), o.pastEntry(&past[i]))
	}
	if len(e.Undo) == 2 {
		o.field("undo", e.Undo[0])
		o.field("or trust", e.Undo[1])
	}
}

// verdict prints the first line, and the one sentence.
func (o *output) verdict(e *control.Explanation, live *control.BanRow) {
	colour := green
	if e.Verdict == control.Blocked || e.Verdict == control.Limited {
		colour = red
	}
	line := o.paint(colour, strings.ToUpper(printable(e.Verdict))) + "  " + printable(e.Target)
	if live != nil {
		if live.Blocks() {
			line += ", " + scopeWords(live.Scope)
		}
		if live.Until.IsZero() {
			line += ", forever"
		} else {
			line += fmt.Sprintf(", until %s (%s left)", o.clock(live.Until), o.left(live.Until))
		}
	}
	o.printf("%s\n", line)
	why := e.Why
	if why == "" && live != nil {
		why = live.Why
	}
	if why != "" {
		o.field("because", why)
	}
}

func scopeWords(scope string) string {
	if scope == ban.ScopeAll.String() {
		return "every port"
	}
	return "SIP ports"
}

// proofs says what each grade means.
var proofs = map[string]string{
	"A":    "it echoed a challenge nobody could guess, or knew the secret: not forged",
	"B":    "an established connection or a hard guess: not forged",
	"C":    "a log line, or an echo that a forger could compute",
	"none": "nothing shows that the address is real, so it is only limited",
}

// entry prints the decision in force and what it rests on.
func (o *output) entry(e *control.Explanation, r *control.BanRow) {
	if name := rowName(r); name != e.Target {
		o.field("prefix", name)
	}
	if r.Rule != "" {
		o.field("rule", strings.TrimSpace(r.Rule+"  "+r.Class))
	}
	if text := proofs[r.Proof]; text != "" {
		o.field("proof", r.Proof+": "+text)
	}
	for i := range r.Evidence {
		o.field(labelOnce("evidence", i), o.evidence(&r.Evidence[i]))
	}
	decided := o.clock(r.Since) + " by " + r.By
	if r.Requests > 0 {
		decided += " after " + counted(int(r.Requests), "request", "requests")
	}
	if r.Times > 1 {
		decided += fmt.Sprintf("; drop number %d in 30 days", r.Times)
	}
	o.field("decided", decided)
	if !r.Blocks() {
		return
	}
	enforced := layerWords(e.Layers)
	switch {
	case e.Mode == control.ModeMonitor:
		enforced = "no: monitor mode"
	case enforced == "":
		enforced = "no"
	default:
		enforced += "; " + grouped(r.Dropped) + " packets turned away since"
	}
	o.field("enforced", enforced)
}

// evidence writes one piece in a line.
func (o *output) evidence(item *ban.Item) string {
	parts := []string{o.clock(item.Time)}
	if item.Method != "" {
		parts = append(parts, item.Method)
	}
	if item.Account != "" {
		parts = append(parts, "account "+item.Account)
	}
	if item.Status != 0 {
		parts = append(parts, fmt.Sprintf("→ %d", item.Status))
	}
	parts = append(parts, item.What)
	if item.Proof != "" {
		parts = append(parts, "proof "+item.Proof)
	}
	if item.Step != 0 {
		parts = append(parts, fmt.Sprintf("(%+.1f)", item.Step))
	}
	return strings.Join(parts, "  ")
}

// pastEntry writes an entry that is over.
func (o *output) pastEntry(r *control.BanRow) string {
	end := "ran out " + o.clock(r.Until)
	if r.EndedBy != "" {
		end = "lifted " + o.clock(r.Ended) + " by " + r.EndedBy
	} else if !r.Ended.IsZero() {
		end = "ran out " + o.clock(r.Ended)
	}
	return fmt.Sprintf("%s %s: %s; %s", o.clock(r.Since), r.Action, rowReason(r), end)
}

// labelOnce labels the first of several lines.
func labelOnce(label string, i int) string {
	if i > 0 {
		return ""
	}
	return label
}
