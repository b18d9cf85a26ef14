package bounded

// hashes is the number of bits a key sets, and wordKeys how many keys there may
// be for each word. With 32 bits a key a full filter gives less than one false
// answer in 100,000 (see TestGenerationsFalseRate): whoever fills it on purpose
// and tries his luck at any rate a server can answer must not succeed.
const (
	hashes   = 8
	wordKeys = 2
)

// Generations remembers keys for one to two periods in fixed memory: a Bloom
// filter being filled and the one before it. It never forgets a key within
// the period; it may claim one it never saw.
type Generations struct {
	fill, last []uint64
	added      int
	period     int64
	turned     int64
}

// NewGenerations makes a memory of two filters of size bytes each (rounded up
// to a power of two), which remember for at least period of the caller's clock.
func NewGenerations(size int, period int64) *Generations {
	words := 1
	for words*8 < size {
		words *= 2
	}
	return &Generations{fill: make([]uint64, words), last: make([]uint64, words), period: period}
}

// Add remembers key. When a filter already holds so many keys that its word
// would be doubtful, Add refuses: unknown is the safe answer.
func (g *Generations) Add(key uint64, now int64) {
	g.turn(now)
	if g.added >= len(g.fill)*wordKeys {
		return
	}
	g.added++
	for _, bit := range g.bits(key) {
		g.fill[bit/64] |= 1 << (bit % 64)
	}
}

// Has says whether key was added within the last one to two periods.
func (g *Generations) Has(key uint64, now int64) bool {
	g.turn(now)
	return g.in(g.fill, key) || g.in(g.last, key)
}

// turn starts a new generation when the period is over; after a longer
// silence both are stale.
func (g *Generations) turn(now int64) {
	age := now - g.turned
	if age < g.period {
		return
	}
	g.fill, g.last = g.last, g.fill
	if age >= 2*g.period {
		clear(g.last)
	}
	clear(g.fill)
	g.added, g.turned = 0, now
}

func (g *Generations) in(filter []uint64, key uint64) bool {
	for _, bit := range g.bits(key) {
		if filter[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// bits derives the key's bit places from its two halves (Kirsch and
// Mitzenmacher 2006: two hashes serve as well as many).
func (g *Generations) bits(key uint64) (places [hashes]uint64) {
	step := key>>32 | 1
	for i := range places {
		places[i] = (key + uint64(i)*step) % uint64(len(g.fill)*64)
	}
	return places
}
