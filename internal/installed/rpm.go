package installed

import (
	"path"
)

// Where rpm keeps its database: the second since Fedora 36 and in openSUSE.
var rpmFolders = []string{"var/lib/rpm", "usr/lib/sysimage/rpm"}

// otherDatabases are the formats of rpm's database that are not read.
var otherDatabases = []struct{ file, format string }{
	{"Packages.db", "ndb"},
	{"Packages", "Berkeley DB"},
}

// rpmDatabase is the only format that rpm still recommends, since 4.16 of 2020.
const rpmDatabase = "rpmdb.sqlite"

// rpm reads what rpm has installed.
func (t *Tree) rpm(r *Report, wanted []Wanted) {
	read := false
	for _, folder := range rpmFolders {
		name := path.Join(folder, rpmDatabase)
		lines, err := t.rpmPackages(name, wanted)
		if missing(err) {
			continue
		}
		if err != nil {
			r.unread(RPM, "/%s cannot be read: %s", name, because(err))
			continue
		}
		// rpm empties its log when it ends in order. If it did not, the answer is of
		// the time before, and that must be said.
		if _, info, err := t.resolve(name + "-wal"); err == nil && info.Size() > 0 {
			r.problem("/%s-wal holds changes that are not read: run an rpm command as root, and ask again", name)
		}
		if read { // one folder is a link to the other
			continue
		}
		read = true
		r.collect(RPM, wanted, lines)
	}
	if read {
		return
	}
	for _, folder := range rpmFolders {
		for _, other := range otherDatabases {
			name := path.Join(folder, other.file)
			if _, _, err := t.resolve(name); err == nil {
				r.unread(RPM, "/%s is a database in the format %s, which is not read: only rpm's SQLite databases are", name, other.format)
			}
		}
	}
}

// rpmPackages reads the packages that are wanted, and those built with them.
func (t *Tree) rpmPackages(name string, wanted []Wanted) ([]found, error) {
	f, size, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := openDatabase(f, size)
	if err != nil {
		return nil, err
	}
	root, err := d.table("Packages")
	if err != nil {
		return nil, err
	}
	var lines []found
	err = d.rows(root, func(values []value) error {
		// hnum, blob
		// Without its two columns it is not the table that we think it is.
		if len(values) < 2 {
			return errDamaged
		}
		h, err := readHeader(values[1].bytes)
		if err != nil {
			return err
		}
		l := found{binary: h.text(tagName), source: h.source(), version: h.version()}
		if at, main := owner(wanted, l.binary, l.source); at < 0 || !clean(l.binary) || !clean(l.version) {
			return nil
		} else if main {
			l.changelog = h.changelog // the row's bytes are its own
		}
		if len(lines) > maxPackages {
			return errTooLarge
		}
		lines = append(lines, l)
		return nil
	})
	return lines, err
}
