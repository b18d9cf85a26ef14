package daemon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sipward/sipward/internal/afpacket"
	"github.com/sipward/sipward/internal/testnet"
)

// metric is what a scrape gives for a counter.
func metric(t *testing.T, d *Daemon, name string) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(d)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// TestLosses fills a real ring while nobody reads: the loss is counted, stands
// where people and programs look, and is over some quiet minutes later.
func TestLosses(t *testing.T) {
	n := testnet.New(t)
	host, phones := n.Add("server", "192.0.2.10/24"), n.Add("phones", "203.0.113.7/24")
	r := newRig(t, nil)
	open := func() {
		host.Run(func() {
			capture, err := afpacket.Open(afpacket.Config{Lanes: 1, UDP: []uint16{5060}, Frames: 1})
			if err != nil {
				t.Fatal(err)
			}
			r.senses.capture = capture
			t.Cleanup(func() { capture.Close() })
		})
	}
	listener := host.ListenUDP("192.0.2.10:5060")
	conn := phones.DialUDP("", "192.0.2.10:5060")
	flood := func(packets int) {
		buffer := make([]byte, 100)
		for range packets {
			if _, err := conn.Write([]byte("flood")); err != nil {
				t.Fatal(err)
			}
			listener.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := listener.Read(buffer); err != nil { // it has passed the capture
				t.Fatal(err)
			}
		}
	}
	lost := func() float64 {
		text, err := json.Marshal(r.Status())
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		return s["packets_lost"].(float64)
	}
	now := time.Now()
	open()
	r.lookAtLosses(now)
	r.sentences()
	flood(500)
	r.lookAtLosses(now)
	first := lost()
	if first < 1 || first >= 500 {
		t.Errorf("%v of 500 packets were lost", first)
	}
	r.sentences("packets came faster than they could be read")
	open() // as a reload does: the new wires count anew
	r.lookAtLosses(now)
	flood(500)
	r.lookAtLosses(now)
	if both := lost(); both <= first || both > 1000 {
		t.Errorf("%v packets were lost, after %v before a reload", both, first)
	}
	flood(500)
	scraped := metric(t, r.Daemon, "sipward_capture_lost_total") // looks for itself, and keeps what it finds
	r.lookAtLosses(now)
	if all := lost(); scraped != all || all <= first {
		t.Errorf("the metrics have %v lost packets, status %v", scraped, all)
	}
	if degraded := r.Status().Degraded; len(degraded) != 1 || !strings.Contains(degraded[0], "not judged") {
		t.Errorf("degraded: %q", degraded)
	}
	r.lookAtLosses(time.Now().Add(lossStands))
	r.sentences()
}
