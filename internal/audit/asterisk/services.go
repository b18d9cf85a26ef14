package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// serviceRules judge media, logs, console, mailboxes and what is told to others.
var serviceRules = []rule{
	{Check: check.Check{
		ID: "AST-40", Server: check.Asterisk, Severity: check.Medium,
		Title: "Media comes only from the other end of the call",
		Why: "Voice from any address is taken and answered: strangers speak into calls,\n" +
			"or have the voice sent to themselves (RTP bleed).",
		Fix:        "[general]\nstrictrtp = yes",
		References: []string{"rtp.conf.sample, strictrtp", "ES2017-04"},
	}, Look: of("rtp.conf", strictRTP)},
	{Check: check.Check{
		ID: "AST-41", Server: check.Asterisk, Severity: check.Medium,
		Title: "Security events are written to a log",
		Why: "Wrong passwords and refused addresses are written to no file:\n" +
			"whoever guards the server by its logs sees nothing.",
		Fix:        "[logfiles]\nsecurity.log => security",
		References: []string{"logger.conf.sample, security"},
	}, Look: of("logger.conf", securityLog)},
	{Check: check.Check{
		ID: "AST-42", Server: check.Asterisk, Severity: check.Low,
		Title: "The console asks who may do what",
		Why: "Everybody who may open the control socket may do everything there,\n" +
			"down to shell commands.",
		Fix:        "[general]\ndefault_perm = deny\n[asterisk]\npermit = all",
		References: []string{"cli_permissions.conf.sample", "GHSA-c7p6"},
	}, Look: of("cli_permissions.conf", consoleRights)},
	{Check: check.Check{
		ID: "AST-43", Server: check.Asterisk, Severity: check.Medium,
		Title: "Mailboxes have PINs that nobody guesses",
		Why: "Whoever guesses the PIN hears messages, changes greetings,\n" +
			"and may call back out of the mailbox at your cost.",
		Fix:        "204 => SIX-OR-MORE-RANDOM-DIGITS,Name        ; and in [general]: minpassword = 6",
		References: []string{"voicemail.conf.sample"},
	}, Look: of("voicemail.conf", mailboxes)},
	{Check: check.Check{
		ID: "AST-44", Server: check.Asterisk, Severity: check.Low,
		Title: "Metrics and copies of calls stay inside",
		Why: "Metrics without a password or copies of all signalling that leave the private network\n" +
			"tell strangers who calls whom.",
		Fix:        "prometheus.conf:\nauth_username = NAME\nauth_password = TWELVE-OR-MORE-RANDOM-CHARACTERS\nhep.conf:\ncapture_address = 192.168.1.1:9061        ; a private address, or a tunnel",
		References: []string{"prometheus.conf.sample", "hep.conf.sample"},
	}, Look: of("prometheus.conf hep.conf http.conf", telemetry)},
	{Check: check.Check{
		ID: "AST-45", Server: check.Asterisk, Severity: check.High,
		Title: "Phones fetch their settings encrypted",
		Why: "Whoever asks the web server for a phone's file gets its password,\n" +
			"and it crosses the network in clear.",
		Fix:        "http.conf:\n[general]\nbindaddr = 127.0.0.1\ntlsenable = yes\ntlsbindaddr = 192.0.2.10:8089\ntlscertfile = FILE",
		References: []string{"phoneprov.conf.sample"},
	}, Look: of("phoneprov.conf http.conf pjsip.conf", provisioning)},
}

// strictRTP judges only a plain no: yes and seqno both learn the other end.
func strictRTP(s *server) []check.Finding {
	if line := s.file("rtp.conf").Find("general", "strictrtp"); asterisk.No(line.Value) {
		return []check.Finding{unless(at(line), s.needs("res_rtp_asterisk"))}
	}
	return nil
}

// securityLog takes any file or syslog that gets the level security, and "*",
// which is all levels. The console is a terminal.
func securityLog(s *server) []check.Finding {
	f := s.file("logger.conf")
	section := f.First("logfiles")
	if section == nil {
		return []check.Finding{{Place: s.place("logger.conf"), Setting: "logfiles"}}
	}
	for _, line := range section.Settings {
		levels := strings.ToLower(line.Value)
		if strings.HasPrefix(levels, "[") { // a formatter: [default], [json], [plain]
			_, levels, _ = strings.Cut(levels, "]")
		}
		for level := range strings.SplitSeq(levels, ",") {
			if level = strings.TrimSpace(level); line.Key != "console" && (level == "security" || level == "*") {
				return nil
			}
		}
	}
	after := section.At
	after.Line++
	return []check.Finding{{Place: section.At, Setting: "security", Edit: check.Insert(after, "security.log => security\n")}}
}

