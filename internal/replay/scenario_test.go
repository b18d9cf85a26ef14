package replay

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/policy"
	"github.com/sipward/sipward/internal/scenario"
)

// heard is a report as scenarios write it down.
type heard struct{ findings, bans []string }

func (h *heard) Message(*event.Event) {}

func (h *heard) Finding(f *detect.Finding) {
	h.findings = append(h.findings, fmt.Sprintf("%s %s %s %s", f.Source, f.Rule, f.Class, f.Proof))
}

func (h *heard) Ban(b *ban.Ban) {
	who := b.Prefix.String()
	if b.Prefix.IsSingleIP() {
		who = b.Prefix.Addr().String()
	}
	if b.Port != 0 {
		who = netip.AddrPortFrom(b.Prefix.Addr(), b.Port).String()
	}
	h.bans = append(h.bans, fmt.Sprintf("%s %s %d %s %s %d", who, b.Action, Seconds(b), b.Rule, b.Proof, b.Requests))
}

// TestScenarios judges every example of the project.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../detect/testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d scenarios (%v), want at least 10", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { judgeScenario(t, file) })
	}
}

func judgeScenario(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var got heard
	if _, err := Run(inputsOf(t, s), optionsOf(t, s, &got)); err != nil {
		t.Fatal(err)
	}
	compare(t, "findings", got.findings, s.Findings)
	compare(t, "bans", got.bans, s.Bans)
}

// optionsOf gives what a scenario's settings say.
func optionsOf(t *testing.T, s *scenario.Scenario, report Report) Options {
	t.Helper()
	settings, err := config.Parse("config", strings.NewReader(string(s.Config)))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Local: settings.Local, Format: logline.Auto, Report: report,
		Clock: logline.Clock{Now: scenario.Start, Zone: time.UTC}}
	for _, p := range slices.Concat(settings.Allow, settings.Trunks) {
		o.Never = append(o.Never, policy.Post{Prefix: p, Reason: "in the settings"})
	}
	for _, l := range settings.Listen {
		o.Ports, o.Streams = append(o.Ports, l.Port), append(o.Streams, l.Port)
		o.Transports = append(o.Transports, l.Transport)
	}
	return o
}

// inputsOf writes a scenario's wire and logs to files.
func inputsOf(t *testing.T, s *scenario.Scenario) []string {
	dir := t.TempDir()
	var files []string
	for format, text := range s.Logs {
		name := filepath.Join(dir, format+".log")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	if len(s.Reports) > 0 {
		files = append(files, dump(t, s.Reports))
	}
	if len(s.Messages) == 0 {
		return files
	}
	name := filepath.Join(dir, "wire.pcap")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	capture, err := pcap.NewWriter(file, uint32(packet.RawIP))
	if err != nil {
		t.Fatal(err)
	}
	sort.SliceStable(s.Messages, func(i, j int) bool { return s.Messages[i].Time.Before(s.Messages[j].Time) })
	frames, err := s.Frames()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := capture.Write(f.Time, f.Data); err != nil {
			t.Fatal(err)
		}
	}
	return append(files, name)
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
