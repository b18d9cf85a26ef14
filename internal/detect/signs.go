package detect

import "bytes"

// longestText is how much of a value is searched for signs. What is longer is
// a sign itself.
const longestText = 1024

// sign is a trace of text that was written for something else than SIP.
type sign struct {
	fault
	shown func(text []byte, where place) bool
}

// place says where a text stood.
type place uint8

const (
	// whole values are as they stood in the message.
	whole place = iota
	// decoded are user parts after their escapes were taken out: a control
	// character in one was put there with care.
	decoded
)

// decodedFields is how many of the fields that protocolAbuse looks at are
// decoded; they come first.
const decodedFields = 3

// signs is the table of them, heaviest first. The text is in lower case, and
// whatever a database takes for a blank is one blank.
var signs = []sign{
	{fault{"a line break inside a user name", faultAttack, ClassInjection}, lineBreak},
	{fault{"SQL in a name", faultAttack, ClassInjection}, sqlText},
	{fault{"a shell command in a name", faultAttack, ClassInjection}, shellText},
	{fault{"a template expression in a name", faultAttack, ClassInjection}, templateText},
	{fault{"a script for a browser in a name", faultAttack, ClassInjection}, scriptText},
	{fault{"a piece of a server's log in a name", faultAttack, ClassInjection}, logText},
	{fault{"a path out of its folder in a name", faultAttack, ClassInjection}, pathText},
	{fault{"a directory filter in a name", faultAttack, ClassInjection}, filterText},
	{fault{"format conversions in a name", faultAttack, ClassExploit}, formatText},
	{fault{"a run of control characters in a user name", faultAttack, ClassExploit}, manyControls},
	{fault{"a name of more than 1024 bytes", faultAttack, ClassExploit}, func(b []byte, _ place) bool { return len(b) >= longestText }},
	{fault{"a control character in a user name", faultStrange, ClassMalformed}, oneControl},
}

// trouble are the bytes of which every sign but excess needs one.
var trouble = func() (t [256]bool) {
	for c := range t {
		t[c] = c < ' ' || c == 0x7f || bytes.IndexByte([]byte("'\"`;$|&%<>{}\\=,(/*"), byte(c)) >= 0
	}
	return t
}()

// plain says that a text needs no closer look. Nearly all texts are.
func plain(text []byte) bool {
	if len(text) >= longestText {
		return false
	}
	for _, c := range text {
		if trouble[c] {
			return false
		}
	}
	return true
}

// signOf gives the heaviest sign that a text shows, or -1.
func signOf(text []byte, where place, scratch *[longestText]byte) int {
	if plain(text) {
		return -1
	}
	text = folded(text, scratch)
	for i := range signs {
		if signs[i].shown(text, where) {
			return i
		}
	}
	return -1
}

// folded writes a text in lower case, and blanks, plus signs and SQL's comments
// between two words as one blank.
func folded(text []byte, scratch *[longestText]byte) []byte {
	to := scratch[:0]
	for i := 0; i < len(text) && len(to) < longestText; i++ {
		c := text[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '+', c == '\t':
			c = ' '
		case c == '/' && bytes.HasPrefix(text[i:], []byte("/**/")):
			c = ' '
			i += 3
		}
		if c != ' ' || len(to) == 0 || to[len(to)-1] != ' ' {
			to = append(to, c)
		}
	}
	return to
}

// anyOf says that a text holds one of the words.
func anyOf(text []byte, words []string) bool {
	for _, w := range words {
		if bytes.Contains(text, []byte(w)) {
			return true
		}
	}
	return false
}

func lineBreak(text []byte, where place) bool {
	return where == decoded && bytes.ContainsAny(text, "\r\n") || anyOf(text, []string{"%0d%0a", "%0a", "%0d"})
}

func controls(text []byte) (n int) {
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			n++
		}
	}
	return n
}

func oneControl(text []byte, where place) bool   { return where == decoded && controls(text) > 0 }
func manyControls(text []byte, where place) bool { return where == decoded && controls(text) >= 8 }

var (
	// Calls and names that are SQL by themselves.
	sqlCalls = []string{"sleep(", "benchmark(", "pg_sleep", "load_file(", "extractvalue(", "updatexml(", "xp_cmdshell",
		"information_schema", "into outfile", "waitfor delay", "or 1=1", "or '1'='1"}
	// Statements, which people's names may resemble: they need a quote, a
	// semicolon or a comment beside them.
	sqlWords  = []string{"drop table", "drop database", "delete from ", "insert into ", "truncate table", "alter table", "exec sp_"}
	sqlBreaks = []string{"'", "\"", ";", "--", "/*"}
	sqlUnions = []string{"union select", "union all select", "union distinct select"}
	sqlLists  = []string{"'", "\"", ";", "--", ",", "*", " null"}
	// What follows the quote that ends a value.
	sqlEnds  = []string{"--", " --", ";--", "; --", ");--", ") --", "||'"}
	sqlTails = []string{"or ", "or'", "or(", "or\"", "and ", "and'", "and(", "and\"", "|| "}
)

