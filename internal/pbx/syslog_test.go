package pbx

import (
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings/ser"
)

// TestSyslogFile: which file gets a program's warnings.
func TestSyslogFile(t *testing.T) {
	for _, c := range []struct{ name, rules, want string }{
		{"nothing", "", ""},
		{"junk", "\x00\n.\n*.\n*\n/\n;;;\nlocal0.*\n'\nif\n", ""},
		{"comments and directives", "#local0.* /var/log/x\n$ModLoad imuxsock\n", ""},
		{"another facility", "local1.* /var/log/x\nauth,authpriv.* /var/log/auth.log", ""},
		{"another program", "if $programname == 'asterisk' then /var/log/x\n:programname, isequal, \"kamailio2\" /var/log/x", ""},
		{"too severe only", "local0.err /var/log/x\n*.crit;local0.=notice /var/log/y\nlocal0.=err /var/log/z", ""},
		{"no file", "local0.* @192.0.2.1\nlocal0.* |/dev/xconsole\nlocal0.* /dev/console\nlocal0.* :omusrmsg:*\nlocal0.* ~", ""},
		{"taken out", "*.*;local0.none /var/log/syslog", ""},
		{"put back", "*.none;local0.* /var/log/x", "/var/log/x"},
		{"everything", "*.*;auth,authpriv.none\t\t-/var/log/syslog", "/var/log/syslog"},
		{"levels", "*.info /var/log/messages", "/var/log/messages"},
		{"just warnings", "local0.=warning /var/log/x", "/var/log/x"},
		{"facility", "local0.*  -/var/log/kamailio.log", "/var/log/kamailio.log"},
		{"facilities", "local1,local0.notice /var/log/x;template", "/var/log/x"},
		{"upper case", "LOCAL0.* /var/log/x", "/var/log/x"},
		{"its own goes before all", "*.* /var/log/syslog\nlocal0.* /var/log/x", "/var/log/x"},
		{"the first of its own", "local0.* /var/log/x\nlocal0.* /var/log/y", "/var/log/x"},
		{"old condition", ":programname, isequal, \"kamailio\" /var/log/x", "/var/log/x"},
		{"new condition", "if $programname == 'kamailio' then /var/log/x", "/var/log/x"},
		{"beginning", "if $programname startswith 'kam' then action(type=\"omfile\" file=\"/var/log/x\")", "/var/log/x"},
		{"part", "if $syslogtag contains 'mail' then {\naction(type=\"omfile\" dirCreateMode=\"0755\" file=\"/var/log/x\")\nstop\n}", "/var/log/x"},
		{"over lines, and then others", "if $programname == 'kamailio' then {\n action(type=\"omfile\" file=\"/var/log/x\")\n}\n*.* /var/log/y", "/var/log/x"},
		{"action of all", "*.* action(type=\"omfile\" file=\"/var/log/x\")", "/var/log/x"},
		{"path with dots", "local0.* /var/log/../log/x", "/var/log/x"},
	} {
		tree := newTree(fstest.MapFS{"etc/rsyslog.conf": {Data: []byte(c.rules)}})
		if got, at := tree.syslogFile("local0", "kamailio"); got != c.want || (at.Line == 0) != (got == "") {
			t.Errorf("%s: got %q at %v, want %q", c.name, got, at, c.want)
		}
	}
}

// TestSyslogNG: which we do not read, and say so.
func TestSyslogNG(t *testing.T) {
	tree := newTree(fstest.MapFS{"etc/syslog-ng/syslog-ng.conf": {Data: []byte("source s { };")}})
	if file, _ := tree.syslogFile("daemon", "kamailio"); file != "" || len(tree.Notes()) != 1 {
		t.Errorf("%q, %q", file, tree.Notes())
	}
}

// TestProxyLog: facility, name and standard error are the script's own choice.
func TestProxyLog(t *testing.T) {
	files := fstest.MapFS{"etc/rsyslog.d/a.conf": {Data: []byte("daemon.* /var/log/daemon.log\nlocal5.* /var/log/five\n:programname, isequal, \"edge\" /var/log/edge\n")}}
	for _, c := range []struct {
		script string
		words  []string
		want   string
	}{
		{"", nil, "/var/log/daemon.log"},
		{"log_facility=LOG_LOCAL5", nil, "/var/log/five"},
		{"log_facility=local5", nil, "/var/log/five"},
		{"log_facility=LOG_LOCAL6", nil, ""},
		{"syslog_facility=\"LOG_LOCAL5\"", nil, "/var/log/five"},
		{"log_name=\"edge\"", nil, "/var/log/edge"},
		{"log_stderror=yes", nil, ""},
		{"stderror_enabled=yes", nil, ""},
		{"log_stderror=no", []string{"-DD", "-E"}, ""},
	} {
		files["k.cfg"] = &fstest.MapFile{Data: []byte(c.script)}
		tree := newTree(files)
		tree.proxyLog(&script{ser.Read(tree.Tree, "k.cfg", nil), Kamailio}, c.words)
		if len(tree.logs) != 1 || tree.logs[0].File != c.want {
			t.Errorf("%q %q: %+v, want %q", c.script, c.words, tree.logs, c.want)
		}
	}
}
