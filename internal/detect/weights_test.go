package detect

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// tables are the weights of both decisions.
var tables = map[string][]part{"drop": dropParts, "limit": limitParts}

func TestWeightsSumToOne(t *testing.T) {
	for name, parts := range tables {
		sum := 0.0
		for _, p := range parts {
			if p.weight <= 0 {
				t.Errorf("%s: %s weighs %v", name, p.rule, p.weight)
			}
			sum += p.weight
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%s: the weights sum to %v", name, sum)
		}
	}
}

func TestNothingIsNoEvidence(t *testing.T) {
	for name, parts := range tables {
		if lnE, _ := combine(parts, &evidence{}); math.Abs(lnE) > 1e-12 {
			t.Errorf("%s: ln E of nothing is %v, want 0", name, lnE)
		}
	}
}

// drawn is any evidence that the detectors can hand over: none is negative.
func drawn(t *rapid.T) evidence {
	nats := func(name string) float64 {
		return rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 60)).Draw(t, name)
	}
	return evidence{novel: nats("novel"), guess: nats("guess"), rain: nats("rain"), scan: nats("scan"), marks: nats("marks"),
		dial: nats("dial"), faults: nats("faults")}
}

// TestCombineIsAMean: a weighted mean of e-values is one; so ln E never exceeds
// the largest of them, is never less than its part, and grows with each.
func TestCombineIsAMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawn(t)
		for name, parts := range tables {
			lnE, rule := combine(parts, &v)
			largest, lead := 0.0, math.Inf(-1)
			led := map[string]bool{}
			for _, p := range parts {
				largest = max(largest, p.ln(&v))
				lead = max(lead, math.Log(p.weight)+p.ln(&v))
			}
			for _, p := range parts {
				led[p.rule] = led[p.rule] || math.Log(p.weight)+p.ln(&v) == lead
			}
			if lnE > largest+1e-9 || lnE < lead-1e-9 {
				t.Fatalf("%s: ln E %v of %+v, whose parts reach %v and %v", name, lnE, v, largest, lead)
			}
			if !led[rule] {
				t.Fatalf("%s: %s is named for %+v", name, rule, v)
			}
			more := v
			more.novel, more.guess, more.rain, more.scan, more.marks = v.novel+1, v.guess+1, v.rain+1, v.scan+1, v.marks+1
			more.dial, more.faults = v.dial+1, v.faults+1
			if grown, _ := combine(parts, &more); grown < lnE {
				t.Fatalf("%s: more evidence than %+v is less: %v after %v", name, v, grown, lnE)
			}
		}
	})
}

// TestMarksAloneNeverDrop: nor with scanning, which a forger can do for others.
func TestMarksAloneNeverDrop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawn(t)
		v.novel, v.guess, v.rain, v.dial, v.faults = 0, 0, 0, 0, 0
		if lnE, rule := combine(dropParts, &v); lnE > 1e-9 {
			t.Fatalf("%+v: ln E of a drop is %v by %s", v, lnE, rule)
		}
		// And what they lend to other evidence is bounded.
		v = drawn(t)
		v.marks = min(v.marks, markCap)
		with, _ := combine(dropParts, &v)
		v.marks = 0
		if without, _ := combine(dropParts, &v); with > without+markCap {
			t.Fatalf("marks lent %v to %+v", with-without, v)
		}
	})
}

// TestBoundsAreWhatTheyClaim keeps the bounds at alpha 1e-5 and 1e-3.
func TestBoundsAreWhatTheyClaim(t *testing.T) {
	for bound, alpha := range map[float64]float64{DropBound: 1e-5, LimitBound: 1e-3} {
		if got := math.Exp(-bound); math.Abs(got/alpha-1) > 1e-9 {
			t.Errorf("bound %v is alpha %v, want %v", bound, got, alpha)
		}
	}
}

// TestStepsAreLogLikelihoodRatios: each step is the logarithm of a ratio whose
// mean under the null hypothesis is at most one, which the bounds rest on.
func TestStepsAreLogLikelihoodRatios(t *testing.T) {
	for _, test := range []struct {
		name     string
		step     float64
		p1, p0   float64
		opposite float64 // the step of the other outcome, if it has one
	}{
		{"a failure", novelFailed, 0.95, 0.10, novelAccepted},
		{"an unknown user", novelUnknown, 0.95, 0.03, novelAccepted},
		{"a challenge disregarded", scanDisregarded, 0.98, 0.30, scanHeeded},
		{"and confirmed", scanConfirmed, 0.98, 0.10, 0},
		{"an unknown account", scanUnknown, 0.95, 0.10, 0},
		{"a second prefix", dialSecond, 0.99, 0.01, 0},
		{"a third prefix", dialThird, 0.99, 0.00009, 0},
	} {
		if want := math.Log(test.p1 / test.p0); math.Abs(test.step-want) > 0.005 {
			t.Errorf("%s: step %v, want %v", test.name, test.step, want)
		}
		mean := test.p0 * math.Exp(test.step)
		if test.opposite != 0 {
			mean += (1 - test.p0) * math.Exp(test.opposite)
		}
		if mean > 1.005 {
			t.Errorf("%s: the mean ratio of a benign source is %v, more than 1", test.name, mean)
		}
	}
}

// TestPromises: what the tables promise in the numbers of outcomes, at the edge
// on both sides.
func TestPromises(t *testing.T) {
	for _, test := range []struct {
		name        string
		parts       []part
		bound       float64
		few, enough evidence
	}{
		{"six wrong accounts drop", dropParts, DropBound, evidence{novel: 5 * novelFailed}, evidence{novel: 6 * novelFailed}},
		{"four unknown accounts drop", dropParts, DropBound, evidence{novel: 3 * novelUnknown}, evidence{novel: 4 * novelUnknown}},
		{"three prefixes drop", dropParts, DropBound, evidence{dial: dialSecond}, evidence{dial: dialSecond + dialThird}},
		{"two attacks drop", dropParts, DropBound, evidence{faults: faultAttack + faultStrange}, evidence{faults: 2 * faultAttack}},
		{"seven challenges left lying limit", limitParts, LimitBound, evidence{scan: 6 * scanDisregarded}, evidence{scan: 7 * scanDisregarded}},
		{"a strong mark limits", limitParts, LimitBound, evidence{marks: 6.9}, evidence{marks: 9.2}},
		{"three prefixes limit", limitParts, LimitBound, evidence{dial: dialSecond}, evidence{dial: dialSecond + dialThird}},
		{"one attack limits", limitParts, LimitBound, evidence{faults: faultStrange + faultRare + faultRare}, evidence{faults: faultAttack}},
	} {
		if lnE, _ := combine(test.parts, &test.few); lnE >= test.bound {
			t.Errorf("%s: less does, too: %.3f", test.name, lnE)
		}
		if lnE, _ := combine(test.parts, &test.enough); lnE < test.bound {
			t.Errorf("%s: they do not: %.3f", test.name, lnE)
		}
	}
}
