package pbx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLook reads the settings of an exchange with 5000 phones, once and
// when nothing has changed.
func BenchmarkLook(b *testing.B) {
	root := b.TempDir()
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "[%d]\ntype=endpoint\naors=%d\nauth=%d-auth\ncontext=from-internal\nallow=ulaw,alaw,g722\n[%d]\ntype=aor\nmax_contacts=1\n", i, i, i, i)
	}
	must(b, os.MkdirAll(filepath.Join(root, "etc/asterisk"), 0o755))
	must(b, os.WriteFile(filepath.Join(root, "etc/asterisk/pjsip.conf"), []byte(text.String()), 0o644))
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			Open(root).Look(nil)
		}
	})
	b.Run("again", func(b *testing.B) {
		f := Open(root)
		f.Look(nil)
		for b.Loop() {
			f.Look(nil)
		}
	})
}
