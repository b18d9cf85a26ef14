package installed

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Bounds of a program that is searched for its version.
const (
	maxProgram = 256 << 20
	pieceSize  = 1 << 20
	overlap    = 256 // a version may stand across two pieces
)

// marks find a program's own version in its file. The first one that finds
// exactly one version counts; more than one, and it is not known. A version on
// its own stands between the NULs that end C's strings.
var marks = map[string][]*regexp.Regexp{
	"asterisk": {
		regexp.MustCompile(`Asterisk (?:PBX )?((?:certified[-/])?[0-9]{1,2}\.[0-9]{1,3}(?:\.[0-9]{1,3})?(?:-(?:cert|rc|beta)[0-9]{1,2}){0,2})[ \x00,)]`),
		regexp.MustCompile(`\x00((?:certified[-/])[0-9]{1,2}\.[0-9]{1,3}-cert[0-9]{1,2}(?:-rc[0-9]{1,2})?)\x00`),
		regexp.MustCompile(`\x00((?:1[1-9]|2[0-9])\.[0-9]{1,3}\.[0-9]{1,3}(?:-rc[0-9]{1,2})?)\x00`),
	},
	"freeswitch": {
		regexp.MustCompile(`FreeSWITCH(?: Version|-mod_sofia/| version)? ?(1\.[0-9]{1,2}\.[0-9]{1,3})[-~+ \x00.]`),
		regexp.MustCompile(`\x00(1\.[0-9]{1,2}\.[0-9]{1,3})(?:-release|-dev)?(?:[-~+][A-Za-z0-9.~+-]{0,64})?\x00`),
	},
	"kamailio": {regexp.MustCompile(`kamailio \(?([0-9]\.[0-9]{1,2}\.[0-9]{1,3}(?:-(?:dev|pre|rc)[0-9]{0,2})?) \(`)},
	"opensips": {regexp.MustCompile(`(?i)opensips \(?([0-9]\.[0-9]{1,2}\.[0-9]{1,3}(?:-(?:dev|beta|rc)[0-9]{0,2})?) \(`)},
}

// programs looks for wanted programs that no package manager put there.
func (t *Tree) programs(r *Report, wanted []Wanted) {
	seen := map[string]bool{}
	for _, w := range wanted {
		for _, name := range w.Programs {
			if !local(name) && r.has(w.Name) {
				continue // it is the package's
			}
			real, _, err := t.resolve(name)
			if missing(err) {
				continue
			}
			// /usr/sbin is a link to /usr/bin on some machines, and a link in
			// /usr/local/sbin is a habit on others.
			if seen[real] {
				continue // another name of a program above
			}
			seen[real] = true
			version := ""
			if err == nil {
				version, err = t.programVersion(w.Name, name)
			}
			switch {
			case err != nil:
				r.problem("/%s cannot be searched for its version: %s", name, because(err))
			case version == "":
				r.problem("/%s does not say which version it is", name)
			}
			r.Packages = append(r.Packages, Package{Name: w.Name, Binary: w.Name, Version: version, Program: name})
		}
	}
}

// local says that a path is one where package managers put nothing.
func local(name string) bool {
	return strings.HasPrefix(name, "usr/local/") || strings.HasPrefix(name, "opt/")
}

// programVersion searches a program, and the library beside it where it is
// little more than a door to one.
func (t *Tree) programVersion(program, name string) (string, error) {
	version, err := t.search(program, name)
	if program != "freeswitch" || version != "" || err != nil {
		return version, err
	}
	for _, lib := range []string{"lib/libfreeswitch.so.1", "lib64/libfreeswitch.so.1"} {
		lib = strings.TrimSuffix(name, "bin/freeswitch") + lib
		if version, err := t.search(program, lib); err == nil && version != "" {
			return version, nil
		}
	}
	return "", nil
}

// search finds a version in a file.
func (t *Tree) search(program, name string) (string, error) {
	f, size, err := t.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if size > maxProgram {
		return "", errTooLarge
	}
	return findVersion(marks[program], io.LimitReader(f, maxProgram))
}

// findVersion reads a program in pieces and tries every mark on each. A hit that is
// made twice because pieces overlap is the same version, and counts once.
func findVersion(marks []*regexp.Regexp, from io.Reader) (string, error) {
	versions := make([][]string, len(marks))
	piece := make([]byte, overlap, overlap+pieceSize)
	for {
		n, err := io.ReadFull(from, piece[overlap:overlap+pieceSize])
		text := piece[:overlap+n]
		for i, m := range marks {
			for _, hit := range m.FindAllSubmatch(text, 8) {
				if v := string(bytes.TrimSpace(hit[1])); len(versions[i]) < 8 && !slices.Contains(versions[i], v) {
					versions[i] = append(versions[i], v)
				}
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return "", plain(err)
		}
		// The end of this piece is the beginning of the next one.
		copy(piece[:overlap], text[len(text)-overlap:])
	}
	for _, v := range versions {
		// Two versions in one file are a program and a library inside it, and nothing
		// tells which is which.
		if len(v) == 1 {
			return v[0], nil
		}
	}
	return "", nil
}
