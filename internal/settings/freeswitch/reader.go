// Package freeswitch reads FreeSWITCH's settings as FreeSWITCH does: its
// preprocessor first, then XML.
package freeswitch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
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
	lines []origin
}

// origin is where a line came from, and which variables were used in it.
type origin struct {
	at   settings.Place
	used []string
}

// command is cmd="include" data="vars.xml" of an X-PRE-PROCESS tag.
var command = regexp.MustCompile(`(?i)cmd\s*=\s*["']([^"']*)["'].*?data\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// wrapping is what FreeSWITCH leaves out so that files may be XML by themselves.
var wrapping = regexp.MustCompile(`</?include>|<\?[^>]*(>|$)`)

// variable is $${name}.
var variable = regexp.MustCompile(`\$\$\{([^}\s]{1,64})\}`)

// maxVars is how many global variables there may be.
const maxVars = 1024

// Unset stands for what is only known while FreeSWITCH runs: a variable that no
// file sets, or that a program or the environment sets. It is of Unicode's
// private use, so no setting has it.
const Unset = "\ue000"

// Exec is the name of the element that stands where a program writes XML.
const Exec = "exec"

// Reader reads FreeSWITCH's settings, and knows its global variables.
type Reader struct {
	Tree *settings.Tree
	Vars map[string]string
	// Set is where each variable got its value; missing when it is given.
	Set map[string]settings.Place
	// Broken says that something is wrong with the XML, and where; FreeSWITCH does
	// not start with it, and what follows is not read.
	Broken string

	files map[string]bool // what was read
	full  bool            // no more is read
}

// Load reads a file and what it includes, relative to its own folder.
func (r *Reader) Load(name string) *Document {
	d := &Document{}
	r.file(d, name, 0)
	return d
}

// file goes through a file line by line, as FreeSWITCH does: it expands the
// variables of a line, then looks for commands in it, and pays no attention to
// XML, so commands in comments count too.
func (r *Reader) file(d *Document, name string, depth int) {
	if depth > settings.MaxDepth {
		r.Tree.Problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	number, skipping := 0, false
	if r.full {
		return
	}
	if r.files == nil {
		r.files = map[string]bool{}
	}
	r.files[name] = true
	for line := range strings.Lines(string(r.Tree.Read(name))) {
		number++
		line, used := r.expand(clean(line))
		if r.full = r.full || !r.Tree.More(len(line)); r.full {
			return
		}
		from := origin{settings.Place{File: name, Line: number}, used}
		if skipping {
			var ended bool
			if _, line, ended = strings.Cut(line, "-->"); !ended {
				continue
			}
			skipping = false
		}
		if strings.Contains(line, "<") {
			line = wrapping.ReplaceAllString(line, "")
		}
		if before, after, found := strings.Cut(line, "<!--#"); found && find(line) < 0 {
			body, behind, ended := strings.Cut(after, "-->")
			line, skipping = before+behind, !ended
			verb, data := commentCommand(body)
			r.command(d, verb, data, from, depth)
		}
		r.line(d, line, from, depth)
	}
}

// line carries out the commands of a line and adds what else is in it.
// FreeSWITCH forgets the rest of a line with a command: with a comment around the
// tag, what is included is therefore no comment. Elements on such a line, which
// FreeSWITCH would lose, are read: nobody runs files that are written so.
func (r *Reader) line(d *Document, line string, from origin, depth int) {
	commented := strings.Contains(line, "<!--") || strings.Contains(line, "-->")
	for {
		i := find(line)
		if i < 0 {
			d.add(line, from)
			return
		}
		if i == 0 || line[i-1] != '<' {
			return
		}
		tag, after, _ := strings.Cut(line[i:], "/>")
		if before := line[:i-1]; !commented && strings.TrimSpace(before) != "" {
			d.add(before, from)
		}
		if m := command.FindStringSubmatch(tag); m != nil {
			r.command(d, strings.ToLower(m[1]), m[2]+m[3], from, depth)
		}
		if commented || strings.TrimSpace(after) == "" {
			return
		}
		line = after
	}
}

// add appends a line of text.
func (d *Document) add(line string, from origin) {
	d.text.WriteString(line + "\n")
	d.lines = append(d.lines, from)
}

// clean takes away a line's end and what may be in no XML.
func clean(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if !strings.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c >= 0x7f }) {
		return line
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c == 0x7f || c >= 0xe000 && c <= 0xf8ff || c == 0xfffe || c == 0xffff {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(line, "?"))
}

// find is where X-PRE-PROCESS begins in a line, in any case; -1 if it is not
// there.
func find(line string) int {
	const word = "x-pre-process"
	for from := 0; ; {
		i := strings.Index(line[from:], "-")
		if i < 0 {
			return -1
		}
		if i += from; i > 0 && i-1+len(word) <= len(line) && strings.EqualFold(line[i-1:i-1+len(word)], word) {
			return i - 1
		}
		from = i + 1
	}
}

// commentCommand takes apart the older form <!--#set "a=b"-->.
func commentCommand(body string) (verb, data string) {
	verb, data, _ = strings.Cut(body, " ")
	if _, quoted, ok := strings.Cut(data, `"`); ok {
		if inner, _, ok := strings.Cut(quoted, `"`); ok {
			data = inner
		}
	}
	return strings.ToLower(verb), data
}

