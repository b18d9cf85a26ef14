package house

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestErrorTexts: an error says which verb did not work on which object ("read
// journal: …"); that something failed is what an error is. A cause is wrapped,
// so that callers can ask errors.Is.
func TestErrorTexts(t *testing.T) {
	each(t, codeFile, func(_ *source, n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return
		}
		of, name := selector(call.Fun)
		format := of == "fmt" && name == "Errorf"
		if !format && (of != "errors" || name != "New") {
			return
		}
		text := literal(call.Args[0])
		if strings.Contains(text, "failed to") || strings.HasPrefix(text, "error ") {
			t.Errorf("%s: %q: name the verb and the object, not the failure", at(call), text)
		}
		if format && len(call.Args) > 1 && wrapsNothing(call) && !strings.Contains(text, "%w") {
			t.Errorf("%s: %q: wrap the cause with %%w", at(call), text)
		}
	})
}

// wrapsNothing says whether a cause is among the arguments.
func wrapsNothing(call *ast.CallExpr) bool {
	for _, a := range call.Args[1:] {
		if id, ok := a.(*ast.Ident); ok && (id.Name == "err" || strings.HasPrefix(id.Name, "err") && len(id.Name) > 3 && id.Name[3] >= 'A' && id.Name[3] <= 'Z') {
			return true
		}
	}
	return false
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		return l.Value
	}
	return ""
}

// TestErrorsAreNotRead: nothing is decided by an error's text, which is for
// people and changes with the weather.
func TestErrorsAreNotRead(t *testing.T) {
	each(t, codeFile, func(_ *source, n ast.Node) {
		switch n := n.(type) {
		case *ast.CallExpr:
			if of, name := selector(n.Fun); of == "strings" && (strings.HasPrefix(name, "Contains") || strings.HasPrefix(name, "Has") || strings.HasPrefix(name, "Index") || name == "EqualFold") {
				for _, a := range n.Args {
					if errorText(a) {
						t.Errorf("%s: looks into an error's text", at(n))
					}
				}
			}
		case *ast.BinaryExpr:
			if (n.Op == token.EQL || n.Op == token.NEQ) && (errorText(n.X) || errorText(n.Y)) {
				t.Errorf("%s: compares an error's text", at(n))
			}
		case *ast.SwitchStmt:
			if n.Tag != nil && errorText(n.Tag) {
				t.Errorf("%s: switches on an error's text", at(n))
			}
		}
	})
}

// errorText recognises x.Error().
func errorText(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 0 {
		return false
	}
	_, name := selector(call.Fun)
	return name == "Error"
}
