package installed

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

// Where dpkg keeps its list: in one file, or in one for each package where there
// is no dpkg to change them (images without a shell).
const (
	dpkgStatus  = "var/lib/dpkg/status"
	dpkgStatusD = "var/lib/dpkg/status.d"
)

// Bounds of dpkg's list. A machine with 4000 packages has 5 MiB in it.
const (
	maxStatus   = 64 << 20
	maxStatusD  = 1 << 20 // of one package's file
	maxLine     = 64 << 10
	maxPackages = 1 << 16
)

// dpkg reads what dpkg has installed.
func (t *Tree) dpkg(r *Report, wanted []Wanted) {
	var lines []found
	f, _, err := t.open(dpkgStatus)
	if err == nil {
		lines, err = readStatus(f, maxStatus, false)
		f.Close()
	}
	if err != nil && !missing(err) {
		r.unread(Dpkg, "/%s cannot be read: %s", dpkgStatus, because(err))
	}
	names, err := t.list(dpkgStatusD, maxEntries)
	if err != nil && !missing(err) {
		r.unread(Dpkg, "/%s cannot be read: %s", dpkgStatusD, because(err))
	}
	for _, name := range names {
		// Beside each package's paragraph stand the sums of its files.
		if strings.HasSuffix(name, ".md5sums") {
			continue
		}
		data, err := t.read(path.Join(dpkgStatusD, name), maxStatusD)
		if err == nil {
			var more []found
			more, err = readStatus(bytes.NewReader(data), maxStatusD, true)
			lines = append(lines, more...)
		}
		if err != nil && !errors.Is(err, errNoFile) {
			r.unread(Dpkg, "/%s cannot be read: %s", path.Join(dpkgStatusD, name), because(err))
		}
	}
	for i := range lines {
		// A package's folder of documents bears the name of the binary package.
		doc := lines[i].binary
		lines[i].changelog = func() []Entry { return t.debianChangelog(r, doc) }
	}
	r.collect(Dpkg, wanted, lines)
}

// readStatus reads paragraphs as deb-control(5) has them. In a list without the
// field Status everything is installed.
func readStatus(from io.Reader, most int64, always bool) ([]found, error) {
	limited := &io.LimitedReader{R: from, N: most + 1}
	lines := bufio.NewReaderSize(limited, maxLine)
	var all []found
	var now found
	installed, any, blank := always, false, true
	end := func() {
		if installed && clean(now.binary) && clean(now.version) {
			all = append(all, now)
		}
		now, installed = found{}, always
	}
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			blank = false
			if err = skipLine(lines); err == nil {
				continue // no field that counts is as long
			}
			line = nil
		}
		text := strings.TrimRight(string(line), "\r\n")
		key, value, _ := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.TrimSpace(text) == "":
			end()
		case text[0] == ' ' || text[0] == '\t': // the line before goes on
		case strings.EqualFold(key, "Package"):
			now.binary, any = value, true
		case strings.EqualFold(key, "Status"):
			installed = strings.HasSuffix(value, " installed")
		case strings.EqualFold(key, "Version"):
			now.version = value
		case strings.EqualFold(key, "Source"):
			now.source, now.sourceVersion = sourceOf(value)
		}
		blank = blank && strings.TrimSpace(text) == ""
		if err != nil {
			end()
			if err = status(err, limited.N, len(all)); err == nil && !any && !blank {
				err = errDamaged // whatever it is, it is no list of packages
			}
			return all, err
		}
		if len(all) > maxPackages {
			return nil, errTooLarge
		}
	}
}

// status is the error that ended a list: none at its end.
func status(err error, left int64, packages int) error {
	switch {
	case !errors.Is(err, io.EOF):
		return plain(err)
	case left <= 0 || packages > maxPackages:
		return errTooLarge
	}
	return nil
}

// skipLine passes over the rest of a line.
func skipLine(r *bufio.Reader) error {
	for {
		_, err := r.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// sourceOf reads "asterisk (1:16.28.0~dfsg-0+deb11u4)"; without a version it is
// the package's own.
func sourceOf(value string) (name, version string) {
	name, version, _ = strings.Cut(value, " ")
	version = strings.Trim(strings.TrimSpace(version), "()")
	if !clean(version) {
		version = ""
	}
	return name, version
}
