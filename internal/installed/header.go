package installed

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
)

// Bounds of rpm's description of one package, as rpm itself has them.
const (
	maxTags = 1 << 16
	tagSize = 16
)

// The tags that count, and the types of their values.
const (
	tagName          = 1000
	tagVersion       = 1001
	tagRelease       = 1002
	tagEpoch         = 1003
	tagSource        = 1044
	tagChangelogTime = 1080
	tagChangelogName = 1081
	tagChangelogText = 1082

	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
)

// header is rpm's description of one package: an index of tags, and a store of
// their values (rpm.org's format of headers; all numbers are big-endian).
type header struct {
	index, store []byte
}

// readHeader checks the lengths; the database keeps a header without its magic.
func readHeader(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errDamaged
	}
	tags, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	// Both lengths are 32 bits, so their sum is counted in 64: it must not wrap.
	if tags > maxTags || uint64(len(blob)) < 8+uint64(tags)*tagSize+uint64(size) {
		return header{}, errDamaged
	}
	store := 8 + tags*tagSize
	return header{blob[8:store], blob[store : store+size]}, nil
}

// find gives the values of a tag that has a type, and how many there should be.
func (h header) find(tag, kind uint32) (values []byte, count int) {
	for i := h.index; len(i) >= tagSize; i = i[tagSize:] {
		if binary.BigEndian.Uint32(i) != tag || binary.BigEndian.Uint32(i[4:]) != kind {
			continue
		}
		// A place past the store is damage; a count is only a promise, and whoever
		// reads the values stops where the store ends.
		if at := binary.BigEndian.Uint32(i[8:]); uint64(at) <= uint64(len(h.store)) {
			return h.store[at:], int(min(binary.BigEndian.Uint32(i[12:]), maxLogEntries))
		}
	}
	return nil, 0
}

// text gives a string.
func (h header) text(tag uint32) string {
	values, _ := h.find(tag, typeString)
	s, _, ended := bytes.Cut(values, []byte{0})
	if !ended {
		return ""
	}
	return string(s)
}

// texts gives an array of strings.
func (h header) texts(tag uint32) []string {
	values, count := h.find(tag, typeStringArray)
	var all []string
	// The count may promise more strings than there are.
	for range count {
		s, rest, ended := bytes.Cut(values, []byte{0})
		if !ended {
			break
		}
		all, values = append(all, string(s[:min(len(s), maxEntry)])), rest
	}
	return all
}

// numbers gives an array of 32-bit numbers.
func (h header) numbers(tag uint32) []uint32 {
	values, count := h.find(tag, typeInt32)
	var all []uint32
	for i := 0; i < count && len(values) >= 4; i++ {
		all, values = append(all, binary.BigEndian.Uint32(values)), values[4:]
	}
	return all
}

// version is as rpm prints it: epoch:version-release, without an epoch of 0.
func (h header) version() string {
	v := h.text(tagVersion) + "-" + h.text(tagRelease)
	if e := h.numbers(tagEpoch); len(e) > 0 && e[0] > 0 {
		v = decimal(e[0]) + ":" + v
	}
	return v
}

// decimal is strconv for a number that is not negative: an epoch has few digits.
func decimal(n uint32) string {
	var digits []byte
	for ; n > 0 || len(digits) == 0; n /= 10 {
		digits = append([]byte{byte('0' + n%10)}, digits...)
	}
	return string(digits)
}

// source gives the name in "asterisk-18.12.1-1.el9.src.rpm".
func (h header) source() string {
	name := h.text(tagSource)
	// The last two hyphens part the release and the version from the name; the
	// name may have more of them.
	for range 2 {
		at := strings.LastIndexByte(name, '-')
		if at < 0 {
			return ""
		}
		name = name[:at]
	}
	return name
}

// changelog reads the entries, whose names end in " - 18.12.1-1" as a rule.
func (h header) changelog() []Entry {
	names, texts, times := h.texts(tagChangelogName), h.texts(tagChangelogText), h.numbers(tagChangelogTime)
	var all []Entry
	for i, name := range names {
		if i >= len(texts) {
			break
		}
		e := Entry{Text: texts[i]}
		// Packagers write "Name <mail> - 1.2-3", or leave the version out; an entry
		// without one still stands, and proves nothing.
		if at := strings.LastIndexAny(name, " >"); at >= 0 && clean(name[at+1:]) {
			e.Version = name[at+1:]
		}
		if i < len(times) {
			e.Time = time.Unix(int64(times[i]), 0).UTC()
		}
		all = append(all, e)
	}
	return all
}
