package sip

// scanBlocks does what scanBlocksGo does, 16 bytes at a time.
//
//go:noescape
func scanBlocks(p *byte, blocks int, lf, control *uint64)
