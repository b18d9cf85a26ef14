package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// modulePath is this module's name; go.mod has it, and TestModule compares.
const modulePath = "github.com/sipward/sipward"

// root is the module's directory, seen from this package's.
const root = "../.."

// A source is one Go file.
type source struct {
	path  string // from the root, with slashes
	test  bool
	text  []byte
	lines int
	ast   *ast.File
}

// A room is one package: its directory without "internal/".
type room struct {
	name  string
	files []*source // of every platform, sorted by path
}

// code gives the files that are not tests.
func (r *room) code() []*source {
	return slices.DeleteFunc(slices.Clone(r.files), func(s *source) bool { return s.test })
}

// tests gives the files that are tests.
func (r *room) tests() []*source {
	return slices.DeleteFunc(slices.Clone(r.files), func(s *source) bool { return !s.test })
}

// lines sums the lines of files.
func lines(files []*source) int {
	n := 0
	for _, f := range files {
		n += f.lines
	}
	return n
}

// files keeps the positions of everything that was parsed.
var files = token.NewFileSet()

// rooms reads the module's Go files once, of every platform.
var rooms = sync.OnceValues(func() ([]*room, error) {
	byName := map[string]*room{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "dist" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		s, err := parse(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(s.path)), "internal/")
		if byName[name] == nil {
			byName[name] = &room{name: name}
		}
		byName[name].files = append(byName[name].files, s)
		return nil
	})
	var all []*room
	for _, r := range byName {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *room) int { return strings.Compare(a.name, b.name) })
	return all, err
})

func parse(path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	relative = filepath.ToSlash(relative)
	file, err := parser.ParseFile(files, relative, text, parser.ParseComments|parser.SkipObjectResolution)
	return &source{
		path: relative, test: strings.HasSuffix(path, "_test.go"),
		text: text, lines: strings.Count(string(text), "\n"), ast: file,
	}, err
}

// parseText parses Go that a test wrote itself.
func parseText(text string) (*ast.File, error) {
	return parser.ParseFile(files, "text.go", text, parser.ParseComments|parser.SkipObjectResolution)
}

// house gives the rooms to a test.
func house(t *testing.T) []*room {
	t.Helper()
	all, err := rooms()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// each calls see for every node of every file that is wanted.
func each(t *testing.T, wanted func(*source) bool, see func(*source, ast.Node)) {
	t.Helper()
	for _, r := range house(t) {
		for _, s := range r.files {
			if !wanted(s) {
				continue
			}
			ast.Inspect(s.ast, func(n ast.Node) bool {
				if n != nil {
					see(s, n)
				}
				return true
			})
		}
	}
}

func anyFile(*source) bool    { return true }
func codeFile(s *source) bool { return !s.test }
func testFile(s *source) bool { return s.test }

// at says where something is: file:line.
func at(n ast.Node) string {
	p := files.Position(n.Pos())
	return p.Filename + ":" + itoa(p.Line)
}

// selector gives "time" and "Now" of time.Now.
func selector(n ast.Node) (of, name string) {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	if x, ok := s.X.(*ast.Ident); ok {
		of = x.Name
	}
	return of, s.Sel.Name
}

// document reads a file of the module.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// table gives the cells of the Markdown table in text whose header line begins
// with the given cells, without backquotes.
func table(t *testing.T, text string, header ...string) [][]string {
	t.Helper()
	var rows [][]string
	inside := false
	for line := range strings.Lines(text) {
		cells := cellsOf(line)
		switch {
		case len(cells) < len(header):
			if inside {
				return rows
			}
		case inside && !strings.HasPrefix(cells[0], "---"):
			rows = append(rows, cells)
		case slices.Equal(cells[:len(header)], header):
			inside = true
		}
	}
	if !inside {
		t.Fatalf("no table with the header %q", header)
	}
	return rows
}

func cellsOf(line string) []string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	cells := strings.Split(strings.Trim(line, "|"), "|")
	for i, c := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(c, "`", ""))
	}
	return cells
}
