package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
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
	rest := e.Entries
	var deciding *control.BanRow
	if len(rest) > 0 && rest[0].Ended.IsZero() && slices.Contains(byEntry, e.Verdict) {
		deciding, rest = &rest[0], rest[1:]
	}
	o.verdict(e, deciding)
	if deciding != nil {
		o.entry(e, deciding)
	}
	o.seen(e)
	for i, shield := range e.Shields {
		o.field(labelOnce("shields", i), shield)
	}
	live := 0
	for live < len(rest) && rest[live].Ended.IsZero() {
		live++
	}
	for i := range rest[:live] {
		o.field(labelOnce("also", i), o.otherEntry(&rest[i]))
	}
	for i := range rest[live:] {
		o.field(labelOnce("before", i), o.pastEntry(&rest[live+i]))
	}
	for i, command := range e.Undo {
		o.field([...]string{"undo", "or trust"}[min(i, 1)], command)
	}
}

// byEntry are the verdicts that one entry of the table gives. The others are
// given for another reason, whatever entries there are.
var byEntry = []string{control.Blocked, control.Limited, control.Allowed, control.KnownGood}

// seen says how often and when the target was seen, as far as that is known.
func (o *output) seen(e *control.Explanation) {
	if e.Requests == 0 {
		return
	}
	text := counted(int(e.Requests), "request", "requests")
	if !e.First.IsZero() {
		text += ", first " + o.clock(e.First)
	}
	if !e.Last.IsZero() {
		text += ", last " + o.clock(e.Last)
	}
	o.field("seen", text)
}

// verdict prints the first line, and the one sentence.
func (o *output) verdict(e *control.Explanation, live *control.BanRow) {
	colour := green
	if e.Verdict == control.Blocked || e.Verdict == control.Limited {
		colour = red
	}
	word := strings.ToUpper(terminal.Printable(e.Verdict))
	if colour == red && e.Mode == control.ModeMonitor {
		word = "WOULD BE " + word // the first thing a locked-out person must know
	}
	line := o.paint(colour, word) + "  " + terminal.Printable(e.Target)
	if live != nil {
		if live.Blocks() {
			line += ", " + partWords(live)
		}
		if live.Until.IsZero() {
			line += ", forever"
		} else {
			line += fmt.Sprintf(", until %s (%s left)", o.clock(live.Until), o.left(live.Until))
		}
	}
	o.printf("%s\n", line)
	why := e.Why
	if live != nil && (why == "" || live.Rule == "") {
		why = rowReason(live)
	}
	if why != "" {
		o.field("because", why)
	}
}

// partWords says which part of the source's traffic is meant.
func partWords(r *control.BanRow) string {
	switch {
	case r.Port != 0:
		return fmt.Sprintf("its port %d only", r.Port)
	case r.Scope == ban.ScopeAll.String():
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
	if name := prefixWord(r.Prefix); name != e.Target {
		o.field("prefix", name)
	}
	switch r.Rule {
	case "":
	case r.Class:
		o.field("rule", r.Rule)
	default:
		o.field("rule", r.Rule+" "+r.Class)
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

// otherEntry writes an entry that is in force beside the one that decides.
func (o *output) otherEntry(r *control.BanRow) string {
	until := "forever"
	if !r.Until.IsZero() {
		until = "until " + o.clock(r.Until)
	}
	what := r.Action
	if what == ban.Pass.String() {
		what = control.KnownGood
	}
	text := rowName(r) + " " + what + " " + until
	if reason := rowReason(r); reason != "" {
		text += ": " + reason
	}
	return text
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
