package line

import (
	"bytes"
	"time"
)

// Clock fills in what a log's time stamps leave out.
type Clock struct {
	// Now is the reference for stamps without a year.
	Now time.Time
	// Zone is for stamps without a zone; nil means UTC.
	Zone *time.Location

	memory *memory // nil for none
}

func (c *Clock) zone() *time.Location {
	if c.Zone == nil {
		return time.UTC
	}
	return c.Zone
}

// Stamp reads a time stamp at the start of text and tells how many bytes it
// took, 0 when there is none. It knows ISO 8601 and its relatives, the stamp of
// RFC 3164 (also logger.conf's default, "%b %e %T") and seconds since 1970.
func (c *Clock) Stamp(text []byte) (time.Time, int) {
	if len(text) < 10 {
		return time.Time{}, 0
	}
	if at, n := c.memory.find(text); n > 0 {
		return at, n
	}
	if text[4] == '-' && text[7] == '-' {
		return c.isoStamp(text)
	}
	if text[3] == ' ' {
		return c.bsdStamp(text)
	}
	if text[2] == '-' {
		return c.shortStamp(text)
	}
	return epochStamp(text)
}

// isoStamp reads "2026-11-22 10:00:00", with a T for the blank, a fraction or
// a zone.
func (c *Clock) isoStamp(text []byte) (time.Time, int) {
	const day, shortest = len("2026-11-22"), len("2026-11-22 10:00:00")
	if len(text) < shortest || text[day] != ' ' && text[day] != 'T' {
		return time.Time{}, 0
	}
	year, ok1 := Number(text[:4])
	month, ok2 := Number(text[5:7])
	date, ok3 := Number(text[8:day])
	clock, ok4 := clockTime(text[day+1 : shortest])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || date < 1 || date > 31 {
		return time.Time{}, 0
	}
	c.memory.keep(text[:shortest], second{
		at: time.Date(year, time.Month(month), date, 0, 0, clock, 0, c.zone()), iso: true,
		utc: time.Date(year, time.Month(month), date, 0, 0, clock, 0, time.UTC),
	})
	nanos, n := fraction(text[shortest:])
	n += shortest
	zone := c.zone()
	if offset, width, ok := zoneOffset(text[n:]); ok {
		n += width
		zone = time.UTC
		clock -= offset
	}
	return time.Date(year, time.Month(month), date, 0, 0, clock, nanos, zone), n
}

// bsdStamp reads "Nov 22 10:00:00", with or without a fraction.
func (c *Clock) bsdStamp(text []byte) (time.Time, int) {
	const shortest = len("Nov 2 10:00:00")
	month, known := months[string(text[:3])]
	if !known || len(text) < shortest {
		return time.Time{}, 0
	}
	rest := bytes.TrimLeft(text[4:], " ")
	blank := bytes.IndexByte(rest, ' ')
	if blank < 1 || blank > 2 || len(rest) < blank+len(" 10:00:00") {
		return time.Time{}, 0
	}
	day, ok1 := Number(rest[:blank])
	rest = rest[blank+1:]
	clock, ok2 := clockTime(rest[:8])
	if !ok1 || !ok2 || day < 1 || day > 31 {
		return time.Time{}, 0
	}
	nanos, width := fraction(rest[8:])
	n := len(text) - len(rest) + 8 + width
	at, ok := c.yearless(month, day, clock, nanos)
	if !ok {
		return at, 0
	}
	if width == 0 {
		c.memory.keep(text[:n], second{at: at})
	}
	return at, n
}

// shortStamp reads "11-22 10:00:00.123456", as FreeSWITCH once wrote it.
func (c *Clock) shortStamp(text []byte) (time.Time, int) {
	const shortest = len("11-22 10:00:00")
	if len(text) < shortest || text[5] != ' ' {
		return time.Time{}, 0
	}
	month, ok1 := Number(text[:2])
	day, ok2 := Number(text[3:5])
	clock, ok3 := clockTime(text[6:shortest])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return time.Time{}, 0
	}
	nanos, n := fraction(text[shortest:])
	at, ok := c.yearless(time.Month(month), day, clock, nanos)
	if !ok {
		return at, 0
	}
	return at, shortest + n
}

