package freeswitch

import (
	"bytes"
	"strconv"
	"time"

	"github.com/sipward/sipward/internal/logline/line"
)

// levels is how FreeSWITCH counts them (src/include/switch_types.h).
var levels = [...]string{"CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"}

// jsonRecord reads a line of a console with "json" set (mod_console.c). Its
// quoting is sound, but a message that begins with LOG_FIELDS adds keys: of a key
// that stands there twice, one may be an outsider's.
func jsonRecord(h line.Header) (record, bool) {
	if !bytes.HasPrefix(h.Text, []byte(`{"`)) || !line.Contains(h.Text, `"ident":"freeswitch"`) {
		return record{}, false
	}
	values, ok := line.Object(h.Text, "ident", "file", "level", "message", "timestamp", "line")
	if !ok {
		return record{}, false
	}
	ident, ok1 := line.JSONText(values[0])
	file, ok2 := line.JSONText(values[1])
	level, err := strconv.Atoi(string(values[2]))
	message, ok3 := line.JSONText(values[3])
	if !ok1 || !ok2 || !ok3 || err != nil || level < 0 || string(ident) != serverName {
		return record{}, false
	}
	rec := record{file: file, level: []byte(levels[min(level, len(levels)-1)]), at: epoch(string(values[4]))}
	rec.message = bytes.TrimSuffix(message, []byte("\n"))
	return rec, true
}

// epoch reads microseconds since 1970, or what the administrator divided them to.
func epoch(figure string) time.Time {
	n, err := strconv.ParseFloat(figure, 64)
	switch {
	case err != nil || n < 1e9 || n > 1e17:
		return time.Time{}
	case n > 1e14:
		return time.UnixMicro(int64(n)).UTC()
	case n > 1e11:
		return time.UnixMilli(int64(n)).UTC()
	}
	return time.UnixMicro(int64(n * 1e6)).UTC()
}
