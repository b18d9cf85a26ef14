package detect

import "math"

// The bounds. Under the null hypothesis (a benign source) the expected value
// of E never exceeds 1, so by Ville's inequality P(E ever reaches 1/alpha) is
// at most alpha. The tallies are reflected at zero, which turns the bound into
// n x alpha over n novel outcomes (Lorden's form). A drop takes phones away,
// so its alpha is small; a limit costs a phone half a second.
const (
	dropAlpha  = 1e-5
	limitAlpha = 1e-3
)

// Bounds on ln E.
var (
	DropBound  = -math.Log(dropAlpha)
	LimitBound = -math.Log(limitAlpha)
)

// evidence is ln e of each detector about one source.
type evidence struct {
	novel, guess, rain, scan, marks, dial, faults float64
}

// part is one term of E = sum of w x e. A weighted mean of e-values is an
// e-value whatever their dependence, which a product is not; the terms with
// marks may multiply, because the null of novel and guess (how often a benign
// device fails) is a bound for every device, whatever marks it carries.
type part struct {
	rule   string
	weight float64
	ln     func(*evidence) float64
}

// dropParts is the one table of weights for a drop; they sum to 1. Guessing
// gets the most, because nine wrong answers from a never-good source must
// decide at any rate above one in 1.6 s without any tool mark (seven or eight
// do), and three with one. A rain of guesses decides at the fifth for very
// little weight. The novel identities need six wrong or four unknown accounts,
// the third prefix of a number decides alone, and so do two proven messages that
// no device writes. The tool marks never stand alone here.
var dropParts = []part{
	{"enum", 0.15, func(v *evidence) float64 { return v.novel }},
	{"guess", 0.3495, func(v *evidence) float64 { return v.guess }},
	{"guess", 0.0005, func(v *evidence) float64 { return v.rain }},
	{"enum", 0.10, func(v *evidence) float64 { return both(v.novel, v.marks) }},
	{"guess", 0.30, func(v *evidence) float64 { return both(v.guess, v.marks) }},
	{"dialplan", 0.093, func(v *evidence) float64 { return v.dial }},
	{"protocol", 0.007, func(v *evidence) float64 { return v.faults }},
}

// limitParts is the same for a limit. Scanning leads: seven challenges left
// lying decide. A strong mark decides alone, a weak one after three; so does
// one message that no device writes.
var limitParts = []part{
	{"scan", 0.36, func(v *evidence) float64 { return v.scan }},
	{"tool", 0.20, func(v *evidence) float64 { return v.marks }},
	{"scan", 0.18, func(v *evidence) float64 { return both(v.scan, v.marks) }},
	{"enum", 0.07, func(v *evidence) float64 { return v.novel }},
	{"guess", 0.07, func(v *evidence) float64 { return v.guess }},
	{"dialplan", 0.02, func(v *evidence) float64 { return v.dial }},
	{"protocol", 0.10, func(v *evidence) float64 { return v.faults }},
}

// both multiplies two e-values, if there are two.
func both(a, b float64) float64 {
	if a == 0 || b == 0 {
		return 0
	}
	return a + b
}

// combine gives ln E and the rule of the largest part.
func combine(parts []part, v *evidence) (lnE float64, rule string) {
	most, lead, sum := 0.0, 0.0, 0.0
	for i := range parts {
		most = max(most, parts[i].ln(v))
	}
	nothing := math.Exp(-most) // what most parts have to say
	for i := range parts {
		p, e := &parts[i], nothing
		if ln := parts[i].ln(v); ln != 0 {
			e = math.Exp(ln - most)
		}
		sum += p.weight * e
		if p.weight*e > lead {
			lead, rule = p.weight*e, p.rule
		}
	}
	return most + math.Log(sum), rule
}
