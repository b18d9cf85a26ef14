package sip

import "bytes"

// params walks over ";name=value" as From, To, Contact and Via share it (RFC 3261 section 25.1, generic-param). It
// accepts blanks around every separator and goes on behind anything it cannot read.
type params struct {
	b     []byte
	i     int // at a separator, a comma or the end
	name  []byte
	value []byte // without quotes; nil if there is no "="
	flaws Flaws
}

// next reads one parameter and reports whether there was one.
func (p *params) next() bool {
	b := p.b
	i := skip(b, p.i)
	if i >= len(b) || b[i] != ';' {
		p.i = i
		if i < len(b) && b[i] != ',' {
			return p.recover(i)
		}
		return false
	}
	i = skip(b, i+1)
	start, c := i, ^class(0)
	for i < len(b) && classes[b[i]]&notEnd != 0 {
		c &= classes[b[i]]
		i++
	}
	p.name, p.value = b[start:i], nil
	if i == start {
		p.flaws |= EmptyParam
		if i < len(b) && b[i] != ';' && b[i] != ',' {
			return p.recover(i)
		}
	} else if c&inToken == 0 {
		p.flaws |= BadParam
	}
	if i < len(b) && b[i] != ';' {
		if i = skip(b, i); i < len(b) && b[i] == '=' {
			i = p.readValue(skip(b, i+1))
		}
	}
	p.i = i
	return true
}

// readValue reads the value at i and returns where it ends.
func (p *params) readValue(i int) int {
	b := p.b
	if i < len(b) && b[i] == '"' {
		end := quotedEnd(b, i+1)
		if end < 0 {
			p.flaws |= UnclosedQuote
			p.value = b[i+1:]
			return len(b)
		}
		p.value = b[i+1 : end]
		return end + 1
	}
	start, c := i, ^class(0)
	for i < len(b) && (classes[b[i]]&notEnd != 0 || b[i] == '=') {
		c &= classes[b[i]]
		i++
	}
	p.value = b[start:i]
	if i == start || c&inValue == 0 {
		p.flaws |= BadParam
	}
	return i
}

// recover skips what is no parameter, up to the next separator. It reports whether parameters may follow.
func (p *params) recover(i int) bool {
	p.flaws |= BadParam
	p.name, p.value = nil, nil
	n := bytes.IndexAny(p.b[i:], ";,")
	if n < 0 {
		p.i = len(p.b)
		return false
	}
	p.i = i + n
	return p.b[p.i] == ';'
}
