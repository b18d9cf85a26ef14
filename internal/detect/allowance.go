package detect

import "time"

// allowance bounds the findings about unproven sources. One forged packet is
// enough for such a finding, and each becomes an entry of the table, an element
// in the kernel and records on disk: whoever forges a new address with every
// packet must not be able to fill them. What exceeds it is not reported; in
// such a flood a limit of single addresses is no help anyway.
type allowance struct {
	left float64
	at   int64
}

const (
	// allowanceMost may come at once, allowanceRate follow a second, in all lanes
	// together. Real scanners come by one in some minutes.
	allowanceMost = 4096
	allowanceRate = 50
)

// take says whether one more may be reported.
func (a *allowance) take(now int64, lanes int) bool {
	most := float64(allowanceMost) / float64(lanes)
	if a.at == 0 {
		a.left = most
	}
	waited := time.Duration(max(0, now-a.at)).Seconds()
	a.left = min(most, a.left+waited*allowanceRate/float64(lanes))
	a.at = now
	if a.left < 1 {
		return false
	}
	a.left--
	return true
}
