// Package mend changes settings as an audit advises, and takes the change back.
// It makes only the edits that a check calls safe, shows them first as a patch,
// keeps what was there, and touches nothing that is not as the audit saw it.
package mend

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
)

// Plan is what would be changed, file by file.
type Plan struct {
	Files []File
	// Left are sentences on findings that a person has to mend.
	Left []string
}

// File is one file that would be changed.
type File struct {
	// Name is its path below the root.
	Name string
	// Servers are those whose settings it holds.
	Servers []string
	// IDs are the checks that pass once it is changed.
	IDs   []string
	edits []check.Edit
	old   []byte
}

// maxFile bounds a file that is changed: what is larger was not read whole.
const maxFile = 8 << 20

// New plans the edits of all that fails and is not accepted.
func New(files fs.FS, r *audit.Report) *Plan {
	p := &Plan{}
	byName := map[string]*File{}
	var order []string
	for i := range r.Results {
		result := &r.Results[i]
		if result.State != check.Fail || result.Accepted != "" {
			continue
		}
		if result.Edit == nil {
			p.Left = append(p.Left, result.ID+" "+result.Title+": "+result.Remedy())
			continue
		}
		f := byName[result.Edit.File]
		if f == nil {
			f = &File{Name: result.Edit.File}
			byName[f.Name] = f
			order = append(order, f.Name)
		}
		f.add(result)
	}
	for _, name := range order {
		f := byName[name]
		if err := f.read(files); err != nil {
			p.Left = append(p.Left, fmt.Sprintf("%s in /%s: %v", strings.Join(f.IDs, ", "), name, err))
			continue
		}
		p.Files = append(p.Files, *f)
	}
	return p
}

// add takes an edit, once.
func (f *File) add(r *check.Result) {
	if !slices.Contains(f.edits, *r.Edit) {
		f.edits = append(f.edits, *r.Edit)
	}
	if !slices.Contains(f.Servers, r.Server) {
		f.Servers = append(f.Servers, r.Server)
	}
	if !slices.Contains(f.IDs, r.ID) {
		f.IDs = append(f.IDs, r.ID)
	}
}

// read takes the text and sees that every edit fits it and no two touch.
func (f *File) read(files fs.FS) error {
	info, err := fs.Lstat(files, f.Name)
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("it is %v and not a plain file: mend it by hand", info.Mode().Type())
	}
	if info.Size() > maxFile {
		return fmt.Errorf("it is larger than %d bytes: mend it by hand", maxFile)
	}
	if f.old, err = fs.ReadFile(files, f.Name); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	slices.SortStableFunc(f.edits, func(a, b check.Edit) int { return a.Line - b.Line })
	lines := linesOf(f.old)
	next := 1
	for _, e := range f.edits {
		old := linesOf([]byte(e.Old))
		if e.Line < next || e.Line-1+len(old) > len(lines) || !slices.Equal(lines[e.Line-1:e.Line-1+len(old)], old) {
			return fmt.Errorf("line %d is not what the audit saw, or two changes meet there: audit again", e.Line)
		}
		next = e.Line + len(old)
	}
	return nil
}

// linesOf cuts a text into lines, each with its line break.
func linesOf(text []byte) []string {
	var lines []string
	for line := range bytes.Lines(text) {
		lines = append(lines, string(line))
	}
	return lines
}

// New is the text with all edits made.
func (f *File) New() []byte {
	var text strings.Builder
	lines := linesOf(f.old)
	at := 0
	for _, e := range f.edits {
		text.WriteString(strings.Join(lines[at:e.Line-1], ""))
		text.WriteString(e.New)
		at = e.Line - 1 + strings.Count(e.Old, "\n")
		if !strings.HasSuffix(e.Old, "\n") && e.Old != "" { // the last line of a file without a line break
			at++
		}
	}
	text.WriteString(strings.Join(lines[at:], ""))
	return []byte(text.String())
}

// Patch writes the changes in the form that patch(1) reads.
func (p *Plan) Patch(w io.Writer) error {
	for i := range p.Files {
		if err := p.Files[i].patch(w); err != nil {
			return fmt.Errorf("write patch: %w", err)
		}
	}
	return nil
}

// patch shows no lines around a change, for secrets may stand there.
func (f *File) patch(w io.Writer) error {
	var text strings.Builder
	fmt.Fprintf(&text, "--- a/%s\n+++ b/%s\n", f.Name, f.Name)
	shift := 0 // how much lower lines are in the new file
	for _, e := range f.edits {
		old, fresh := linesOf([]byte(e.Old)), linesOf([]byte(e.New))
		fmt.Fprintf(&text, "@@ -%s +%s @@\n", span(e.Line, len(old)), span(e.Line+shift, len(fresh)))
		marked(&text, "-", old)
		marked(&text, "+", fresh)
		shift += len(fresh) - len(old)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// span names lines as a patch does; no lines are told by the one before them.
func span(from, size int) string {
	if size == 0 {
		from--
	}
	return fmt.Sprintf("%d,%d", from, size)
}

// marked writes lines as a patch has them; a last one without a line break is
// said to have none.
func marked(w *strings.Builder, mark string, lines []string) {
	for _, line := range lines {
		w.WriteString(mark + line)
		if !strings.HasSuffix(line, "\n") {
			w.WriteString("\n\\ No newline at end of file\n")
		}
	}
}
