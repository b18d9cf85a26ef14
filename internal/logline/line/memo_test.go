package line

import (
	"testing"
	"time"
)

// FuzzMemory: a Clock with a memory reads every stamp as one without does,
// whatever it has read before.
func FuzzMemory(f *testing.F) {
	for _, text := range []string{
		"2026-11-22 10:00:00", "2026-11-22 10:00:00.25", "2026-11-22T10:00:00.123+0100", "2026-11-22 10:00:00 -0500", "2026-11-22 10:00:00Z",
		"2026-11-22 10:00:0", "2026-11-22 10:00:60", "Nov 22 10:00:00", "Nov  2 10:00:00.250", "Nov 2 10:00:005", "11-22 10:00:00.1", "1795158000",
		"Nov 25 00:00:00", "Nov 25 00:00:00.5", // a day ahead, and half a second more: of the year before
	} {
		f.Add([]byte(text), []byte(text+".5 x"), []byte(text))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		for _, zone := range []*time.Location{nil, berlin} {
			plain := Clock{Now: testClock.Now, Zone: zone}
			kept := plain.Remembering()
			for _, text := range [][]byte{a, b, c, a, b, a} {
				want, width := plain.Stamp(text)
				got, n := kept.Stamp(text)
				if n != width || n > 0 && (!got.Equal(want) || got.String() != want.String()) {
					t.Fatalf("%q: %v, %d bytes; want %v, %d", text, got, n, want, width)
				}
			}
		}
	})
}
