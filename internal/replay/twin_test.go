package replay

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/logline"
	"github.com/sipward/sipward/internal/packet"
	"github.com/sipward/sipward/internal/pcap"
	"github.com/sipward/sipward/internal/scenario"
)

// twins are scenarios with an attacker, and one with nobody but users, whose
// messages go by other ways here.
var twins = []string{"guess", "scan-options", "scan-numbers", "enum-unknown", "tool", "guess-not-mistyped"}

func loadTwin(t *testing.T, name string) *scenario.Scenario {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../detect/testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	sort.SliceStable(s.Messages, func(i, j int) bool { return s.Messages[i].Time.Before(s.Messages[j].Time) })
	return s
}

// judged replays frames.
func judged(t *testing.T, link packet.LinkType, frames []scenario.Frame) (heard, Summary) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "twin.pcap")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	capture, err := pcap.NewWriter(file, uint32(link))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := capture.Write(f.Time, f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var got heard
	summary, err := Run([]string{name}, Options{Format: logline.Auto, Report: &got, Clock: logline.Clock{Now: scenario.Start, Zone: time.UTC}})
	if err != nil {
		t.Fatal(err)
	}
	return got, summary
}

// carry plays a scenario's messages by one transport.
func carry(t *testing.T, s *scenario.Scenario, transport string, shape func([]byte) []scenario.Piece) []scenario.Frame {
	t.Helper()
	w := scenario.Wire{Shape: shape}
	for _, m := range s.Messages {
		m.Transport = transport
		if err := w.Carry(&m); err != nil {
			t.Fatal(err)
		}
	}
	return w.Frames()
}

// each wraps every frame.
func each(frames []scenario.Frame, wrap func([]byte) []byte) []scenario.Frame {
	list := slices.Clone(frames)
	for i := range list {
		list[i].Data = wrap(list[i].Data)
	}
	return list
}

// etherOf puts an Ethernet header with tags before an IP packet.
func etherOf(tags ...uint16) func([]byte) []byte {
	return func(b []byte) []byte {
		frame := make([]byte, 12)
		for i, tag := range tags {
			kind := uint16(0x8100)
			if i < len(tags)-1 {
				kind = 0x88a8
			}
			frame = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(frame, kind), tag)
		}
		return append(append(frame, 0x08, 0x00), b...)
	}
}

// tunnel puts an IPv4 header of a tunnel, and what else the tunnel wants, before a packet.
func tunnel(proto byte, extra ...byte) func([]byte) []byte {
	return func(b []byte) []byte {
		size := 20 + len(extra) + len(b)
		head := []byte{0x45, 0, byte(size >> 8), byte(size), 0, 0, 0, 0, 64, proto, 0, 0, 203, 0, 113, 1, 203, 0, 113, 2}
		return append(append(head, extra...), b...)
	}
}

// inFragments cuts each packet at every so many bytes and shuffles the pieces.
func inFragments(frames []scenario.Frame, size int) []scenario.Frame {
	random := rand.New(rand.NewPCG(3, 4))
	var list []scenario.Frame
	for n, f := range frames {
		body := f.Data[20:]
		var parts []scenario.Frame
		for at := 0; at < len(body); at += size {
			end := min(at+size, len(body))
			b := append(slices.Clone(f.Data[:20]), body[at:end]...)
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
			binary.BigEndian.PutUint16(b[4:], uint16(n))
			place := uint16(at / 8)
			if end < len(body) {
				place |= 0x2000
			}
			binary.BigEndian.PutUint16(b[6:], place)
			parts = append(parts, scenario.Frame{Time: f.Time, Data: b})
		}
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		list = append(list, parts...)
	}
	return list
}

// TestWrappedTwins: tags, tunnels and fragments change nothing at all.
func TestWrappedTwins(t *testing.T) {
	bridge := etherOf()
	for _, name := range twins {
		plain := carry(t, loadTwin(t, name), "udp", nil)
		want, _ := judged(t, packet.RawIP, plain)
		for way, twin := range map[string]struct {
			link   packet.LinkType
			frames []scenario.Frame
		}{
			"VLAN":          {packet.Ethernet, each(plain, etherOf(7))},
			"QinQ":          {packet.Ethernet, each(plain, etherOf(7, 8))},
			"GRE":           {packet.RawIP, each(plain, tunnel(47, 0, 0, 8, 0))},
			"GRE with key":  {packet.RawIP, each(plain, tunnel(47, 0x20, 0, 8, 0, 0, 0, 0, 9))},
			"GRE bridge":    {packet.RawIP, each(each(plain, bridge), tunnel(47, 0, 0, 0x65, 0x58))},
			"IP in IP":      {packet.RawIP, each(plain, tunnel(4))},
			"IP in IP, cut": {packet.RawIP, inFragments(each(plain, tunnel(4)), 200)},
			"fragments":     {packet.RawIP, inFragments(plain, 64)},
			"by 8 bytes":    {packet.RawIP, inFragments(plain, 8)},
		} {
			got, _ := judged(t, twin.link, twin.frames)
			t.Run(name+"/"+way, func(t *testing.T) {
				compare(t, "findings", got.findings, want.findings)
				compare(t, "bans", got.bans, want.bans)
			})
		}
	}
}

