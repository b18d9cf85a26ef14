package ser

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// OpenSIPS reads one line of OpenSIPS (dprint.h):
//
//	ERROR:core:receive_msg: message       syslog
//	[4711] sbc:NOTICE:message             stderr, with a log_prefix; xlog() names no module
//
// or one object of its log formats json and json_cee.
func OpenSIPS(h line.Header, r *line.Reading) {
	text := bytes.TrimPrefix(h.Text, []byte("@cee: "))
	if isOpenSIPSJSON(text) {
		*r = opensipsJSON(text, h.Clock)
		return
	}
	rec := record{server: opensipsName, escaped: h.Escaped, raw: !h.Escaped, torn: h.Torn}
	text = rec.cutPID(text)
	var ok bool
	if rec.level, text, ok = cutLevel(cutLogPrefix(text), opensipsLevels[:]); !ok || len(text) == 0 || text[0] == ' ' {
		return
	}
	rec.module, rec.message = scriptModule, text
	if module, function, rest, ok := cutModule(text); ok {
		rec.module, rec.function, rec.message = module, function, rest
	}
	*r = judge(rec)
	if string(rec.module) == script && rec.process == 0 && (r.Verdict == event.Unknown || r.Verdict == event.Near) {
		*r = line.Reading{} // as likely another program's
	}
}

var opensipsLevels = [...]string{"ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DBG"}

// cutPID takes "[4711] " off, which stderr has behind the time.
func (rec *record) cutPID(text []byte) []byte {
	rest, ok1 := line.CutPrefix(text, "[")
	digits, rest, ok2 := bytes.Cut(rest, []byte("] "))
	process, ok3 := line.Number(digits)
	if !ok1 || !ok2 || !ok3 {
		return text
	}
	rec.process = uint32(process)
	return rest
}

// cutLogPrefix passes over the administrator's log_prefix, one word and a colon.
func cutLogPrefix(text []byte) []byte {
	if _, _, ok := cutLevel(text, opensipsLevels[:]); ok {
		return text
	}
	n := 0
	for n < len(text) && (isWordByte(text[n]) || text[n] == '-' || text[n] == '.') {
		n++
	}
	if n == 0 || n == len(text) || text[n] != ':' {
		return text
	}
	return text[n+1:]
}

// cutModule takes "core:receive_msg: " off.
func cutModule(text []byte) (module, function, message []byte, ok bool) {
	n := 0
	for n < len(text) && isWordByte(text[n]) {
		n++
	}
	module, rest := text[:n], text[n:]
	if n == 0 || len(rest) == 0 || rest[0] != ':' {
		return nil, nil, nil, false
	}
	rest = rest[1:]
	n = 0
	for n < len(rest) && isWordByte(rest[n]) {
		n++
	}
	function = rest[:n]
	message, ok = line.CutPrefix(rest[n:], ": ")
	return module, function, message, ok && n > 0
}
