package answer

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/terminal"
)

// auditResult is one result as scripts read it.
type auditResult struct {
	ID       string      `json:"id"`
	Server   string      `json:"server"`
	State    check.State `json:"state"`
	Severity string      `json:"severity"`
	File     string      `json:"file,omitempty"`
	Line     int         `json:"line,omitempty"`
	Setting  string      `json:"setting,omitempty"`
	Value    string      `json:"value,omitempty"`
	Why      string      `json:"why"`
	Fix      string      `json:"fix,omitempty"`
	// Accepted is the reason why somebody lives with it.
	Accepted string `json:"accepted,omitempty"`
}

// auditSummary ends the answer.
type auditSummary struct {
	Type    string `json:"type"`
	Score   int    `json:"score"`
	Fail    int    `json:"fail"`
	Latent  int    `json:"latent"`
	Pass    int    `json:"pass"`
	Unknown int    `json:"unknown"`
	// Accepted ones count as nothing else.
	Accepted int `json:"accepted,omitempty"`
}

// Audit prints what an audit found: for people what is not well, worst first;
// for scripts every result in the order of the checks.
func (o *Output) Audit(r *audit.Report) error {
	if !o.JSON {
		o.auditText(r)
		return nil
	}
	for i := range r.Results {
		result := &r.Results[i]
		line := auditResult{ID: result.ID, Server: result.Server, State: result.State, Severity: result.Severity.String(),
			File: result.Place.File, Line: result.Place.Line, Setting: result.Setting, Value: result.Value, Why: result.Reason(), Accepted: result.Accepted}
		if result.State != check.Pass {
			line.Fix = result.Remedy()
		}
		if err := o.Object(&line); err != nil {
			return err
		}
	}
	return o.Object(&auditSummary{Type: "summary", Score: r.Score(), Fail: r.Count(check.Fail), Latent: r.Count(check.Latent),
		Pass: r.Count(check.Pass), Unknown: r.Count(check.Unknown), Accepted: r.Accepted()})
}

func (o *Output) auditText(r *audit.Report) {
	bad := slices.DeleteFunc(slices.Clone(r.Results), func(result check.Result) bool { return result.State != check.Fail || result.Accepted != "" })
	slices.SortStableFunc(bad, func(a, b check.Result) int { return int(b.Severity) - int(a.Severity) })
	for i := range bad {
		result := &bad[i]
		colour := Yellow
		if result.Severity >= check.High {
			colour = Red
		}
		o.Printf("%s  %s  %s\n", o.Paint(colour, strings.ToUpper(result.Severity.String())), result.ID, result.Title)
		if result.Place.File != "" {
			o.Field("  where", result.Place.String())
		}
		if result.Setting != "" {
			o.Field("  setting", result.Setting+" = "+result.Value)
		}
		o.Field("  why", strings.ReplaceAll(result.Reason(), "\n", " "))
		o.remedy(result.Remedy())
	}
	if len(bad) > 0 {
		o.Printf("\n")
	}
	if n := r.Accepted(); n > 0 {
		o.Printf("%s by the baseline\n", Counted(n, "finding is accepted", "findings are accepted"))
	}
	o.Printf("score %d of 100: %s, %d latent, %d passed, %d unknown\n", r.Score(), Counted(len(bad), "finding", "findings"),
		r.Count(check.Latent), r.Count(check.Pass), r.Count(check.Unknown))
}

// Check prints what one check is about.
func (o *Output) Check(c *check.Check) error {
	if o.JSON {
		return o.Object(&struct {
			ID         string   `json:"id"`
			Server     string   `json:"server"`
			Severity   string   `json:"severity"`
			Title      string   `json:"title"`
			Why        string   `json:"why"`
			Fix        string   `json:"fix"`
			References []string `json:"references"`
		}{c.ID, c.Server, c.Severity.String(), c.Title, c.Why, c.Fix, c.References})
	}
	o.Printf("%s  %s (%s, %s)\n", c.ID, c.Title, c.Server, c.Severity)
	o.Field("  why", strings.ReplaceAll(c.Why, "\n", " "))
	o.remedy(c.Fix)
	for _, r := range c.References {
		o.Field("  see", r)
	}
	return nil
}

// remedy prints what to write, line by line as it is to be written.
func (o *Output) remedy(text string) {
	label := "  fix"
	for line := range strings.Lines(text) {
		o.Printf("%-11s%s\n", label, terminal.Printable(strings.TrimRight(line, "\n")))
		label = ""
	}
}
