package freeswitch

import (
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Node is an element of the settings with all that is in it.
type Node struct {
	Name     string
	Values   map[string]string // its attributes
	At       settings.Place
	Children []*Node
	used     []string
}

// Param is a name and a value: <param name="…" value="…"/> of any element.
type Param struct {
	Name, Value string
	At          settings.Place
	// Var is the variable that the value is all from, VarAt where that was set;
	// empty when the value stands in the element itself.
	Var   string
	VarAt settings.Place
	// Node is the element.
	Node *Node
}

// Known says that the value does not depend on what is only known while
// FreeSWITCH runs.
func (p Param) Known() bool { return !strings.Contains(p.Value, Unset) }

// From is the place to change for another value.
func (p Param) From() settings.Place {
	if p.Var != "" {
		return p.VarAt
	}
	return p.At
}

// Parse makes a tree of a document. Its root is no element itself.
func (r *Reader) Parse(d *Document) *Node {
	root := &Node{}
	open := []*Node{root}
	r.Elements(d, func(e *Element) {
		if e.Values == nil {
			open = open[:max(len(open)-1, 1)]
			return
		}
		n := &Node{Name: e.Name, Values: e.Values, At: e.At, used: e.used}
		top := open[len(open)-1]
		top.Children = append(top.Children, n)
		open = append(open, n)
	})
	return root
}

// All gives the elements of a name directly in it.
func (n *Node) All(name string) []*Node {
	var found []*Node
	if n != nil {
		for _, c := range n.Children {
			if c.Name == name {
				found = append(found, c)
			}
		}
	}
	return found
}

// Child gives the first element of a name directly in it, nil when there is
// none. Nil has no children.
func (n *Node) Child(name string) *Node {
	if all := n.All(name); len(all) > 0 {
		return all[0]
	}
	return nil
}

// Named gives the first element of a kind whose name attribute is as wanted, in
// any case: FreeSWITCH takes the first.
func (n *Node) Named(kind, name string) *Node {
	for _, c := range n.All(kind) {
		if strings.EqualFold(c.Values["name"], name) {
			return c
		}
	}
	return nil
}

// Walk shows all elements in it, parents first.
func (n *Node) Walk(show func(*Node)) {
	if n == nil {
		return
	}
	for _, c := range n.Children {
		show(c)
		c.Walk(show)
	}
}

// Param makes a Param of one attribute of an element.
func (r *Reader) Param(n *Node, attribute string) Param {
	p := Param{Name: n.Values["name"], Value: n.Values[attribute], At: n.At, Node: n}
	for _, name := range n.used {
		if value, ok := r.Vars[name]; ok && value == p.Value && value != "" {
			if at, ok := r.Set[name]; ok {
				p.Var, p.VarAt = name, at
			}
		}
	}
	return p
}

// Params gives the children of a kind, <param> or <variable>, in their order.
func (r *Reader) Params(n *Node, kind string) []Param {
	var found []Param
	for _, c := range n.All(kind) {
		found = append(found, r.Param(c, "value"))
	}
	return found
}

// Last is the last Param of a name, in any case: it overrides those before.
func Last(params []Param, name string) (Param, bool) {
	for i := len(params) - 1; i >= 0; i-- {
		if strings.EqualFold(params[i].Name, name) {
			return params[i], true
		}
	}
	return Param{}, false
}

// True is what FreeSWITCH takes for a yes.
func True(value string) bool {
	switch strings.ToLower(value) {
	case "yes", "on", "true", "t", "enabled", "active", "allow":
		return true
	}
	n, err := strconv.Atoi(value)
	return err == nil && n != 0
}