// yearless finds the year of a stamp that has none: the last one that does not
// put it more than a day ahead of now.
func (c *Clock) yearless(month time.Month, day, clock, nanos int) (time.Time, bool) {
	now := c.Now.In(c.zone())
	latest := now.AddDate(0, 0, 1)
	// 29 February may lie up to eight years back, around 1900 and 2100.
	for year := now.Year() + 1; year >= now.Year()-8; year-- {
		t := time.Date(year, month, day, 0, 0, clock, nanos, c.zone())
		if t.Day() == day && !t.After(latest) {
			return t, true
		}
	}
	return time.Time{}, false
}

// epochStamp reads ten digits of seconds, with or without a fraction.
func epochStamp(text []byte) (time.Time, int) {
	seconds, ok := Number(text[:10])
	if !ok || len(text) > 10 && IsDigit(text[10]) {
		return time.Time{}, 0
	}
	nanos, n := fraction(text[10:])
	return time.Unix(int64(seconds), int64(nanos)).UTC(), 10 + n
}

// clockTime reads "10:00:00" as seconds since midnight.
func clockTime(text []byte) (int, bool) {
	hour, ok1 := Number(text[:2])
	minute, ok2 := Number(text[3:5])
	second, ok3 := Number(text[6:8])
	ok := ok1 && ok2 && ok3 && text[2] == ':' && text[5] == ':' && hour < 24 && minute < 60 && second < 61
	return hour*3600 + minute*60 + second, ok
}

// fraction reads ".123" or ",123" as nanoseconds.
func fraction(text []byte) (nanos, n int) {
	if len(text) < 2 || text[0] != '.' && text[0] != ',' || !IsDigit(text[1]) {
		return 0, 0
	}
	scale := 100_000_000
	for n = 1; n < len(text) && IsDigit(text[n]); n++ {
		nanos += int(text[n]-'0') * scale
		scale /= 10
	}
	return nanos, n
}

// zoneOffset reads "Z", "+0100" or "+01:00", after at most one blank, as
// seconds east of Greenwich.
func zoneOffset(text []byte) (offset, n int, ok bool) {
	if len(text) > 0 && text[0] == 'Z' {
		return 0, 1, true
	}
	if len(text) > 0 && text[0] == ' ' {
		n = 1
	}
	if len(text) < n+5 || text[n] != '+' && text[n] != '-' {
		return 0, 0, false
	}
	sign := 1
	if text[n] == '-' {
		sign = -1
	}
	hours, ok1 := Number(text[n+1 : n+3])
	n += 3
	if text[n] == ':' {
		n++
	}
	if len(text) < n+2 {
		return 0, 0, false
	}
	minutes, ok2 := Number(text[n : n+2])
	return sign * (hours*3600 + minutes*60), n + 2, ok1 && ok2 && hours < 24 && minutes < 60
}

var months = map[string]time.Month{
	"Jan": time.January, "Feb": time.February, "Mar": time.March, "Apr": time.April,
	"May": time.May, "Jun": time.June, "Jul": time.July, "Aug": time.August,
	"Sep": time.September, "Oct": time.October, "Nov": time.November, "Dec": time.December,
}

// Number reads decimal digits and nothing else; up to ten of them.
func Number(text []byte) (int, bool) {
	n := 0
	for _, b := range text {
		if !IsDigit(b) {
			return 0, false
		}
		n = n*10 + int(b-'0')
	}
	return n, len(text) > 0 && len(text) <= 10
}

// IsDigit knows ASCII digits only, as servers print them.
func IsDigit(b byte) bool { return b >= '0' && b <= '9' }
