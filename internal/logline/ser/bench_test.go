package ser_test

import (
	"testing"
	"time"

	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/logline/logtest"
)

// busyLog is what a busy server writes: calls, some trouble, an attack.
func busyLog() [][]byte {
	p := printers[0]
	var lines [][]byte
	for _, text := range []string{
		p.print("script", "{1 1 INVITE 7f@h} ", "new branch [0] to sip:100@198.51.100.7:5060"),
		p.print("core", "", "required headers not found in request"),
		p.print("dispatcher", "", "gateway 198.51.100.20 failed"),
		p.print("registrar", "", "contact of 100 renewed"),
		p.print("script", "{1 1 REGISTER 7f@h} ", "ALERT: pike blocking REGISTER from sip:100@pbx.example.org (IP:203.0.113.7:5071)"),
		p.print("pike", "", "PIKE - BLOCKing ip 203.0.113.7, node=0x7fcd940bce50"),
	} {
		lines = append(lines, []byte(text))
	}
	return lines
}

func BenchmarkClassify(b *testing.B) {
	lines := busyLog()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		logline.Classify(lines[i%len(lines)], logline.Kamailio, logtest.Clock)
	}
}

// TestReaderAllocations: a log that runs well leaves no garbage.
func TestReaderAllocations(t *testing.T) {
	lines := busyLog()
	r := logline.Reader{Format: logline.Kamailio, Clock: logtest.Clock}
	i := 0
	n := testing.AllocsPerRun(600, func() {
		r.Put(lines[i%len(lines)], time.Time{})
		for r.Next() != nil {
		}
		i++
	})
	if n > 0 {
		t.Errorf("%v allocations a line", n)
	}
}
