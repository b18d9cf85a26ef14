package asterisk

import (
	"fmt"
	"path"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// coreRules judge asterisk.conf.
var coreRules = []rule{
	{Check: check.Check{
		ID: "AST-34", Server: check.Asterisk, Severity: check.High,
		Title: "Interfaces cannot run shell functions",
		Why: "With live_dangerously, whoever reaches the manager interface or ARI runs shell\n" +
			"commands and reads files through dial-plan functions.",
		Fix:        "live_dangerously = no",
		References: []string{"README-SERIOUSLY.bestpractices, Avoid Privilege Escalations"},
	}, Look: of("asterisk.conf", option("live_dangerously"))},
	{Check: check.Check{
		ID: "AST-35", Server: check.Asterisk, Severity: check.High,
		Title: "Asterisk does not run as root",
		Why: "Nothing makes Asterisk give up the rights of root:\n" +
			"one hole in it gives the whole machine away.",
		Fix:        "[options]\nrunuser = asterisk\nrungroup = asterisk",
		References: []string{"asterisk.conf.sample, runuser and rungroup", "README-SERIOUSLY.bestpractices"},
	}, Look: of("asterisk.conf", runUser)},
	{Check: check.Check{
		ID: "AST-36", Server: check.Asterisk, Severity: check.Medium,
		Title: "Settings run no programs",
		Why: "With execincludes, a line of #exec in any file runs a program at each reload:\n" +
			"who can write one line of settings runs commands as Asterisk.",
		Fix:        "[options]\nexecincludes = no",
		References: []string{"asterisk.conf.sample, execincludes"},
	}, Look: of("asterisk.conf", option("execincludes"))},
}

// option finds a switch of asterisk.conf that should be off. It is mended where
// nothing depends on it: #exec lines would be lost.
func option(key string) func(*server) []check.Finding {
	return func(s *server) []check.Finding {
		line := s.file("asterisk.conf").Find("options", key)
		if !asterisk.Yes(line.Value) {
			return nil
		}
		f := at(line)
		if key == "live_dangerously" {
			f.Edit = check.Replace(s.tree, line.At, line.Value, "no")
		}
		return []check.Finding{f}
	}
}

// runUser looks at asterisk.conf, at what starts Asterisk, and at the process.
func runUser(s *server) []check.Finding {
	line := s.file("asterisk.conf").Find("options", "runuser")
	switch user := strings.TrimSpace(line.Value); {
	case user == "root" || user == "0":
		return []check.Finding{at(line)}
	case user != "" || s.givesUpRoot():
		return nil
	}
	return []check.Finding{unset(line.At, "runuser", "root")}
}

// units are where systemd has its services.
var units = []string{
	"etc/systemd/system/asterisk.service", "etc/systemd/system/asterisk.service.d/*.conf",
	"usr/lib/systemd/system/asterisk.service", "lib/systemd/system/asterisk.service", "run/systemd/generator.late/asterisk.service",
	"etc/default/asterisk", "etc/sysconfig/asterisk", "etc/init.d/asterisk",
}

// givesUpRoot says that something else makes it another user: the unit, the
// command line, the defaults of the start script, or what is seen of the process.
func (s *server) givesUpRoot() bool {
	if user, ok := userOf(s.site.Words[check.Asterisk]); ok {
		return user != "root"
	}
	for _, pattern := range units {
		for _, name := range s.tree.Match(pattern) {
			for line := range strings.Lines(string(s.tree.Read(name))) {
				if user := userIn(strings.TrimSpace(line)); user != "" {
					return user != "root" && user != "0"
				}
			}
		}
	}
	return false
}

// userIn reads User=, AST_USER= and ExecStart= with -U.
func userIn(line string) string {
	key, value, _ := strings.Cut(line, "=")
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	switch strings.TrimSpace(strings.TrimPrefix(key, "export ")) {
	case "User", "AST_USER":
		return value
	case "ExecStart":
		user, _ := userOf(strings.Fields(value))
		return user
	}
	return ""
}

// userOf takes the user out of a command line: -U USER.
func userOf(words []string) (string, bool) {
	for i, word := range words {
		if word == "-U" && i+1 < len(words) {
			return words[i+1], true
		}
		if strings.HasPrefix(word, "-U") && len(word) > 2 {
			return word[2:], true
		}
	}
	return "", false
}

// fileRules judge the files themselves.
var fileRules = []rule{
	{Check: check.Check{
		ID: "AST-46", Server: check.Asterisk, Severity: check.Medium,
		Title: "Only Asterisk reads its secrets",
		Why: "Every user of this machine, and every hole in a program of theirs,\n" +
			"can read the passwords in this file.",
		Fix:        "chown root:asterisk FILE && chmod 0640 FILE",
		References: []string{"README-SERIOUSLY.bestpractices"},
	}, Look: openFiles},
}

// secretFiles have secrets of their own.
var secretFiles = []string{
	"pjsip.conf", "pjsip_wizard.conf", "sip.conf", "iax.conf", "manager.conf", "ari.conf", "voicemail.conf", "users.conf", "hep.conf",
	"prometheus.conf", "res_odbc.conf", "res_pgsql.conf", "res_config_mysql.conf", "cdr_pgsql.conf", "cel_pgsql.conf", "res_ldap.conf",
	"xmpp.conf", "calendar.conf", "websocket_client.conf",
}

// secretKeys are the names of secrets in them.
var secretKeys = []string{
	"secret", "password", "pass", "dbpass", "md5_cred", "password_digest", "md5secret", "auth_password", "capture_password", "vmsecret",
	"inbound_auth/password", "outbound_auth/password",
}

// openFiles tells each file once, at the first secret in it. Included files count
// by themselves: they have modes of their own.
func openFiles(s *server) []check.Finding {
	if info, err := s.tree.Look(s.dir); err == nil && info.Mode().Perm()&1 == 0 && info.Mode().Perm() != 0 {
		return nil // nobody else gets into the folder
	}
	var found []check.Finding
	told := map[string]bool{}
	for _, name := range secretFiles {
		f := s.file(name)
		for i := range f.Sections {
			for _, line := range f.Sections[i].Settings {
				file := line.At.File
				info, err := s.tree.Look(file)
				if told[file] || err != nil || info.Mode().Perm()&4 == 0 || !isSecret(name, f.Sections[i].Name, line) {
					continue
				}
				told[file] = true
				mode := fmt.Sprintf("%04o", info.Mode().Perm())
				found = append(found, check.Finding{Place: settings.Place{File: file}, Setting: "mode", Value: mode,
					Fix: "chown root:asterisk /" + file + " && chmod 0640 /" + file,
					Why: "Every user of this machine can read " + path.Base(file) + ",\nand line " + fmt.Sprint(line.At.Line) + " of it has a secret."})
			}
		}
	}
	return found
}

// isSecret says that a line holds a secret. A mailbox begins with its password.
func isSecret(file, section string, line asterisk.Setting) bool {
	if line.Value == "" {
		return false
	}
	for _, key := range secretKeys {
		if line.Key == key {
			return true
		}
	}
	return file == "voicemail.conf" && section != "general" && line.Key != "" && strings.Trim(line.Key, "0123456789") == "" && strings.Contains(line.Value, ",")
}
