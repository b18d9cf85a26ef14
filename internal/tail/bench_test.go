package tail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkPoll reads a backlog from the page cache.
func BenchmarkPoll(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	line := "[2026-11-22 10:00:00] NOTICE[1234]: res_pjsip/pjsip_distributor.c:676 log_failed_request: Request 'REGISTER' failed\n"
	size := 64 << 20
	if err := os.WriteFile(path, []byte(strings.Repeat(line, size/len(line))), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		f, err := Open(path, nil, Options{FromStart: true})
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Poll(time.Now(), func(Line) {}); err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkIdle is a look at a log that has nothing new.
func BenchmarkIdle(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	if err := os.WriteFile(path, []byte(count(0, 100)), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := Open(path, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for b.Loop() {
		if err := f.Poll(time.Now(), func(Line) {}); err != nil {
			b.Fatal(err)
		}
	}
}
