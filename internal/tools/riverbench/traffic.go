package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/packet"
)

var server = netip.MustParseAddrPort("192.0.2.10:5060")

// frame is one packet of the capture, with its message beside it for a parser.
type frame struct {
	at            time.Duration
	data, message []byte
}

// writer writes a morning of phones: registrations, keep-alives, calls.
type writer struct {
	*rand.Rand
	now    time.Duration
	frames []frame
}

// traffic makes the same capture for the same seed.
func traffic(seed uint64, phones int) []frame {
	w := &writer{Rand: rand.New(rand.NewPCG(seed, 7))}
	for n := range phones {
		p := w.phone(n)
		w.register(p)
		for range w.IntN(3) {
			w.exchange(p, w.dialog(p), "OPTIONS", 200)
		}
		w.call(p)
	}
	return w.frames
}

// phone is one device, with the handwriting of its maker.
type phone struct {
	from          netip.AddrPort
	user, agent   string
	extra         []string
	order         []int
	displayName   string
	branch, tagOf int // how long its identifiers are
}

// phone: makers differ in how long their branches and tags are, and so do these.
func (w *writer) phone(n int) phone {
	p := phone{
		from: netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(113 + n>>8), byte(n)}), uint16(1024+w.IntN(60000))),
		user: fmt.Sprint(1000 + n), branch: 8 + w.IntN(30), tagOf: 6 + w.IntN(20),
		agent:       []string{"Yealink SIP-T46U 108.86.0.20", "snomD785/10.1.73.15", "PolyVVX-VVX_450-UA/6.3.1", "Linphone/5.2", "Grandstream GXP2170 1.0.11.48"}[w.IntN(5)],
		displayName: w.word(4 + w.IntN(14)),
	}
	p.extra = []string{"Max-Forwards: 70", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER, UPDATE, INFO", "Supported: replaces, timer, path",
		"X-" + w.word(6) + ": " + w.word(10+w.IntN(60)), "Allow-Events: talk, hold, conference, refer", "Accept-Language: en"}[:2+w.IntN(5)]
	p.order = w.Perm(7)
	return p
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

func (w *writer) word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[w.IntN(len(letters))]
	}
	return string(b)
}

// dialog is what the messages of one exchange have in common.
type dialog struct {
	to, callID, fromTag, toTag, auth, body string
	cseq                                   int
}

func (w *writer) dialog(p phone) dialog {
	return dialog{to: p.user, callID: w.word(12+w.IntN(24)) + "@" + p.from.Addr().String(), fromTag: w.word(p.tagOf), cseq: 1 + w.IntN(5000)}
}

// register is refused once, as every phone is, and then let in.
func (w *writer) register(p phone) {
	d := w.dialog(p)
	w.login(p, &d, "REGISTER")
	w.exchange(p, d, "REGISTER", 200)
}

// login is a request, its challenge, and the credentials for the next one.
func (w *writer) login(p phone, d *dialog, method string) {
	nonce := w.word(32)
	branch := w.request(p, *d, method)
	w.reply(p, *d, reply{401, method, branch, "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"" + nonce + "\", algorithm=MD5, qop=\"auth\"", ""})
	d.auth = fmt.Sprintf("Authorization: Digest username=%q, realm=\"pbx\", nonce=%q, uri=\"sip:192.0.2.10\", response=\"%032x\", algorithm=MD5, qop=auth, nc=00000001, cnonce=%q",
		p.user, nonce, w.Uint64(), w.word(8))
	d.cseq++
}

// exchange is a request and its last answer.
func (w *writer) exchange(p phone, d dialog, method string, status int) {
	branch := w.request(p, d, method)
	w.reply(p, d, reply{status, method, branch, "", ""})
}

