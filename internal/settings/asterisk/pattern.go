package asterisk

import "strings"

// Endless says that an extension is a pattern which any characters may end, not
// only digits: "_X." and "_X!".
func Endless(exten string) bool {
	if !strings.HasPrefix(exten, "_") {
		return false
	}
	inSet := false
	for _, c := range exten {
		switch {
		case c == '[':
			inSet = true
		case c == ']':
			inSet = false
		case (c == '.' || c == '!') && !inSet:
			return true
		}
	}
	return false
}

// Free counts the digits of a pattern that the caller chooses.
func Free(exten string) int {
	if !strings.HasPrefix(exten, "_") {
		return 0
	}
	free, inSet := 0, false
	for _, c := range exten[1:] {
		switch {
		case c == '[':
			inSet = true
			free++
		case c == ']':
			inSet = false
		case inSet:
		case strings.ContainsRune("XxZzNn", c):
			free++
		}
	}
	return free
}

// Match says that a number is an extension: itself, or one that the pattern has.
// Hyphens in a pattern only make it legible.
func Match(exten, number string) bool {
	if !strings.HasPrefix(exten, "_") {
		return exten == number
	}
	pattern := exten[1:]
	for len(pattern) > 0 {
		c := pattern[0]
		pattern = pattern[1:]
		switch {
		case c == '-':
			continue
		case c == '!':
			return true
		case c == '.':
			return number != ""
		case number == "":
			return false
		}
		set := ""
		if c == '[' {
			end := strings.IndexByte(pattern, ']')
			if end < 0 {
				return false
			}
			set, pattern = pattern[:end], pattern[end+1:]
		}
		if !matches(c, set, number[0]) {
			return false
		}
		number = number[1:]
	}
	return number == ""
}

// matches says that one character of a pattern stands for a digit.
func matches(c byte, set string, digit byte) bool {
	switch c {
	case 'X', 'x':
		return digit >= '0' && digit <= '9'
	case 'Z', 'z':
		return digit >= '1' && digit <= '9'
	case 'N', 'n':
		return digit >= '2' && digit <= '9'
	case '[':
		for i := 0; i < len(set); i++ {
			if i+2 < len(set) && set[i+1] == '-' {
				if digit >= set[i] && digit <= set[i+2] {
					return true
				}
				i += 2
			} else if set[i] == digit {
				return true
			}
		}
		return false
	}
	return c == digit
}

// Raw says that a text holds a variable whose content is not cleaned: ${EXTEN},
// ${EXTEN:1}, ${CALLERID(num)}. What FILTER or a hash makes of it is clean.
func Raw(text, variable string) bool {
	var open []bool // of each "${" that is not closed, whether it cleans
	clean := 0
	for i := 0; i < len(text); i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			name := text[i+2:]
			if strings.HasPrefix(name, variable) && clean == 0 && endsName(name[len(variable):]) {
				return true
			}
			cleans := false
			for _, f := range []string{"FILTER(", "MD5(", "SHA1(", "LEN(", "MATH(", "BASE64_ENCODE(", "URIENCODE("} {
				cleans = cleans || strings.HasPrefix(name, f)
			}
			open = append(open, cleans)
			if cleans {
				clean++
			}
			i++
		case text[i] == '}' && len(open) > 0:
			if open[len(open)-1] {
				clean--
			}
			open = open[:len(open)-1]
		}
	}
	return false
}

// endsName says that a variable's name is over: EXTEN is not EXTENSION.
func endsName(rest string) bool {
	return rest == "" || strings.ContainsRune("}:(", rune(rest[0]))
}
