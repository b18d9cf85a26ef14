package house

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/sip"
)

// TestFlawsPage: the page lists every token of the SIP reader, and no other.
func TestFlawsPage(t *testing.T) {
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(document(t, "docs/flaws.md"), -1) {
		listed = append(listed, row[1])
	}
	var real []string
	for bit := range 64 {
		if token := sip.Flaws(1 << bit).String(); token != "" {
			real = append(real, token)
		}
	}
	if !slices.Equal(listed, real) {
		t.Errorf("docs/flaws.md lists\n%q\nand the reader knows\n%q", listed, real)
	}
	accepted := strings.Index(document(t, "docs/flaws.md"), "can live with")
	for bit := range 64 {
		f := sip.Flaws(1 << bit)
		if i := strings.Index(document(t, "docs/flaws.md"), "| `"+f.String()+"` |"); f.String() != "" && (i < accepted) != (f.Unacceptable() != 0) {
			t.Errorf("docs/flaws.md has %s in the wrong half", f)
		}
	}
}

// TestExitCodesPage compares the page with the constants.
func TestExitCodesPage(t *testing.T) {
	var listed, real []int
	for _, row := range table(t, document(t, "docs/exit-codes.md"), "code", "meaning") {
		code, err := strconv.Atoi(row[0])
		if err != nil {
			t.Error(err)
		}
		listed = append(listed, code)
	}
	each(t, codeFile, func(s *source, n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || s.path != "cmd/sipward/exit.go" || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "exit") {
			return
		}
		if l, ok := spec.Values[0].(*ast.BasicLit); ok && l.Kind == token.INT {
			code, err := strconv.Atoi(l.Value)
			if err != nil {
				t.Error(err)
			}
			real = append(real, code)
		}
	})
	slices.Sort(real)
	if len(real) == 0 || !slices.Equal(listed, real) {
		t.Errorf("docs/exit-codes.md lists %v, cmd/sipward/exit.go has %v", listed, real)
	}
}

// TestSettingsInPages: whatever a page tells people to write can be read.
func TestSettingsInPages(t *testing.T) {
	for _, page := range []string{"docs/settings.md", "docs/first-minute.md", "README.md"} {
		text := document(t, page)
		var examples []string
		for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
			examples = append(examples, block[1])
		}
		if page == "docs/settings.md" {
			for _, row := range regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]+)` \\|$").FindAllStringSubmatch(text, -1) {
				examples = append(examples, row[1])
			}
			if len(examples) < 5 {
				t.Errorf("%s: only %d examples were found", page, len(examples))
			}
		}
		for _, example := range examples {
			if _, err := config.Parse(page, strings.NewReader(example)); err != nil {
				t.Errorf("%s: %q: %v", page, example, err)
			}
		}
	}
}

// TestDetectorsPage: every rule and every class that can stand in a ban has its
// word on the page.
func TestDetectorsPage(t *testing.T) {
	text := document(t, "docs/detectors.md")
	for _, class := range []detect.Class{
		detect.ClassScanOptions, detect.ClassScanRegister, detect.ClassScanInvite, detect.ClassScanTool,
		detect.ClassEnum, detect.ClassGuess, detect.ClassSpray, detect.ClassTampered,
		detect.ClassDialPlan, detect.ClassMalformed, detect.ClassExploit, detect.ClassInjection,
	} {
		if !strings.Contains(text, "`"+string(class)+"`") {
			t.Errorf("docs/detectors.md does not mention the class %s", class)
		}
	}
	rules := 0
	each(t, codeFile, func(s *source, n ast.Node) {
		l, ok := n.(*ast.CompositeLit)
		if !ok || s.path != "internal/detect/weights.go" || l.Type != nil || len(l.Elts) != 3 {
			return
		}
		rules++
		name, err := strconv.Unquote(literal(l.Elts[0]))
		if err != nil {
			t.Fatal(err)
		}
		weight := l.Elts[1].(*ast.BasicLit).Value
		if !regexp.MustCompile("`" + name + "`[^·|]* " + regexp.QuoteMeta(weight) + `\b`).MatchString(text) {
			t.Errorf("docs/detectors.md does not give %s the weight %s", name, weight)
		}
	})
	if rules == 0 {
		t.Error("no weights were found in internal/detect/weights.go")
	}
	for _, mark := range regexp.MustCompile(`(?m)^\t\{"[^"]+", ([0-9.]+), `).FindAllStringSubmatch(document(t, "internal/detect/tool.go"), -1) {
		if !strings.Contains(text, "| "+mark[1]+" |") {
			t.Errorf("docs/detectors.md has no tool mark of weight %s", mark[1])
		}
	}
}
