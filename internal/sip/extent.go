package sip

import "bytes"

// Extent tells how overgrown the headers of a message are.
type Extent struct {
	// Headers is how many lines begin a header.
	Headers int
	// Vias is how many values all Via lines have together, counted by their commas.
	Vias int
	// Longest is the longest header with its folds, in bytes.
	Longest int
}

// Extent measures the headers. It reads them once more, so it is for messages that Overgrown points out.
func (m *Message) Extent() (x Extent) {
	b := m.buf[:m.body]
	for i := 0; i < len(b); {
		n := lineEnd(b[i:])
		line := b[i : i+n]
		i += n
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || m.kind == Request && x.Headers == 0 && bytes.IndexByte(name, ' ') > 0 {
			continue // the first line, or none at all
		}
		x.Headers++
		x.Longest = max(x.Longest, n)
		if name = trim(name); len(name) <= nameBytes && lookup(nameAt(name).first(len(name))) == HeaderVia {
			x.Vias += 1 + bytes.Count(value, []byte(","))
		}
	}
	return x
}

// Overgrown says cheaply that Extent is worth its price: more than 32 header lines, a long header, or a long Via.
func (m *Message) Overgrown() bool {
	lines := 0
	for h := range m.index {
		lines += int(m.index[h].count)
	}
	return lines > 32 || m.flaws.Has(OversizeHeader) || len(m.Header(HeaderVia)) > 512
}
