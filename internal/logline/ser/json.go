package ser

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// isKamailioJSON knows the beginnings of Kamailio's JSON log engine (core/dprint.c).
func isKamailioJSON(text []byte) bool {
	for _, start := range [...]string{`{ "idx": `, `{ "level": "`, `{ "kamailio.`, `{"time":"`} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}

func isOpenSIPSJSON(text []byte) bool { return bytes.HasPrefix(text, []byte(`{"time": "`)) }

// object is the values of a JSON log line. Kamailio writes its log_prefix and the
// Call-ID unescaped, so a quotation mark in them may end a value and begin another
// key: broken says that the line does not read as the server writes it.
type object struct {
	time, pid, level, module, file, function, prefix, message, callID []byte
	broken                                                            bool
}

// kamailioJSON judges one object. No line break of an outsider is one in the log.
func kamailioJSON(text []byte, clock *line.Clock) line.Reading {
	o := parseObject(text)
	rec := record{
		server: kamailioName, level: o.level, module: o.module, file: o.file, function: o.function, prefix: o.prefix,
		message: bytes.TrimSuffix(unescape(o.message), []byte("\n")),
	}
	if string(rec.module) == "xlog" || string(rec.file) == "core/kemi.c" {
		rec.module = scriptModule
		rec.message, _ = cutFunction(bytes.TrimPrefix(rec.message, []byte("<script>: ")))
	}
	r := judgeObject(rec, &o)
	r.At = stampOf(clock, o.time)
	if len(o.callID) > 0 && r.Verdict == event.Hostile {
		r.CallID = o.callID
	}
	return r
}

func opensipsJSON(text []byte, clock *line.Clock) line.Reading {
	o := parseObject(text)
	rec := record{
		server: opensipsName, level: o.level, module: o.module, function: o.function, prefix: o.prefix,
		message: bytes.TrimSuffix(unescape(o.message), []byte("\n")),
	}
	if len(rec.module) == 0 || len(rec.level) == 0 { // xlog() names neither
		rec.module = scriptModule
	}
	r := judgeObject(rec, &o)
	r.At = stampOf(clock, o.time)
	return r
}

// stampOf reads the time of an object: a stamp and nothing else.
func stampOf(clock *line.Clock, text []byte) time.Time {
	at, n := clock.Stamp(text)
	if n < len(text) {
		return time.Time{}
	}
	return at
}

func judgeObject(rec record, o *object) line.Reading {
	if o.broken || o.message == nil {
		r := line.Reading{Whole: true, Log: event.Log{Server: rec.server, Kind: event.KindOther, Rule: rec.rules().fragment}}
		r.Tamper("a quotation mark inside a value, or cut off")
		return r
	}
	r := judge(rec)
	r.Quotes, r.Front = line.Quotation{}, true
	return r
}

// parseObject reads the keys that we want, each at most once, of an object and
// those inside it.
func parseObject(text []byte) object {
	var o object
	depth := 0
	for {
		text = bytes.TrimLeft(text, " ,")
		switch {
		case len(text) > 0 && text[0] == '{':
			depth++
			text = text[1:]
			continue
		case len(text) > 0 && text[0] == '}' && depth > 0:
			depth--
			text = text[1:]
			if depth == 0 {
				o.broken = o.broken || len(bytes.TrimSpace(text)) > 0
				return o
			}
			continue
		}
		key, rest, ok := cutString(text)
		rest, colon := bytes.CutPrefix(rest, []byte(":"))
		rest = bytes.TrimLeft(rest, " ")
		if !ok || !colon || len(rest) == 0 {
			o.broken = true
			return o
		}
		var value []byte
		switch {
		case rest[0] == '{':
			text = rest
			continue
		case rest[0] == '"':
			if value, rest, ok = cutString(rest); !ok {
				o.broken = true
				return o
			}
		default:
			n := 0
			for n < len(rest) && line.IsDigit(rest[n]) {
				n++
			}
			value, rest = rest[:n], rest[n:]
		}
		if len(rest) == 0 || rest[0] != ',' && rest[0] != ' ' && rest[0] != '}' || !o.keep(key, value) {
			o.broken = true
			return o
		}
		text = rest
	}
}

// keep stores a value. A key that the servers do not write, or a second one, came
// in a value.
func (o *object) keep(key, value []byte) bool {
	if at := bytes.LastIndexByte(key, '.'); at >= 0 {
		key = key[at+1:]
	}
	var slot *[]byte
	switch string(key) {
	case "time":
		slot = &o.time
	case "pid", "id":
		slot = &o.pid
	case "level", "pri":
		slot = &o.level
	case "module", "subsys":
		slot = &o.module
	case "file", "name":
		slot = &o.file
	case "function":
		slot = &o.function
	case "prefix", "logprefix", "log_prefix":
		slot = &o.prefix
	case "callid":
		slot = &o.callID
	case "message", "msg":
		slot = &o.message
	case "idx", "line", "tid", "pname", "appname", "hostname":
		return true
	default:
		return false
	}
	if *slot != nil {
		return false
	}
	if *slot = value; value == nil {
		*slot = []byte{}
	}
	return true
}

// cutString takes a string in quotation marks off text, escapes and all.
func cutString(text []byte) (value, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, text, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return nil, text, false
}

// unescape resolves the escapes of a JSON string; what is none stays.
func unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			if i+4 < len(text) {
				if n, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16); err == nil {
					out = utf8.AppendRune(out, rune(n))
					i += 4
					continue
				}
			}
			out = append(out, 'u')
		default:
			out = append(out, text[i])
		}
	}
	return out
}
