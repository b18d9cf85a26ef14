package daemon

import (
	"io"
	"time"

	"github.com/sipward/sipward/internal/health"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
)

// recorder writes the packets that were judged, with the time they were
// judged by, so that a replay of the file meets the same clock.
type recorder struct {
	file   *pcap.Writer
	health *health.Health
	frame  []byte
}

func newRecorder(to io.Writer, h *health.Health) *recorder {
	file, err := pcap.NewWriter(to, uint32(packet.RawIP))
	h.Report("record", "the recording cannot be written", err)
	return &recorder{file: file, health: h}
}

func (r *recorder) write(judged time.Time, p *packet.Packet) {
	if r.file == nil {
		return
	}
	frame, err := packet.Append(r.frame[:0], p)
	if err == nil {
		r.frame = frame
		err = r.file.Write(judged, frame)
	}
	r.health.Report("record", "the recording cannot be written", err)
}
