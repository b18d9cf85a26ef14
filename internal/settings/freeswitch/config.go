package freeswitch

import (
	"path"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Config is all of FreeSWITCH's settings as it has them in memory: one document
// with a section for each kind.
type Config struct {
	*Reader
	Home string // the folder, below the root
	Root *Node
}

// usual is what freeswitch.xml includes in each section where nobody has changed
// it.
var usual = []struct{ section, pattern string }{
	{"configuration", "autoload_configs/*.xml"}, {"dialplan", "dialplan/*.xml"}, {"directory", "directory/*.xml"},
}

// Open reads the settings in a folder, from freeswitch.xml on. Where that is
// missing or has no sections the usual ones are read.
func Open(tree *settings.Tree, home string) *Config {
	r := &Reader{Tree: tree, Vars: map[string]string{"conf_dir": "/" + home, "base_dir": path.Dir("/" + home)}}
	c := &Config{Reader: r, Home: home, Root: r.Parse(r.Load(settings.Inside(home, "freeswitch.xml")))}
	if document := c.Root.Child("document"); document != nil {
		c.Root = document
	}
	if r.Broken != "" || len(c.Root.All("section")) > 0 {
		return c
	}
	d := r.Load(settings.Inside(home, "vars.xml"))
	at := origin{at: settings.Place{File: settings.Inside(home, "freeswitch.xml")}}
	for _, u := range usual {
		d.add(`<section name="`+u.section+`">`, at)
		for _, name := range tree.Match(settings.Inside(home, u.pattern)) {
			r.file(d, name, 1)
		}
		d.add("</section>", at)
	}
	c.Root = r.Parse(d)
	return c
}

// Section gives the section of a name, nil when there is none.
func (c *Config) Section(name string) *Node { return c.Root.Named("section", name) }

// File gives the settings of one module, such as sofia.conf; nil when there are
// none.
func (c *Config) File(name string) *Node {
	return c.Section("configuration").Named("configuration", name)
}

// Beside parses the files of a pattern that nothing includes, such as profiles
// that somebody wanted out of the way.
func (c *Config) Beside(pattern string) []*Node {
	var found []*Node
	for _, name := range c.Tree.Match(settings.Inside(c.Home, pattern)) {
		if !c.files[name] {
			broken := c.Broken // FreeSWITCH never sees these
			found = append(found, c.Parse(c.Load(name)))
			c.Broken = broken
		}
	}
	return found
}

// Modules says which modules are loaded. Without a list FreeSWITCH loads all
// that there are.
type Modules struct {
	all    bool
	loaded map[string]bool
}

// Modules reads the lists of modules.
func (c *Config) Modules() Modules {
	m := Modules{all: true, loaded: map[string]bool{}}
	for _, name := range []string{"pre_load_modules.conf", "modules.conf", "post_load_modules.conf"} {
		for _, n := range c.File(name).Child("modules").All("load") {
			m.all = m.all && name != "modules.conf"
			m.loaded[strings.TrimSuffix(path.Base(n.Values["module"]), ".so")] = true
		}
	}
	return m
}

// Loaded says that a module runs.
func (m Modules) Loaded(name string) bool { return m.all || m.loaded[name] }

// User is somebody in the directory, with what domain and groups give.
type User struct {
	ID, Domain        string
	Node              *Node
	Params, Variables []Param // those of the domain first: the last of a name counts
}

// Users lists the directory. Pointers, which put a user into another group, are
// no users of their own.
func (c *Config) Users() []User {
	var users []User
	for _, domain := range c.Section("directory").All("domain") {
		users = c.users(users, domain, User{Domain: domain.Values["name"]})
	}
	return users
}

// users goes down from a domain or a group, whose values are inherited.
func (c *Config) users(list []User, n *Node, inherited User) []User {
	inherited.Params = c.merge(inherited.Params, n.Child("params"), "param")
	inherited.Variables = c.merge(inherited.Variables, n.Child("variables"), "variable")
	for _, child := range n.Children {
		switch child.Name {
		case "user":
			if child.Values["type"] == "pointer" {
				continue
			}
			u := inherited
			u.ID, u.Node = child.Values["id"], child
			u.Params = c.merge(u.Params, child.Child("params"), "param")
			u.Variables = c.merge(u.Variables, child.Child("variables"), "variable")
			list = append(list, u)
		case "groups", "group", "users":
			list = c.users(list, child, inherited)
		}
	}
	return list
}

// merge gives a new list: what is inherited belongs to others too.
func (c *Config) merge(inherited []Param, n *Node, kind string) []Param {
	own := c.Params(n, kind)
	if len(own) == 0 {
		return inherited
	}
	return append(inherited[:len(inherited):len(inherited)], own...)
}

// Param is the user's own value of a name.
func (u *User) Param(name string) (Param, bool) { return Last(u.Params, name) }

// Variable is the value that a name has in the user's calls.
func (u *User) Variable(name string) (Param, bool) { return Last(u.Variables, name) }
