package house

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestNoInit: what runs before main cannot be seen from main.
func TestNoInit(t *testing.T) {
	each(t, anyFile, func(_ *source, n ast.Node) {
		if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
			t.Errorf("%s: an init function", at(f))
		}
	})
}

// stateful are the types whose variables exist to change.
var stateful = regexp.MustCompile(`\b(sync\.(Mutex|RWMutex|Once|Map|Pool|WaitGroup|Cond)|atomic\.\w+)\b|^(make\()?(<-)?chan\b`)

// TestNoPackageState: a package variable is a table, a compiled pattern, a
// sentinel error, or something computed once. It is never a place to keep
// things: nothing may assign to it or to a part of it, take its address, or
// call a method that could change it; channels and locks are refused as such.
func TestNoPackageState(t *testing.T) {
	for _, r := range house(t) {
		for _, fault := range packageState(r.files) {
			t.Error(fault)
		}
	}
}

// packageState lists the faults of one package. Tests may declare variables of
// their own for flags, and may change nothing of the package's.
func packageState(all []*source) []string {
	var faults []string
	uses, vars := resolve(all)
	for v, s := range vars {
		if s.test {
			continue
		}
		if t := typeText(v.spec); stateful.MatchString(t) {
			faults = append(faults, at(v.spec)+": package variable "+v.name+" keeps state: "+t)
		}
	}
	changed := func(e ast.Expr, how string) {
		id := rootOf(e)
		if id == nil {
			return
		}
		for v, s := range vars {
			if uses[id] == v.object && v.object != nil && !s.test {
				faults = append(faults, at(e)+": "+how+" package variable "+v.name)
			}
		}
	}
	for _, s := range all {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						changed(e, "assigns to")
					}
				}
			case *ast.IncDecStmt:
				changed(n.X, "counts in")
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					changed(n.Key, "assigns to")
					changed(n.Value, "assigns to")
				}
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, id.Name) {
					changed(n.Args[0], "changes")
				}
			}
			return true
		})
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

// A variable is a name that stands at package level.
type variable struct {
	name   string
	object types.Object
	spec   *ast.ValueSpec
}

// resolve says which package-level object each identifier means. Imports are
// not followed: nothing of ours depends on them here, and every error about
// them is expected.
func resolve(all []*source) (map[*ast.Ident]types.Object, map[variable]*source) {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	vars := map[variable]*source{}
	// Files of other platforms declare the same names again; tests of the
	// package's own name belong to it, external ones do not.
	byPackage := map[string][]*ast.File{}
	for _, s := range all {
		byPackage[s.ast.Name.Name] = append(byPackage[s.ast.Name.Name], s.ast)
	}
	for name, files := range byPackage {
		check(name, files, info)
	}
	for _, s := range all {
		for _, d := range s.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				spec := spec.(*ast.ValueSpec)
				for _, id := range spec.Names {
					vars[variable{id.Name, info.Defs[id], spec}] = s
				}
			}
		}
	}
	return info.Uses, vars
}

var errNotFollowed = errors.New("imports are not followed")

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errNotFollowed }

func check(name string, parsed []*ast.File, info *types.Info) {
	c := types.Config{Importer: noImporter{}, Error: func(error) {}}
	_, _ = c.Check(name, files, parsed, info) // the errors are those of the missing imports
}

// rootOf finds v in v, v.f, v[i], *v and (v).
func rootOf(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// typeText writes a variable's type, or what it is made of.
func typeText(spec *ast.ValueSpec) string {
	if spec.Type != nil {
		return types.ExprString(spec.Type)
	}
	var b strings.Builder
	for _, v := range spec.Values {
		b.WriteString(types.ExprString(v))
	}
	return b.String()
}

// TestPackageStateMeasure keeps the measure from going blind.
func TestPackageStateMeasure(t *testing.T) {
	for _, c := range []struct {
		name, text string
		faults     int
	}{
		{"bad: counter", "var n int\nfunc f() { n++ }", 1},
		{"bad: map", "var m = map[int]int{}\nfunc f() { m[1] = 2 }", 1},
		{"bad: field", "var s struct{ a int }\nfunc f() { s.a = 1 }", 1},
		{"bad: delete", "var m = map[int]int{}\nfunc f() { delete(m, 1) }", 1},
		{"bad: lock", "import \"sync\"\nvar mu sync.Mutex", 1},
		{"bad: channel", "var c = make(chan int)", 1},
		{"OK: table", "var t = []int{1, 2}\nfunc f() int { return t[0] }", 0},
		{"OK: a local of the same name", "var n int\nfunc f() { n := 0; n++ }", 0},
		{"OK: pattern", "import \"regexp\"\nvar p = regexp.MustCompile(\"a\")\nfunc f() bool { return p.MatchString(\"a\") }", 0},
		{"OK: once", "import \"sync\"\nvar f = sync.OnceValue(func() int { return 1 })", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parseText("package p\n" + c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := packageState([]*source{{path: "text.go", ast: s}}); len(got) != c.faults {
				t.Errorf("%d faults, want %d: %q", len(got), c.faults, got)
			}
		})
	}
}
