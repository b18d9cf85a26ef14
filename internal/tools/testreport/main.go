// Testreport reads what `go test -json` prints and writes what a person wants
// to know: a line for each package, the whole output of each test that failed,
// and at the end every test that was skipped, with its reason. It fails if any
// test failed or none ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build events
	Test       string // empty: of the package as a whole
	Output     string
	Elapsed    float64 // seconds
}

// maxKept bounds the output kept of one test, in lines; the last ones count.
const maxKept = 2000

// tally is what the report knows so far.
type tally struct {
	out     io.Writer
	passed  int
	failed  []string
	skipped []string
	output  map[string][]string // by package and test
}

// report writes the report of in. The answer is yes if tests ran and all of
// them passed.
func report(in io.Reader, out io.Writer) (bool, error) {
	t := &tally{out: out, output: map[string][]string{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			t.read(line)
		}
		if err == io.EOF {
			return t.end(), nil
		}
		if err != nil {
			return false, fmt.Errorf("read test events: %w", err)
		}
	}
}

// read takes one line; what is no event, like a warning of the go command, is
// passed on.
func (t *tally) read(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(t.out, line)
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		kept := append(t.output[key], e.Output)
		t.output[key] = kept[max(0, len(kept)-maxKept):]
	case "build-output":
		fmt.Fprint(t.out, e.Output)
	case "build-fail":
		t.failed = append(t.failed, e.ImportPath+" (build)")
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e, key)
		} else {
			t.endTest(e, key)
		}
		delete(t.output, key)
	}
}

func (t *tally) endPackage(e event, key string) {
	switch {
	case e.Action == "fail":
		fmt.Fprintf(t.out, "FAIL  %s %.1fs\n", e.Package, e.Elapsed)
		fmt.Fprint(t.out, strings.Join(t.output[key], ""))
		t.failed = append(t.failed, e.Package)
	case e.Action == "pass":
		fmt.Fprintf(t.out, "ok    %s %.1fs\n", e.Package, e.Elapsed)
	default:
		fmt.Fprintf(t.out, "-     %s has no tests\n", e.Package)
	}
}

func (t *tally) endTest(e event, key string) {
	name := e.Package + "." + e.Test
	switch e.Action {
	case "pass":
		t.passed++
	case "fail":
		fmt.Fprintf(t.out, "FAIL  %s\n%s", name, strings.Join(t.output[key], ""))
		t.failed = append(t.failed, name)
	case "skip":
		t.skipped = append(t.skipped, name+": "+reason(t.output[key]))
	}
}

// reason finds what a test said when it was skipped.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}

// end writes the sum.
func (t *tally) end() bool {
	slices.Sort(t.skipped)
	for _, s := range t.skipped {
		fmt.Fprintln(t.out, "skip ", s)
	}
	for _, f := range t.failed {
		fmt.Fprintln(t.out, "fail ", f)
	}
	fmt.Fprintf(t.out, "%d passed, %d skipped, %d failed\n", t.passed, len(t.skipped), len(t.failed))
	return len(t.failed) == 0 && t.passed > 0
}