// consoleRights knows that permit is the default. root may always do everything.
func consoleRights(s *server) []check.Finding {
	line := s.file("cli_permissions.conf").Find("general", "default_perm")
	switch strings.ToLower(line.Value) {
	case "permit":
		return []check.Finding{at(line)}
	case "":
		return []check.Finding{unset(line.At, "default_perm", "permit")}
	}
	return nil
}

// mailboxes judges the PIN that begins each line. Contexts of aliases have none.
func mailboxes(s *server) []check.Finding {
	f := s.file("voicemail.conf")
	idle := ""
	if s.needs("app_voicemail") != "" && s.needs("app_voicemail_imap") != "" && s.needs("app_voicemail_odbc") != "" {
		idle = s.needs("app_voicemail")
	}
	general := []string{"general", "zonemessages", strings.ToLower(f.Find("general", "aliasescontext").Value)}
	if strings.EqualFold(f.Find("general", "passwordlocation").Value, "spooldir") && idle == "" {
		at := f.Find("general", "passwordlocation")
		return []check.Finding{{State: check.Unknown, Place: at.At, Setting: at.Key, Value: at.Value,
			Why: "The PINs are kept beside the messages, where nobody looks.", Fix: "Look there yourself."}}
	}
	var found []check.Finding
	for i := range f.Sections {
		section := &f.Sections[i]
		if section.Template || slices.Contains(general, strings.ToLower(section.Name)) {
			continue
		}
		for _, line := range section.Settings {
			pin, _, full := strings.Cut(line.Value, ",")
			if strings.Contains(line.Key, "@") || !full && strings.Trim(pin, "-0123456789") != "" {
				continue // an alias
			}
			// A minus only keeps the owner from changing it.
			pin = strings.TrimPrefix(strings.TrimSpace(pin), "-")
			if weak := secrets.WeakPIN(pin, line.Key); weak != "" {
				f := why(secret(line), "The PIN of mailbox %s in %s is weak: %s.", line.Key, section.Name, weak)
				found = append(found, unless(f, idle))
			}
		}
	}
	return found
}

// telemetry judges what leaves the machine by itself.
func telemetry(s *server) []check.Finding {
	var found []check.Finding
	metrics := s.file("prometheus.conf")
	enabled := metrics.Find("general", "enabled")
	if asterisk.Yes(enabled.Value) && (metrics.Find("general", "auth_username").Value == "" || metrics.Find("general", "auth_password").Value == "") {
		idle := s.needs("res_prometheus")
		if idle == "" && s.web().off() {
			idle = "the web server is off"
		}
		f := why(unset(enabled.At, "auth_username", "nobody is asked"), "Whoever reaches the web server reads the metrics without a password.")
		found = append(found, unless(f, idle))
	}
	hep := s.file("hep.conf")
	if to := hep.Find("general", "capture_address"); to.Value != "" && reachOf(to.Value) == public {
		idle := s.needs("res_hep")
		if idle == "" && asterisk.No(hep.Find("general", "enabled").Value) {
			idle = "copies are off (enabled = no)"
		}
		f := why(at(to), "Copies of all signalling leave the private network in clear: who calls whom can be read on the way.")
		found = append(found, unless(f, idle))
	}
	return found
}

// provisioning finds phones that fetch their settings over plain HTTP.
func provisioning(s *server) []check.Finding {
	phones := s.sip.of("phoneprov")
	place, setting := s.place("phoneprov.conf"), asterisk.Setting{}
	for _, p := range phones {
		place = p.At
	}
	users := s.file("users.conf").Sections
	for i := range users {
		if line := users[i].Find("autoprov"); asterisk.Yes(line.Value) {
			place, setting = line.At, line
		}
	}
	if !s.file("phoneprov.conf").Present || len(phones) == 0 && setting.Key == "" {
		return nil
	}
	idle := s.needs("res_phoneprov")
	switch web := s.web(); {
	case idle != "":
	case !web.on:
		idle = "the web server does not speak plain HTTP"
	case web.clear == loopback:
		idle = "only this machine reaches the web server by plain HTTP"
	}
	return []check.Finding{unless(check.Finding{Place: place, Setting: "phoneprov", Value: "plain HTTP"}, idle)}
}
