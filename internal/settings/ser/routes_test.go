package ser

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings"
)

// write puts statements on one line: conditions in angle brackets, what they
// hold in curly ones.
func write(list []Statement) string {
	var b strings.Builder
	for i := range list {
		s := &list[i]
		switch s.Form {
		case Plain:
			b.WriteString(Join(s.Tokens) + ";")
		case Block:
			b.WriteString("{" + write(s.Body) + "}")
		default:
			fmt.Fprintf(&b, "%s<%s>{%s}", []string{"", "if", "loop", "switch", "case"}[s.Form], Join(s.Tokens), write(s.Body))
			if len(s.Else) > 0 {
				b.WriteString("else{" + write(s.Else) + "}")
			}
		}
	}
	return b.String()
}

func read1(text string, dialect Dialect) (*Script, *settings.Tree) {
	tree := settings.New(fstest.MapFS{"k.cfg": {Data: []byte(text)}, "other.cfg": {Data: []byte("exit;\n")}})
	if dialect == OpenSIPS {
		return ReadOpenSIPS(tree, "k.cfg"), tree
	}
	return Read(tree, "k.cfg", nil), tree
}

// TestRoutes: routes as trees of statements.
func TestRoutes(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"none", "route\nroute[", ""},
		{"without an end", "route[A] { f(", "route[A]: f(;"},
		{"brackets that do not match", "route[A] { f(]); } route[B] { exit; }", "route[A]: f(]);| route[B]: exit;"},
		{"too many ends", "route[A] { } } } route[B] { exit; }", "route[A]: | route[B]: exit;"},
		{"kinds", "request_route{} route{} route[0]{} reply_route{} onreply_route[R]{} event_route[xhttp:request]{} timer_route[t, 60]{}",
			"request_route[]: | request_route[]: | request_route[]: | onreply_route[]: | onreply_route[R]: | event_route[xhttp:request]: | timer_route[t]: "},
		{"if", "route[A] { if (a && b) { c(); } else if (d) e(); else { f(); }; g(); }", "route[A]: if<(a && b)>{c();}else{if<(d)>{e();}else{f();}}g();"},
		{"if without brackets", "route[A] { if !has_totag() exit; if ($rU == $null) && (x) { return; } }", "route[A]: if<!has_totag()>{exit;}if<($rU == $null) && (x)>{return;}"},
		{"if without semicolons", "route[A] { if (a) route(1)\n else b(); }", "route[A]: if<(a)>{route(1);}else{b();}"},
		{"loops", "route[A] { while ($var(i) < 3) { $var(i) = $var(i) + 1; } for ($var(x) in $(avp(y)[*])) f(); }",
			"route[A]: loop<($var(i) < 3)>{$var(i) = $var(i) + 1;}loop<($var(x) in $(avp(y)[*]))>{f();}"},
		{"switch", "route[A] { switch ($rc) { case -1: case -3: f(); exit; default: g(); } h(); }",
			"route[A]: switch<($rc)>{case<case -1>{}case<case -3>{f();exit;}case<default>{g();}}h();"},
		{"texts", "route[A] { f(\"a;b}\", 'c\"d', \"e\\\"f\" \"g\"); $x = \"#no\"; # \"\n }", "route[A]: f(a;b}, c\"d, e\"fg);$x = #no;"},
		{"variables", "route[A] { $(rU{s.substr,1,0}) = 1; $sht(a=>$si) = 1; @cfg_get.a.b; $rc; }", "route[A]: $(rU{s.substr,1,0}) = 1;$sht(a=>$si) = 1;@cfg_get.a.b;$rc;"},
		{"included", "route[A] {\ninclude_file \"other.cfg\"\n}", "route[A]: exit;"},
		{"defined", "#!define X Y\n#!define Y f(1); g()\n#!define Z Z\nroute[A] { X; Z; }", "route[A]: f(1);g();"},
		{"defined twice", "#!define X a\n#!trydef X b\n#!define X c\nroute[A] { X; }\n#!redefine X d\nroute[B] { X; }", "route[A]: a;| route[B]: d;"},
		{"defined over lines", "#!define X a, \\\n b\nroute[A] { f(X); }", "route[A]: f(a, b);"},
		{"substituted", "#!subst \"!old!new!g\"\n#!substdef \"!NAME!$x!g\"\n#!substdefs \"!TEXT!t!g\"\nroute[A] { f(\"old old NAME\", NAME, TEXT); }", "route[A]: f(new new $x, $x, t);"},
		{"substituted once", "#!subst \"!O!n!i\"\n#!subst \"!(!x!\"\n#!subst \"/\"\n#!subst\nroute[A] { f(\"oo\"); }", "route[A]: f(no);"},
		{"calculated", "#!define V 5\n#!define S \"x\"\n#!ifexp V >= 5 && (S == \"x\") && !(V != 5)\nroute[A] { a(); }\n#!else\nroute[B] { b(); }\n#!endif\n#!ifexp V < 4.5 || V > 10\nroute[C] { c(); }\n#!endif", "route[A]: a();"},
		{"comments inside each other", "route[A] { /* /* */ b(); */ c(); // d();\n e(); }", "route[A]: c();e();"},
	} {
		s, _ := read1(c.text, Kamailio)
		var got []string
		for _, r := range s.Routes {
			got = append(got, r.Kind+"["+r.Name+"]: "+write(r.Body))
		}
		if strings.Join(got, "| ") != c.want {
			t.Errorf("%s: got %s\nwant %s", c.name, strings.Join(got, "| "), c.want)
		}
	}
}

