package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/scenario"
)

// TestReplayScripts tells the stories of the verbs that judge recordings:
// "capture FILE NAME" writes the messages of one of the project's scenarios to
// a capture, "cut FILE N" keeps its first N bytes, or
// without the last -N.
func TestReplayScripts(t *testing.T) {
	scenarios, err := filepath.Abs("../../internal/detect/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/replay",
		Setup: func(env *testscript.Env) error {
			env.Setenv("SCENARIOS", scenarios)
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"capture": scriptCapture,
			"cut":     scriptCut,
			"exits":   scriptExits,
			"narrow":  scriptNarrow,
		},
		RequireExplicitExec: true,
	})
}

func scriptCapture(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(filepath.Join(ts.Getenv("SCENARIOS"), args[1]+".txtar"))
	ts.Check(err)
	s, err := scenario.Parse(text)
	ts.Check(err)
	slices.SortStableFunc(s.Messages, func(a, b scenario.Message) int { return a.Time.Compare(b.Time) })
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, uint32(packet.RawIP))
	ts.Check(err)
	for _, m := range s.Messages {
		ts.Check(w.Write(m.Time, packet.BuildUDP(m.From, m.To, m.Payload)))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file.Bytes(), 0o600))
}

func scriptCut(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	if size < 0 {
		size += len(text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text[:size]), 0o600))
}
