package answer

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

// Explanation says how a target is treated and why: what decides first, then
// what was seen, what shields it, what else is and was, and how to take it back.
func (o *Output) Explanation(e *control.Explanation) {
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
		o.Field(labelOnce("shields", i), shield)
	}
	live := 0
	for live < len(rest) && rest[live].Ended.IsZero() {
		live++
	}
	for i := range rest[:live] {
		o.Field(labelOnce("also", i), o.otherEntry(&rest[i]))
	}
	for i := range rest[live:] {
		o.Field(labelOnce("before", i), o.pastEntry(&rest[live+i]))
	}
	for i, command := range e.Undo {
		o.Field([...]string{"undo", "or trust"}[min(i, 1)], command)
	}
}

// byEntry are the verdicts that one entry of the table gives. The others are
// given for another reason, whatever entries there are.
var byEntry = []string{control.Blocked, control.Limited, control.Allowed, control.KnownGood}

// seen says how often and when the target was seen, as far as that is known.
func (o *Output) seen(e *control.Explanation) {
	if e.Requests == 0 {
		return
	}
	text := Counted(int(e.Requests), "request", "requests")
	if !e.First.IsZero() {
		text += ", first " + o.Clock(e.First)
	}
	if !e.Last.IsZero() {
		text += ", last " + o.Clock(e.Last)
	}
	o.Field("seen", text)
}

// verdict prints the first line, and the one sentence.
func (o *Output) verdict(e *control.Explanation, live *control.BanRow) {
	colour := Green
	if e.Verdict == control.Blocked || e.Verdict == control.Limited {
		colour = Red
	}
	word := strings.ToUpper(terminal.Printable(e.Verdict))
	if colour == Red && e.Mode == control.ModeMonitor {
		word = "WOULD BE " + word // the first thing a locked-out person must know
	}
	target, rest := "  "+terminal.Printable(e.Target), ""
	if live != nil {
		if live.Blocks() {
			rest = ", " + partWords(live)
		}
		if live.Until.IsZero() {
			rest += ", forever"
		} else {
			rest += fmt.Sprintf(", until %s (%s left)", o.Clock(live.Until), o.Left(live.Until))
		}
	}
	if utf8.RuneCountInString(word+target+rest) > Columns { // a long address
		rest = ",\n           " + rest[2:]
	}
	o.Printf("%s%s%s\n", o.Paint(colour, word), target, rest)
	why := e.Why
	if live != nil && (why == "" || live.Rule == "") {
		why = rowReason(live)
	}
	if why != "" {
		o.Field("because", why)
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
func (o *Output) entry(e *control.Explanation, r *control.BanRow) {
	if name := Prefix(r.Prefix); name != e.Target {
		o.Field("prefix", name)
	}
	switch r.Rule {
	case "":
	case r.Class:
		o.Field("rule", r.Rule)
	default:
		o.Field("rule", r.Rule+" "+r.Class)
	}
	if text := proofs[r.Proof]; text != "" {
		o.Field("proof", r.Proof+": "+text)
	}
	for i := range r.Evidence {
		o.Field(labelOnce("evidence", i), o.evidence(&r.Evidence[i]))
	}
	decided := o.Clock(r.Since) + " by " + r.By
	if r.Requests > 0 {
		decided += " after " + Counted(int(r.Requests), "request", "requests")
	}
	if r.Times > 1 {
		decided += fmt.Sprintf("; drop number %d in 30 days", r.Times)
	}
	o.Field("decided", decided)
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
		enforced += "; " + Grouped(r.Dropped) + " packets turned away since"
	}
	o.Field("enforced", enforced)
}

// evidence writes one piece in a line.
func (o *Output) evidence(item *ban.Item) string {
	parts := []string{o.Clock(item.Time)}
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
func (o *Output) otherEntry(r *control.BanRow) string {
	until := "forever"
	if !r.Until.IsZero() {
		until = "until " + o.Clock(r.Until)
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
func (o *Output) pastEntry(r *control.BanRow) string {
	end := "ran out " + o.Clock(r.Until)
	if r.EndedBy != "" {
		end = "lifted " + o.Clock(r.Ended) + " by " + r.EndedBy
	} else if !r.Ended.IsZero() {
		end = "ran out " + o.Clock(r.Ended)
	}
	return fmt.Sprintf("%s %s: %s; %s", o.Clock(r.Since), r.Action, rowReason(r), end)
}
