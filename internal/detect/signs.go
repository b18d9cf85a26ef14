package detect

import "bytes"

// longestText is how much of a value is searched for signs. What is longer is
// a sign itself.
const longestText = 1024

// sign is a trace of text that was written for something else than SIP.
type sign struct {
	fault
	// needs are kinds of bytes: without any of them nobody needs to look.
	needs mask
	shown func(text []byte, where place) bool
}

// mask tells which kinds of bytes a text holds that mean something to somebody.
type mask uint16

const (
	hasControl mask = 1 << iota
	hasQuote
	hasSemicolon
	hasShell // | & ` $
	hasPercent
	hasAngle
	hasBrace
	hasParen
	hasSlash // both
	hasList  // , * =
	hasMuch  // longestText or more
)

// masks gives the kind of each byte.
var masks = func() (t [256]mask) {
	for c := range 0x20 {
		t[c] = hasControl
	}
	t[0x7f] = hasControl
	for kind, set := range map[mask]string{hasQuote: "'\"", hasSemicolon: ";", hasShell: "|&`$", hasPercent: "%",
		hasAngle: "<", hasBrace: "{", hasParen: "(", hasSlash: "/\\", hasList: ",*="} {
		for _, c := range []byte(set) {
			t[c] = kind
		}
	}
	return t
}()

func maskOf(text []byte) (m mask) {
	for _, c := range text {
		m |= masks[c]
	}
	if len(text) >= longestText {
		m |= hasMuch
	}
	return m
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
	{fault{"a line break inside a user name", faultAttack, ClassInjection}, hasControl | hasPercent, lineBreak},
	{fault{"SQL in a name", faultAttack, ClassInjection}, hasQuote | hasSemicolon | hasList | hasParen, sqlText},
	{fault{"a shell command in a name", faultAttack, ClassInjection}, hasShell | hasSemicolon | hasSlash, shellText},
	{fault{"a template expression in a name", faultAttack, ClassInjection}, hasBrace | hasAngle, templateText},
	{fault{"a script for a browser in a name", faultAttack, ClassInjection}, hasAngle | hasList, scriptText},
	{fault{"a piece of a server's log in a name", faultAttack, ClassInjection}, hasQuote, logText},
	{fault{"a path out of its folder in a name", faultAttack, ClassInjection}, hasSlash, pathText},
	{fault{"a directory filter in a name", faultAttack, ClassInjection}, hasParen, filterText},
	{fault{"format conversions in a name", faultAttack, ClassExploit}, hasPercent, formatText},
	{fault{"a run of control characters in a user name", faultAttack, ClassExploit}, hasControl, manyControls},
	{fault{"a name of more than 1024 bytes", faultAttack, ClassExploit}, hasMuch, func([]byte, place) bool { return true }},
	{fault{"a control character in a user name", faultStrange, ClassMalformed}, hasControl, oneControl},
}

// signOf gives the heaviest sign that a text shows, or -1. Most texts hold no
// byte of any kind, and most others few; each kind costs its own search only.
func signOf(text []byte, where place, scratch *[longestText]byte) int {
	m := maskOf(text)
	if m == 0 {
		return -1
	}
	text = folded(text, scratch)
	for i := range signs {
		if signs[i].needs&m != 0 && signs[i].shown(text, where) {
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

// endsIn says that a text ends in one of the words.
func endsIn(text []byte, words []string) bool {
	for _, w := range words {
		if bytes.HasSuffix(text, []byte(w)) {
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
	// Functions, known by the bracket behind them.
	sqlCalls = []string{"sleep", "benchmark", "load_file", "extractvalue", "updatexml"}
	// Statements, which people's names may resemble: they need a quote, a
	// semicolon or a comment beside them.
	sqlWords = []string{"drop table", "drop database", "delete from ", "insert into ", "truncate table", "alter table", "exec sp_",
		"xp_cmdshell", "information_schema", "into outfile", "waitfor delay"}
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
	if anyOf(text, sqlBreaks) && anyOf(text, sqlWords) || anyOf(text, sqlLists) && anyOf(text, sqlUnions) {
		return true
	}
	compares := bytes.LastIndexAny(text, "=<>")
	for i, c := range text {
		switch {
		case c == '(' && endsIn(text[:i], sqlCalls), c == '=' && bytes.HasSuffix(text[:i], []byte(" or 1")):
			return true
		case c != '\'' && c != '"':
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
	shellPaths    = []string{"/etc/passwd", "/etc/shadow", "/bin/sh", "/bin/bash", "/dev/tcp/", "${ifs}", "`id`", "`whoami`", "$(id)", "$(whoami)"}
	shellCommands = []string{"wget ", "curl ", "nc -", "bash -", "sh -", "cat /", "ping -", "rm -", "nslookup ", "python ", "python3 ",
		"perl -", "php -", "busybox ", "chmod ", "uname -", "whoami", "touch /", "tftp ", "telnet ", "sleep "}
)

// shellText is a command behind a character that begins one. "$(MA)" and
// "${EXTEN}", which are left over where somebody forgot to fill them in, are
// none.
func shellText(text []byte, _ place) bool {
	for i, c := range text {
		switch c {
		case '/', '$', '`':
			for _, path := range shellPaths {
				if bytes.HasPrefix(text[i:], []byte(path)) {
					return true
				}
			}
		}
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
