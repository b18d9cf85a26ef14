package host

import (
	"io/fs"
	"path/filepath"
	"time"
)

// Log is a SIP server's log file.
type Log struct {
	// File is where it is, the root included.
	File string
	// Format is the name of the server that writes it.
	Format string
}

// logFiles are where servers log when their settings or packagers say nothing
// else. Of each line only the first file that is there counts: its later ones
// are other names of the same log, or hold its lines once more among others.
var logFiles = []struct {
	format string
	names  []string
}{
	{"asterisk", []string{"var/log/asterisk/security.log", "var/log/asterisk/security"}},
	{"asterisk", []string{"var/log/asterisk/messages.log", "var/log/asterisk/messages", "var/log/asterisk/full.log", "var/log/asterisk/full"}},
	{"freeswitch", []string{"var/log/freeswitch/freeswitch.log", "usr/local/freeswitch/log/freeswitch.log"}},
	{"kamailio", []string{"var/log/kamailio/kamailio.log", "var/log/kamailio.log"}},
	{"opensips", []string{"var/log/opensips/opensips.log", "var/log/opensips.log"}},
}

// staleLog is how much older than another name of it a log may be and still be
// thought the one in use.
const staleLog = 24 * time.Hour

// Logs lists the logs of SIP servers that are there and that we may read. No
// log holds another's lines once more, so that nobody is charged twice for one
// mistake.
func (m *Machine) Logs() []Log {
	var logs []Log
	for _, l := range logFiles {
		name, written := "", time.Time{}
		for _, candidate := range l.names {
			t, ok := readable(m.files, candidate)
			if ok && (name == "" || t.Sub(written) > staleLog) {
				name, written = candidate, t
			}
		}
		if name != "" {
			logs = append(logs, Log{filepath.Join(m.root, name), l.format})
		}
	}
	return logs
}

// readable tells when a file that we may read was last written.
func readable(files fs.FS, name string) (time.Time, bool) {
	info, err := fs.Stat(files, name)
	if err != nil || !info.Mode().IsRegular() {
		return time.Time{}, false
	}
	f, err := files.Open(name)
	if err != nil {
		return time.Time{}, false
	}
	f.Close()
	return info.ModTime(), true
}
