package ser

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// Kamailio reads one line of Kamailio (core/dprint.h):
//
//	WARNING: pike [pike_funcs.c:135]: pike_check_ipaddr(): message     syslog
//	 1(4711) WARNING: {1 1 REGISTER id} pike [pike_funcs.c:135]: …     stderr, log_prefix
//	ALERT: <script>: message                                           xlog()
//
// with or without colours in front, or as one object of its JSON log engine.
func Kamailio(h line.Header, r *line.Reading) {
	text := bytes.TrimPrefix(h.Text, []byte("@cee: "))
	if isKamailioJSON(text) {
		*r = kamailioJSON(text, h.Clock)
		return
	}
	rec := record{server: kamailioName, escaped: h.Escaped, raw: !h.Escaped, torn: h.Torn}
	text = rec.cutProcess(line.SkipColour(text))
	var ok bool
	if rec.level, text, ok = cutLevel(text, kamailioLevels[:]); !ok || len(text) == 0 || text[0] != ' ' {
		return
	}
	text = text[1:]
	place := findPlace(text)
	if place.count == 0 {
		*r = rec.placeless(text)
		return
	}
	rec.prefix = text[:place.start]
	rec.module, rec.file = place.module, place.file
	rec.message = text[place.end:]
	if string(rec.module) == script || string(rec.file) == "core/kemi.c" {
		rec.module = scriptModule
	}
	rec.message, rec.function = cutFunction(rec.message)
	if place.count > 1 && !bytes.HasPrefix(rec.message, []byte("error reading: ")) { // that one has no line end of its own
		r.Say(event.Tampered, event.KindOther, rec.rules().fragment)
		r.Note = "two beginnings: one came in a value"
		r.Whole, r.Server, r.Thread = true, rec.server, rec.process
		return
	}
	*r = judge(rec)
}

var kamailioLevels = [...]string{"ALERT", "BUG", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}

// placeless is for a line that does not say which part of the server wrote it.
// Of Kamailio on a terminal it is the beginning of a record: log_prefix held a
// line break.
func (rec *record) placeless(text []byte) line.Reading {
	if rec.process == 0 {
		return line.Reading{}
	}
	r := line.Reading{Whole: true, Thread: rec.process, Log: event.Log{Server: rec.server}}
	if rec.torn || bytes.HasPrefix(text, []byte("{")) {
		r.Kind, r.Rule = event.KindOther, rec.rules().fragment
		r.Tamper("ends in front of the message")
		r.Quotes = line.Quotation{End: never, Size: maxPacket, Rule: rec.rules().quoted, Loose: true}
	}
	return r
}

// cutProcess takes "10(4711) " off, which stderr has in front; ranks below ten
// get a blank.
func (rec *record) cutProcess(text []byte) []byte {
	rank, rest, ok1 := bytes.Cut(bytes.TrimPrefix(text, []byte(" ")), []byte("("))
	digits, rest, ok2 := bytes.Cut(rest, []byte(") "))
	_, ok3 := line.Number(rank)
	process, ok4 := line.Number(digits)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return text
	}
	rec.process = uint32(process)
	return rest
}

// cutLevel takes "WARNING:" off.
func cutLevel(text []byte, levels []string) (level, rest []byte, ok bool) {
	for _, name := range levels {
		if n := len(name); len(text) > n && text[n] == ':' && string(text[:n]) == name {
			return text[:n], text[n+1:], true
		}
	}
	return nil, text, false
}

// place is where a line says which part of Kamailio wrote it.
type place struct {
	start, end   int // of the first one
	module, file []byte
	count        int
}

// findPlace looks for "module [file.c:99]: ", "<core> [core/file.c:99]: " and
// "<script>: ". The server writes one; a second one came with a value, and
// nothing tells which is which.
func findPlace(text []byte) place {
	var p place
	const mark = "<script>: "
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(": "))
		if i < 0 {
			return p
		}
		i += from
		from = i + 2
		start, module, file := i+2-len(mark), []byte(nil), []byte(nil)
		switch {
		case start >= 0 && string(text[start:i+2]) == mark:
			module = text[start+1 : start+1+len(script)]
		case i > 0 && text[i-1] == ']':
			start, module, file = bracketed(text[:i-1])
		}
		if module == nil {
			continue
		}
		if p.count++; p.count == 1 {
			p.start, p.end, p.module, p.file = start, i+2, module, file
		}
	}
}

// bracketed reads "module [file.c:99" at the end of text.
func bracketed(text []byte) (start int, module, file []byte) {
	open := bytes.LastIndexByte(text, '[')
	if open < 2 || text[open-1] != ' ' {
		return 0, nil, nil
	}
	file, digits, ok := bytes.Cut(text[open+1:], []byte(":"))
	if _, number := line.Number(digits); !ok || !number || bytes.IndexByte(file, '.') < 1 || bytes.IndexByte(file, ' ') >= 0 {
		return 0, nil, nil
	}
	start = open - 1
	for start > 0 && (isWordByte(text[start-1]) || text[start-1] == '<' || text[start-1] == '>') {
		start--
	}
	module = bytes.Trim(text[start:open-1], "<>")
	if len(module) == 0 {
		return 0, nil, nil
	}
	return start, module, file
}

// cutFunction takes "function(): " off a message.
func cutFunction(text []byte) (message, function []byte) {
	n := 0
	for n < len(text) && isWordByte(text[n]) {
		n++
	}
	if rest, ok := line.CutPrefix(text[n:], "(): "); ok && n > 0 {
		return rest, text[:n]
	}
	return text, nil
}

func isWordByte(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || line.IsDigit(b) || b == '_'
}
