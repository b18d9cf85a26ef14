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
	if !foldEqual(d.Scheme, "digest") {
		return 0
	}
	var flaws Flaws
	var name, value []byte
	for first := true; ; first = false {
		i = skip(v, i)
		if i == len(v) {
			if first {
				flaws |= BadCredentials
			}
			return flaws
		}
		if !first {
			if v[i] == ',' {
				i = skip(v, i+1)
			} else {
				flaws |= BadCredentials
			}
		}
		var f Flaws
		name, value, i, f = digestPair(v, i)
		flaws |= f
		d.set(name, value)
	}
}

// digestPair reads name=value or name="value" at i and returns where it ends. It always moves on unless i is at a comma.
func digestPair(v []byte, i int) (name, value []byte, end int, flaws Flaws) {
	start := i
	for i < len(v) && classes[v[i]]&inToken != 0 {
		i++
	}
	name = v[start:i]
	i = skip(v, i)
	if i == len(v) || v[i] != '=' || len(name) == 0 {
		return nil, nil, nextComma(v, i), BadCredentials
	}
	i = skip(v, i+1)
	if i < len(v) && v[i] == '"' {
		end = quotedEnd(v, i+1)
		if end < 0 {
			return name, v[i+1:], len(v), UnclosedQuote
		}
		return name, v[i+1 : end], end + 1, 0
	}
	start = i
	for i < len(v) && v[i] != ',' && !blank(v[i]) {
		i++
	}
	if i == start || all(v[start:i])&inToken == 0 {
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

// set keeps the first value of each known parameter. The length tells nearly all names apart.
func (d *Digest) set(name, value []byte) {
	var field *[]byte
	var want string
	switch len(name) {
	case 2:
		field, want = &d.NC, "nc"
	case 3:
		if name[0]|0x20 == 'u' {
			field, want = &d.URI, "uri"
		} else {
			field, want = &d.QOP, "qop"
		}
	case 5:
		switch name[0] | 0x20 {
		case 'r':
			field, want = &d.Realm, "realm"
		case 'n':
			field, want = &d.Nonce, "nonce"
		default:
			d.Stale = d.Stale || foldEqual(name, "stale") && foldEqual(value, "true")
			return
		}
	case 6:
		if name[0]|0x20 == 'c' {
			field, want = &d.CNonce, "cnonce"
		} else {
			field, want = &d.Opaque, "opaque"
		}
	case 8:
		if name[0]|0x20 == 'u' {
			field, want = &d.Username, "username"
		} else {
			field, want = &d.Response, "response"
		}
	case 9:
		field, want = &d.Algorithm, "algorithm"
	default:
		return
	}
	if *field == nil && foldEqual(name, want) {
		*field = value
	}
}
