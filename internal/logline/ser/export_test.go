package ser

import "github.com/sipward/sipward/internal/event"

// Form shows the tests a message that we know.
type Form struct {
	Where, Text, Rule string
	Verdict           event.Verdict
	Kind              event.LogKind
}

// Forms is all of a server's.
func Forms(server string) []Form {
	var all []Form
	for _, f := range (&record{server: server}).forms() {
		all = append(all, Form{f.where, f.text, f.rule, f.verdict, f.kind})
	}
	return all
}
