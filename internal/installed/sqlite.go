package installed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// A table of an SQLite database, read without SQLite: the file may be anybody's,
// and the few pages that count are simple (sqlite.org/fileformat2.html). Only
// what rpm's database needs is here: ordinary tables, no index, no log of
// changes that have not reached the file.

// Bounds of a database. rpm's has some 200 MiB where thousands of packages are
// installed with all their files.
const (
	maxDatabase = 1 << 30
	maxBlob     = 32 << 20
	maxDepth    = 16 // of a tree of pages; 2^32 rows need five
	maxColumns  = 64
)

// The kinds of pages of a table's tree.
const (
	interiorPage = 5
	leafPage     = 13
)

// database is an SQLite file.
type database struct {
	file  io.ReaderAt
	size  int64
	page  int64 // bytes of one
	use   int64 // of which a page of rows may use so many
	reads int   // each page is read once at most
}

// openDatabase reads the header of the file.
func openDatabase(file io.ReaderAt, size int64) (*database, error) {
	head := make([]byte, 100)
	if _, err := file.ReadAt(head, 0); err != nil || !bytes.HasPrefix(head, []byte("SQLite format 3\x00")) {
		return nil, errNoDatabase
	}
	if size > maxDatabase {
		return nil, errTooLarge
	}
	d := &database{file: file, size: size, page: int64(binary.BigEndian.Uint16(head[16:]))}
	// 65536 does not fit into the two bytes.
	if d.page == 1 {
		d.page = 1 << 16
	}
	d.use = d.page - int64(head[20])
	if d.page < 512 || d.page&(d.page-1) != 0 || d.use < 480 {
		return nil, errDamaged
	}
	return d, nil
}

// read gives the page of a number; they begin at 1.
func (d *database) read(number uint32) ([]byte, error) {
	if d.reads++; int64(d.reads) > d.size/d.page {
		return nil, errDamaged // every page has one place: somebody leads us round
	}
	at := (int64(number) - 1) * d.page
	if number == 0 || at+d.page > d.size {
		return nil, errDamaged
	}
	p := make([]byte, d.page)
	if _, err := d.file.ReadAt(p, at); err != nil && !errors.Is(err, io.EOF) {
		return nil, plain(err)
	}
	return p, nil
}

// table gives the page at which a table begins.
func (d *database) table(name string) (uint32, error) {
	root := uint32(0)
	err := d.rows(1, func(values []value) error {
		// type, name, tbl_name, rootpage, sql
		if len(values) >= 4 && string(values[0].bytes) == "table" && strings.EqualFold(string(values[1].bytes), name) && values[3].number > 0 {
			root = uint32(values[3].number)
		}
		return nil
	})
	if err == nil && root == 0 {
		err = errNoDatabase
	}
	return root, err
}

// rows calls see for every row of the table that begins at a page.
func (d *database) rows(root uint32, see func([]value) error) error {
	return d.walk(root, 0, see)
}

// walk goes down one branch of the tree. Pages are in the file in any order, so a
// damaged one may lead anywhere, even to itself; that is what the bounds are for.
func (d *database) walk(number uint32, depth int, see func([]value) error) error {
	if depth > maxDepth {
		return errDamaged
	}
	p, err := d.read(number)
	if err != nil {
		return err
	}
	head := 0
	if number == 1 {
		head = 100 // the file's own header is before it
	}
	kind, cells := p[head], int(binary.BigEndian.Uint16(p[head+3:]))
	first := head + 8
	if kind == interiorPage {
		first = head + 12
	} else if kind != leafPage {
		return errDamaged
	}
	for i := range cells {
		at := first + 2*i
		if at+2 > len(p) {
			return errDamaged
		}
		cell := int(binary.BigEndian.Uint16(p[at:]))
		if cell+4 > len(p) {
			return errDamaged
		}
		if kind == interiorPage {
			err = d.walk(binary.BigEndian.Uint32(p[cell:]), depth+1, see)
		} else {
			err = d.row(p, cell, see)
		}
		if err != nil {
			return err
		}
	}
	if kind == interiorPage {
		return d.walk(binary.BigEndian.Uint32(p[head+8:]), depth+1, see)
	}
	return nil
}

