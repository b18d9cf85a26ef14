package nft

import (
	"net/netip"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSmoke(t *testing.T) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	for _, shared := range []bool{false, true} {
		start := time.Now()
		tb, err := Open(Options{UDP: []uint16{5060}, TCP: []uint16{5060, 5061}, Shared: shared})
		t.Log(time.Since(start))
		if err != nil {
			t.Fatal(err)
		}
		t.Log(tb.Owned(), tb.Adopted(), tb.refreshes)
		if err := tb.Verify(); err != nil {
			t.Error(err)
		}
		p := netip.MustParsePrefix
		err = tb.Apply([]Element{
			{Set: DropAll, Prefix: p("192.0.2.1/32"), Timeout: time.Hour},
			{Set: DropSIP, Prefix: p("2001:db8::/64")},
			{Set: DropSIP, Prefix: p("10.0.0.0/8"), Timeout: time.Hour},
			{Set: DropSIP, Prefix: p("10.1.0.0/16"), Timeout: 2 * time.Hour},
			{Set: NeverBan, Prefix: p("192.0.2.7/32")},
			{Set: NeverBan, Prefix: p("192.0.2.8/32")},
			{Set: NeverBan, Prefix: p("::/0")},
			{Set: LimitPort, Prefix: p("192.0.2.7/32"), Port: 5071},
			{Set: LimitPort, Prefix: p("2001:db8::7/128"), Port: 5071},
			{Set: Limit, Prefix: p("192.0.2.7/32")},
			{Set: KnownGood, Prefix: p("192.0.2.7/32")},
		}, nil)
		if err != nil {
			t.Error(err)
		}
		out, err := exec.Command("nft", "list", "ruleset").CombinedOutput()
		t.Logf("%s %v", out, err)
		for _, s := range Sets() {
			e, err := tb.Elements(s)
			t.Log(s, e, err)
		}
		t.Log(tb.Get(Element{Set: DropAll, Prefix: p("192.0.2.1/32")}))
		t.Log(tb.Get(Element{Set: DropAll, Prefix: p("192.0.2.2/32")}))
		t.Log(tb.Counters())
		if err := tb.Rebuild(nil); err != nil {
			t.Error(err)
		}
		tb.Close()
		start = time.Now()
		tb, err = Open(Options{UDP: []uint16{5060}, TCP: []uint16{5060, 5061}, Shared: shared})
		t.Log(time.Since(start))
		if err != nil {
			t.Fatal(err)
		}
		t.Log(tb.Owned(), tb.Adopted(), tb.refreshes)
		t.Log(tb.Clear())
		t.Log(tb.Clear())
	}
}
