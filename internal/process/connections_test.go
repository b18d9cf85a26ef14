package process

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"testing/fstest"
)

// TestConnections: only the far ends of connections that stand, whatever else
// is in the tables.
func TestConnections(t *testing.T) {
	title := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	four := title +
		"   0: 0100007F:13C5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n" + // listens
		"   1: 0A0200C0:13C5 0771 01\n" + "\n" + "   2: x\n" + // torn
		"   3: 0A0200C0:13C5 0A6433C6:9C41 03 00000000:00000000 00:00000000 00000000     0        0 1 1\n" + // half open
		"   4: 0A0200C0:13C5 077100CB:9C41 01 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
	six := title +
		"   0: 0000000000000000FFFF00000A0200C0:13C5 0000000000000000FFFF0000087100CB:9C42 01 00000000:00000000 00:00000000 00000000 0 0 1 1\n"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  []string
	}{
		"no tables": {fstest.MapFS{}, nil},
		"IPv4 only": {fstest.MapFS{"proc/net/tcp": {Data: []byte(four)}}, []string{"203.0.113.7:40001"}},
		"both": {fstest.MapFS{"proc/net/tcp": {Data: []byte(four)}, "proc/net/tcp6": {Data: []byte(six)}},
			[]string{"203.0.113.7:40001", "203.0.113.8:40002"}},
	} {
		t.Run(name, func(t *testing.T) {
			ends, err := Connections(c.files)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for end := range maps.Keys(ends) {
				got = append(got, end.String())
			}
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
	if _, err := Connections(fstest.MapFS{"proc/net/tcp": {Mode: os.ModeDir}}); err == nil {
		t.Error("a table that is none")
	}
}

// TestOwnConnection finds both ends of a connection of this process.
func TestOwnConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ends, err := Connections(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []net.Addr{conn.LocalAddr(), conn.RemoteAddr()} {
		if !ends[netip.MustParseAddrPort(a.String())] {
			t.Errorf("%s is not among %d", a, len(ends))
		}
	}
}
