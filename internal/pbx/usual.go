package pbx

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/settings"
)

// logFiles are where servers log when their settings or packagers say nothing
// else. Of each line only the first file that is there counts: its later ones
// are other names of the same log, or hold its lines once more among others.
var logFiles = []struct {
	format string
	names  []string
}{
	{Asterisk, []string{"var/log/asterisk/security.log", "var/log/asterisk/security"}},
	{Asterisk, []string{"var/log/asterisk/messages.log", "var/log/asterisk/messages", "var/log/asterisk/full.log", "var/log/asterisk/full"}},
	{FreeSWITCH, []string{"var/log/freeswitch/freeswitch.log", "usr/local/freeswitch/log/freeswitch.log", "usr/local/freeswitch/var/log/freeswitch/freeswitch.log"}},
	{Kamailio, []string{"var/log/kamailio/kamailio.log", "var/log/kamailio.log"}},
	{OpenSIPS, []string{"var/log/opensips/opensips.log", "var/log/opensips.log"}},
}

// staleLog is how much older than another name of it a log may be and still be
// thought the one in use.
const staleLog = 24 * time.Hour

// noFile is said of a server whose settings lead to no log, until one is found in
// a usual place.
const noFile = "no file was found that its messages go to: if one has them, name it under logs: in the settings"

// chooseLogs picks of the logs that a server's settings name those that hold
// every message once, so that nobody is charged twice for one mistake.
func (f *Finder) chooseLogs(s *Server, named []Log, r Running) {
	var there []Log
	for _, l := range named {
		if l.File == "" {
			if l.Unit = r.Unit; l.Unit != "" {
				there = append(there, l)
			} else if r.PID != 0 {
				s.Notes = settings.Sentence(s.Notes, noFile)
			}
			continue
		}
		if _, ok := readable(f.files, strings.TrimPrefix(l.File, "/")); ok {
			l.File = filepath.Join(f.root, l.File)
			there = append(there, l)
			continue
		}
		if s.PID != 0 {
			s.Notes = settings.Sentence(s.Notes, "%s (%s) is not there, or cannot be read", l.File, l.From)
		}
		if l.File = ""; r.Unit != "" && l.Format != Asterisk && l.Format != FreeSWITCH { // syslog's lines are in the journal, too
			l.Unit = r.Unit
			there = append(there, l)
		}
	}
	s.Logs = once(there)
	if s.Name == Asterisk && len(named) > 0 && !slices.ContainsFunc(named, func(l Log) bool { return l.Security }) {
		s.Notes = settings.Sentence(s.Notes, "no log gets its security messages: add security.log => security to logger.conf, then: asterisk -rx 'logger reload'")
	}
}

// once picks one log with everything, else the one with security messages and
// the one with notices.
func once(logs []Log) []Log {
	if i := slices.IndexFunc(logs, func(l Log) bool { return l.Security && l.Notice }); i >= 0 {
		return logs[i : i+1 : i+1]
	}
	var chosen []Log
	if i := slices.IndexFunc(logs, func(l Log) bool { return l.Security }); i >= 0 {
		chosen = append(chosen, logs[i])
	}
	if i := slices.IndexFunc(logs, func(l Log) bool { return l.Notice }); i >= 0 {
		chosen = append(chosen, logs[i])
	}
	return chosen
}

// usualLogs looks in the usual places for the logs of servers whose settings
// led to none. Logs of a server that is not to be seen count too, for it may
// be stopped, or log here out of a container.
func (f *Finder) usualLogs(servers []Server) []Server {
	for _, server := range names {
		first, followed := -1, false
		for i, s := range servers {
			if s.Name == server && !s.container {
				followed = followed || len(s.Logs) > 0
				if first < 0 {
					first = i
				}
			}
		}
		if followed {
			continue
		}
		logs := f.usual(server)
		switch {
		case len(logs) == 0:
		case first >= 0:
			s := &servers[first]
			s.Logs = logs
			s.Notes = slices.DeleteFunc(s.Notes, func(n string) bool { return n == noFile })
		default:
			servers = append(servers, Server{Name: server, Logs: logs})
		}
	}
	return servers
}

// usual lists a server's logs in the usual places.
func (f *Finder) usual(format string) []Log {
	var logs []Log
	for i, l := range logFiles {
		if l.format != format {
			continue
		}
		name, written := "", time.Time{}
		for _, candidate := range l.names {
			t, ok := readable(f.files, candidate)
			if ok && (name == "" || t.Sub(written) > staleLog) {
				name, written = candidate, t
			}
		}
		if name != "" {
			logs = append(logs, Log{File: filepath.Join(f.root, name), Format: l.format, Security: i != 1, Notice: i != 0})
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
