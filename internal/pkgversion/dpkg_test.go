package pkgversion

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDpkgAgrees sorts random versions and asks dpkg about every two neighbours.
// Since dpkg's relation is an order, that is an answer about every two of them.
func TestDpkgAgrees(t *testing.T) {
	if _, err := exec.LookPath("dpkg"); err != nil {
		t.Skip("no dpkg here")
	}
	const many = 120 // 7,140 pairs, by 119 questions
	for _, seed := range []uint64{1, uint64(time.Now().UnixNano())} {
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		versions := []string{"1:16.28.0~dfsg-0+deb11u4", "1:16.28.0~dfsg-0+deb11u10", "0", "0-0", "1.0~", "1.0~~", "1.0", "1.0-0+b1"}
		for len(versions) < many {
			versions = append(versions, randomVersion(random))
		}
		slices.SortFunc(versions, func(a, b string) int {
			c, err := Compare(Deb, a, b)
			if err != nil {
				t.Fatal(err)
			}
			return c
		})
		var asked strings.Builder
		for i, v := range versions[1:] {
			c, err := Compare(Deb, versions[i], v)
			if err != nil {
				t.Fatal(err)
			}
			relation := "lt"
			if c == 0 {
				relation = "eq"
			}
			fmt.Fprintf(&asked, "%s %s %s\n", versions[i], relation, v)
		}
		shell := exec.Command("sh", "-c", `while read a r b; do dpkg --compare-versions "$a" "$r" "$b" || echo "$a $r $b"; done`)
		shell.Stdin = strings.NewReader(asked.String())
		out, err := shell.CombinedOutput()
		if err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("dpkg denies: %v\n%s", err, out)
		}
	}
}

// randomVersion makes versions of a few letters, so that many are near each other.
func randomVersion(r *rand.Rand) string {
	pick := func(letters string, most int) string {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	v := pick("0123", 1)
	if v != "" {
		v += ":"
	}
	v += string("01239"[r.IntN(5)]) + pick("0012.+~az", 7)
	switch r.IntN(3) {
	case 0:
		v += "-" + string("012"[r.IntN(3)]) + pick("01.+~bu", 5)
	case 1:
		v += pick("-.0", 1) + "1-0" + pick("+deb1u", 6)
	}
	return v
}
