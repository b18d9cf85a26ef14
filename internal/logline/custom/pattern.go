package custom

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// setPattern compiles the pattern, if a line can be read by it in one way only.
func (p *Pattern) setPattern(text string) error {
	if text == "" || len(text) > maxPattern {
		return fmt.Errorf("pattern: give a regular expression of at most %d characters", maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	parts := flatten(tree, nil)
	if len(parts) < 2 || parts[0].Op != syntax.OpBeginText || parts[len(parts)-1].Op != syntax.OpEndText {
		return errors.New("pattern: it must begin with ^ and end with $, outside of any (a|b): else it matches inside of other people's text")
	}
	if p.match, err = regexp.Compile(text); err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	slots := map[string]*int{"src": &p.groups.src, "port": &p.groups.port, "user": &p.groups.user, "transport": &p.groups.transport}
	for i, name := range p.match.SubexpNames() {
		slot := slots[name]
		switch {
		case name == "":
		case slot == nil:
			return fmt.Errorf("pattern: the group %s is not known; known: src, port, user, transport", name)
		case *slot != 0:
			return fmt.Errorf("pattern: the group %s stands there twice", name)
		default:
			*slot = i
		}
	}
	if !slices.ContainsFunc(parts, func(part *syntax.Regexp) bool { return part.Op == syntax.OpCapture }) {
		return errors.New("pattern: it needs a group (?P<src>…) for the address, not inside ( )? or (a|b)")
	}
	return checkBefore(parts)
}

// flatten lists the parts of a pattern in their order. Groups that hold a value
// are opened, but for src, which stays one part.
func flatten(node *syntax.Regexp, parts []*syntax.Regexp) []*syntax.Regexp {
	switch {
	case node.Op == syntax.OpConcat, node.Op == syntax.OpCapture && node.Name != "src":
		for _, sub := range node.Sub {
			parts = flatten(sub, parts)
		}
		return parts
	}
	return append(parts, node)
}

// checkBefore wants that nobody can move src by what he writes in front of it:
// there, whatever has no fixed length must end at a character that it cannot
// hold.
func checkBefore(parts []*syntax.Regexp) error {
	for i, part := range parts {
		if part.Op == syntax.OpCapture {
			return nil // src
		}
		if isFixed(part) {
			continue
		}
		class := repeated(part)
		if class == nil || i+1 == len(parts) || !endsAt(class, parts[i+1]) {
			return fmt.Errorf("pattern: %s stands before src and can hold what follows it, so a stranger's text could move the address: "+
				"let it end at a character that it cannot hold, as in \"[^\"]*\"", part)
		}
	}
	return nil
}

// isFixed says that a part has no repetition: words, and choices of words.
func isFixed(node *syntax.Regexp) bool {
	switch node.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat, syntax.OpCapture:
		return false
	}
	for _, sub := range node.Sub {
		if !isFixed(sub) {
			return false
		}
	}
	return true
}

// repeated gives what a repetition of single characters repeats, nil for any
// other part.
func repeated(node *syntax.Regexp) *syntax.Regexp {
	switch node.Op {
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		if sub := node.Sub[0]; sub.Op == syntax.OpCharClass || sub.Op == syntax.OpLiteral && len(sub.Rune) == 1 {
			return sub
		}
	}
	return nil
}

// endsAt says that a repetition of class ends where next begins.
func endsAt(class, next *syntax.Regexp) bool {
	if next.Op == syntax.OpCapture { // an address begins here
		return !holdsAny(class, "0123456789abcdefABCDEF:.[")
	}
	if next.Op != syntax.OpLiteral {
		return false
	}
	first := next.Rune[0]
	if next.Flags&syntax.FoldCase != 0 {
		for r := unicode.SimpleFold(first); r != first; r = unicode.SimpleFold(r) {
			if holdsAny(class, string(r)) {
				return false
			}
		}
	}
	return !holdsAny(class, string(first))
}

// holdsAny says that a class has one of the characters.
func holdsAny(class *syntax.Regexp, chars string) bool {
	if class.Op == syntax.OpLiteral {
		has := strings.ContainsRune(chars, class.Rune[0])
		return has || class.Flags&syntax.FoldCase != 0 && strings.ContainsRune(strings.ToLower(chars)+strings.ToUpper(chars), unicode.ToLower(class.Rune[0]))
	}
	for _, r := range chars {
		for i := 0; i+1 < len(class.Rune); i += 2 {
			if class.Rune[i] <= r && r <= class.Rune[i+1] {
				return true
			}
		}
	}
	return false
}
