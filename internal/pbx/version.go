package pbx

import (
	"bytes"
	"slices"
	"strings"
)

const dpkgStatus = "var/lib/dpkg/status"

// findVersions asks the package manager's list for the servers' versions. Only
// Debian's is text; of others the version is not known.
func (f *Finder) findVersions(servers []Server) {
	if len(servers) == 0 {
		return
	}
	known := f.read[dpkgStatus]
	if known == nil || known.tree.Changed() {
		t := newTree(f.files)
		known = &reading{tree: t, home: string(t.versions())}
		t.Forget()
	}
	known.used = true
	f.read[dpkgStatus] = known
	for i := range servers {
		if servers[i].container || strings.HasPrefix(servers[i].Settings, "/usr/local/") {
			continue // from somewhere else
		}
		for line := range strings.Lines(known.home) {
			if name, version, _ := strings.Cut(strings.TrimSpace(line), " "); name == servers[i].Name {
				servers[i].Version = version
			}
		}
	}
}

// versions lists the installed ones of our packages, as "asterisk 1:20.6.0-1".
func (t *tree) versions() []byte {
	var found bytes.Buffer
	var name, version string
	installed := false
	end := func() {
		if installed && version != "" {
			found.WriteString(name + " " + printable(version) + "\n")
		}
		name, version, installed = "", "", false
	}
	for line := range bytes.Lines(t.Read(dpkgStatus)) {
		text := string(bytes.TrimSpace(line))
		key, value, _ := strings.Cut(text, ": ")
		switch {
		case text == "":
			end()
		case key == "Package":
			if slices.Contains(names, value) {
				name = value
			}
		case name == "":
		case key == "Status":
			installed = strings.HasSuffix(value, " installed")
		case key == "Version":
			version = value
		}
	}
	end()
	return found.Bytes()
}
