package bounded

import (
	"testing"
	"time"
)

func TestPorts(t *testing.T) {
	const day = int64(24 * time.Hour)
	var p Ports
	for range 1000 {
		p.Add(5060, 1)
	}
	if p.Len() != 1 {
		t.Errorf("one port counts as %d", p.Len())
	}
	for port := range uint16(20) {
		p.Add(40000+port, 2)
	}
	if n := p.Len(); n < 15 || n > 21 {
		t.Errorf("21 ports count as %d", n)
	}
	p.Add(5060, 1+day)
	if p.Len() != 1 {
		t.Errorf("a day later one port counts as %d", p.Len())
	}
}
