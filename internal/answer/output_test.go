package answer

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestObject wants JSON that means the same and is harmless on a terminal.
func TestObject(t *testing.T) {
	text := "é 日本 <&> \x00\x1b\x7f\u009b31m \u202e\u2028\ufeff \U000e0041"
	var b strings.Builder
	o := Output{W: &b}
	if err := o.Object(map[string]string{"why": text}); err != nil {
		t.Fatal(err)
	}
	want := `{"why":"é 日本 <&> \u0000\u001b\u007f\u009b31m \u202e\u2028\ufeff \udb40\udc41"}` + "\n"
	if b.String() != want {
		t.Errorf("\n got %s\nwant %s", b.String(), want)
	}
	var again map[string]string
	if err := json.Unmarshal([]byte(b.String()), &again); err != nil || again["why"] != text {
		t.Errorf("it is read back as %q, %v", again["why"], err)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 400 * time.Millisecond: "0s", 59*time.Minute + 59*time.Second + 999*time.Millisecond: "1h",
		6*time.Hour + 12*time.Minute + 30*time.Second: "6h12m", 49*time.Hour + 30*time.Minute: "2d1h", -time.Minute: "0s",
	} {
		if got := Ago(d); got != want {
			t.Errorf("Ago(%v) = %s, want %s", d, got, want)
		}
	}
	for span, want := range map[string]string{"6h12m": "6h", "59s": "59s", "forever": "forever"} {
		if got := brief(span); got != want {
			t.Errorf("brief(%s) = %s", span, got)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := Grouped(n); got != want {
			t.Errorf("Grouped(%d) = %s", n, got)
		}
	}
}
