package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

const (
	// attackers and phones are how many addresses there are of each.
	attackers = 5000
	phones    = 2000
	// pace is how far apart lines are on average: forty a second, a busy server.
	pace = 25 * time.Millisecond
)

// writer writes the log of a busy Asterisk under attack, with security events,
// notices and talk of calls in one file, as many keep it.
type writer struct {
	random *rand.Rand
	now    time.Time
	// stamp is now as the log has it, good for second.
	stamp  []byte
	second int64
	line   []byte
}

// kinds is what the lines are about, and how many of a thousand are.
var kinds = [...]struct {
	share int
	write func(w *writer)
}{
	{420, (*writer).call},
	{60, (*writer).ownMatter},
	{180, (*writer).challenge},
	{160, (*writer).success},
	{60, (*writer).wrongPassword},
	{50, (*writer).unknownAccount},
	{45, (*writer).requestFailed},
	{20, (*writer).registrationFailed},
	{5, (*writer).callRejected},
}

// writeLog writes whole lines until there are that many bytes. A shorter log of
// the same seed is the beginning of a longer one.
func writeLog(name string, size int64, seed uint64) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	w := &writer{random: rand.New(rand.NewPCG(seed, 3)), now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	for written := int64(0); written < size; written += int64(len(w.line)) {
		w.next()
		if _, err := out.Write(w.line); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// next makes the next line.
func (w *writer) next() {
	w.now = w.now.Add(time.Duration(w.random.Int64N(int64(2 * pace))))
	if second := w.now.Unix(); second != w.second {
		w.second = second
		w.stamp = w.now.AppendFormat(w.stamp[:0], "[2006-01-02 15:04:05] ")
	}
	w.line = append(w.line[:0], w.stamp...)
	n := w.random.IntN(1000)
	for i := range kinds {
		if n -= kinds[i].share; n < 0 {
			kinds[i].write(w)
			break
		}
	}
	w.line = append(w.line, '\n')
}

func (w *writer) add(format string, args ...any) { w.line = fmt.Appendf(w.line, format, args...) }

// pick takes one of the words.
func (w *writer) pick(words ...string) string { return words[w.random.IntN(len(words))] }

// letters are some, at random.
func (w *writer) letters(least, most int) string {
	text := make([]byte, least+w.random.IntN(most-least+1))
	for i := range text {
		text[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[w.random.IntN(36)]
	}
	return string(text)
}

// phone is the name and the address of one of the site's own.
func (w *writer) phone() (name, host string, port int) {
	n := w.random.IntN(phones)
	return fmt.Sprint(1000 + n), fmt.Sprintf("203.0.%d.%d", 64+n>>8, n&255), 5060 + n%7
}

// attacker is an address; some are far busier than others.
func (w *writer) attacker() (host string, port int) {
	share := w.random.Float64()
	n := int(share * share * attackers)
	return fmt.Sprintf("198.%d.%d.%d", 18+n&1, n>>8, n&255), 5060 + n%1000
}

// guessed is an account that somebody tries.
func (w *writer) guessed() string {
	if w.random.IntN(4) == 0 {
		return w.pick("admin", "voip", "test", "sipuser", "asterisk", "trunk", "guest") + w.letters(0, 6)
	}
	return fmt.Sprint(w.random.IntN(1_000_000))
}

func (w *writer) callID(host string) string {
	if w.random.IntN(2) == 0 {
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", w.random.Uint32(), w.random.IntN(1<<16), w.random.IntN(1<<16), w.random.IntN(1<<16), w.random.Int64N(1<<48))
	}
	return w.letters(10, 32) + "@" + host
}

// call is talk about a call, at the level VERBOSE.
func (w *writer) call() {
	thread, number := 20000+w.random.IntN(400), w.random.IntN(1<<16)
	name, host, port := w.phone()
	channel := fmt.Sprintf("PJSIP/%s-%08x", name, number)
	w.add("VERBOSE[%d][C-%08x] ", thread, number)
	switch w.random.IntN(7) {
	case 0:
		w.add("pbx.c: Executing [%s@from-internal:%d] Set(%q, %q) in new stack", w.guessed(), w.random.IntN(40), channel, w.letters(4, 12)+"="+w.letters(0, 60))
	case 1:
		w.add("pbx.c: Executing [s@macro-dial:%d] GotoIf(%q, \"0?%s\") in new stack", w.random.IntN(40), channel, w.letters(3, 40))
	case 2:
		w.add("pbx.c: Executing [h@from-internal:1] NoOp(%q, \"Hangup %s\") in new stack", channel, w.letters(0, 30))
	case 3:
		w.add("app_dial.c: Called PJSIP/%s/sip:%s@%s:%d", name, name, host, port)
	case 4:
		w.add("app_dial.c: %s is ringing", channel)
	case 5:
		w.add("res_rtp_asterisk.c: 0x7f20e4%06x -- Strict RTP learning complete - Locking on source address %s:%d", w.random.IntN(1<<24), host, 10000+number%10000)
	default:
		w.add("bridge_channel.c: Channel %s joined 'simple_bridge' basic-bridge <%s>", channel, w.callID(host))
	}
}

// ownMatter is what the server says about its own phones and trunks.
func (w *writer) ownMatter() {
	name, host, port := w.phone()
	switch w.random.IntN(5) {
	case 0:
		w.add("NOTICE[1432] chan_sip.c: Peer '%s' is now Reachable. (%dms / 2000ms)", name, w.random.IntN(2000))
	case 1:
		w.add("WARNING[%d][C-%08x] res_rtp_asterisk.c: RTP Read error: Connection refused.  Hanging up.", 20000+w.random.IntN(400), w.random.IntN(1<<16))
	case 2:
		w.add("WARNING[1432] chan_sip.c: Retransmission timeout reached on transmission %s for seqno %d (Critical Response) -- See https://wiki.asterisk.org/wiki/display/AST/SIP+Retransmissions", w.callID(host), w.random.IntN(1000))
	case 3:
		w.add("ERROR[%d] res_pjsip_header_funcs.c: No headers had been previously added to this session.", 20000+w.random.IntN(400))
	default:
		w.add("WARNING[2201] res_pjsip_registrar.c: Contact sip:%s@%s:%d of endpoint '%s' has no transport", name, host, port, name)
	}
}

// security begins a security event; more keys follow.
func (w *writer) security(name, severity, account, host string, port int) {
	session := w.callID(host)
	w.add(`SECURITY[1398] res_security_log.c: SecurityEvent=%q,EventTV="%s",Severity=%q,Service="PJSIP",EventVersion="1",AccountID=%q,SessionID=%q,LocalAddress="IPV4/UDP/192.0.2.10/5060",RemoteAddress="IPV4/UDP/%s/%d"`,
		name, w.now.Format("2006-01-02T15:04:05.000-0700"), severity, account, session, host, port)
}

func (w *writer) nonce() string { return fmt.Sprintf("%d/%032x", w.now.Unix(), w.random.Uint64()) }

// challenge is no evidence against anybody.
func (w *writer) challenge() {
	name, host, port := w.phone()
	w.security("ChallengeSent", "Informational", name, host, port)
	w.add(`,Challenge="%s"`, w.nonce())
}

func (w *writer) success() {
	name, host, port := w.phone()
	w.security("SuccessfulAuth", "Informational", name, host, port)
	w.add(`,UsingPassword="1"`)
}

// wrongPassword stands in the log in the form of either channel driver.
func (w *writer) wrongPassword() {
	host, port := w.attacker()
	if w.random.IntN(2) == 0 {
		w.security("InvalidPassword", "Error", w.guessed(), host, port)
		w.add(`,Challenge="%s",ReceivedChallenge="%s",ReceivedHash="%032x"`, w.letters(8, 8), w.letters(8, 8), w.random.Uint64())
		return
	}
	w.security("ChallengeResponseFailed", "Error", w.guessed(), host, port)
	w.add(`,Challenge="%s",Response="%032x",ExpectedResponse=""`, w.nonce(), w.random.Uint64())
}

func (w *writer) unknownAccount() {
	host, port := w.attacker()
	w.security("InvalidAccountID", "Error", w.guessed(), host, port)
}

// requestFailed is a notice of PJSIP, whose account is what somebody wrote.
func (w *writer) requestFailed() {
	host, port := w.attacker()
	account := w.guessed()
	w.add("NOTICE[1401] res_pjsip/pjsip_distributor.c: Request '%s' from '\"%s\" <sip:%s@192.0.2.10>' failed for '%s:%d' (callid: %s) - %s",
		w.pick("REGISTER", "INVITE", "OPTIONS"), w.letters(0, 12), account, host, port, w.callID(host), w.pick("No matching endpoint found", "Failed to authenticate"))
}

func (w *writer) registrationFailed() {
	host, port := w.attacker()
	account := w.guessed()
	w.add("NOTICE[1432] chan_sip.c: Registration from '\"%s\" <sip:%s@192.0.2.10:5060>' failed for '%s:%d' - %s",
		account, account, host, port, w.pick("Wrong password", "No matching peer found"))
}

func (w *writer) callRejected() {
	host, port := w.attacker()
	w.add("NOTICE[%d][C-%08x] res_pjsip_session.c: Call from 'anonymous' (UDP:%s:%d) to extension '%d' rejected because extension not found in context 'public'.",
		20000+w.random.IntN(400), w.random.IntN(1<<16), host, port, 9_000_000_000_000+w.random.Int64N(1<<40))
}
