package installed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"
	"time"
)

// Entry is what a package's change log says of one version.
type Entry struct {
	Version string
	// Time is when it was made; zero when the log does not say.
	Time time.Time
	Text string
}

// Bounds of a change log. Asterisk's of Debian, twenty years of it, has 150 KiB.
const (
	maxPacked     = 8 << 20
	maxChangelog  = 16 << 20
	maxLogEntries = 1 << 12
	maxEntry      = 64 << 10 // of the text of one entry; the rest is not kept
)

// debianChangelogs are where a package keeps its change log; one of Debian's own
// programs has no .Debian in the name.
var debianChangelogs = []string{"changelog.Debian.gz", "changelog.Debian", "changelog.gz"}

// debianChangelog reads the change log of an installed package.
func (t *Tree) debianChangelog(r *Report, binary string) []Entry {
	if strings.ContainsAny(binary, "/\x00") {
		return nil
	}
	for _, name := range debianChangelogs {
		name = path.Join("usr/share/doc", binary, name)
		data, err := t.read(name, maxPacked)
		if missing(err) {
			continue
		}
		// Debian packs change logs, and images without documents leave them out.
		if err == nil && strings.HasSuffix(name, ".gz") {
			data, err = unpack(data)
		}
		if err != nil {
			r.problem("/%s cannot be read: %s", name, because(err))
			continue
		}
		if entries := readChangelog(data); len(entries) > 0 {
			return entries
		}
	}
	return nil
}

// unpack undoes gzip, within bounds.
func unpack(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxChangelog+1))
	if err == nil && len(text) > maxChangelog {
		err = errTooLarge
	}
	return text, err
}

// heading begins an entry, as deb-changelog(5) has it.
var heading = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+.-]* \(([^()\s]{1,256})\) [^;]{0,256};`)

// readChangelog reads a change log as deb-changelog(5) has it. What stands
// outside of entries is passed over.
func readChangelog(data []byte) []Entry {
	var all []Entry
	var text strings.Builder
	open := false
	end := func() {
		if open {
			all[len(all)-1].Text = text.String()
		}
		text.Reset()
		open = false
	}
	lines := bufio.NewReaderSize(bytes.NewReader(data), maxLine)
	for {
		raw, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if err = skipLine(lines); err == nil {
				continue
			}
			raw = nil
		}
		line := strings.TrimRight(string(raw), "\r\n")
		switch m := heading.FindStringSubmatch(line); {
		case m != nil:
			if end(); len(all) >= maxLogEntries {
				return all
			}
			all, open = append(all, Entry{Version: m[1]}), true
		case open && strings.HasPrefix(line, " -- "):
			if at := strings.LastIndex(line, ">  "); at >= 0 {
				// A date that cannot be read is none.
				all[len(all)-1].Time, _ = time.Parse("Mon, _2 Jan 2006 15:04:05 -0700", strings.TrimSpace(line[at+3:]))
			}
			end()
		case open && text.Len()+len(line) < maxEntry:
			text.WriteString(line + "\n")
		}
		if err != nil {
			end()
			return all
		}
	}
}
