package paper

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
)

//go:embed page.html
var pageText string

// page is one file that asks for nothing else: no script, no font, no picture.
var page = template.Must(template.New("page").Funcs(template.FuncMap{"shown": shown, "lines": strings.Split}).Parse(pageText))

// group is the results of one severity.
type group struct {
	Severity string
	Results  []check.Result
}

// Page writes the results for people. Every value of a file is shown as text,
// and what would not be seen in it is made visible.
func Page(w io.Writer, r *audit.Report, now time.Time) error {
	data := struct {
		Report                       *audit.Report
		Score, Fail, Latent, Unknown int
		Pass, Accepted               int
		When                         string
		Groups                       []group
		Others                       []group
	}{Report: r, Score: r.Score(), Fail: r.Count(check.Fail), Latent: r.Count(check.Latent), Unknown: r.Count(check.Unknown),
		Pass: r.Count(check.Pass), Accepted: r.Accepted(), When: now.Format("2006-01-02 15:04 MST")}
	for s := check.Critical; s >= check.Info; s-- {
		in := slices.DeleteFunc(slices.Clone(r.Results), func(x check.Result) bool {
			return x.State != check.Fail || x.Accepted != "" || x.Severity != s
		})
		if len(in) > 0 {
			data.Groups = append(data.Groups, group{s.String(), in})
		}
	}
	for _, state := range []check.State{check.Latent, check.Unknown, check.Pass} {
		in := slices.DeleteFunc(slices.Clone(r.Results), func(x check.Result) bool { return x.State != state })
		if len(in) > 0 {
			data.Others = append(data.Others, group{string(state), in})
		}
	}
	if err := page.Execute(w, &data); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// shown makes visible what a reader would not see, or what would reorder the
// text around it: control characters and marks of direction.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r < ' ':
			return '\u2400' + r
		case r == 0x7f:
			return '\u2421'
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) || r == unicode.ReplacementChar:
			return '\u25a1'
		}
		return r
	}, text)
}
