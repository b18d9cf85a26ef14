package sip

// Via is one Via value: where a response to the message goes. All fields are views, hosts without brackets.
type Via struct {
	Transport []byte // as spelled
	Host      []byte // sent-by
	Port      uint16 // sent-by, 0 if there is none
	Branch    []byte
	Received  []byte
	RPort     uint16 // 0 if empty, as in a request that asks for RFC 3581
	HasRPort  bool
}

// cookie starts the branches of RFC 3261, section 8.1.1.7.
const cookie = "z9hG4bK"

// parse reads one Via at the start of v and returns where it ends: at a comma or at the end of v.
func (a *Via) parse(v []byte) (end int, flaws Flaws) {
	*a = Via{}
	i := a.protocol(v)
	// RFC 5118 section 4.5 and RFC 3261 section 18.1.1: an IPv6 sent-by has brackets.
	host, n, ok := splitHost(v[i:])
	a.Host = host
	i += n
	if !ok || len(a.Transport) == 0 {
		flaws = BadVia
	}
	// COLON = SWS ":" SWS, so blanks may stand on both sides; few readers know.
	if i < len(v) && v[i] != ';' {
		i = skip(v, i)
	}
	if i < len(v) && v[i] == ':' {
		i = skip(v, i+1)
		port, n, ok := portAt(v, i)
		i = n
		if ok {
			a.Port = port
		} else {
			flaws |= BadVia
		}
	}
	p := params{b: v, i: i, flaws: flaws}
	for p.next() {
		switch p.name {
		case paramBranch:
			if a.Branch == nil {
				a.Branch = p.value
			}
		case paramReceived:
			if a.Received == nil {
				a.Received = unbracket(p.value)
			}
		case paramRPort: // empty in a request, a number in its response (RFC 3581 section 3)
			a.HasRPort = true
			port, n, ok := portAt(p.value, 0)
			if ok && n == len(p.value) {
				a.RPort = port
			} else if len(p.value) > 0 {
				p.flaws |= BadVia
			}
		}
	}
	if string(a.Branch) == cookie {
		p.flaws |= BadBranch
	}
	return p.i, p.flaws
}

// protocol reads "SIP/2.0/UDP" with blanks at every place RFC 3261 allows them, and returns where the host starts.
func (a *Via) protocol(v []byte) int {
	i := 0
	if len(v) > 8 && string(v[:8]) == "SIP/2.0/" && !blank(v[8]) {
		i = 8
	} else {
		// Name and version are any tokens; RFC 4475 section 3.1.2.16 is about the first line.
		for range 2 {
			i = skip(v, i)
			for i < len(v) && classes[v[i]]&inToken != 0 {
				i++
			}
			if i = skip(v, i); i == len(v) || v[i] != '/' {
				return skip(v, i)
			}
			i++
		}
		i = skip(v, i)
	}
	start := i
	for i < len(v) && classes[v[i]]&inToken != 0 {
		i++
	}
	a.Transport = v[start:i]
	return skip(v, i)
}

// unbracket takes the brackets off an IPv6 address; RFC 5118 section 4.5 has both spellings.
func unbracket(b []byte) []byte {
	if len(b) > 1 && b[0] == '[' && b[len(b)-1] == ']' {
		return b[1 : len(b)-1]
	}
	return b
}
