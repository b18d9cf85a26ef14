package house

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestDocumented: every package and every exported name says what it is.
func TestDocumented(t *testing.T) {
	for _, r := range house(t) {
		described := false
		for _, s := range r.code() {
			described = described || s.ast.Doc != nil
			for _, d := range s.ast.Decls {
				for _, fault := range undocumented(d) {
					t.Errorf("%s: %s has no comment", at(d), fault)
				}
			}
		}
		if len(r.code()) > 0 && !described {
			t.Errorf("package %s has no comment", r.name)
		}
	}
}

// undocumented lists the exported names of a declaration that nothing describes.
func undocumented(d ast.Decl) []string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return nil
		}
		return undocumentedSpecs(d)
	}
	return nil
}

func undocumentedSpecs(d *ast.GenDecl) []string {
	var found []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				found = append(found, spec.Name.Name)
			}
		case *ast.ValueSpec:
			// One comment may speak for a block of constants or variables.
			for _, id := range spec.Names {
				if id.IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
					found = append(found, id.Name)
				}
			}
		}
	}
	return found
}

// exportedReceiver says whether others can call the method.
func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	e := f.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// TestCommentShare: comments say why, so there are some, and not too many. The
// share is that of the lines which are not blank, over the whole module.
func TestCommentShare(t *testing.T) {
	const least, most = 0.15, 0.25
	var comments, all int
	for _, r := range house(t) {
		c, a := 0, 0
		for _, s := range r.code() {
			c1, a1 := commentLines(s)
			c, a = c+c1, a+a1
		}
		if a > 0 {
			t.Logf("%-20s %5d lines, %4.1f %% comments", r.name, a, 100*float64(c)/float64(a))
		}
		comments, all = comments+c, all+a
	}
	share := float64(comments) / float64(all)
	t.Logf("all: %d lines, %.1f %% comments", all, 100*share)
	if share < least || share > most {
		t.Errorf("%.1f %% of the lines are comments, wanted are %.0f to %.0f", 100*share, 100*least, 100*most)
	}
}

// commentLines counts the lines with a comment and those that are not blank. A
// remark behind code makes its line count as both: half a line each would be
// exact, and nobody would be wiser.
func commentLines(s *source) (comments, all int) {
	for line := range strings.Lines(string(s.text)) {
		if strings.TrimSpace(line) != "" {
			all++
		}
	}
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			comments += 1 + strings.Count(c.Text, "\n")
		}
	}
	return comments, all
}
