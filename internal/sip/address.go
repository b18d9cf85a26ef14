package sip

import "bytes"

// NameAddr is the value of From, To or Contact: a display name, a URI and its header parameters. All fields are views.
type NameAddr struct {
	Display []byte // without the quotes, quoted pairs as they stand; nil if there is none
	Tag     []byte // nil if there is none
	URI     URI
}

// parse reads one address at the start of v and returns where it ends: at a comma or at the end of v. Only in a list may
// a comma separate; elsewhere it is a flaw, and a display name with a comma that lacks its quotes is still read.
func (a *NameAddr) parse(v []byte, list bool) (end int, flaws Flaws) {
	// The URI is set in every case below, so it need not be cleared here.
	a.Display, a.Tag = nil, nil
	i, angle := skip(v, 0), 0
	if i < len(v) && v[i] == '<' {
		angle = i
	} else if angle, flaws = a.display(v, i, list); angle < 0 {
		n, f := a.addrSpec(v, i)
		return a.params(v, n, flaws|f)
	}
	// No URI has a ">", so the first one ends it, and nothing in the URI has to be looked at for that.
	close := bytes.IndexByte(v[angle:], '>')
	if close < 0 {
		flaws |= BadAddress
		n, f := a.addrSpec(v, skip(v, angle+1))
		return a.params(v, n, flaws|f)
	}
	uri := v[angle+1 : angle+close]
	if len(uri) == 0 || blank(uri[0]) || blank(uri[len(uri)-1]) {
		flaws |= BadURI
		uri = trim(uri)
	}
	flaws |= a.URI.parse(uri) &^ withHeaders
	return a.params(v, angle+close+1, flaws)
}

// params reads the header parameters from i on and returns where they end. The first tag wins. A contact's expiry is
// only judged: RFC 3261 section 20.10 lets a malformed one count as the default.
func (a *NameAddr) params(v []byte, i int, flaws Flaws) (int, Flaws) {
	p := params{b: v, i: i, flaws: flaws}
	for p.next() {
		switch p.name {
		case paramTag:
			if a.Tag == nil {
				a.Tag = p.value
			}
		case paramExpires:
			if _, ok := number(p.value); !ok {
				p.flaws |= BadExpires
			}
		}
	}
	return p.i, p.flaws
}

// display reads the display name at i and returns the place of the "<" behind it, or -1 if an addr-spec stands there.
func (a *NameAddr) display(v []byte, i int, list bool) (angle int, flaws Flaws) {
	if i < len(v) && v[i] == '"' {
		return a.quoted(v, i)
	}
	start, c := i, ^class(0)
	for i < len(v) && classes[v[i]]&notStop != 0 {
		c &= classes[v[i]]
		i++
	}
	if i < len(v) && v[i] == '<' {
		// The usual case, with or without a name. An empty name has all classes.
		a.Display = trim(v[start:i])
		if c&inDisplay == 0 {
			flaws = BadDisplay
		}
		return i, flaws
	}
	// Something that needs quotes, or an addr-spec. It is a display name if a "<" comes before the first parameter:
	// readers that look for "<" first would take the address from there.
	for j := i; j < len(v) && v[j] != ';' && !(list && v[j] == ','); j++ {
		switch v[j] {
		case '<':
			a.Display = trim(v[start:j])
			return j, BadDisplay
		case '"':
			end := quotedEnd(v, j+1)
			if end < 0 {
				return -1, UnclosedQuote
			}
			j = end
		}
	}
	return -1, 0
}

// quoted reads a quoted display name. Where the closing quote is missing it takes the last "<" that still has a ">"
// after it, as RFC 4475 section 3.1.2.6 suggests guessing.
func (a *NameAddr) quoted(v []byte, i int) (angle int, flaws Flaws) {
	end := quotedEnd(v, i+1)
	if end < 0 {
		angle = bytes.LastIndexByte(v, '<')
		if angle > i {
			a.Display = trim(v[i+1 : angle])
		}
		return angle, UnclosedQuote
	}
	a.Display = v[i+1 : end]
	i = skip(v, end+1)
	if i < len(v) && v[i] == '<' {
		return i, 0
	}
	// A second quoted string may hide another "<".
	for j := i; j < len(v) && v[j] != ';' && v[j] != ','; j++ {
		switch v[j] {
		case '<':
			return j, BadDisplay
		case '"':
			next := quotedEnd(v, j+1)
			if next < 0 {
				return -1, UnclosedQuote
			}
			j = next
		}
	}
	return -1, BadAddress
}

// addrSpec reads a URI without angle brackets. RFC 3261 section 20: a comma, question mark or semicolon in it would
// need the brackets, so all parameters belong to the header.
func (a *NameAddr) addrSpec(v []byte, i int) (end int, flaws Flaws) {
	if i < len(v) && v[i] == '"' { // a quoted name without "<" behind it
		if end := quotedEnd(v, i+1); end >= 0 {
			i = skip(v, end+1)
		}
	}
	end = i
	for end < len(v) && !blank(v[end]) && v[end] != ';' && v[end] != ',' {
		if v[end] == '?' {
			flaws |= BadAddress
		}
		end++
	}
	if end == i {
		a.URI = URI{}
		return end, flaws | BadAddress
	}
	return end, flaws | a.URI.parse(v[i:end])&^withHeaders
}
