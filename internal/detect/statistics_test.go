package detect

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// random is a source of chance that repeats itself.
type random struct{ *rand.Rand }

func newRandom(seed uint64) *random { return &random{rand.New(rand.NewPCG(seed, 2))} }

func (r *random) text(alphabet string, size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

// source numbers addresses.
func source(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)}), 5060)
}

// TestFalseAlarmsKeepTheirBound: 20,000 benign sources at the very limit of the
// null hypothesis, each with 200 new accounts of which one in ten fails. At most
// n x alpha of them may ever be found (Lorden's form of Ville's bound).
func TestFalseAlarmsKeepTheirBound(t *testing.T) {
	const sources, identities, theta0 = 20_000, 200, 0.1
	b, r := newBench(novelIdentity{}), newRandom(3)
	e := event.Event{Kind: event.Response, Time: b.now, Outcomes: []event.Outcome{{Port: 5060, Proof: event.GradeA}}}
	drops := 0
	for i := range sources {
		e.Remote = source(i)
		for n := range identities {
			o := &e.Outcomes[0]
			o.Result, o.Remote, o.AccountID = event.Accepted, e.Remote.Addr(), (uint64(i)<<32|uint64(n)+1)*0x9E3779B97F4A7C15
			if r.Float64() < theta0 {
				o.Result = event.Failed
			}
			e.Time = e.Time.Add(time.Millisecond)
			if len(b.See(&e)) > 0 {
				drops++
				break
			}
		}
	}
	share, bound := float64(drops)/sources, identities*dropAlpha
	t.Logf("%d of %d benign sources found: %.5f, bound %.5f", drops, sources, share, bound)
	if share > bound {
		t.Errorf("%.5f of the benign sources are found, more than the bound %.5f", share, bound)
	}
}

// TestFalseLimitsKeepTheirBound is the same for scanning: every third challenge
// gets lost, on forty targets.
func TestFalseLimitsKeepTheirBound(t *testing.T) {
	const sources, identities, theta0 = 10_000, 40, 0.3
	b, r := newBench(unprovenScan{}), newRandom(4)
	limits := 0
	for i := range sources {
		b.from = source(i)
		for n := range identities {
			result := event.Followed
			if r.Float64() < theta0 {
				result = event.Disregarded
			}
			if len(classes(b.outcome(result, account(n), event.None))) > 0 {
				limits++
				break
			}
			b.wait(time.Second)
		}
	}
	share, bound := float64(limits)/sources, identities*limitAlpha
	t.Logf("%d of %d benign sources limited: %.5f, bound %.5f", limits, sources, share, bound)
	if share > bound {
		t.Errorf("%.5f of the benign sources are limited, more than the bound %.5f", share, bound)
	}
}

// deed is something that a population does at a moment of its day.
type deed struct {
	at      time.Duration
	from    netip.AddrPort
	account string
	result  event.Result
}

// every repeats a deed through a day, from a random moment on.
func every(r *random, pace time.Duration, d deed) []deed {
	var all []deed
	for d.at = time.Duration(r.Int64N(int64(pace))); d.at < 24*time.Hour; d.at += pace {
		all = append(all, d)
	}
	return all
}

// populations are benign people, each with a day of registrations.
func populations(r *random) map[string][]deed {
	days := map[string][]deed{}
	for i := range 200 {
		phone := deed{from: source(i), account: account(i), result: event.Accepted}
		days["good phones"] = append(days["good phones"], every(r, time.Hour, phone)...)

		phone.from = source(1000 + i)
		day := every(r, 30*time.Minute, phone)
		// At some moment its password changes; it retries every half minute.
		changed := time.Duration(r.Int64N(int64(20 * time.Hour)))
		day = slices.DeleteFunc(day, func(d deed) bool { return d.at >= changed })
		phone.result = event.Failed
		for at := changed; at < changed+4*time.Hour; at += 30 * time.Second {
			phone.at = at
			day = append(day, phone)
		}
		days["password changed"] = append(days["password changed"], day...)
	}
	for i := range 40 {
		phone := deed{from: source(2000 + i), account: account(i), result: event.Failed}
		days["misconfigured for ever"] = append(days["misconfigured for ever"], every(r, 30*time.Second, phone)...)
	}
	for i := range 40 {
		phone := deed{from: netip.AddrPortFrom(source(3000).Addr(), uint16(20000+i)), account: account(i), result: event.Accepted}
		pace := 30 * time.Minute
		if i < 2 {
			phone.result, pace = event.Failed, 30*time.Second
		}
		days["an office of 40 with 2 bad"] = append(days["an office of 40 with 2 bad"], every(r, pace, phone)...)
	}
	return days
}

// TestADayOfBenignPeople: nobody of these is found, for anything.
func TestADayOfBenignPeople(t *testing.T) {
	for name, day := range populations(newRandom(5)) {
		slices.SortStableFunc(day, func(a, b deed) int { return int(a.at - b.at) })
		b := newBench()
		found := 0
		for _, d := range day {
			b.from, b.now = d.from, noon.Add(d.at)
			found += len(classes(b.outcome(event.Challenged, d.account, event.None)))
			found += len(classes(b.outcome(event.Followed, d.account, event.GradeA)))
			found += len(classes(b.outcome(d.result, d.account, event.GradeA)))
		}
		t.Logf("%s: %d of %d registrations found", name, found, len(day))
		if found > 0 || len(day) < 1000 {
			t.Errorf("%s: %d of %d registrations found", name, found, len(day))
		}
	}
}

// TestEnumerationAmongGoodPhones: an attacker behind the same crowd is found at
// the sixth attempt all the same.
func TestEnumerationAmongGoodPhones(t *testing.T) {
	b, r := newBench(), newRandom(6)
	attempts, _ := until(100, func(i int) []Finding {
		for range 100 {
			b.from = source(1 + r.IntN(1000))
			b.outcome(event.Accepted, "100", event.GradeA)
		}
		b.from = source(0)
		b.wait(3 * time.Minute)
		return b.outcome(event.Failed, account(i), event.GradeA)
	})
	if attempts != 6 {
		t.Errorf("found at attempt %d, want 6", attempts)
	}
}

// TestFalseDialPlansKeepTheirBound: 100,000 strangers who each dial forty
// numbers that do not exist, and go on to one more form of a number as often
// as the null hypothesis allows at most.
func TestFalseDialPlansKeepTheirBound(t *testing.T) {
	const sources, numbers, second, third = 100_000, 40, 0.01, 0.00009
	r := newRandom(7)
	s := Sight{Case: &Case{}}
	drops := 0
	for range sources {
		for range numbers {
			n := dialled{n: 1}
			for p := second; int(n.n) < len(n.form) && r.Float64() < p; p = third {
				n.form[n.n] = form{uint16(n.n), event.GradeA}
				n.n++
			}
			s.dial = &n
			v := evidence{dial: s.dialling(event.None)}
			if lnE, _ := combine(dropParts, &v); lnE >= DropBound {
				drops++
				break
			}
		}
	}
	share, bound := float64(drops)/sources, numbers*dropAlpha
	t.Logf("%d of %d benign sources found: %.6f, bound %.6f", drops, sources, share, bound)
	if share > bound {
		t.Errorf("%.6f of the benign sources are found, more than the bound %.6f", share, bound)
	}
}
