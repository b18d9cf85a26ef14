package bounded

// Gauge says how full one memory is.
type Gauge struct {
	Name string
	// Entries are in it, of at most Cap.
	Entries, Cap int
	// Evicted is how many entries had to make room for others, and Yielded how
	// many lost their protection to others that are protected.
	Evicted, Yielded uint64
}
