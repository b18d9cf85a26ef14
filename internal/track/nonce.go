package track

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// Nonces remembers to whom nonces went, and what else all lanes must know: some servers
// give one nonce to everybody who asks within a second (Kamailio without
// nonce_count, src/modules/auth/nonce.c), so that a forger gets by himself what
// was sent to his victim. It is safe for concurrent use.
type Nonces struct {
	// sealed says that some of what our server says is hidden under TLS.
	sealed atomic.Bool
	// blind has a bit for each transport on whose ports nobody looks.
	blind atomic.Uint32
	// A slot holds 40 bits of a nonce's hash and 24 of its receiver's.
	slots [1 << 14]atomic.Uint64
}

// NewNonces makes an empty memory of 128 kB.
func NewNonces() *Nonces { return new(Nonces) }

// Sealed says whether our server speaks TLS somewhere. Nobody sees then to whom
// else it gave a nonce.
func (n *Nonces) Sealed(yes bool) { n.sealed.Store(yes) }

// Blind says on the ports of which transports nobody looks: what a log tells of
// those need not be seen.
func (n *Nonces) Blind(to ...event.Transport) {
	bits := uint32(0)
	for _, t := range to {
		bits |= 1 << t
	}
	n.blind.Store(bits)
}

// sees says that a message by this transport must have passed the capture; a
// line that does not name one is about UDP nearly always.
func (t *Tracker) sees(transport event.Transport) bool {
	readable := transport <= event.TCP || transport == event.WS
	return t.wire && readable && t.nonces.blind.Load()&(1<<max(transport, event.UDP)) == 0
}

const (
	receiverBits = 24
	// everybody stands for more than one receiver.
	everybody = 1<<receiverBits - 1
)

// sent notes that a nonce went to a receiver, both as hashes.
func (n *Nonces) sent(nonce, receiver uint64) {
	slot := &n.slots[nonce%uint64(len(n.slots))]
	name, to := nonce>>receiverBits, receiver%everybody
	for {
		old := slot.Load()
		if old>>receiverBits == name && old&everybody != to {
			to = everybody
		}
		if slot.CompareAndSwap(old, name<<receiverBits|to) {
			return
		}
	}
}

// shared says that the nonce went to more than one receiver.
func (n *Nonces) shared(nonce uint64) bool {
	held := n.slots[nonce%uint64(len(n.slots))].Load()
	return held>>receiverBits == nonce>>receiverBits && held&everybody == everybody
}

// challenged notes a nonce of ours on its way to the far side, and what it was
// that we wanted a password for, where that is beyond doubt.
func (t *Tracker) challenged(e *event.Event, r *request, now int64) {
	nonce := e.SIP.Auth.Nonce
	t.nonces.sent(t.apart(e, t.seed.More(0, nonce)), t.seed.Addr(e.Remote.Addr()))
	t.proofs.Add(t.echo(e, nonce), now)
	if r != nil && !r.mixed {
		t.proofs.Add(t.asks(e, nonce, r.target), now)
	}
}

// asks is what the proof memory holds of a request that we wanted a password
// for. By the method, by From, by the target and by its own port a server decides
// whom it asks for one, and a client repeats them all (RFC 3261 22.2). All but
// the target stand in the reply as well, where nobody else has a hand in them.
func (t *Tracker) asks(e *event.Event, nonce []byte, target uint32) uint64 {
	h := t.seed.Mix(t.echo(e, nonce), uint64(e.SIP.Method)<<48|uint64(e.Local.Port())<<32|uint64(target))
	h = t.seed.More(h, e.SIP.FromUser)
	h = t.seed.More(h, e.SIP.FromHost)
	return t.seed.More(h, e.SIP.ToUser)
}

// nonceProof grades what a request proves by one nonce it repeats, and says
// whether the nonce came with a challenge of this very request. Credentials in
// any other may be there for show: no server looks at those of a ping, and few
// at those of a caller from elsewhere or of a request inside a dialog.
func (t *Tracker) nonceProof(e *event.Event, nonce []byte, now int64) (proof event.Grade, asked bool) {
	if len(nonce) == 0 || !t.proofs.Has(t.echo(e, nonce), now) {
		return event.None, false
	}
	asks := t.asks(e, nonce, t.short(e.SIP.Target))
	asked = len(e.SIP.ToTag) == 0 && t.proofs.Has(asks, now)
	// Who keeps using a nonce keeps it alive: it is known to be theirs.
	t.proofs.Add(t.echo(e, nonce), now)
	if asked {
		t.proofs.Add(asks, now)
	}
	if t.nonces.shared(t.apart(e, t.seed.More(0, nonce))) || t.nonces.sealed.Load() && timed(nonce, now) {
		return event.GradeC, asked
	}
	return nonceGrade(nonce), asked
}

// timed says that a nonce is made of nothing but the time and a secret, so that
// all who ask within a second get the same one: Kamailio's without nonce_count,
// one_time_nonce and auth_checks (auth/nonce.c, calc_nonce: when it expires and
// since when it counts, then one MD5, in base64), and OpenSIPS' without
// nonce reuse checks (when it expires, then one MD5, in hexadecimal).
func timed(nonce []byte, now int64) bool {
	var raw [24]byte
	switch len(nonce) {
	case 32:
		if n, err := base64.StdEncoding.Decode(raw[:], nonce); err != nil || n != len(raw) {
			return false
		}
		return nearly(raw[:4], now) && nearly(raw[4:8], now)
	case 40:
		n, err := hex.Decode(raw[:20], nonce)
		return err == nil && n == 20 && nearly(raw[:4], now)
	}
	return false
}

// nearly says that four bytes are a time within a day of now.
func nearly(b []byte, now int64) bool {
	away := int64(binary.BigEndian.Uint32(b)) - now/int64(time.Second)
	return away < secondsOfDay && away > -secondsOfDay
}

const secondsOfDay = 24 * 60 * 60
