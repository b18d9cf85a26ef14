//go:build !amd64

package sip

import "unsafe"

func scanBlock(p *byte) (lf, control uint64) { return scanBlockGo(unsafe.Slice(p, block)) }
