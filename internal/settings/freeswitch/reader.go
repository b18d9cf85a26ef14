// Package freeswitch reads FreeSWITCH's settings as FreeSWITCH does: its
// preprocessor first, then XML.
package freeswitch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Document is FreeSWITCH's settings after its preprocessor: the text, and where
// each line came from.
type Document struct {
	text  bytes.Buffer
	lines []settings.Place
}

// preprocess is <X-PRE-PROCESS cmd="include" data="vars.xml"/>. FreeSWITCH
// carries these out inside of comments too.
var preprocess = regexp.MustCompile(`(?i)<X-PRE-PROCESS\s+cmd\s*=\s*["']([^"']*)["']\s+data\s*=\s*["']([^"']*)["']\s*/?>`)

// variable is $${name}.
var variable = regexp.MustCompile(`\$\$\{([^}\s]{1,64})\}`)

// maxVars is how many global variables there may be.
const maxVars = 1024

// Unset stands for a variable that nobody has set; it can be in no host name.
const Unset = "$"

// Reader reads FreeSWITCH's settings, and knows its global variables.
type Reader struct {
	Tree *settings.Tree
	Vars map[string]string
}

// Load reads a file and what it includes, relative to its own folder.
func (r *Reader) Load(name string) *Document {
	d := &Document{}
	r.file(d, name, 0)
	return d
}

func (r *Reader) file(d *Document, name string, depth int) {
	if depth > settings.MaxDepth {
		r.Tree.Problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	number := 0
	for line := range strings.Lines(string(r.Tree.Read(name))) {
		number++
		line = r.expand(strings.TrimRight(line, "\r\n"))
		if !r.Tree.More(len(line)) {
			return
		}
		commands := preprocess.FindAllStringSubmatch(line, 64)
		if commands != nil {
			line = preprocess.ReplaceAllString(line, "")
		}
		d.text.WriteString(line + "\n")
		d.lines = append(d.lines, settings.Place{File: name, Line: number})
		for _, c := range commands {
			r.command(d, strings.ToLower(c[1]), c[2], settings.Place{File: name, Line: number}, depth)
		}
	}
}

func (r *Reader) command(d *Document, verb, data string, at settings.Place, depth int) {
	switch verb {
	case "set", "env-set", "stun-set":
		if key, value, ok := strings.Cut(data, "="); ok && len(r.Vars) < maxVars {
			r.Vars[key] = value
		}
	case "include":
		for _, name := range r.Tree.Match(settings.Inside(path.Dir(at.File), data)) {
			r.file(d, name, depth+1)
		}
	case "exec", "exec-set":
		r.Tree.Note("what the program at %s writes is not known", at)
	}
}

// expand puts in the values of variables, once: values are not expanded again.
func (r *Reader) expand(line string) string {
	if !strings.Contains(line, "$${") {
		return line
	}
	const longest = 64 << 10
	line = variable.ReplaceAllStringFunc(line, func(use string) string {
		if value, known := r.Vars[use[3:len(use)-1]]; known {
			return value
		}
		return Unset
	})
	return line[:min(len(line), longest)]
}

// Element is a start tag, with the names of those around it.
type Element struct {
	Name   string
	Around []string
	Values map[string]string
	At     settings.Place
}

// Inside says that the element stands somewhere in another.
func (e *Element) Inside(name string) bool {
	for _, n := range e.Around {
		if n == name {
			return true
		}
	}
	return false
}

// Elements shows each start tag, and each end tag with nil values, until the
// text ends or makes no sense.
func (r *Reader) Elements(d *Document, show func(e *Element)) {
	const deepest = 64
	reader := xml.NewDecoder(bytes.NewReader(d.text.Bytes()))
	reader.Strict = false
	reader.CharsetReader = func(_ string, text io.Reader) (io.Reader, error) { return text, nil }
	var around []string
	for {
		token, err := reader.Token()
		line, _ := reader.InputPos()
		at := settings.Place{}
		if len(d.lines) > 0 {
			at = d.lines[min(max(line-1, 0), len(d.lines)-1)]
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.Tree.Problem("%s: the XML is broken, and what follows is not read", at)
			return
		}
		switch tag := token.(type) {
		case xml.StartElement:
			e := &Element{Name: tag.Name.Local, Around: around, Values: map[string]string{}, At: at}
			for _, a := range tag.Attr {
				e.Values[a.Name.Local] = a.Value
			}
			show(e)
			if around = append(around, tag.Name.Local); len(around) > deepest {
				r.Tree.Problem("%s: elements lie too deep in each other", at)
				return
			}
		case xml.EndElement:
			around = around[:max(len(around)-1, 0)]
			show(&Element{Name: tag.Name.Local, Around: around, At: at})
		}
	}
}
