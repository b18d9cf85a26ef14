package config

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// raw is what the files say, word for word and unchecked. Where several files
// give the same key, the later one wins; lists grow.
type raw struct {
	mode, backend, longest, scope, metrics, state word

	interfaces, allow, trunks, local []word
	listen                           []rawListen
	logs                             []rawLog
	ami, esl                         rawFeed
	hep                              rawHEP

	// origins tells where each key was last given.
	origins map[string]place
	// faults are the mistakes of form.
	faults faults
}

type rawListen struct {
	at              place
	port, transport word
}

type rawLog struct {
	at                    place
	file, journal, format word
	pattern               word
}

// word is one plain value and its place; without a place it was not given.
type word struct {
	text string
	at   place
}

func (w word) given() bool { return w.at.line > 0 }

// read adds one file's words. Its error is about the file as a whole; mistakes
// of form are kept, so that they are shown together with wrong values.
func (r *raw) read(name string, in io.Reader) error {
	root, err := tree(name, in)
	if err != nil || root == nil {
		return err
	}
	if r.origins == nil {
		r.origins = map[string]place{}
	}
	s := shape{file: name, origins: r.origins}
	s.fields("", root, map[string]taker{
		"mode":       s.word(&r.mode),
		"listen":     s.list(r.takeListen),
		"interfaces": s.words(&r.interfaces),
		"allow":      s.words(&r.allow),
		"trunks":     s.words(&r.trunks),
		"local":      s.words(&r.local),
		"logs":       s.list(r.takeLog),
		"feeds":      s.group(r.feedTakers(&s)),
		"hep":        r.takeHEP(&s),
		"enforce":    s.group(map[string]taker{"backend": s.word(&r.backend)}),
		"ban":        s.group(map[string]taker{"longest": s.word(&r.longest), "scope": s.word(&r.scope)}),
		"metrics":    s.word(&r.metrics),
		"state":      s.word(&r.state),
	})
	r.faults = append(r.faults, s.faults...)
	return nil
}

func (r *raw) takeListen(s *shape, key string, node ast.Node) {
	entry, before := rawListen{at: s.place(node)}, len(s.faults)
	s.fields(key, node, map[string]taker{"port": s.word(&entry.port), "transport": s.word(&entry.transport)})
	if len(s.faults) == before { // else something seems to be missing that is only misspelt
		r.listen = append(r.listen, entry)
	}
}

func (r *raw) takeLog(s *shape, key string, node ast.Node) {
	entry, before := rawLog{at: s.place(node)}, len(s.faults)
	s.fields(key, node, map[string]taker{
		"file": s.word(&entry.file), "journal": s.word(&entry.journal), "format": s.word(&entry.format),
		"pattern": s.word(&entry.pattern),
	})
	if len(s.faults) == before {
		r.logs = append(r.logs, entry)
	}
}

// shape walks one file's tree and notes what has the wrong form.
type shape struct {
	file    string
	origins map[string]place
	faults  faults
}

// taker takes the value of the key with the given dotted name.
type taker func(key string, node ast.Node)

func (s *shape) place(node ast.Node) place {
	at := node.GetToken().Position
	return place{s.file, max(1, at.Line), max(1, at.Column)}
}

// fields hands every value of a mapping to the taker of its key.
func (s *shape) fields(parent string, node ast.Node, takers map[string]taker) {
	pairs, ok := node.(ast.MapNode)
	if !ok {
		s.wrong(parent, node, "settings of the form \"key: value\"", example(parent))
		return
	}
	seen := map[string]place{}
	for pair := pairs.MapRange(); pair.Next(); {
		name, at := pair.Key().GetToken().Value, s.place(pair.Key())
		key := name
		if parent != "" {
			key = parent + "." + name
		}
		take := takers[name]
		if take == nil {
			s.faults.add(at, parent, unknownKey(name, parent, takers))
			continue
		}
		if first, ok := seen[name]; ok {
			s.faults.add(at, parent, Mistake{Word: name, Why: fmt.Sprintf("was given on line %d already", first.line), Do: "keep one of the two"})
			continue
		}
		seen[name] = at
		s.origins[key] = at
		take(key, pair.Value())
	}
}

