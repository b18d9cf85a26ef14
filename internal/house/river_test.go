package house

import (
	"go/ast"
	"slices"
	"testing"
)

// clocks are the functions of package time that look at the machine's clock.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// TestTimeIsData: the rooms of the river, the table and the hall take the time
// from the events, so that a capture replayed gives the verdicts of that day.
func TestTimeIsData(t *testing.T) {
	kinds, _ := plan(t)
	for _, r := range house(t) {
		if kinds[r.name] != "river" && kinds[r.name] != "hall" && kinds[r.name] != "noun" && kinds[r.name] != "brick" {
			continue
		}
		for _, s := range r.code() {
			ast.Inspect(s.ast, func(n ast.Node) bool {
				if of, name := selector(n); of == "time" && slices.Contains(clocks, name) {
					t.Errorf("%s: time.%s in %s, where time is data", at(n), name, r.name)
				}
				return true
			})
		}
	}
}

// TestNoBags: a map of anything has no meaning that a compiler could check.
func TestNoBags(t *testing.T) {
	kinds, _ := plan(t)
	for _, r := range house(t) {
		if kinds[r.name] == "view" || kinds[r.name] == "tool" {
			continue
		}
		for _, s := range r.code() {
			ast.Inspect(s.ast, func(n ast.Node) bool {
				if m, ok := n.(*ast.MapType); ok && anything(m.Value) {
					t.Errorf("%s: a map of anything", at(m))
				}
				return true
			})
		}
	}
}

func anything(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name == "any"
	case *ast.InterfaceType:
		return e.Methods.NumFields() == 0
	}
	return false
}