// sqlText is a comparison, a comment or a statement behind a quote that ends a
// value. "O'Brien" and "L'Or Noir" compare nothing.
func sqlText(text []byte, _ place) bool {
	if anyOf(text, sqlCalls) || anyOf(text, sqlWords) && anyOf(text, sqlBreaks) ||
		anyOf(text, sqlUnions) && anyOf(text, sqlLists) {
		return true
	}
	compares := bytes.LastIndexAny(text, "=<>")
	for i, c := range text {
		if c != '\'' && c != '"' {
			continue
		}
		rest := text[i+1:]
		for _, end := range sqlEnds {
			if bytes.HasPrefix(rest, []byte(end)) {
				return true
			}
		}
		if i >= compares {
			continue
		}
		rest = bytes.TrimLeft(rest, " )")
		for _, tail := range sqlTails {
			if bytes.HasPrefix(rest, []byte(tail)) {
				return true
			}
		}
	}
	return false
}

var (
	shellPaths    = []string{"/etc/passwd", "/etc/shadow", "/bin/sh", "/bin/bash", "/dev/tcp/", "cmd.exe", "${ifs}", "powershell -", "`id`", "`whoami`", "$(id)", "$(whoami)"}
	shellCommands = []string{"wget ", "curl ", "nc -", "bash -", "sh -", "cat /", "ping -", "rm -", "nslookup ", "python ", "python3 ",
		"perl -", "php -", "busybox ", "chmod ", "uname -", "whoami", "touch /", "tftp ", "telnet ", "sleep "}
)

// shellText is a command behind a character that begins one. "$(MA)" and
// "${EXTEN}", which are left over where somebody forgot to fill them in, are
// none.
func shellText(text []byte, _ place) bool {
	if anyOf(text, shellPaths) {
		return true
	}
	for i, c := range text {
		switch c {
		case ';', '|', '&', '`', '(':
			if c == '(' && (i == 0 || text[i-1] != '$') {
				continue
			}
			rest := bytes.TrimLeft(text[i+1:], " ")
			for _, command := range shellCommands {
				if bytes.HasPrefix(rest, []byte(command)) {
					return true
				}
			}
		}
	}
	return false
}

// templateText is an expression that something would work out. A placeholder
// that nobody filled in ("{{user}}", "${EXTEN:1}") computes nothing.
func templateText(text []byte, _ place) bool {
	if anyOf(text, []string{"${jndi:", "${${", "${lower:", "${upper:", "${env:", "${sys:", "${::-", "<%=", "__class__", "__import__", "getruntime(", "#{t("}) {
		return true
	}
	for i := bytes.IndexByte(text, '{'); i >= 0 && i+1 < len(text); {
		inside := bytes.TrimLeft(text[i+1:], "{ '")
		digits := 0
		for digits < len(inside) && '0' <= inside[digits] && inside[digits] <= '9' {
			digits++
		}
		if digits > 0 && digits < len(inside) && inside[digits] == '*' {
			return true
		}
		next := bytes.IndexByte(text[i+1:], '{')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

func scriptText(text []byte, _ place) bool {
	return anyOf(text, []string{"<script", "</script", "javascript:", "onerror=", "onload=", "<img ", "<svg", "<iframe"})
}

// logText is a clause of a server's log, put where the server will print it:
// whoever reads the log by a pattern takes the address in it for the sender's.
func logText(text []byte, _ place) bool {
	return anyOf(text, []string{"failed for '", "' - wrong password", "' - no matching", "remoteaddress=\"", "securityevent=\"",
		"rejected because extension"}) && anyOf(text, []string{"'", "\"", "["})
}

func pathText(text []byte, _ place) bool { return anyOf(text, []string{"../../", "..\\..\\"}) }

func filterText(text []byte, _ place) bool { return anyOf(text, []string{"*)(", ")(|(", ")(&("}) }

// formatText is a row of conversions of C's printf, of which one that writes
// counts double.
func formatText(text []byte, _ place) bool {
	score := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			continue
		}
		for i++; i < len(text) && bytes.IndexByte([]byte("0123456789$.*hl-#"), text[i]) >= 0; i++ {
		}
		if i == len(text) {
			break
		}
		switch text[i] {
		case 'n':
			score += 2
		case 's', 'x', 'p', 'd':
			score++
		}
	}
	return score >= 4
}
