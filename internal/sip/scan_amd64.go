package sip

// scanBlock does what scanBlockGo does, 16 bytes at a time.
//
//go:noescape
func scanBlock(p *byte) (lf, control uint64)
