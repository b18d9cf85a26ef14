package pbx

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
)

// document is FreeSWITCH's settings after its preprocessor: the text, and where
// each line came from.
type document struct {
	text  bytes.Buffer
	lines []place
}

// preprocess is <X-PRE-PROCESS cmd="include" data="vars.xml"/>. FreeSWITCH
// carries these out inside of comments too.
var preprocess = regexp.MustCompile(`(?i)<X-PRE-PROCESS\s+cmd\s*=\s*["']([^"']*)["']\s+data\s*=\s*["']([^"']*)["']\s*/?>`)

// variable is $${name}.
var variable = regexp.MustCompile(`\$\$\{([^}\s]{1,64})\}`)

// unset stands for a variable that nobody has set; it can be in no host name.
const unset = "$"

// xmlReader reads FreeSWITCH's settings; vars are its global variables.
type xmlReader struct {
	tree *tree
	vars map[string]string
}

// load reads a file and what it includes, relative to its own folder.
func (r *xmlReader) load(name string) *document {
	d := &document{}
	r.file(d, name, 0)
	return d
}

func (r *xmlReader) file(d *document, name string, depth int) {
	if depth > maxDepth {
		r.tree.problem("/%s is not read: files include each other %d deep", name, depth)
		return
	}
	number := 0
	for line := range strings.Lines(string(r.tree.read(name))) {
		number++
		line = r.expand(strings.TrimRight(line, "\r\n"))
		if !r.tree.more(len(line)) {
			return
		}
		commands := preprocess.FindAllStringSubmatch(line, 64)
		if commands != nil {
			line = preprocess.ReplaceAllString(line, "")
		}
		d.text.WriteString(line + "\n")
		d.lines = append(d.lines, place{name, number})
		for _, c := range commands {
			r.command(d, strings.ToLower(c[1]), c[2], place{name, number}, depth)
		}
	}
}

func (r *xmlReader) command(d *document, verb, data string, at place, depth int) {
	switch verb {
	case "set", "env-set", "stun-set":
		if key, value, ok := strings.Cut(data, "="); ok && len(r.vars) < maxTrunks {
			r.vars[key] = value
		}
	case "include":
		for _, name := range r.tree.match(inside(path.Dir(at.file), data)) {
			r.file(d, name, depth+1)
		}
	case "exec", "exec-set":
		r.tree.note("what the program at %s writes is not known", at)
	}
}

// expand puts in the values of variables, once: values are not expanded again.
func (r *xmlReader) expand(line string) string {
	if !strings.Contains(line, "$${") {
		return line
	}
	const longest = 64 << 10
	line = variable.ReplaceAllStringFunc(line, func(use string) string {
		if value, known := r.vars[use[3:len(use)-1]]; known {
			return value
		}
		return unset
	})
	return line[:min(len(line), longest)]
}

// element is a start tag, with the names of those around it.
type element struct {
	name   string
	around []string
	values map[string]string
	at     place
}

// inside says that the element stands somewhere in another.
func (e *element) inside(name string) bool {
	for _, n := range e.around {
		if n == name {
			return true
		}
	}
	return false
}

// elements shows each start tag, and each end tag with nil values, until the
// text ends or makes no sense.
func (r *xmlReader) elements(d *document, show func(e *element)) {
	const deepest = 64
	reader := xml.NewDecoder(bytes.NewReader(d.text.Bytes()))
	reader.Strict = false
	reader.CharsetReader = func(_ string, text io.Reader) (io.Reader, error) { return text, nil }
	var around []string
	for {
		token, err := reader.Token()
		line, _ := reader.InputPos()
		at := place{}
		if len(d.lines) > 0 {
			at = d.lines[min(max(line-1, 0), len(d.lines)-1)]
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.tree.problem("%s: the XML is broken, and what follows is not read", at)
			return
		}
		switch tag := token.(type) {
		case xml.StartElement:
			e := &element{name: tag.Name.Local, around: around, values: map[string]string{}, at: at}
			for _, a := range tag.Attr {
				e.values[a.Name.Local] = a.Value
			}
			show(e)
			if around = append(around, tag.Name.Local); len(around) > deepest {
				r.tree.problem("%s: elements lie too deep in each other", at)
				return
			}
		case xml.EndElement:
			around = around[:max(len(around)-1, 0)]
			show(&element{name: tag.Name.Local, around: around, at: at})
		}
	}
}
