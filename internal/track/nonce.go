package track

import (
	"sync/atomic"

	"github.com/sipward/sipward/internal/event"
)

// Nonces remembers to whom nonces went, for all lanes together: some servers
// give one nonce to everybody who asks within a second (Kamailio without
// nonce_count, src/modules/auth/nonce.c), so that a forger gets by himself what
// was sent to his victim. It is safe for concurrent use.
type Nonces struct {
	// A slot holds 40 bits of a nonce's hash and 24 of its receiver's.
	slots [1 << 14]atomic.Uint64
}

// NewNonces makes an empty memory of 128 kB.
func NewNonces() *Nonces { return new(Nonces) }

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

// challenged notes a nonce of ours on its way to the far side.
func (t *Tracker) challenged(e *event.Event, now int64) {
	nonce := e.SIP.Auth.Nonce
	t.nonces.sent(t.apart(e, t.seed.More(0, nonce)), t.seed.Addr(e.Remote.Addr()))
	t.proofs.Add(t.echo(e, nonce), now)
	t.proofs.Add(t.asks(e, nonce), now)
}

// asks is what the proof memory holds of a method that we wanted a password for.
func (t *Tracker) asks(e *event.Event, nonce []byte) uint64 {
	return t.seed.Mix(t.echo(e, nonce), uint64(e.SIP.Method))
}

// nonceProof grades what a request proves by one nonce it repeats, and says
// whether the nonce came with a challenge of this very method. Credentials for
// any other may be there for show: no server looks at those of a ping.
func (t *Tracker) nonceProof(e *event.Event, nonce []byte, now int64) (proof event.Grade, asked bool) {
	if len(nonce) == 0 || !t.proofs.Has(t.echo(e, nonce), now) {
		return event.None, false
	}
	asked = t.proofs.Has(t.asks(e, nonce), now)
	// Who keeps using a nonce keeps it alive: it is known to be theirs.
	t.proofs.Add(t.echo(e, nonce), now)
	if asked {
		t.proofs.Add(t.asks(e, nonce), now)
	}
	if t.nonces.shared(t.apart(e, t.seed.More(0, nonce))) {
		return event.GradeC, asked
	}
	return nonceGrade(nonce), asked
}
