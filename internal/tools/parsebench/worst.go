package main

import (
	"bytes"
	"strings"
)

// worstCase is a datagram built to cost its reader as much as possible.
type worstCase struct {
	name string
	data []byte
}

const (
	worstBefore = "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n" +
		"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:a@192.0.2.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
	worstAfter = "Content-Length: 0\r\n\r\n"
)

// worstCases fills size bytes in each of the ways known to hurt some reader.
func worstCases(size int) []worstCase {
	fill := size - len(worstBefore) - len(worstAfter) - 64
	header := func(before, unit, after string) []byte {
		return []byte(worstBefore + before + strings.Repeat(unit, (fill-len(before)-len(after))/len(unit)) + after + worstAfter)
	}
	replaced := func(old, before, unit, after string) []byte {
		long := before + strings.Repeat(unit, (fill-len(before)-len(after))/len(unit)) + after
		return bytes.Replace([]byte(worstBefore+worstAfter), []byte(old), []byte(long), 1)
	}
	from, via := "<sip:a@192.0.2.1>;tag=1", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1"
	auth := "Authorization: Digest username=\"a\""
	return []worstCase{
		{"folds", header("X: a\r\n", " b\r\n", "")},
		{"folded From", replaced(from, "", "\r\n ", from)},
		{"short headers", header("", "a:1\r\n", "")},
		{"empty headers", header("", ":\r\n", "")},
		{"lines without colon", header("", "a\r\n", "")},
		{"equal Via", header("", "v:SIP/2.0/UDP a\r\n", "")},
		{"Via list", replaced(via, via, ",SIP/2.0/UDP a", "")},
		{"Via parameters", replaced(via, via, ";a", "")},
		{"Contact lines", header("", "m:<sip:a@b>\r\n", "")},
		{"Contact list", header("m: <sip:a@b>", ",<sip:a@b>", "\r\n")},
		{"quotes", replaced(from, "", "\"", from)},
		{"escaped quotes", replaced(from, "\"", "\\\"", from)},
		{"backslashes", replaced(from, "\"", "\\", "\" "+from)},
		{"open brackets", replaced(from, "", "<", from)},
		{"commas", header("m: ", ",", "\r\n")},
		{"semicolons", replaced(from, from, ";", "")},
		{"colons", replaced(from, "<sip:", ":", "@a>")},
		{"at signs", replaced(from, "<sip:", "@", "a>")},
		{"percent escapes", replaced(from, "<sip:", "%41", "@a>")},
		{"Digest parameters", header(auth, ",a=b", "\r\n")},
		{"Digest commas", header(auth, ",", "\r\n")},
		{"Digest quotes", header(auth, ",a=\"\"", "\r\n")},
		{"blanks", header("X:", " ", "\r\n")},
		{"controls", header("X:", "\x01", "\r\n")},
		{"line feeds in front", append(bytes.Repeat([]byte("\r\n"), fill/2), worstBefore+worstAfter...)},
	}
}
