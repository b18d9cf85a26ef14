package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/sipward/sipward/internal/audit/check"
)

// Baseline is a list of findings that somebody has decided to live with, each
// with a reason and a day on which the question comes up again.
type Baseline struct {
	Accepted []Acceptance `yaml:"accepted"`
}

// Acceptance is one entry. File and Setting narrow it down; left out, they fit
// all places of the check.
type Acceptance struct {
	ID      string `yaml:"id"`
	File    string `yaml:"file"`
	Setting string `yaml:"setting"`
	Reason  string `yaml:"reason"`
	// Until is the last day, as 2027-01-31.
	Until string `yaml:"until"`

	ends time.Time
}

// maxBaseline bounds the file: a hundred bytes for each of ten thousand entries.
const maxBaseline = 1 << 20

// ReadBaseline reads a list in YAML. An entry without a reason, without an end
// or for a check that there is not is an error that says where.
func ReadBaseline(from io.Reader) (*Baseline, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxBaseline+1))
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	if len(text) > maxBaseline {
		return nil, fmt.Errorf("read baseline: it is larger than %d bytes", maxBaseline)
	}
	b := &Baseline{}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(b); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read baseline: %s", yaml.FormatError(err, false, true))
	}
	known := map[string]bool{}
	for _, c := range Checks() {
		known[c.ID] = true
	}
	for i := range b.Accepted {
		a := &b.Accepted[i]
		ends, err := time.Parse(time.DateOnly, a.Until)
		switch {
		case !known[a.ID]:
			return nil, fmt.Errorf("read baseline: entry %d: there is no check %q", i+1, a.ID)
		case a.Reason == "":
			return nil, fmt.Errorf("read baseline: entry %d, %s: a reason is missing", i+1, a.ID)
		case err != nil:
			return nil, fmt.Errorf("read baseline: entry %d, %s: until: wants a day such as 2027-01-31, not %q", i+1, a.ID, a.Until)
		}
		a.ends = ends.AddDate(0, 0, 1)
	}
	return b, nil
}

// Accept marks what the baseline lives with at a time. It gives a sentence for
// each entry that has run out or fits nothing any more.
func (r *Report) Accept(b *Baseline, now time.Time) []string {
	var words []string
	for i := range b.Accepted {
		a := &b.Accepted[i]
		if !now.Before(a.ends) {
			words = append(words, fmt.Sprintf("%s was accepted until %s (%s), and counts again", a.ID, a.Until, a.Reason))
			continue
		}
		fits := 0
		for j := range r.Results {
			if result := &r.Results[j]; result.State == check.Fail && a.fits(result) {
				result.Accepted = a.Reason
				fits++
			}
		}
		if fits == 0 {
			words = append(words, fmt.Sprintf("%s is accepted (%s) and does not fail any more: take it out of the baseline", a.ID, a.Reason))
		}
	}
	return words
}

// fits: what an entry leaves out fits every place.
func (a *Acceptance) fits(r *check.Result) bool {
	return a.ID == r.ID && (a.File == "" || a.File == r.Place.File) && (a.Setting == "" || a.Setting == r.Setting)
}

// Accepted is how many findings somebody lives with.
func (r *Report) Accepted() int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Accepted != "" {
			n++
		}
	}
	return n
}
