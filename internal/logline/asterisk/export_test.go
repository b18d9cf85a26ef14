package asterisk

import "github.com/sipward/sipward/internal/event"

// SecurityEvent shows the tests the grammar of a security event.
type SecurityEvent struct {
	Name           string
	Verdict        event.Verdict
	Kind           event.LogKind
	Must, Optional []string
}

// SecurityEvents is all of them.
func SecurityEvents() []SecurityEvent {
	names := func(keys []securityKey) []string {
		var all []string
		for _, key := range keys {
			all = append(all, securityKeyNames[key])
		}
		return all
	}
	var all []SecurityEvent
	for _, f := range securityForms {
		all = append(all, SecurityEvent{f.name, f.verdict, f.kind, names(f.must), names(f.optional)})
	}
	return all
}
