package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth bounds nesting; our own keys need three levels. The parser recurses.
const maxDepth = 16

// tree reads text as plain YAML: one document without the parts of YAML that
// nobody needs here and that surprise or bomb (anchors, aliases, tags, merge
// keys, directives). It gives nil for an empty document.
func tree(name string, r io.Reader) (ast.Node, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if errors.Is(err, syscall.EISDIR) {
		return nil, mistake(name, 1, 1, "it is a folder", "name the settings file in it")
	}
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if len(text) > maxBytes {
		return nil, mistake(name, 1, 1, "the file is larger than 1 MiB", "is this a settings file?")
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // some editors write a byte order mark
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if e := plainText(name, text); e != nil {
		return nil, e
	}
	tokens := lexer.Tokenize(string(text))
	if e := plainTokens(name, tokens); e != nil {
		return nil, e
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxError(name, err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil
	}
	return file.Docs[0].Body, nil
}

// plainText refuses what no text editor writes. It runs before the lexer, so
// that the lexer sees only clean text.
func plainText(name string, text []byte) *Error {
	for number, line := range bytes.Split(text, []byte("\n")) {
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if tab := bytes.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(line) {
			return mistake(name, number+1, tab+1, "a tab stands in the indentation", "indent with spaces")
		}
		column := 0
		for rest := line; len(rest) > 0; column++ {
			c, size := utf8.DecodeRune(rest)
			rest = rest[size:]
			switch {
			case c == utf8.RuneError && size == 1:
				return mistake(name, number+1, column+1, "this is not UTF-8 text", "write the file as UTF-8 text")
			case c < ' ' && c != '\t', c >= 0x7f && c < 0xa0, c == '\ufeff':
				return mistake(name, number+1, column+1, fmt.Sprintf("the control character U+%04X stands here", c), "remove it")
			}
		}
	}
	return nil
}

// unwanted are the parts of YAML that a settings file has no use for.
var unwanted = map[token.Type]string{
	token.AnchorType:     "anchors (&) are not used here",
	token.AliasType:      "aliases (*) are not used here",
	token.TagType:        "tags (!) are not used here",
	token.MergeKeyType:   "merge keys (<<) are not used here",
	token.MappingKeyType: "complex keys (?) are not used here",
	token.DirectiveType:  "directives (%) are not used here",
	token.LiteralType:    "block text (|) is not used here",
	token.FoldedType:     "folded text (>) is not used here",
}

// plainTokens refuses unwanted YAML and deep nesting, before the parser, which
// recurses, sees it.
func plainTokens(name string, tokens token.Tokens) *Error {
	depth, dashes, line, documents := 0, 0, 0, 0
	for i, tk := range tokens {
		at := tk.Position
		if at.Line != line {
			line, dashes = at.Line, 0
		}
		if why := unwanted[tk.Type]; why != "" {
			return mistake(name, at.Line, at.Column, why, "write the value out, in quotes if that sign belongs to it")
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType:
			dashes++
		case token.DocumentHeaderType:
			if documents++; documents > 1 || i > 0 && !onlyComments(tokens[:i]) {
				return mistake(name, at.Line, at.Column, "a second document begins here", "keep one document in a file; conf.d takes further files")
			}
		}
		if depth > maxDepth || dashes > maxDepth {
			return mistake(name, at.Line, at.Column, "lists are nested too deeply", "two levels are enough for every key")
		}
	}
	return nil
}

func onlyComments(tokens token.Tokens) bool {
	for _, tk := range tokens {
		if tk.Type != token.CommentType {
			return false
		}
	}
	return true
}

// syntaxError puts the parser's complaint into our form.
func syntaxError(name string, err error) error {
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil || e.GetToken().Position == nil {
		return mistake(name, 1, 1, err.Error(), syntaxHint)
	}
	at := e.GetToken().Position
	return mistake(name, max(1, at.Line), max(1, at.Column), firstLine(e.GetMessage()), syntaxHint)
}

const syntaxHint = "check the quotes, brackets, colons and indentation here"

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func mistake(file string, line, column int, why, do string) *Error {
	return &Error{File: file, Line: line, Column: column, Mistake: Mistake{Why: why, Do: do}}
}
