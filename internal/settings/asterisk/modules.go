package asterisk

import (
	"path"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Modules says which modules an Asterisk loads.
type Modules struct {
	File *File
	// All says that every module of the folder is loaded; At is the line that says
	// so.
	All    bool
	At     settings.Place
	named  map[string]settings.Place // loaded by name
	barred map[string]bool
	tree   *settings.Tree
	folder string // of the modules themselves; empty when it is not known
}

// ModulesOf reads modules.conf, and looks into the folder of modules: what is
// not built cannot be loaded. Without the file nothing could be said, so all is
// taken for loaded.
func ModulesOf(t *settings.Tree, dir string, conf *File) *Modules {
	m := &Modules{File: Open(t, dir, "modules.conf"), named: map[string]settings.Place{}, barred: map[string]bool{}, tree: t}
	m.folder = moduleFolder(t, conf)
	m.At = settings.Place{File: m.File.Path}
	if !m.File.Present {
		m.All = true
		return m
	}
	s := m.File.First("modules")
	if s == nil {
		return m
	}
	for _, line := range s.Settings {
		switch line.Key {
		case "autoload":
			m.All, m.At = Yes(line.Value), line.At
		case "load", "preload", "require", "preload-require":
			m.named[moduleName(line.Value)] = line.At
		case "noload":
			m.barred[moduleName(line.Value)] = true
		}
	}
	return m
}

func moduleName(text string) string { return strings.TrimSuffix(text, ".so") }

// moduleFolder finds the folder that asterisk.conf names, else the usual one. One
// without the modules of the dial plan is none.
func moduleFolder(t *settings.Tree, conf *File) string {
	folders := []string{"usr/lib/asterisk/modules", "usr/lib64/asterisk/modules", "usr/local/lib/asterisk/modules"}
	for _, dir := range t.Match("usr/lib/*-linux-gnu*") {
		folders = append(folders, path.Join(dir, "asterisk", "modules"))
	}
	if named := conf.Find("directories", "astmoddir").Value; named != "" {
		folders = []string{settings.Inside("/", named)}
	}
	for _, dir := range folders {
		if len(t.Match(dir+"/pbx_*.so")) > 0 {
			return dir
		}
	}
	return ""
}

// Loaded says that a module is loaded: by name or with all others, unless it is
// barred or not there.
func (m *Modules) Loaded(name string) bool {
	if m.barred[name] {
		return false
	}
	if m.folder != "" {
		if _, err := m.tree.Look(path.Join(m.folder, name+".so")); err != nil {
			return false
		}
	}
	_, named := m.named[name]
	return m.All || named
}

// Where is the line that loads a module.
func (m *Modules) Where(name string) settings.Place {
	if at, named := m.named[name]; named {
		return at
	}
	return m.At
}
