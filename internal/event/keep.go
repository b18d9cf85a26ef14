package event

// Kept gives a copy that outlives See: its bytes are its own, in one piece of
// the given size.
func (e *Event) Kept() (kept Event, size int) {
	kept = *e
	views := kept.views()
	for _, v := range views {
		size += len(*v)
	}
	for _, other := range kept.SIP.Auth.Others {
		size += len(other)
	}
	room := make([]byte, 0, size)
	take := func(b []byte) []byte {
		if b == nil {
			return nil // an absent field stays absent
		}
		start := len(room)
		room = append(room, b...)
		return room[start:len(room):len(room)]
	}
	for _, v := range views {
		*v = take(*v)
	}
	var others [][]byte
	for _, other := range kept.SIP.Auth.Others {
		others = append(others, take(other))
	}
	kept.SIP.Auth.Others, kept.Outcomes = others, nil
	return kept, size
}

// views are the fields that point into somebody else's memory, but for
// Auth.Others. A test compares them with the type.
func (e *Event) views() []*[]byte {
	s, l := &e.SIP, &e.Log
	return []*[]byte{
		&s.MethodName, &s.CallID, &s.Branch, &s.FromUser, &s.FromTag, &s.ToUser, &s.ToTag, &s.FromDisplay, &s.FromHost, &s.Target,
		&s.SentBy, &s.UserAgent, &s.Auth.User, &s.Auth.Realm, &s.Auth.Nonce, &s.Auth.Response, &l.User, &l.Number,
		&l.CallID,
	}
}