// TestPlaces: each token knows its line, in its own file; one that was defined
// stands where its name does.
func TestPlaces(t *testing.T) {
	s, _ := read1("#!define X f(\\\n 1)\nroute[A] {\n\tX;\n\tg(\"a\n\tb\",\n\t2);\ninclude_file \"other.cfg\"\n\th();\n}\n", Kamailio)
	var got []string
	for _, st := range s.Routes[0].Body {
		last := st.Tokens[len(st.Tokens)-1]
		got = append(got, fmt.Sprintf("%s %d-%d %s", st.Tokens[0].Text, st.Tokens[0].At.Line, last.At.Line, st.Tokens[0].At.File))
	}
	if want := "[f 4-4 k.cfg g 5-7 k.cfg exit 1 other.cfg h 9-9 k.cfg]"; strings.ReplaceAll(fmt.Sprint(got), "exit 1-1", "exit 1") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if d, ok := s.Name("X"); !ok || d.At.Line != 1 || s.Routes[0].Body[0].Tokens[0].Define != "X" {
		t.Errorf("%+v", d)
	}
}

// TestLeftOut: what an #!ifdef leaves out is kept apart, however it looks.
func TestLeftOut(t *testing.T) {
	s, _ := read1("#!ifdef NO\nALTER TABLE x DEFAULT '';\nmodparam(\"ctl\", \"binrpc\", \"tcp:*:1\")\nport=5070\n/* a=1\n#!ifdef X\nb=2 */\n#!else\n#!endif\nloadmodule \"tm.so\"\n"+
		"#!define D \"x://y\"\nexec_msg(\"$rU\");\n#!else\nport=5060\n#!endif\n", Kamailio)
	if len(s.Off.Params) != 1 || s.Off.Params[0].At.Line != 3 || len(s.Off.Globals) != 1 || len(s.Off.Modules) != 1 || s.Loaded["tm"] || s.Global("port") != "5060" {
		t.Errorf("%+v, %+v", s.Off, s.Settings)
	}
	if d := s.Defines(); len(d) != 1 || !d[0].Off || d[0].At.Line != 11 {
		t.Errorf("%+v", d)
	}
	if c := Calls(s.LeftOut()); len(c) < 2 || c[len(c)-1].Name != "exec_msg" || c[len(c)-1].At.Line != 12 {
		t.Errorf("%+v", c)
	}
}

// TestDialects: for OpenSIPS the preprocessor's lines are comments, and "//" is
// none.
func TestDialects(t *testing.T) {
	text := "#!define X 1\n#!ifdef NO\nport=5060\n#!endif\n#### a comment\nmpath=\"/usr/lib\" loadmodule \"tm.so\"\n"
	if s, _ := read1(text, OpenSIPS); s.Global("port") != "5060" || len(s.Defines()) != 0 {
		t.Errorf("%+v", s.Settings)
	}
	if s, _ := read1(text, Kamailio); s.Global("port") != "" || s.Global("mpath") == "" {
		t.Errorf("%+v", s.Settings)
	}
	for text, want := range map[string]string{"define(`X', `1')\n": "m4", "port=5060\n": "", "ifelse(USE_TLS, `yes', `x')": "", "a\nifelse(`x'": "m4"} {
		if s, _ := read1(text, OpenSIPS); !strings.Contains(s.Template, want) || want == "" && s.Template != "" {
			t.Errorf("%q: %q", text, s.Template)
		}
	}
}

