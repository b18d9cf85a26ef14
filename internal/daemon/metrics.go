package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sipward/sipward/internal/ban"
)

// gauges and counters of /metrics, read from their owners at each scrape.
var (
	framesMetric   = describe("frames_total", "Captured frames on the SIP ports.")
	messagesMetric = describe("messages_total", "SIP messages judged.")
	junkMetric     = describe("junk_total", "Datagrams on a SIP port that are not SIP.")
	sealedMetric   = describe("encrypted_total", "TCP connections with TLS, whose messages cannot be read.")
	lostMetric     = describe("capture_lost_total", "Packets that came faster than they were read.")
	linesMetric    = describe("log_lines_total", "Log lines read.")
	feedsMetric    = describe("feed_events_total", "Events of servers' own feeds.")
	entriesMetric  = prometheus.NewDesc("sipward_entries", "Live entries of the ban table.", []string{"kind"}, nil)
	degradedMetric = describe("degraded", "Number of things that do not work.")
)

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("sipward_"+name, help, nil, nil)
}

// Describe implements prometheus.Collector.
func (d *Daemon) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(d, to) }

// Collect implements prometheus.Collector.
func (d *Daemon) Collect(to chan<- prometheus.Metric) {
	count := func(what *prometheus.Desc, n uint64) {
		to <- prometheus.MustNewConstMetric(what, prometheus.CounterValue, float64(n))
	}
	total, _ := d.counts()
	count(framesMetric, total.Frames)
	count(messagesMetric, total.Messages)
	count(junkMetric, total.Junk)
	count(sealedMetric, total.Encrypted)
	d.changing.Lock()
	d.countLosses(time.Now())
	count(lostMetric, d.keeper.losses.total)
	var lines uint64
	for _, f := range d.senses.logs {
		lines += f.lines.Load()
	}
	var told uint64
	for _, f := range d.senses.feeds {
		events, _ := f.Seen()
		told += events
	}
	d.senses.ears.Collect(to)
	d.changing.Unlock()
	count(linesMetric, lines)
	count(feedsMetric, told)
	for name, kind := range map[string]ban.Kind{"block": ban.KindBlock, "allow": ban.KindAllow, "known_good": ban.KindPass} {
		to <- prometheus.MustNewConstMetric(entriesMetric, prometheus.GaugeValue, float64(d.table.Len(kind)), name)
	}
	d.collectTables(to)
	to <- prometheus.MustNewConstMetric(degradedMetric, prometheus.GaugeValue, float64(len(d.degraded())))
}

// ready answers whether packets are judged: not while a lane hangs.
func (d *Daemon) ready(w http.ResponseWriter, _ *http.Request) {
	if !d.moving() {
		http.Error(w, "a lane hangs", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// listenMetrics opens the port of /metrics and /readyz before we call ourselves
// ready; nil where there is none. Numbers for a graph are not worth the defence.
func (d *Daemon) listenMetrics() net.Listener {
	if !d.first.Metrics.IsValid() {
		return nil
	}
	listener, err := net.Listen("tcp", d.first.Metrics.String())
	d.health.Report("metrics", "metrics are not served", err)
	if err != nil {
		return nil
	}
	return listener
}

// serveMetrics answers /metrics and /readyz.
func (d *Daemon) serveMetrics(ctx context.Context, listener net.Listener) error {
	if listener == nil {
		return nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(d)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /readyz", d.ready)
	server := &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		d.health.Report("metrics", "metrics are not served", err)
	}
	return nil
}