// cuts are ways to send bytes over TCP.
var cuts = map[string]func(b []byte) []scenario.Piece{
	"byte by byte": func(b []byte) []scenario.Piece { return segments(b, 1) },
	"by 100":       func(b []byte) []scenario.Piece { return segments(b, 100) },
	"out of order": func(b []byte) []scenario.Piece {
		list := segments(b, 100)
		slices.Reverse(list)
		return list
	},
	"overlapping": func(b []byte) []scenario.Piece {
		list := []scenario.Piece{}
		for at := 0; at < len(b); at += 50 {
			list = append(list, scenario.Piece{Offset: at, Data: b[at:min(at+120, len(b))]})
		}
		return list
	},
	"everything twice": func(b []byte) []scenario.Piece {
		return append(segments(b, 100), segments(b, 100)...)
	},
	"a second copy that differs": func(b []byte) []scenario.Piece {
		list := segments(b, 100)
		other := bytes.Repeat([]byte("X"), 100)
		return slices.Insert(list, 1, scenario.Piece{Data: other[:min(100, len(b))]})
	},
}

func segments(b []byte, size int) (list []scenario.Piece) {
	for at := 0; at < len(b); at += size {
		list = append(list, scenario.Piece{Offset: at, Data: b[at:min(at+size, len(b))]})
	}
	return list
}

// TestStreamTwins: over TCP and WebSocket the same is found as over UDP, only
// with the proof that a handshake gives; and how the bytes are cut into segments
// changes nothing at all.
func TestStreamTwins(t *testing.T) {
	for _, name := range twins {
		s := loadTwin(t, name)
		overUDP, _ := judged(t, packet.RawIP, carry(t, s, "udp", nil))
		plain, _ := judged(t, packet.RawIP, carry(t, s, "tcp", nil))
		if name != "scan-numbers" { // whose answers weigh more where the address is proven
			t.Run(name, func(t *testing.T) { compare(t, "findings", rules(plain.findings), rules(overUDP.findings)) })
		}
		ways := map[string][]scenario.Frame{"WebSocket": carry(t, s, "ws", nil), "WebSocket byte by byte": carry(t, s, "ws", cuts["byte by byte"])}
		for way, cut := range cuts {
			ways["TCP "+way] = carry(t, s, "tcp", cut)
		}
		ways["TCP in a GRE tunnel"] = each(carry(t, s, "tcp", nil), tunnel(47, 0, 0, 8, 0))
		ways["TCP with keep-alives"] = kept(t, s)
		for way, frames := range ways {
			got, _ := judged(t, packet.RawIP, frames)
			t.Run(name+"/"+way, func(t *testing.T) {
				compare(t, "findings", got.findings, plain.findings)
				compare(t, "bans", got.bans, plain.bans)
			})
		}
	}
}

// rules are findings without what they prove.
func rules(findings []string) (list []string) {
	for _, f := range findings {
		list = append(list, f[:strings.LastIndexByte(f, ' ')])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// kept plays a scenario over TCP with pings and pongs before every message
// (RFC 5626 section 4.4.1).
func kept(t *testing.T, s *scenario.Scenario) []scenario.Frame {
	t.Helper()
	var w scenario.Wire
	for _, m := range s.Messages {
		m.Transport = "tcp"
		ping, pong := m, m
		ping.Payload, pong.Payload = []byte("\r\n\r\n"), []byte("\r\n")
		pong.From, pong.To = m.To, m.From
		for _, m := range []scenario.Message{ping, pong, m} {
			if err := w.Carry(&m); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w.Frames()
}

// TestNoFalseMessages: what lives beside SIP is never taken for it.
func TestNoFalseMessages(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	noise := make([]byte, 1200)
	var payloads []string
	for range 200 {
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		payloads = append(payloads, string(noise[:1+random.IntN(len(noise))]))
	}
	rtp, rtcp := "\x80\x00\x12\x34\x00\x00\x00\xa0\xde\xad\xbe\xef"+strings.Repeat("\xd5", 160), "\x80\xc8\x00\x06\xde\xad\xbe\xef"+strings.Repeat("\x00", 20)
	payloads = append(payloads, rtp, rtcp, "\x00\xac"+rtp, // RFC 4571
		"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl",
		"\x16\x03\x01\x00\x05hello", "\x17\x03\x03\x00\x05hello", "\x15\x03\x03\x00\x02\x01\x00",
		"GET / HTTP/1.1\r\nHost: sip.example.org\r\n\r\n", "POST /sip HTTP/1.1\r\nContent-Length: 24\r\n\r\nINVITE is a SIP/2.0 word",
		"HTTP/1.1 200 OK\r\nServer: SIP/2.0\r\nContent-Length: 4\r\n\r\nSIP/",
		"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n",
		"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nNTS: ssdp:alive\r\n\r\n",
		"DESCRIBE rtsp://example.org/a RTSP/1.0\r\nCSeq: 1\r\n\r\n", "SSH-2.0-OpenSSH_9.6\r\n", "EHLO example.org\r\nMAIL FROM:<sip@example.org>\r\n",
		"\r\n\r\n", "\x00", "hello\r\n", "SIP", "SI", "INVITE",
	)
	for _, transport := range []string{"udp", "tcp", "ws"} {
		s := &scenario.Scenario{}
		for i, text := range payloads {
			m := loadTwin(t, "guess").Messages[0]
			m.Time = scenario.Start.Add(time.Duration(i) * time.Millisecond)
			m.Payload = []byte(text)
			s.Messages = append(s.Messages, m)
			if i%3 == 0 { // and from our side
				m.From, m.To = m.To, m.From
				s.Messages = append(s.Messages, m)
			}
		}
		_, summary := judged(t, packet.RawIP, carry(t, s, transport, nil))
		if summary.Messages != 0 || summary.Findings != 0 {
			t.Errorf("over %s: %+v", transport, summary)
		}
	}
}
