package replay

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/hep"
	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/scenario"
)

// reports gives messages as a server would tell of them.
func reports(t *testing.T, messages []scenario.Message) [][]byte {
	t.Helper()
	carriers := map[string]uint8{"udp": hep.UDP, "tcp": hep.TCP, "tls": hep.TLS}
	var all [][]byte
	sorted := slices.Clone(messages)
	slices.SortStableFunc(sorted, func(a, b scenario.Message) int { return a.Time.Compare(b.Time) })
	for _, m := range sorted {
		b := hep.Append(nil, &hep.Packet{Src: m.From, Dst: m.To, Time: m.Time, Carrier: carriers[m.Transport], Type: hep.SIP, Payload: m.Payload})
		if b == nil {
			t.Fatalf("no such report can exist: %+v", m)
		}
		all = append(all, b)
	}
	return all
}

// dump writes reports one after the other.
func dump(t *testing.T, messages []scenario.Message) string {
	return write(t, bytes.Join(reports(t, messages), nil))
}

// wrapped writes reports as a capture of the datagrams that carry them.
func wrapped(t *testing.T, messages []scenario.Message) string {
	t.Helper()
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, uint32(packet.RawIP))
	if err != nil {
		t.Fatal(err)
	}
	from, to := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:9060")
	for _, b := range reports(t, messages) {
		var p hep.Packet
		if err := hep.Decode(b, &p); err != nil {
			t.Fatal(err)
		}
		if err := w.Write(p.Time, packet.BuildUDP(from, to, b)); err != nil {
			t.Fatal(err)
		}
	}
	return write(t, file.Bytes())
}

// by gives the messages as if another transport had carried them.
func by(transport string, messages []scenario.Message) []scenario.Message {
	all := slices.Clone(messages)
	for i := range all {
		all[i].Transport = transport
	}
	return all
}

// verdicts are the bans as they are, and the report as scenarios write it.
type verdicts struct {
	heard
	entries []ban.Ban
}

// Ban implements Report.
func (v *verdicts) Ban(b *ban.Ban) {
	v.heard.Ban(b)
	v.entries = append(v.entries, *b)
}

// verdict replays files under a scenario's settings.
func verdict(t *testing.T, s *scenario.Scenario, files ...string) (*verdicts, Summary) {
	t.Helper()
	v := &verdicts{}
	summary, err := Run(files, optionsOf(t, s, v))
	if err != nil {
		t.Fatal(err)
	}
	return v, summary
}

// scenarios calls see for every one that has messages on the wire.
func scenarios(t *testing.T, see func(t *testing.T, s *scenario.Scenario)) {
	files, err := filepath.Glob("../detect/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scenario.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Messages) > 0 && len(s.Reports) == 0 {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { see(t, s) })
		}
	}
}

// TestReportsProveLittle: whatever is reported, true or invented, and whatever
// is said to have carried it, nobody is dropped for longer than ten minutes, and
// nothing counts for more than grade C.
func TestReportsProveLittle(t *testing.T) {
	drops := 0
	scenarios(t, func(t *testing.T, s *scenario.Scenario) {
		v, _ := verdict(t, s, dump(t, by("tls", s.Messages)))
		for i, b := range v.entries {
			hint := b.Proof == event.GradeC.String()
			if !hint && (b.Proof != event.None.String() || b.Action == ban.Drop) || Seconds(&b) > 600 {
				t.Error(v.bans[i])
			}
			if b.Action == ban.Drop {
				drops++
			}
		}
	})
	if drops == 0 {
		t.Error("no report led to a drop, so the test shows nothing")
	}
}

// TestReportsBesidePackets: what is reported and seen is judged by the packet,
// as if nobody had told, and counted once.
func TestReportsBesidePackets(t *testing.T) {
	scenarios(t, func(t *testing.T, s *scenario.Scenario) {
		both, _ := verdict(t, s, append(inputsOf(t, s), dump(t, s.Messages))...)
		compare(t, "findings", both.findings, s.Findings)
		compare(t, "bans", both.bans, s.Bans)
	})
}

// TestReportsInACapture: a capture of HEP says what a dump of it says.
func TestReportsInACapture(t *testing.T) {
	for _, name := range []string{"guess", "scan-invite", "forged-victim"} {
		s := load(t, name)
		messages := by("tls", s.Messages)
		dumped, first := verdict(t, s, dump(t, messages))
		captured, second := verdict(t, s, wrapped(t, messages))
		compare(t, "findings", captured.findings, dumped.findings)
		compare(t, "bans", captured.bans, dumped.bans)
		if first.Messages != uint64(len(messages)) || first.Messages != second.Messages || first.Packets != second.Packets {
			t.Errorf("dump %+v, capture %+v", first, second)
		}
	}
}

// TestDamagedReports: what cannot be read is counted, what stands around it counts.
func TestDamagedReports(t *testing.T) {
	s := load(t, "guess")
	all := reports(t, by("tls", s.Messages))
	damaged := bytes.Clone(all[0])
	damaged[11] = 3
	whole, _ := verdict(t, s, write(t, bytes.Join(all, nil)))
	if !slices.ContainsFunc(whole.bans, func(b string) bool { return strings.Contains(b, " drop 600 guess C ") }) {
		t.Fatalf("bans %q", whole.bans)
	}
	parts := slices.Concat([][]byte{all[0], []byte("rubbish"), damaged}, all[1:], [][]byte{all[0][:30]})
	v, summary := verdict(t, s, write(t, bytes.Join(parts, nil)))
	compare(t, "bans", v.bans, whole.bans)
	if summary.Skipped != 3 || len(summary.Warnings) != 1 || summary.Messages != uint64(len(all)) {
		t.Errorf("summary %+v", summary)
	}
}

// TestFindLocalInReports: whose side is ours is told by the messages, not by
// whoever sent the reports.
func TestFindLocalInReports(t *testing.T) {
	s := load(t, "guess")
	for _, file := range []string{dump(t, s.Messages), wrapped(t, s.Messages)} {
		summary, err := Run([]string{file}, Options{Report: &verdicts{}, Format: logline.Auto})
		if err != nil {
			t.Fatal(err)
		}
		if want := []netip.Addr{netip.MustParseAddr("192.0.2.10")}; !slices.Equal(summary.Local, want) {
			t.Errorf("%s: our side is %v, want %v", filepath.Base(file), summary.Local, want)
		}
	}
}