// TestReachable: which routes something leads to.
func TestReachable(t *testing.T) {
	for text, want := range map[string]string{
		"route{ route(A); } route[A]{ exit; } route[B]{ exit; }":                                              "TTF",
		"route{ t_on_failure(\"F\"); } failure_route[F]{ route(B); } route[B]{ exit; } route[C]{ route(B); }": "TTTF",
		"route{ route($var(x)); } route[A]{ exit; }":                                                          "TT",
		"route{ route(\"$rU\"); } route[A]{ exit; }":                                                          "TT",
		"modparam(\"rtimer\", \"exec\", \"timer=t;route=A\")\nroute{ exit; } route[A]{ exit; }":               "TT",
		"route{ exit; } event_route[tm:local-request]{ route(A); } route[A]{ route(A); }":                     "TTT",
		"route[A]{ route(B); } route[B]{ route(A); }":                                                         "FF",
	} {
		s, _ := read1(text, Kamailio)
		got := ""
		for _, r := range s.Reachable() {
			got += map[bool]string{true: "T", false: "F"}[r]
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestCalls: functions inside functions, and assignments.
func TestCalls(t *testing.T) {
	s, _ := read1("route{ if (!f(g(1, (2)), \"a,b\") && not (h())) exit; $du = \"sip:\" + x(1); }", Kamailio)
	var got []string
	Walk(s.Routes[0].Body, func(st *Statement) {
		for _, c := range Calls(st.Tokens) {
			got = append(got, fmt.Sprint(c.Name, "/", len(c.Args)))
		}
	})
	if want := "f/2 g/2 h/0 x/1 $du/1"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
}

// TestLists: the files beside a script.
func TestLists(t *testing.T) {
	tree := settings.New(fstest.MapFS{
		"tls.cfg":  {Data: []byte("method = X\n# no\n[server:default]\nmethod = TLSv1 # old\nmethod=\"TLSv1.2\"\n[ client : default ]\nverify_certificate=yes\n[\n")},
		"a.list":   {Data: []byte("# x\n1\n1 nowhere 32\n1 192.0.2.1\n(2, 192.0.2.0, 24, 0, \"x\")\n3 [2001:db8::1] 64\n4 0.0.0.0/0\n5 192.0.2.1 99\n6 192.0.2.1 5060x\n")},
		"kamctlrc": {Data: []byte("# DBRWPW=\"no\"\nDBRWPW=\"a#b\" # c\nexport DBHOST=x\n=\njunk\n")},
	})
	if got := fmt.Sprint(ReadProfiles(tree, "tls.cfg")); got != "[{server:default /tls.cfg line 3 [{method TLSv1 /tls.cfg line 4} {method TLSv1.2 /tls.cfg line 5}]} {client:default /tls.cfg line 6 [{verify_certificate yes /tls.cfg line 7}]} { /tls.cfg line 8 []}]" {
		t.Error(got)
	}
	if got := fmt.Sprint(ReadAddresses(tree, "a.list")); got != "[{1 192.0.2.1/32 /a.list line 4} {2 192.0.2.0/24 /a.list line 5} {3 2001:db8::/64 /a.list line 6} {4 0.0.0.0/0 /a.list line 7} {6 192.0.2.1/32 /a.list line 9}]" {
		t.Error(got)
	}
	if got := fmt.Sprint(ReadVariables(tree, "kamctlrc")); got != "[{DBRWPW a#b /kamctlrc line 2} {DBHOST x /kamctlrc line 3} {  /kamctlrc line 4}]" {
		t.Error(got)
	}
	if p := ReadProfiles(tree, "none"); p != nil {
		t.Error(p)
	}
}

// hostile are scripts that nobody writes who means well.
func hostile() map[string]string {
	bomb := ""
	for i := range 40 {
		bomb += fmt.Sprintf("#!define A%d A%d A%d\n", i, i+1, i+1)
	}
	return map[string]string{
		"names inside names":  bomb + "route { " + strings.Repeat("A0 ", 1000) + "}",
		"a name of itself":    "#!define X X X\nX X X\n",
		"deep blocks":         "route " + strings.Repeat("{", 100000),
		"deep brackets":       "route { " + strings.Repeat("f(", 100000),
		"deep conditions":     "route { if " + strings.Repeat("(", 100000),
		"not not not":         "route { if " + strings.Repeat("!", 100000),
		"else if":             "route { " + strings.Repeat("if (a) b(); else ", 50000) + "c(); }",
		"ifdefs":              strings.Repeat("#!ifdef A\n", 10000),
		"expressions":         "#!ifexp " + strings.Repeat("(", 100000),
		"negations":           "#!ifexp " + strings.Repeat("!", 100000),
		"words":               strings.Repeat("a ", 1<<19),
		"settings":            strings.Repeat("a=1\n", 1<<18),
		"routes":              strings.Repeat("route[a]{route(b);}\n", 20000),
		"long chains":         chain(20000),
		"variables":           strings.Repeat("$(a", 100000) + "\n" + strings.Repeat("$a(", 1000),
		"substitutions":       strings.Repeat("#!subst \"!a!aa!g\"\n", 100) + "x=\"" + strings.Repeat("a", 1000) + "\"\n",
		"binary":              strings.Repeat("\x00\xff\"'(){}[]#!/*\\\n", 1000),
		"comments":            strings.Repeat("/*", 100000),
		"parameters":          "modparam(\"" + strings.Repeat("a|", 100000) + "\", \"b\", 1)\n",
		"definitions":         strings.Repeat("#!define A", 1) + strings.Repeat("\\\n", 100000),
		"different names":     names(5000),
		"comments left out":   "#!ifdef A\n" + strings.Repeat("/*\n", 10000) + "#!endif\nport=1\n",
		"nothing after words": "route[A] { if",
	}
}

func chain(n int) string {
	var b strings.Builder
	for i := n; i > 0; i-- {
		fmt.Fprintf(&b, "route[r%d]{route(r%d);}\n", i, i+1)
	}
	return b.String() + "route{route(r1);}\n"
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "#!define N%d %d\n", i, i)
	}
	return b.String()
}

// TestHostile: every script is read to an end, in bounded memory, and what is
// not read is said.
func TestHostile(t *testing.T) {
	for name, text := range hostile() {
		s, tree := read1(text, Kamailio)
		s.Reachable()
		for _, r := range s.Routes {
			Walk(r.Body, func(st *Statement) { Calls(st.Tokens) })
		}
		if s.full && (len(tree.Problems()) == 0 || len(s.Doubts) == 0) {
			t.Errorf("%s: stopped without a word", name)
		}
		if n := len(s.Params) + len(s.Globals) + len(s.Modules); n > maxTokens/4 || len(s.offTokens) > maxTokens {
			t.Errorf("%s: %d settings", name, n)
		}
	}
}

// TestAsKamailioReads compares our preprocessor with the server's own, which
// prints what it makes of a script.
func TestAsKamailioReads(t *testing.T) {
	mine := filepath.Join(t.TempDir(), "k.cfg")
	text := "#!KAMAILIO\n#!define A \"a\"\n#!ifdef A\ndebug=2 # x\n#!ifdef B\nlog_name=\"b\"\n#!else\nlog_name=A\n#!endif\n#!else\nfork=no\n#!endif\n" +
		"#!trydef A \"z\"\n#!substdef \"!NAME!value!g\"\n/* #!define C\n*/\n#!ifndef C\nlog_prefix=\"NAME\"\n#!endif\nrequest_route {\n#!ifdef A\n\texit;\n#!endif\n}\n"
	if err := os.WriteFile(mine, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{mine, "/etc/kamailio/kamailio.cfg"} {
		out, err := exec.Command("kamailio", "--cfg-print", "-c", "-f", name).Output()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := tokens(fstest.MapFS{"k.cfg": {Data: out}}, "k.cfg")
		if got := tokens(os.DirFS("/"), strings.TrimPrefix(name, "/")); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// tokens are those of a script after the preprocessor, one a line.
func tokens(files fs.FS, name string) string {
	s := &Script{tree: settings.New(files), File: name, defined: map[string]int{}}
	s.file(name, settings.Place{}, true)
	var b strings.Builder
	for _, t := range s.tokens {
		b.WriteString(t.Text + "\n")
	}
	return b.String()
}
