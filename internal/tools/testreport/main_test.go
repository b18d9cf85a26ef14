package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const pass = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"pass","Package":"p","Elapsed":1.5}` + "\n"
	for _, c := range []struct {
		name string
		in   string
		ok   bool
		want []string
	}{
		{"bad: nothing ran", "", false, []string{"0 passed, 0 skipped, 0 failed"}},
		{"bad: only packages without tests", `{"Action":"skip","Package":"p"}`, false, []string{"-     p has no tests"}},
		{"bad: a test failed", pass + `{"Action":"output","Package":"p","Test":"TestB","Output":"b_test.go:3: want 1\n"}` + "\n" +
			`{"Action":"fail","Package":"p","Test":"TestB"}`, false,
			[]string{"FAIL  p.TestB\nb_test.go:3: want 1", "fail  p.TestB", "1 passed, 0 skipped, 1 failed"}},
		{"bad: a package failed outside its tests", pass + `{"Action":"output","Package":"q","Output":"panic: late\n"}` + "\n" +
			`{"Action":"fail","Package":"q"}`, false, []string{"panic: late", "fail  q"}},
		{"bad: a package was not built", pass + `{"Action":"build-output","ImportPath":"q","Output":"q.go:1: syntax error\n"}` + "\n" +
			`{"Action":"build-fail","ImportPath":"q"}`, false, []string{"q.go:1: syntax error", "fail  q (build)"}},
		{"OK", pass, true, []string{"ok    p 1.5s", "1 passed, 0 skipped, 0 failed"}},
		{"OK: a skip is shown with its reason", pass + `{"Action":"output","Package":"p","Test":"TestC","Output":"=== RUN   TestC\n"}` + "\n" +
			`{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: no TUN here\n"}` + "\n" +
			`{"Action":"skip","Package":"p","Test":"TestC"}`, true,
			[]string{"skip  p.TestC: c_test.go:9: no TUN here", "1 passed, 1 skipped, 0 failed"}},
		{"OK: other lines are passed on", "go: downloading x\n" + pass, true, []string{"go: downloading x\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			ok, err := report(strings.NewReader(c.in), &out)
			if err != nil || ok != c.ok {
				t.Errorf("got %v, %v; want %v", ok, err, c.ok)
			}
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in:\n%s", want, out.String())
				}
			}
		})
	}
}

// A test that talks without end must not fill the memory.
func TestReportBounded(t *testing.T) {
	tally := &tally{out: &strings.Builder{}, output: map[string][]string{}}
	for range 10 * maxKept {
		tally.read(`{"Action":"output","Package":"p","Test":"TestA","Output":"x\n"}`)
	}
	if n := len(tally.output["p TestA"]); n != maxKept {
		t.Errorf("%d lines are kept, want %d", n, maxKept)
	}
}
