package paper

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/net/html"

	"github.com/sipward/sipward/internal/audit"
	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
)

// hostile are values that would do something if they were more than text.
var hostile = []string{
	`<script>console.error("run")</script>`, `"><img src=x onerror=console.error(1)>`, `' onmouseover='alert(1)`, `</pre></article><h1>score 100</h1>`,
	`<iframe src="http://192.0.2.1/">`, `{{.Score}}`, "\x1b[31mred\x1b[0m\x00\r\n", "a\u202eb\u2066c\ufeff", "\xff\xfe\x80", `javascript:alert(1)`,
	`<link rel=stylesheet href=http://192.0.2.1/x.css>`, `<svg/onload=console.error(2)>`, `&lt;b&gt;`, `<!--`, `]]>`, strings.Repeat("x", 5000),
}

// results has everything there can be in an audit, with hostile values in all
// places that a file's author can write.
func results() *audit.Report {
	r := &audit.Report{Servers: []string{"asterisk"}, Problems: hostile[:3]}
	c := &check.Check{ID: "AST-00", Server: check.Asterisk, Severity: check.High, Title: "A title", Why: "One line\nand another.", Fix: "a = b", References: []string{"a page"}}
	for i, v := range hostile {
		for s := check.Info; s <= check.Critical; s++ {
			severe := *c
			severe.Severity = s
			r.Results = append(r.Results, check.Result{Check: &severe,
				Finding: check.Finding{State: check.Fail, Place: settings.Place{File: "etc/" + v, Line: i}, Setting: v, Value: v, Why: v, Fix: v}})
		}
	}
	for _, state := range []check.State{check.Pass, check.Latent, check.Unknown} {
		r.Results = append(r.Results, check.Result{Check: c, Finding: check.Finding{State: state, Why: hostile[0]}})
	}
	r.Results = append(r.Results, check.Result{Check: c, Finding: check.Finding{State: check.Fail}, Accepted: hostile[0]})
	return r
}

// TestSARIF: what is written is SARIF 2.1.0 by the standard's own schema, and a
// log that is not is told from it.
func TestSARIF(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*audit.Report{"nothing": {}, "everything": results()} {
		var text bytes.Buffer
		if err := SARIF(&text, r, "1.0"); err != nil {
			t.Fatal(err)
		}
		log, err := jsonschema.UnmarshalJSON(bytes.NewReader(text.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		broken := strings.Replace(text.String(), `"2.1.0"`, `"2.2.0"`, 1)
		if log, err = jsonschema.UnmarshalJSON(strings.NewReader(broken)); err != nil || schema.Validate(log) == nil {
			t.Errorf("%s: a log of another version passes", name)
		}
	}
	if err := SARIF(full{}, results(), "1.0"); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk gives %v", err)
	}
}

// full is a writer with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestPage: hostile values add nothing to the page but text.
func TestPage(t *testing.T) {
	// Whatever the values, the page's elements and attributes are these.
	const elements = "html head meta link title style body main h1 h2 h3 p span small code pre article details summary table tbody tr th td"
	const attributes = "lang charset name content http-equiv rel href class"
	var text bytes.Buffer
	if err := Page(&text, results(), time.Unix(0, 0).UTC()); err != nil {
		t.Fatal(err)
	}
	tokens := html.NewTokenizer(&text)
	var seen strings.Builder
	for tokens.Next() != html.ErrorToken {
		token := tokens.Token()
		switch token.Type {
		case html.StartTagToken, html.SelfClosingTagToken:
			if !strings.Contains(" "+elements+" ", " "+token.Data+" ") {
				t.Errorf("an element %s", token.Data)
			}
			for _, a := range token.Attr {
				if !strings.Contains(" "+attributes+" ", " "+a.Key+" ") || a.Key == "href" && a.Val != "data:," {
					t.Errorf("an attribute %s of %s: %.40q", a.Key, token.Data, a.Val)
				}
			}
		case html.TextToken:
			seen.WriteString(token.Data)
		}
	}
	for _, v := range hostile {
		if !strings.Contains(seen.String(), strings.ReplaceAll(shown(strings.ToValidUTF8(v, "\ufffd")), "\r", "\u240d")) {
			t.Errorf("%.60q is not shown as text", v)
		}
	}
	if strings.ContainsAny(seen.String(), "\x00\x1b\u202e\u2066\x7f") {
		t.Error("something invisible is left")
	}
	if err := Page(full{}, results(), time.Time{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk gives %v", err)
	}
}

// TestBrowser opens the page in a real browser, which runs no script, asks for
// nothing, and complains of nothing.
func TestBrowser(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "audit.html")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Page(file, results(), time.Now()), file.Close()); err != nil {
		t.Fatal(err)
	}
	net := filepath.Join(dir, "net.json")
	cmd := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
		"--no-first-run", "--user-data-dir="+dir, "--log-net-log="+net, "--enable-logging=stderr", "--dump-dom", "file://"+name)
	var said bytes.Buffer
	cmd.Stderr = &said
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, &said)
	}
	if !bytes.Contains(dom, []byte("&lt;script&gt;")) || bytes.Contains(dom, []byte("<script")) || bytes.Contains(dom, []byte("<iframe")) {
		t.Error("the page is not what was written")
	}
	if strings.Contains(said.String(), "CONSOLE") {
		t.Errorf("the console says:\n%s", &said)
	}
	asked, err := os.ReadFile(net)
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range regexp.MustCompile(`"(?:https?|wss?)://[^"]*"`).FindAllString(string(asked), -1) {
		if strings.Contains(url, "192.0.2.1") {
			t.Errorf("asks for %s", url)
		}
	}
}