// row reads the row whose cell is at a place of a page.
func (d *database) row(p []byte, at int, see func([]value) error) error {
	if at > int(d.use) {
		return errDamaged
	}
	cell := p[at:d.use]
	size, n := varint(cell)
	_, m := varint(cell[n:]) // the row's number
	if n == 0 || m == 0 || size > maxBlob {
		return errDamaged
	}
	payload, err := d.payload(cell[n+m:], int64(size))
	if err != nil {
		return err
	}
	values, err := record(payload)
	if err != nil {
		return err
	}
	return see(values)
}

// payload puts together what a row holds: as much as fits is in its cell, the
// rest in a chain of pages.
func (d *database) payload(cell []byte, size int64) ([]byte, error) {
	here := size
	// The format keeps so much of a long row in its cell that the rest fills whole
	// pages, and at least enough for four cells on a page.
	if most := d.use - 35; size > most {
		least := (d.use-12)*32/255 - 23
		here = least + (size-least)%(d.use-4)
		if here > most {
			here = least
		}
	}
	if here > int64(len(cell)) {
		return nil, errDamaged
	}
	all := append(make([]byte, 0, min(size, 1<<16)), cell[:here]...)
	if here == size {
		return all, nil
	}
	if here+4 > int64(len(cell)) {
		return nil, errDamaged
	}
	next := binary.BigEndian.Uint32(cell[here:])
	for int64(len(all)) < size {
		p, err := d.read(next)
		if err != nil {
			return nil, err
		}
		// Each page of a chain begins with the number of the next one.
		next = binary.BigEndian.Uint32(p)
		all = append(all, p[4:min(d.use, 4+size-int64(len(all)))]...)
	}
	return all, nil
}

// value is one column of a row: a number, or text or bytes.
type value struct {
	number int64
	bytes  []byte
}

// record takes a row apart: a header of types, and then the values.
func record(payload []byte) ([]value, error) {
	head, n := varint(payload)
	if n == 0 || head < uint64(n) || head > uint64(len(payload)) {
		return nil, errDamaged
	}
	types, body := payload[n:head], payload[head:]
	var values []value
	for len(types) > 0 && len(values) < maxColumns {
		kind, n := varint(types)
		if n == 0 {
			return nil, errDamaged
		}
		types = types[n:]
		v, used, ok := column(kind, body)
		if !ok {
			return nil, errDamaged
		}
		values, body = append(values, v), body[used:]
	}
	return values, nil
}

// column reads one value of a type; what we do not need (floating point) is 0.
func column(kind uint64, body []byte) (value, int, bool) {
	length := 0
	switch {
	case kind >= 12:
		// Even numbers are bytes, odd ones text; for us both are bytes.
		if length = int((kind - 12) / 2); kind > 1<<32 || length > len(body) {
			return value{}, 0, false
		}
		return value{bytes: body[:length]}, length, true
	case kind == 8 || kind == 9:
		return value{number: int64(kind - 8)}, 0, true
	case kind == 0 || kind > 9:
		return value{}, 0, true
	}
	length = []int{0, 1, 2, 3, 4, 6, 8, 8}[kind]
	if length > len(body) {
		return value{}, 0, false
	}
	number := int64(0)
	if kind < 7 {
		number = int64(int8(body[0]))
		for _, b := range body[1:length] {
			number = number<<8 | int64(b)
		}
	}
	return value{number: number}, length, true
}

// varint reads SQLite's numbers of one to nine bytes; n is 0 where there is none.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7f)
		if n++; b[n-1] < 0x80 {
			return v, n
		}
	}
	// The ninth byte counts with all its bits.
	if n == 8 && len(b) > 8 {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}
