package house

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A command is one that a page shows: "$ sipward …" in a block of code, and the
// lines below it, which are what it prints.
type command struct {
	page, line, want string
	number           int
}

// needsDaemon are the verbs that talk to a running daemon. Of them only the
// spelling is checked here.
var needsDaemon = []string{"run", "restore", "status", "why", "bans", "ban", "unban", "allow", "events", "stop", "reload"}

// TestCommands runs every command of the pages that needs no daemon, in
// docs/testdata, and compares what it prints. A line "…" stands for any lines;
// "…" in a line for any text. "echo $?" shows the exit code.
func TestCommands(t *testing.T) {
	offline := 0
	for _, c := range commands(t) {
		words := strings.Fields(c.line)
		if len(words) > 1 && slices.Contains(needsDaemon, words[1]) {
			spelledRight(t, c, words[1:])
			continue
		}
		offline++
		shell := exec.Command("bash", "-c", c.line+` ; code=$?; [ $code = 0 ] || echo "exit code $code"`)
		shell.Dir = filepath.Join(root, "docs", "testdata")
		shell.Env = []string{"PATH=" + filepath.Dir(binary(t)) + ":/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent"}
		out, err := shell.CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		if !matches(string(out), c.want) {
			t.Errorf("%s:%d: %s\nprints\n%s\nand the page says\n%s", c.page, c.number, c.line, out, c.want)
		}
	}
	if offline < 10 {
		t.Errorf("only %d commands were found in the pages: has their form changed?", offline)
	}
}

// spelledRight asks the verb's help for every flag that the page uses.
func spelledRight(t *testing.T, c command, words []string) {
	t.Helper()
	out, err := exec.Command(binary(t), words[0], "--help").CombinedOutput()
	if err != nil {
		t.Errorf("%s:%d: sipward %s --help: %v", c.page, c.number, words[0], err)
	}
	for _, w := range words[1:] {
		if w == "|" || w == "#" {
			return
		}
		flag, _, _ := strings.Cut(w, "=")
		if strings.HasPrefix(flag, "-") && !regexp.MustCompile(`(^|[\s,])`+regexp.QuoteMeta(flag)+`\b`).Match(out) {
			t.Errorf("%s:%d: sipward %s has no %s", c.page, c.number, words[0], flag)
		}
	}
}

// commands finds them in the README and in docs.
func commands(t *testing.T) []command {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []command
	for _, path := range append(pages, filepath.Join(root, "README.md")) {
		page, err := filepath.Rel(root, path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, commandsOf(page, document(t, page))...)
	}
	return all
}

func commandsOf(page, text string) []command {
	var all []command
	block, open := false, false
	for number, line := range numbered(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			block, open = !block, false
		case block && strings.HasPrefix(line, "$ sipward"):
			all = append(all, command{page: page, line: strings.TrimPrefix(line, "$ "), number: number})
			open = true
		case block && strings.HasPrefix(line, "$ "):
			open = false
		case block && open:
			all[len(all)-1].want += line + "\n"
		}
	}
	return all
}

// matches compares the output with the page's, in which "…" is anything.
func matches(got, want string) bool {
	var b strings.Builder
	for line := range strings.Lines(want) {
		if strings.TrimSpace(line) == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		for i, part := range strings.Split(strings.TrimRight(line, " \n"), "…") {
			if i > 0 {
				b.WriteString(`.*`)
			}
			b.WriteString(regexp.QuoteMeta(part))
		}
		b.WriteString(` *\n`)
	}
	return regexp.MustCompile(`^(?:` + b.String() + `)$`).MatchString(strings.TrimRight(got, "\n") + "\n")
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		got, want string
		ok        bool
	}{
		{"a\n", "b\n", false},
		{"a\nb\n", "a\n", false},
		{"a\n", "a\nb\n", false},
		{"a\n", "a\n", true},
		{"a 17 b\n", "a … b\n", true},
		{"a\nx\ny\nb\n", "a\n…\nb\n", true},
		{"a\nb\n", "a\n…\nb\n", true},
		{"a\nx\nc\n", "a\n…\nb\n", false},
	} {
		if matches(c.got, c.want) != c.ok {
			t.Errorf("%q as %q: want %v", c.got, c.want, c.ok)
		}
	}
}

func containsLine(text, part string) bool {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return true
		}
	}
	return false
}
