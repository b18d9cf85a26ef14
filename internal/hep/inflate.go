package hep

import (
	"bytes"
	"compress/zlib"
	"io"
)

// inflater unpacks payloads into memory of its own, which is made for the first and kept.
type inflater struct {
	in     bytes.Reader
	unpack io.ReadCloser // a zlib.Resetter
	out    [MaxPayload + 1]byte
}

// unpack replaces a compressed payload (zlib, RFC 1950) by what it says. A few bytes may stand for megabytes, so it reads
// one byte more than is allowed and no further.
func (p *Packet) unpack() error {
	if !p.packed {
		return nil
	}
	if p.inflater == nil {
		p.inflater = &inflater{}
	}
	i := p.inflater
	i.in.Reset(p.Payload)
	if err := i.reset(); err != nil {
		return ErrCompressed
	}
	n, err := 0, error(nil)
	for n < len(i.out) && err == nil {
		var more int
		more, err = i.unpack.Read(i.out[n:])
		n += more
	}
	if err != io.EOF || n == 0 || n > MaxPayload {
		return ErrCompressed
	}
	p.Payload, p.packed = i.out[:n:n], false
	return nil
}

func (i *inflater) reset() error {
	if again, ok := i.unpack.(zlib.Resetter); ok {
		return again.Reset(&i.in, nil)
	}
	fresh, err := zlib.NewReader(&i.in)
	if err == nil {
		i.unpack = fresh
	}
	return err
}
