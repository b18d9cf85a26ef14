package asterisk

import (
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// httpRules judge the web server and what is served on it.
var httpRules = []rule{
	{Check: check.Check{
		ID: "AST-31", Server: check.Asterisk, Severity: check.Medium,
		Title: "The web server is encrypted where others reach it",
		Why: "The web server can be reached from beyond this machine without TLS:\n" +
			"what ARI, the manager interface and phones send there can be read on the way.",
		Fix:        "[general]\nbindaddr = 127.0.0.1        ; or tlsenable = yes with tlsbindaddr and tlscertfile",
		References: []string{"http.conf.sample, bindaddr and tlsenable"},
	}, Look: of("http.conf", webClear)},
	{Check: check.Check{
		ID: "AST-32", Server: check.Asterisk, Severity: check.Low,
		Title: "The web server shows no status page and no files",
		Why: "The page shows version and settings to everybody, and had a hole for scripts\n" +
			"(CVE-2026-23738).",
		Fix:        "[general]\nenable_status = no\nenable_static = no",
		References: []string{"http.conf.sample, enable_status and enable_static", "CVE-2026-23738"},
	}, Look: of("http.conf", webPages)},
	{Check: check.Check{
		ID: "AST-33", Server: check.Asterisk, Severity: check.High,
		Title: "ARI has good passwords, and only pages of yours use it",
		Why: "Who has a password of ARI makes and hears calls;\n" +
			"with allowed_origins=* any web page that a user visits may try.",
		Fix:        "[general]\nallowed_origins = https://pbx.example.com\n[user]\ntype = user\npassword_format = crypt\npassword = WHAT-mkpasswd-m-sha-512-PRINTS\nread_only = yes",
		References: []string{"ari.conf.sample"},
	}, Look: of("ari.conf http.conf", ari)},
}

// webClear takes bindaddr for meant as soon as it is written, in force when the
// server is on.
func webClear(s *server) []check.Finding {
	f := s.file("http.conf")
	bind, enabled := f.Find("general", "bindaddr"), f.Find("general", "enabled")
	if reachOf(bind.Value) == loopback || asterisk.Yes(f.Find("general", "tlsenable").Value) {
		return nil
	}
	idle := ""
	if !asterisk.Yes(enabled.Value) {
		idle = "the web server is off"
	}
	if bind.Value == "" {
		if idle != "" {
			return nil
		}
		return []check.Finding{unset(enabled.At, "bindaddr", "0.0.0.0")}
	}
	return []check.Finding{unless(at(bind), idle)}
}

// webPages judges only a plain yes: both pages are off by default. To mend it
// for files is left to people, whose phones may fetch them.
func webPages(s *server) []check.Finding {
	var found []check.Finding
	for _, key := range []string{"enable_status", "enable_static", "enablestatic"} {
		line := s.file("http.conf").Find("general", key)
		if !asterisk.Yes(line.Value) {
			continue
		}
		f, idle := at(line), ""
		if key == "enable_status" {
			f.Edit = check.Replace(s.tree, line.At, line.Value, "no")
		}
		if s.web().off() {
			idle = "the web server is off"
		}
		found = append(found, unless(f, idle))
	}
	return found
}

// ari knows that ARI is on by default, and needs the web server. A crypted
// password cannot be judged.
func ari(s *server) []check.Finding {
	f := s.file("ari.conf")
	idle := s.needs("res_ari")
	switch {
	case idle != "":
	case asterisk.No(f.Find("general", "enabled").Value):
		idle = "ARI is off (enabled = no)"
	case s.web().off():
		idle = "the web server is off"
	}
	var found []check.Finding
	users := 0
	for i := range f.Sections {
		u := &f.Sections[i]
		if u.Template || strings.EqualFold(u.Name, "general") || u.Get("type") != "user" {
			continue
		}
		users++
		line, format := u.Find("password"), strings.ToLower(u.Get("password_format"))
		if weak := secrets.Weakness(line.Value, u.Name); weak != "" && format != "crypt" {
			if line.Key == "" {
				line.Key = "password"
			}
			text := "The ARI user %s may change everything (read_only = no), and its password is weak: %s."
			if asterisk.Yes(u.Get("read_only")) {
				text = "The password of the ARI user %s is weak: %s."
			}
			found = append(found, unless(why(secret(line), text, u.Name, weak), idle))
		}
	}
	if line := f.Find("general", "allowed_origins"); strings.Contains(line.Value, "*") {
		if idle == "" && users == 0 {
			idle = "ARI has no user"
		}
		found = append(found, unless(why(at(line), "Any web page that somebody visits may speak to ARI from his browser."), idle))
	}
	return found
}
