package house

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// Sizes that a reader can hold in the head. Lines count as an editor shows them.
const (
	mostOfPackage  = 2500
	mostOfFile     = 800
	usualFile      = 400 // nine files in ten are no longer
	longFunction   = 80  // one function in a hundred may be longer
	mostOfFunction = 150 // and none longer than this
	mostMethods    = 5   // of an interface
	mostFields     = 25  // of a struct
	mostParameters = 5
	mostNesting    = 5
)

func TestPackageSize(t *testing.T) {
	for _, r := range house(t) {
		// A stub for other systems is never read together with what it stands for.
		code := slices.DeleteFunc(r.code(), func(s *source) bool { return strings.HasSuffix(s.path, "_others.go") })
		if n := lines(code); n > mostOfPackage {
			t.Errorf("package %s has %d lines, more than %d: it is two rooms", r.name, n, mostOfPackage)
		}
	}
}

func TestFileSize(t *testing.T) {
	var sizes []int
	for _, r := range house(t) {
		for _, s := range r.files {
			if ast.IsGenerated(s.ast) {
				continue
			}
			if s.lines > mostOfFile {
				t.Errorf("%s has %d lines, more than %d", s.path, s.lines, mostOfFile)
			}
			if !s.test {
				sizes = append(sizes, s.lines)
			}
		}
	}
	slices.Sort(sizes)
	t.Logf("%d files, median %d lines, longest %d", len(sizes), sizes[len(sizes)/2], sizes[len(sizes)-1])
	if n := sizes[len(sizes)*9/10]; n > usualFile {
		t.Errorf("one file in ten has %d lines or more, above %d", n, usualFile)
	}
}

func TestFunctionSize(t *testing.T) {
	var all int
	var long []string
	each(t, codeFile, func(_ *source, n ast.Node) {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			return
		}
		all++
		n0, n1 := files.Position(f.Pos()).Line, files.Position(f.End()).Line
		size := n1 - n0 + 1
		if size > mostOfFunction {
			t.Errorf("%s: %s has %d lines, more than %d", at(f), f.Name.Name, size, mostOfFunction)
		}
		if size > longFunction {
			long = append(long, fmt.Sprintf("%s %s %d", at(f), f.Name.Name, size))
		}
	})
	if 100*len(long) > all {
		t.Errorf("%d of %d functions have more than %d lines, which only one in a hundred may: %q", len(long), all, longFunction, long)
	}
}

// TestShapes bounds interfaces, structs and parameter lists. Two bools in a row
// are refused everywhere: a caller cannot tell which is which.
func TestShapes(t *testing.T) {
	each(t, anyFile, func(s *source, n ast.Node) {
		switch n := n.(type) {
		case *ast.InterfaceType:
			if c := count(n.Methods); c > mostMethods {
				t.Errorf("%s: an interface of %d methods, more than %d", at(n), c, mostMethods)
			}
		case *ast.StructType:
			if c := count(n.Fields); c > mostFields && !s.test {
				t.Errorf("%s: a struct of %d fields, more than %d", at(n), c, mostFields)
			}
		case *ast.FuncType:
			if c := count(n.Params); c > mostParameters && !s.test {
				t.Errorf("%s: %d parameters, more than %d", at(n), c, mostParameters)
			}
			if bools(n.Params) > 1 {
				t.Errorf("%s: two bools in a row", at(n))
			}
		}
	})
}

// count counts names; an embedded or unnamed one counts too.
func count(list *ast.FieldList) int {
	n := 0
	for _, f := range list.List {
		n += max(1, len(f.Names))
	}
	return n
}

// bools is the longest run of bool parameters.
func bools(list *ast.FieldList) int {
	longest, run := 0, 0
	for _, f := range list.List {
		if id, ok := f.Type.(*ast.Ident); ok && id.Name == "bool" {
			run += max(1, len(f.Names))
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// TestNesting bounds how deep a reader must remember conditions. An else-if is
// as deep as its if; a case stands at the depth of its switch.
func TestNesting(t *testing.T) {
	for _, r := range house(t) {
		for _, s := range r.code() {
			for _, d := range s.ast.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
					if deep := nesting(f.Body); deep > mostNesting {
						t.Errorf("%s: %s nests %d deep, more than %d", at(f), f.Name.Name, deep, mostNesting)
					}
				}
			}
		}
	}
}

// nesting is how many loops and choices stand inside each other in n at most.
func nesting(n ast.Node) int {
	deepest := 0
	ast.Inspect(n, func(m ast.Node) bool {
		if m == nil || m == n {
			return true
		}
		switch m := m.(type) {
		case *ast.IfStmt:
			d := 1 + nesting(m.Body)
			if m.Else != nil {
				d = max(d, elseNesting(m.Else))
			}
			deepest = max(deepest, d)
			return false
		case *ast.ForStmt:
			deepest = max(deepest, 1+nesting(m.Body))
			return false
		case *ast.RangeStmt:
			deepest = max(deepest, 1+nesting(m.Body))
			return false
		case *ast.SwitchStmt:
			deepest = max(deepest, 1+nesting(m.Body))
			return false
		case *ast.TypeSwitchStmt:
			deepest = max(deepest, 1+nesting(m.Body))
			return false
		case *ast.SelectStmt:
			deepest = max(deepest, 1+nesting(m.Body))
			return false
		case *ast.FuncLit:
			deepest = max(deepest, nesting(m.Body)) // a function of its own
			return false
		}
		return true
	})
	return deepest
}

func elseNesting(s ast.Stmt) int {
	if i, ok := s.(*ast.IfStmt); ok {
		d := 1 + nesting(i.Body)
		if i.Else != nil {
			d = max(d, elseNesting(i.Else))
		}
		return d
	}
	return 1 + nesting(s)
}

// TestNestingMeasure keeps the measure itself from going blind.
func TestNestingMeasure(t *testing.T) {
	for _, c := range []struct {
		body string
		want int
	}{
		{"", 0},
		{"if a { b() }", 1},
		{"if a { b() } else if c { d() } else { e() }", 1},
		{"for { if a { b() } }", 2},
		{"switch { case a: for { if b { c() } } }", 3},
		{"f(func() { for { if a { b() } } })", 2},
	} {
		s, err := parseText("package p; func f() {" + c.body + "}")
		if err != nil {
			t.Fatal(err)
		}
		if got := nesting(s.Decls[0].(*ast.FuncDecl).Body); got != c.want {
			t.Errorf("%s: %d, want %d", c.body, got, c.want)
		}
	}
}
