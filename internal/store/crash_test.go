package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// writerChild opens the store in dir and bans hosts as fast as it can, from
// several sides at once, until it is killed. It prints the number in Packet of
// every ban that is acknowledged, after it is.
func writerChild(dir string) int {
	s, err := Open(dir, noon)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	table := ban.NewTable(ban.Limits{})
	if _, err := table.Restore(s.Load, noon); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w := ban.NewWriter(table, s, time.After)
	go w.Run(context.Background())

	var number atomic.Uint64
	for b := range table.Live(ban.KindBlock) {
		number.Store(max(number.Load(), b.Packet))
	}
	var print sync.Mutex
	for range 7 {
		go acknowledge(table, w, &number, &print)
	}
	acknowledge(table, w, &number, &print)
	return 1
}

// acknowledge bans, waits, and prints, for ever.
func acknowledge(table *ban.Table, w *ban.Writer, number *atomic.Uint64, print *sync.Mutex) {
	for {
		n := number.Add(1)
		b, _ := table.Put(numbered(n))
		if err := w.Durable(context.Background(), b.Seq); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		print.Lock()
		os.Stdout.WriteString(strconv.FormatUint(n, 10) + "\n")
		print.Unlock()
	}
}

// numbered gives the ban with a number: all else follows from it.
func numbered(n uint64) ban.Ban {
	b := typical(1)[0]
	b.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
	b.Packet, b.Seq, b.ID = n, 0, 0
	return b
}

// TestKill kills the writer at random moments. Whatever it acknowledged must be
// there afterwards, whole.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked, kills := map[uint64]bool{}, rounds(20, 200)
	for range kills {
		cmd := child(t, "writer", dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It goes on writing while these lines are read: the moment is random.
		lines := bufio.NewScanner(out)
		for last := rand.IntN(100); lines.Scan(); last-- {
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			acked[n] = true
			if last == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("child was not killed: %v", err)
		}
		checkAcked(t, dir, acked)
	}
	t.Logf("%d kills, %d acknowledged, 0 lost", kills, len(acked))
}

func checkAcked(t *testing.T, dir string, acked map[uint64]bool) {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	if s.Warning() != "" {
		t.Fatal(s.Warning())
	}
	found := map[uint64]bool{}
	for _, b := range load(t, s) {
		want := numbered(b.Packet)
		want.Seq, want.ID = b.Seq, b.ID
		if !reflect.DeepEqual(b, want) {
			t.Fatalf("half a record: %+v", b)
		}
		found[b.Packet] = true
	}
	for n := range acked {
		if !found[n] {
			t.Fatalf("ban %d was acknowledged and is lost", n)
		}
	}
}