// group takes a mapping below a key.
func (s *shape) group(takers map[string]taker) taker {
	return func(key string, node ast.Node) { s.fields(key, node, takers) }
}

// word takes one plain value.
func (s *shape) word(to *word) taker {
	return func(key string, node ast.Node) {
		if text, ok := scalar(node); ok {
			*to = word{text, s.place(node)}
			return
		}
		s.wrong(key, node, "one value", example(key))
	}
}

// list hands every entry of a list to take.
func (s *shape) list(take func(s *shape, key string, node ast.Node)) taker {
	return func(key string, node ast.Node) {
		entries, ok := node.(*ast.SequenceNode)
		if !ok {
			s.wrong(key, node, "a list", example(key))
			return
		}
		for _, entry := range entries.Values {
			take(s, key, entry)
		}
	}
}

// words takes a list of plain values.
func (s *shape) words(to *[]word) taker {
	return s.list(func(s *shape, key string, node ast.Node) {
		var w word
		if s.word(&w)(key, node); w.given() {
			*to = append(*to, w)
		}
	})
}

// scalar gives a plain value as it was written: 5060, yes and 1e3 are text
// here, and the check of the key says what they must be.
func scalar(node ast.Node) (string, bool) {
	switch node.Type() {
	case ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType, ast.InfinityType, ast.NanType:
		return node.GetToken().Value, true
	}
	return "", false
}

// wrong notes a value of the wrong form.
func (s *shape) wrong(key string, node ast.Node, want, do string) {
	at := s.place(node)
	got := "something else"
	switch node.Type() {
	case ast.NullType:
		got = "nothing"
		if node.GetToken().Type == token.ImplicitNullType {
			at = s.origin(key, at)
		}
	case ast.SequenceType:
		got = "a list"
	case ast.MappingType, ast.MappingValueType:
		got = "a mapping"
	default:
		if text, ok := scalar(node); ok {
			got = "the single value " + quote(text)
		}
	}
	s.faults.add(at, key, Mistake{Why: fmt.Sprintf("wants %s and has %s", want, got), Do: do})
}

// origin gives the place of the key itself: where a value is missing, that is
// the line the reader looks for.
func (s *shape) origin(key string, otherwise place) place {
	if at, ok := s.origins[key]; ok {
		return at
	}
	return otherwise
}

// unknownKey finds out what an unknown key was meant to be: a slip of the
// fingers, a key of another place, or a word that other products use.
func unknownKey(name, parent string, takers map[string]taker) Mistake {
	known := make([]string, 0, len(takers))
	for k := range takers {
		known = append(known, k)
	}
	slices.Sort(known)
	m := unknownWord(name, "is not a key", known)
	if Nearest(name, known) != "" {
		return m
	}
	full, isForeign := foreign[strings.ToLower(name)]
	for _, k := range keys {
		_, last, nested := cutLast(k.name, ".")
		if !nested {
			last = k.name
		}
		if last == strings.ToLower(name) && !isForeign {
			full, isForeign = k.name, true
		}
	}
	if isForeign && (parent == "" || !strings.HasPrefix(full, parent+".")) {
		m.Do = fmt.Sprintf("did you mean %q?", full)
		if parent != "" && !strings.Contains(full, ".") {
			m.Do = fmt.Sprintf("did you mean %q at the left margin?", full)
		}
	}
	return m
}

// foreign translates the words that people bring from other products.
var foreign = map[string]string{
	"ignoreip": "allow", "whitelist": "allow", "allowlist": "allow", "trusted": "allow", "permit": "allow",
	"carriers": "trunks", "providers": "trunks", "peers": "trunks", "gateways": "trunks",
	"ports": "listen", "bind": "listen", "sip_ports": "listen",
	"devices": "interfaces", "iface": "interfaces", "nics": "interfaces",
	"logpath": "logs", "logfile": "logs", "files": "logs",
	"bantime": "ban.longest", "maxbantime": "ban.longest", "action": "enforce.backend", "banaction": "enforce.backend",
	"homer": "hep.listen", "capture_address": "hep.listen",
	"home_net": "local", "localnet": "local", "statedir": "state", "datadir": "state", "prometheus": "metrics",
}
