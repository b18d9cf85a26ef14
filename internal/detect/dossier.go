package detect

// note files what the current outcome added, for people to read later.
func (s *Sight) note(what string, step float64) {
	if s.engine.mute {
		return
	}
	item := Item{Time: s.Event.Time, Method: s.Event.SIP.Method, What: what, Step: step}
	if o := s.Outcome; o != nil {
		item.Method, item.Account, item.Status, item.Proof = o.Method, o.Account, o.Status, o.Proof
	}
	// Two detectors may count one outcome; people read it once.
	last := s.engine.dossiers.Last(s.key)
	if last != nil && last.Time.Equal(item.Time) && last.What == what && last.Account == item.Account {
		last.Step += step
		return
	}
	s.engine.dossiers.Add(s.key, item)
}
