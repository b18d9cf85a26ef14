package pbx

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// omfile is rsyslog's action(type="omfile" file="/var/log/x").
var omfile = regexp.MustCompile(`(?i)action\s*\([^)]*file\s*=\s*"([^"]+)"`)

// programIs is rsyslog's condition on the name of a program, old and new.
var programIs = regexp.MustCompile(`(?i)(?:\$programname|\$syslogtag|:programname\s*,|:syslogtag\s*,)\s*(isequal|==|startswith|contains)\s*,?\s*['"]([^'"]+)['"]`)

// rule is a line of rsyslog's that writes into a file.
type rule struct {
	file string
	at   settings.Place
	rank int // byAll and better
}

// What a rule picks lines by; the best holds all of ours and few others.
const (
	byAll = iota + 1
	byFacility
	byProgram
)

// syslogFile finds the file that rsyslog writes a program's warnings to. A rule
// that names the program or facility is better than one for everything.
func (t *tree) syslogFile(facility, name string) (string, settings.Place) {
	var best rule
	for _, file := range append(t.Match("etc/rsyslog.d/*.conf"), "etc/rsyslog.conf", "etc/syslog.conf") {
		for _, r := range t.rules(file, facility, name) {
			if r.rank > best.rank {
				best = r
			}
		}
	}
	if best.file == "" && t.existing("etc/syslog-ng/syslog-ng.conf") != "" {
		t.Note("what syslog-ng does with its lines is not known: name its log under logs: in the settings")
	}
	return best.file, best.at
}

// rules lists a file's rules that take the program's warnings.
func (t *tree) rules(name, facility, program string) []rule {
	var found []rule
	number, open := 0, false // open: a condition on our program began, and its action is to come
	for line := range bytes.Lines(t.Read(name)) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == '$' || !t.More(len(text)) {
			continue
		}
		at := settings.Place{File: name, Line: number}
		if c := programIs.FindStringSubmatch(text); c != nil {
			open = matches(strings.ToLower(c[1]), c[2], program)
		}
		switch file := target(text); {
		case open && file != "":
			found = append(found, rule{file, at, byProgram})
			open = false
		case open:
		case file != "":
			if rank := selects(text, facility); rank > 0 {
				found = append(found, rule{file, at, rank})
			}
		}
	}
	return found
}

// matches compares a program's name as the rule says.
func matches(how, with, name string) bool {
	switch how {
	case "startswith":
		return strings.HasPrefix(name, with)
	case "contains":
		return strings.Contains(name, with)
	}
	return name == with
}

// target gives the file a rule writes to; empty for anything but a plain one.
func target(text string) string {
	if m := omfile.FindStringSubmatch(text); m != nil {
		return path.Clean(m[1])
	}
	words := strings.Fields(text)
	last := strings.TrimPrefix(words[len(words)-1], "-")
	if i := strings.IndexByte(last, ';'); i > 0 { // ;template
		last = last[:i]
	}
	if !strings.HasPrefix(last, "/") || strings.HasPrefix(last, "/dev/") {
		return ""
	}
	return path.Clean(last)
}

// selects tells whether a selector such as "*.*;auth,authpriv.none" takes a
// facility's warnings, 0 if not, else whether by its name. Later parts overrule
// earlier ones (syslog.conf(5)).
func selects(text, facility string) (rank int) {
	selector, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	for part := range strings.SplitSeq(selector, ";") {
		names, level, ok := strings.Cut(strings.ToLower(part), ".")
		if !ok {
			continue
		}
		for n := range strings.SplitSeq(names, ",") {
			switch {
			case n != "*" && n != facility:
			case !levelTakes(level):
				rank = 0
			case n == facility:
				rank = byFacility
			default:
				rank = max(rank, byAll)
			}
		}
	}
	return rank
}

// levelTakes tells whether a level takes warnings: itself and what is less
// severe do, since a selector means "and above".
func levelTakes(level string) bool {
	switch strings.TrimPrefix(level, "=") {
	case "*", "debug", "info", "notice":
		return !strings.HasPrefix(level, "=")
	case "warning", "warn":
		return true
	}
	return false
}
