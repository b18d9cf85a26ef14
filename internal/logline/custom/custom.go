// Package custom reads lines by a pattern of the administrator's own: one file,
// one form of line. Such patterns are how blockers are turned against their
// owners, so a file is refused unless its pattern can be read in one way only,
// and unless the samples in it prove what it does:
//
//	name: edge
//	kind: auth.failed
//	gate: "AUTH-FAIL user="
//	pattern: '^AUTH-FAIL user="(?P<user>[^"]*)" from (?P<src>[0-9a-fA-F.:]+):(?P<port>[0-9]+)/(?P<transport>udp|tcp)$'
//	match:
//	  - AUTH-FAIL user="100" from 203.0.113.7:5071/udp
//	ignore:
//	  - AUTH-OK user="100" from 203.0.113.7:5071/udp
//
// The pattern sees a line without the time stamp, host and program in front.
package custom

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"

	"github.com/goccy/go-yaml"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// MaxSize is the largest file that is read; maxPattern bounds what each line
// costs.
const (
	MaxSize    = 64 << 10
	maxPattern = 2000
	minGate    = 3
)

// Pattern is a checked file. It is safe for any number of goroutines.
type Pattern struct {
	name, rule string
	kind       event.LogKind
	gate       []byte
	match      *regexp.Regexp
	groups     groups
	samples    int
}

// groups is where in a match each value stands; 0 for none.
type groups struct{ src, port, user, transport int }

// file is the file as it is written.
type file struct {
	Name    string   `yaml:"name"`
	Kind    string   `yaml:"kind"`
	Gate    string   `yaml:"gate"`
	Pattern string   `yaml:"pattern"`
	Match   []string `yaml:"match"`
	Ignore  []string `yaml:"ignore"`
}

// kinds is what a line can be evidence of.
var kinds = []event.LogKind{
	event.AuthFailed, event.UserUnknown, event.ACLDenied, event.CallRefused, event.RequestMalformed, event.RequestRefused,
	event.TransportRefused, event.AdminFailed, event.Scan,
}

// Parse checks a file and says everything that is wrong with it, a line each.
func Parse(text []byte) (*Pattern, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("the file is larger than %d KiB", MaxSize>>10)
	}
	var f file
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("read as YAML: %w", err)
	}
	p := &Pattern{name: f.Name, rule: "custom." + f.Name, gate: []byte(f.Gate), samples: len(f.Match) + len(f.Ignore)}
	faults := []error{p.setKind(f.Kind)}
	if !isName(f.Name) {
		faults = append(faults, errors.New("name: give one of small letters, digits and hyphens, as edge-proxy"))
	}
	if len(f.Gate) < minGate {
		faults = append(faults, fmt.Errorf("gate: give at least %d characters that stand in every line of this form", minGate))
	}
	if len(f.Match) == 0 {
		faults = append(faults, errors.New("match: give at least one line that must match"))
	}
	if len(f.Ignore) == 0 {
		faults = append(faults, errors.New("ignore: give at least one line that looks similar and must not match"))
	}
	if err := p.setPattern(f.Pattern); err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	faults = append(faults, p.try(f.Match, f.Ignore)...)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return p, nil
}

// Open reads and checks the file of that name.
func Open(name string) (*Pattern, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open pattern: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read pattern: %w", err)
	}
	p, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("check pattern %s: %w", name, err)
	}
	return p, nil
}

func (p *Pattern) setKind(word string) error {
	known := ""
	for _, kind := range kinds {
		if word == kind.String() {
			p.kind = kind
			return nil
		}
		known += " " + kind.String()
	}
	return fmt.Errorf("kind: %q is none; known:%s", word, known)
}

func isName(name string) bool {
	for _, b := range []byte(name) {
		if (b < 'a' || b > 'z') && !line.IsDigit(b) && b != '-' {
			return false
		}
	}
	return name != "" && len(name) <= 32
}

// try holds the pattern to the samples.
func (p *Pattern) try(match, ignore []string) []error {
	var faults []error
	for i, sample := range match {
		switch r := p.readSample(sample); {
		case !bytes.Contains([]byte(sample), p.gate):
			faults = append(faults, fmt.Errorf("match, sample %d: the gate does not stand in it: %.80q", i+1, sample))
		case r.Verdict == event.Unknown:
			faults = append(faults, fmt.Errorf("match, sample %d: the pattern does not match: %.80q", i+1, sample))
		case r.Verdict != event.Hostile:
			faults = append(faults, fmt.Errorf("match, sample %d: %s: %.80q", i+1, r.Note, sample))
		}
	}
	for i, sample := range ignore {
		if p.readSample(sample).Verdict != event.Unknown {
			faults = append(faults, fmt.Errorf("ignore, sample %d: the pattern matches: %.80q", i+1, sample))
		}
	}
	return faults
}

func (p *Pattern) readSample(sample string) line.Reading {
	return p.Read(line.ReadHeader([]byte(sample), &line.Clock{}))
}

// Samples is how many lines have proved the pattern.
func (p *Pattern) Samples() int { return p.samples }

// Read reads one line, without the header of syslog.
func (p *Pattern) Read(h line.Header) line.Reading {
	if !bytes.Contains(h.Text, p.gate) {
		return line.Reading{}
	}
	at := p.match.FindSubmatchIndex(h.Text)
	if at == nil {
		return line.Reading{}
	}
	value := func(group int) []byte {
		if group == 0 || at[2*group] < 0 {
			return nil
		}
		return h.Text[at[2*group]:at[2*group+1]]
	}
	// No torn line is put together for a form that we do not know; the pattern
	// itself leaves one way to read a line.
	r := line.Reading{Whole: true, Front: true, Log: event.Log{
		Verdict: event.Hostile, Kind: p.kind, Server: p.name, Rule: p.rule, User: value(p.groups.user),
	}}
	if len(r.User) == 0 {
		r.User = nil
	}
	source, ok := line.PlainEndpoint(value(p.groups.src))
	if ok && p.groups.port != 0 {
		source, ok = line.Endpoint(append(append(append([]byte("["), source.Addr().String()...), "]:"...), value(p.groups.port)...))
	}
	if !ok {
		r.Tamper("an address that is none")
		return r
	}
	r.Source = source
	r.Transport = line.Transport(bytes.ToUpper(value(p.groups.transport)))
	if line.HasControl(h.Text, h.Escaped) {
		r.Tamper("a control character inside a value")
	}
	return r
}
