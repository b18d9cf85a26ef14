package sip

import "bytes"

// Digest is an answer (Authorization) or a challenge (WWW-Authenticate) of RFC 3261 section 22. All fields are views,
// without quotes, nil where absent. Other schemes than Digest are given with their Scheme only.
type Digest struct {
	Scheme    []byte
	Username  []byte
	Realm     []byte
	Nonce     []byte
	URI       []byte
	Response  []byte
	Algorithm []byte
	Opaque    []byte
	CNonce    []byte
	NC        []byte
	QOP       []byte
	Stale     bool // challenge only
	// Repeated says that a parameter stands there twice; the first one is given.
	Repeated bool
}

// parse reads scheme and parameters.
func (d *Digest) parse(v []byte) Flaws {
	*d = Digest{}
	i := skip(v, 0)
	start := i
	for i < len(v) && classes[v[i]]&inToken != 0 {
		i++
	}
	d.Scheme = v[start:i]
	if len(d.Scheme) == 0 {
		return BadCredentials
	}
	// What follows another scheme has its own grammar ("Basic" has no pairs at all): RFC 4475 section 3.3.7.
	if !foldEqual(d.Scheme, "digest") {
		return 0
	}
	// Indexed by name rather than switched on: the order of the pairs differs from phone to phone.
	var values [paramCount][]byte
	flaws := d.pairs(v, i, &values)
	d.Username, d.Realm, d.Nonce = values[paramUsername], values[paramRealm], values[paramNonce]
	d.URI, d.Response, d.Algorithm = values[paramURI], values[paramResponse], values[paramAlgorithm]
	d.Opaque, d.CNonce, d.NC, d.QOP = values[paramOpaque], values[paramCNonce], values[paramNC], values[paramQOP]
	d.Stale = foldEqual(values[paramStale], "true")
	return flaws
}

// pairs reads the comma separated pairs from i on and keeps the first value of each name.
func (d *Digest) pairs(v []byte, i int, values *[paramCount][]byte) (flaws Flaws) {
	for {
		// RFC 3261 section 7.3.1 allows empty elements in a list.
		for i < len(v) && (blank(v[i]) || v[i] == ',') {
			i++
		}
		if i == len(v) {
			break
		}
		name, value, end, f := digestPair(v, i)
		flaws |= f
		if values[name] == nil {
			values[name] = value
		} else if name != paramOther {
			d.Repeated = true
		}
		i = skip(v, end)
		if i == len(v) {
			return flaws
		}
		if v[i] != ',' {
			flaws |= BadCredentials
		}
	}
	// There was no pair at all, or nothing behind the last comma.
	return flaws | BadCredentials
}

// digestPair reads name=value or name="value" at i, where no comma stands, and returns where it ends.
func digestPair(v []byte, i int) (name param, value []byte, end int, flaws Flaws) {
	name, next := knownParam(v, i)
	if name == paramOther {
		next = i
		for next < len(v) && classes[v[next]]&inToken != 0 {
			next++
		}
		name = paramOf(v[i:next])
		found := next > i
		if next = skip(v, next); next == len(v) || v[next] != '=' || !found {
			return paramOther, nil, nextComma(v, next), BadCredentials
		}
		next++
	}
	i = skip(v, next)
	if i < len(v) && v[i] == '"' {
		if end = quotedEnd(v, i+1); end < 0 {
			return name, v[i+1:], len(v), UnclosedQuote
		}
		return name, v[i+1 : end], end + 1, 0
	}
	start, c := i, ^class(0)
	for i < len(v) && v[i] != ',' && !blank(v[i]) {
		c &= classes[v[i]]
		i++
	}
	if i == start || c&inToken == 0 {
		flaws = BadCredentials
	}
	return name, v[start:i], i, flaws
}

// nextComma returns the place of the next comma, or the end.
func nextComma(v []byte, i int) int {
	if n := bytes.IndexByte(v[i:], ','); n >= 0 {
		return i + n
	}
	return len(v)
}

// Repeated tells whether a request gives credentials, or a part of them, more than once. Then servers differ in what
// they read: the first, the last, or those for their own realm.
func (m *Message) Repeated() bool {
	if m.Count(HeaderAuthorization)+m.Count(HeaderProxyAuthorization) > 1 {
		return true
	}
	d, ok := m.Credentials()
	return ok && d.Repeated
}

// Answers appends every nonce and every response among all credentials to list, at most limit in all; where there are
// more, the rest of the headers follows as one, so that two messages that differ there have different answers. It reads
// the message once more, so it is for those that are Repeated.
func (m *Message) Answers(list [][]byte, limit int) [][]byte {
	for rest := m.buf[:m.body]; len(rest) > 0; {
		line := rest[:lineEnd(rest)]
		rest = rest[len(line):]
		name, value, found := bytes.Cut(line, []byte(":"))
		if name = trim(name); !found || len(name) > nameBytes {
			continue
		}
		if h := lookup(nameAt(name).first(len(name))); h != HeaderAuthorization && h != HeaderProxyAuthorization {
			continue
		}
		value = trim(value)
		i := 0
		for i < len(value) && classes[value[i]]&inToken != 0 { // the scheme
			i++
		}
		for i = skip(value, i); i < len(value); {
			name, text, end, _ := digestPair(value, i)
			if name == paramNonce || name == paramResponse {
				if len(list) == limit {
					return append(list, m.buf[m.body-len(rest)-len(line):m.body])
				}
				list = append(list, text)
			}
			for i = max(end, i+1); i < len(value) && (blank(value[i]) || value[i] == ','); i++ {
			}
		}
	}
	return list
}

// lineEnd returns where the header line at the start of b ends, with the lines that are folded to it.
func lineEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		if i += n + 1; i == len(b) || b[i] != ' ' && b[i] != '\t' {
			return i
		}
	}
}
