package ser

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/ser"
)

func (s *kamailio) registration() []check.Finding { return s.OpenRegistration() }

// relay asks for both kinds of callers: who says that it is one of ours needs no
// less to prove it.
func (s *kamailio) relay() []check.Finding { return s.OpenRelay(stranger, liar) }

// limit wants something that counts requests, wherever in the routes it is.
func (s *kamailio) limit() []check.Finding {
	if s.Reaches(limits...) != nil || s.counts() {
		return nil
	}
	f := check.Finding{Place: s.Start(), Setting: "pike_check_req", Value: "never called"}
	if s.Loaded["pike"] {
		f.Place = s.LoadedAt("pike")
		f.Why = "The module pike is loaded, and no route that requests come to asks it: nothing counts\nwhat a source sends."
	}
	return s.Missing(f)
}

// counts says that a table of the script's own counts or remembers sources.
func (s *kamailio) counts() bool {
	return slices.ContainsFunc(s.Calls, func(c placed) bool {
		return c.Reached && strings.HasPrefix(c.Name, "$sht") && strings.Contains(c.Name, "$si")
	})
}

// sanity wants the check before anything is done with a request.
func (s *kamailio) sanity() []check.Finding {
	done := append([]string{"save", "lookup"}, relays...)
	wanted := []string{"sanity_check", "sanity_reply"}
	if found := s.Skipped(user, done, wanted); found != nil {
		return found
	}
	return s.Skipped(phone, done, wanted)
}

// hops wants Max-Forwards to be counted down before anything is passed on.
func (s *kamailio) hops() []check.Finding {
	return s.Skipped(user, relays, []string{"mf_process_maxfwd_header", "process_maxfwd_header"})
}

// userAgent looks for filters by name where nothing judges a source by what it
// does. A limit over all sources together is no judge.
func (s *kamailio) userAgent() []check.Finding {
	if s.Reaches("pike_check_req", "pl_check", "secf_check_ip", "secf_check_ua") != nil || s.counts() {
		return nil
	}
	var found []check.Finding
	s.Conditions(func(tokens []ser.Token) {
		for i := range tokens {
			name := tokens[i].Text == "$ua" || strings.HasPrefix(tokens[i].Text, "$(ua") || strings.EqualFold(tokens[i].Text, "$hdr(User-Agent)")
			if name && i+2 < len(tokens) && (tokens[i+1].Is("=~") || tokens[i+1].Is("==")) && len(found) == 0 {
				found = append(found, check.Finding{Place: tokens[i].At, Setting: tokens[i].Text, Value: tokens[i+2].Text})
			}
		}
	})
	if len(found) > 0 && len(s.Doubts) > 0 {
		return unclear(found[0].Place, s.Doubts[0])
	}
	return found
}

// commands are the functions that carry out what comes over HTTP.
var commands = []string{"jsonrpc_dispatch", "dispatch_xhttp_rpc", "dispatch_xhttp_pi", "dispatch_rpc"}

// http wants a condition on the source before commands are carried out. Without
// TCP nothing comes over HTTP, and with a transport that leaves HTTP out the
// module answers nothing.
func (s *kamailio) http() []check.Finding {
	p := s.Parameter("jsonrpcs", "transport")
	over := true
	if p != nil {
		n, ok := numeral(p.Value)
		over = !ok || n == 0 || n&1 != 0
	}
	guarded := map[string]bool{}
	w := s.From("event_route", "xhttp:request")
	if w == nil {
		w = s.Way(stranger)
	}
	for i := range w.Steps {
		if slices.Contains(commands, w.Steps[i].Name) {
			guarded[w.Steps[i].At.String()] = len(w.Steps[i].Doubt) == 0
		}
	}
	var found []check.Finding
	for _, c := range s.Calls {
		if !slices.Contains(commands, c.Name) {
			continue
		}
		f := check.Finding{Place: c.At, Setting: c.Name}
		open, come := guarded[c.At.String()]
		f.State = inForce(over && c.Reached && s.Loaded["xhttp"] && !on(s.Global("disable_tcp")))
		switch {
		case c.Reached && come && open:
			found = append(found, f)
		case c.Reached && come:
			found = append(found, unclear(c.At, "it hangs on a condition on the request or its connection")...)
		}
	}
	return found
}