// command carries out a line of the preprocessor. A program is not run: what it
// would have set is unset.
func (r *Reader) command(d *Document, verb, data string, from origin, depth int) {
	at := from.at
	switch verb {
	case "set":
		r.set(data, at, true)
	case "env-set", "stun-set":
		r.set(data, at, false)
	case "exec-set":
		r.Tree.Note("what the program at %s writes is not known", at)
		r.set(data, at, false)
	case "include":
		for _, name := range r.Tree.Match(settings.Inside(path.Dir(at.File), data)) {
			r.file(d, name, depth+1)
		}
	case "exec":
		r.Tree.Note("what the program at %s writes is not known", at)
		d.add("<"+Exec+"/>", origin{at: at})
	}
}

// set gives a variable its value, known or not.
func (r *Reader) set(data string, at settings.Place, known bool) {
	key, value, ok := strings.Cut(data, "=")
	if key = strings.TrimRight(key, " "); !ok || len(r.Vars) >= maxVars {
		return
	}
	if value = strings.TrimLeft(value, " "); !known {
		value = Unset
	}
	r.Vars[key] = value
	if r.Set == nil {
		r.Set = map[string]settings.Place{}
	}
	r.Set[key] = at
}

// expand puts in the values of variables, once: values are not expanded again.
// It gives their names, too.
func (r *Reader) expand(line string) (string, []string) {
	if !strings.Contains(line, "$${") {
		return line, nil
	}
	const longest, most = 64 << 10, 16
	var used []string
	line = variable.ReplaceAllStringFunc(line, func(use string) string {
		name := use[3 : len(use)-1]
		if len(used) < most {
			used = append(used, name)
		}
		if value, known := r.Vars[name]; known {
			return value
		}
		return Unset
	})
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "")
	}
	return line, used
}

// Element is a start tag, with the names of those around it.
type Element struct {
	Name   string
	Around []string
	Values map[string]string
	At     settings.Place
	used   []string // variables of its line
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
		from := origin{}
		if len(d.lines) > 0 {
			from = d.lines[min(max(line-1, 0), len(d.lines)-1)]
		}
		at := from.at
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.broken("%s: the XML is broken, and what follows is not read", at)
			return
		}
		switch tag := token.(type) {
		case xml.StartElement:
			e := &Element{Name: tag.Name.Local, Around: around, Values: map[string]string{}, At: at, used: from.used}
			for _, a := range tag.Attr {
				e.Values[a.Name.Local] = a.Value
			}
			show(e)
			if around = append(around, tag.Name.Local); len(around) > deepest {
				r.broken("%s: elements lie too deep in each other", at)
				return
			}
		case xml.EndElement:
			around = around[:max(len(around)-1, 0):max(len(around)-1, 0)]
			show(&Element{Name: tag.Name.Local, Around: around, At: at})
		}
	}
}

// broken notes the first place from which on nothing is read.
func (r *Reader) broken(format string, at settings.Place) {
	r.Tree.Problem(format, at)
	if r.Broken == "" {
		r.Broken = fmt.Sprintf(format, at)
	}
}