// call is a whole call: challenged, answered, ended.
func (w *writer) call(p phone) {
	d := w.dialog(p)
	d.to, d.body = fmt.Sprint(2000+w.IntN(900)), w.sdp()
	d.toTag = w.word(16)
	first := d
	first.toTag = ""
	w.login(p, &first, "INVITE")
	d.auth, d.cseq = first.auth, first.cseq
	acked := d
	acked.cseq, acked.body, acked.auth = d.cseq-1, "", ""
	w.request(p, acked, "ACK")
	first.body = d.body
	branch := w.request(p, first, "INVITE")
	w.reply(p, d, reply{100, "INVITE", branch, "", ""})
	w.reply(p, d, reply{180, "INVITE", branch, "", ""})
	w.reply(p, d, reply{200, "INVITE", branch, "Contact: <sip:192.0.2.10:5060>", w.sdp()})
	d.body, d.auth = "", ""
	w.request(p, d, "ACK")
	d.cseq++
	w.exchange(p, d, "BYE", 200)
}

func (w *writer) sdp() string {
	return fmt.Sprintf("v=0\r\no=- %d 1 IN IP4 192.0.2.77\r\ns=%s\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio %d RTP/AVP 9 8 0 101\r\n"+
		"a=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n",
		w.IntN(1<<30), w.word(6), 10000+2*w.IntN(10000))
}

// request writes one, and gives its branch.
func (w *writer) request(p phone, d dialog, method string) string {
	branch := "z9hG4bK" + w.word(p.branch)
	to := "To: <sip:" + d.to + "@192.0.2.10>"
	if d.toTag != "" {
		to += ";tag=" + d.toTag
	}
	fields := []string{
		"Via: SIP/2.0/UDP " + p.from.String() + ";branch=" + branch + ";rport",
		fmt.Sprintf("From: %q <sip:%s@192.0.2.10>;tag=%s", p.displayName, p.user, d.fromTag), to,
		"Call-ID: " + d.callID, fmt.Sprintf("CSeq: %d %s", d.cseq, method),
		"Contact: <sip:" + p.user + "@" + p.from.String() + ">", "User-Agent: " + p.agent,
	}
	lines := []string{method + " sip:" + d.to + "@192.0.2.10 SIP/2.0"}
	for _, i := range p.order {
		lines = append(lines, fields[i])
	}
	lines = append(lines, p.extra...)
	if d.auth != "" {
		lines = append(lines, d.auth)
	}
	if method == "REGISTER" {
		lines = append(lines, "Expires: 600")
	}
	w.put(p.from, server, finish(lines, d.body))
	return branch
}

// reply is an answer of the server.
type reply struct {
	status                      int
	method, branch, extra, body string
}

func (w *writer) reply(p phone, d dialog, r reply) {
	tag := d.toTag
	if tag == "" {
		tag = w.word(16)
	}
	lines := []string{
		fmt.Sprintf("SIP/2.0 %d Answer", r.status),
		fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=%s;received=%s;rport=%d", p.from, r.branch, p.from.Addr(), p.from.Port()),
		fmt.Sprintf("From: %q <sip:%s@192.0.2.10>;tag=%s", p.displayName, p.user, d.fromTag),
		"To: <sip:" + d.to + "@192.0.2.10>;tag=" + tag,
		"Call-ID: " + d.callID, fmt.Sprintf("CSeq: %d %s", d.cseq, r.method), "Server: Asterisk PBX 22.1.0",
	}
	if r.extra != "" {
		lines = append(lines, r.extra)
	}
	w.put(server, p.from, finish(lines, r.body))
}

// finish adds the length, and the body.
func finish(lines []string, body string) string {
	if body != "" {
		lines = append(lines, "Content-Type: application/sdp")
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// put keeps the message apart from its frame, for a reader of messages alone.
func (w *writer) put(from, to netip.AddrPort, text string) {
	w.now += time.Duration(200+w.IntN(3000)) * time.Microsecond
	data := packet.BuildUDP(from, to, []byte(text))
	w.frames = append(w.frames, frame{at: w.now, data: data, message: data[len(data)-len(text):]})
}
