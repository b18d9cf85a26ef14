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
// filter being filled and the one before it. It forgets a key within the period
// only when so many came that a filter was full; it may claim one it never saw.
type Generations struct {
	fill, last filter
	added      int
	early      uint64
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
	return &Generations{fill: newFilter(words), last: newFilter(words), period: period}
}

// Add remembers key. When a filter already holds so many keys that its word
// would be doubtful, the next one begins early: unknown is the safe answer, and
// it is better given about what is old. Whoever floods the memory could else hide
// in it, for nothing would be learnt until the period is over.
func (g *Generations) Add(key uint64, now int64) {
	g.turn(now)
	if g.added >= g.room() {
		g.begin(now)
		g.early++
	}
	g.added++
	g.fill.add(places(key, len(g.fill.words)))
}

// Has says whether key was added within the last one to two periods.
func (g *Generations) Has(key uint64, now int64) bool {
	g.turn(now)
	at := places(key, len(g.fill.words))
	return g.fill.has(at) || g.last.has(at)
}

// turn starts a new generation when the period is over; after a longer
// silence both are stale.
func (g *Generations) turn(now int64) {
	age := now - g.turned
	if age < g.period {
		return
	}
	if age >= 2*g.period {
		g.fill.clear()
	}
	g.begin(now)
}

// begin makes the present generation the last one.
func (g *Generations) begin(now int64) {
	g.fill, g.last = g.last, g.fill
	g.fill.clear()
	g.added, g.turned = 0, now
}

// room is how many keys a filter takes.
func (g *Generations) room() int { return len(g.fill.words) * wordKeys }

// Gauge says how full the present generation is; every generation that began
// early counts as evicted.
func (g *Generations) Gauge(name string) Gauge {
	return Gauge{Name: name, Entries: g.added, Cap: g.room(), Evicted: g.early}
}

// places derives a key's bits in so many words from its two halves (Kirsch and
// Mitzenmacher 2006: two hashes serve as well as many).
func places(key uint64, words int) (bits [hashes]uint64) {
	step := key>>32 | 1
	for i := range bits {
		bits[i] = (key + uint64(i)*step) % uint64(words*64)
	}
	return bits
}

// pageWords are the words of a page of memory on most machines.
const pageWords = 512

// filter is one Bloom filter. It remembers which pages it wrote: to clear a big
// filter that saw little, or to touch it for the first time, takes tens of
// milliseconds, and the first nonce after a quiet time is where an attack begins.
type filter struct {
	words   []uint64
	written []bool // by page
}

func newFilter(words int) filter {
	return filter{words: make([]uint64, words), written: make([]bool, (words+pageWords-1)/pageWords)}
}

func (f *filter) add(bits [hashes]uint64) {
	for _, bit := range bits {
		f.words[bit/64] |= 1 << (bit % 64)
		f.written[bit/64/pageWords] = true
	}
}

func (f *filter) has(bits [hashes]uint64) bool {
	for _, bit := range bits {
		if f.words[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

func (f *filter) clear() {
	for page, written := range f.written {
		if written {
			start := page * pageWords
			clear(f.words[start:min(start+pageWords, len(f.words))])
			f.written[page] = false
		}
	}
}
