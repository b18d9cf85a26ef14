package answer

import (
	"fmt"
	"strings"

	"github.com/sipward/sipward/internal/explain"
	"github.com/sipward/sipward/internal/terminal"
	"github.com/sipward/sipward/internal/useragent"
)

// LogLine prints one object or, for people, one line and for what is worth a
// look a second one.
func (o *Output) LogLine(x *explain.Line) error {
	if o.JSON {
		return o.Object(x)
	}
	colour := map[string]string{"hostile": Red, "tampered": Red, "near": Yellow, "benign": Green}[x.Verdict]
	verdict := fmt.Sprintf("%-8s", x.Verdict)
	if colour != "" {
		verdict = o.Paint(colour, verdict)
	}
	o.Printf("%s\n", strings.TrimRight(fmt.Sprintf("%7d %s %s", x.Line, verdict, terminal.Fit(x.Detail(), Columns-17)), " "))
	if why := strings.TrimSpace(x.Rule + "  " + x.Note); why != "" {
		o.Printf("%17s%s\n", "", terminal.Fit(why, Columns-17))
	}
	return nil
}

// uaAnswer is one line of the answer.
type uaAnswer struct {
	UA      string            `json:"ua"`
	Verdict useragent.Verdict `json:"verdict"`
	Token   string            `json:"token,omitempty"`
}

// UserAgent says what a User-Agent string gives away.
func (o *Output) UserAgent(ua string, verdict useragent.Verdict, token string) error {
	if o.JSON {
		return o.Object(uaAnswer{UA: ua, Verdict: verdict, Token: token})
	}
	colour := map[useragent.Verdict]string{
		useragent.Bad: Red, useragent.Suspect: Yellow, useragent.OK: Green,
	}[verdict]
	o.Printf("%s  %s\n", o.Paint(colour, fmt.Sprintf("%-7s", verdict)), terminal.Fit(terminal.Printable(ua), Columns-9))
	return nil
}
