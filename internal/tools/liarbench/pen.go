package main

import (
	"net/netip"
	"strconv"

	"github.com/sipward/sipward/internal/packet"
)

// message is one request, and what its reply repeats.
type message struct {
	from   netip.AddrPort
	method string
	user   uint32
	id     uint64 // of the exchange: Call-ID, From-tag
	cseq   uint32
	tag    string // another From-tag
	nonce  uint64 // the challenge that it answers; 0 for none
}

// asked is the nonce with which the server answers.
func (m *message) asked() uint64 { return mix(m.id^uint64(m.cseq)<<1) | 1 }

// pen writes messages into buffers of its own: what it makes for the river
// must not be counted as the river's.
type pen struct{ text, frame []byte }

func (p *pen) add(parts ...string) {
	for _, s := range parts {
		p.text = append(p.text, s...)
	}
}

func (p *pen) hex(n uint64)     { p.text = strconv.AppendUint(p.text, n|1<<63, 16) }
func (p *pen) decimal(n uint32) { p.text = strconv.AppendUint(p.text, uint64(n), 10) }

// request is the frame of a request; it is good until the next message.
func (p *pen) request(m *message) []byte {
	p.text = p.text[:0]
	p.add(m.method, " sip:")
	if m.method == "INVITE" {
		p.decimal(m.user)
		p.add("@")
	}
	p.add("192.0.2.10 SIP/2.0\r\n")
	p.headers(m, "")
	p.add("Contact: <sip:")
	p.decimal(m.user)
	p.add("@")
	p.text = m.from.AppendTo(p.text)
	p.add(">\r\nMax-Forwards: 70\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\n")
	if m.nonce != 0 {
		p.add("Authorization: Digest username=\"")
		p.decimal(m.user)
		p.add("\", realm=\"pbx\", nonce=\"")
		p.hex(m.nonce)
		p.add("\", uri=\"sip:192.0.2.10\", response=\"")
		p.hex(mix(m.nonce))
		p.hex(mix(^m.nonce))
		p.add("\", algorithm=MD5\r\n")
	}
	p.add("Expires: 600\r\nContent-Length: 0\r\n\r\n")
	return p.send(m.from, server)
}

// reply is the frame of an answer.
func (p *pen) reply(m *message, status uint32) []byte {
	p.text = p.text[:0]
	p.add("SIP/2.0 ")
	p.decimal(status)
	p.add(" Answer\r\n")
	p.headers(m, ";tag=")
	if status == 401 {
		p.add("WWW-Authenticate: Digest realm=\"pbx\", nonce=\"")
		p.hex(m.asked())
		p.add("\", algorithm=MD5\r\n")
	}
	p.add("Server: Asterisk PBX 22.1.0\r\nContent-Length: 0\r\n\r\n")
	return p.send(server, m.from)
}

// headers are those that request and reply share.
func (p *pen) headers(m *message, toTag string) {
	p.add("Via: SIP/2.0/UDP ")
	p.text = m.from.AppendTo(p.text)
	p.add(";branch=z9hG4bK")
	p.hex(mix(m.id + uint64(m.cseq)))
	p.add(";rport\r\nFrom: <sip:")
	p.decimal(m.user)
	p.add("@192.0.2.10>;tag=")
	if m.tag != "" {
		p.add(m.tag)
	} else {
		p.add("t")
		p.hex(m.id)
	}
	p.add("\r\nTo: <sip:")
	p.decimal(m.user)
	p.add("@192.0.2.10>", toTag)
	if toTag != "" {
		p.hex(mix(m.asked()))
	}
	p.add("\r\nCall-ID: ")
	p.hex(^m.id)
	p.add("\r\nCSeq: ")
	p.decimal(m.cseq)
	p.add(" ", m.method, "\r\n")
}

func (p *pen) send(from, to netip.AddrPort) []byte {
	frame, err := packet.Append(p.frame[:0], &packet.Packet{Src: from, Dst: to, Proto: packet.UDP, Payload: p.text})
	if err != nil {
		panic("liarbench: a message that no packet can hold: " + err.Error())
	}
	p.frame = frame
	return frame
}
