//go:build !amd64

package sip

import "unsafe"

func scanBlocks(p *byte, blocks int, lf, control *uint64) {
	scanBlocksGo(unsafe.Slice(p, 64*blocks), unsafe.Slice(lf, blocks), unsafe.Slice(control, blocks))
}
