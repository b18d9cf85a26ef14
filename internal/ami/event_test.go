package ami

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	attacker = "IPV4/UDP/198.51.100.10/5060"
	victim   = "IPV4/UDP/192.0.2.99/5060"
)

// readAll reads a stream as one session would without a server behind it.
func readAll(t *testing.T, text string) (events []Event, fits []fit) {
	t.Helper()
	r := newReader(strings.NewReader(text))
	for {
		b, err := r.block()
		if err != nil {
			return events, fits
		}
		var e Event
		f := e.read(b)
		e.Account, e.Session, e.Transport = bytes.Clone(e.Account), bytes.Clone(e.Session), bytes.Clone(e.Transport)
		e.Service, e.ACL, e.RequestType = bytes.Clone(e.Service), bytes.Clone(e.ACL), bytes.Clone(e.RequestType)
		events, fits = append(events, e), append(fits, f)
	}
}

// TestShapedByAnOutsider: whatever stands in a value, no event names another
// address than the one that the server wrote.
func TestShapedByAnOutsider(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []fit
		// named is how many events may name the attacker; nobody else is ever named.
		named int
	}{
		"a second address before the true one": {unknown("x\r\nRemoteAddress: "+victim, attacker), []fit{broken}, 0},
		"a second address behind it":           {failed("1005", attacker, "n\r\nRemoteAddress: "+victim), []fit{broken}, 0},
		"a line that no event has":             {unknown("x\r\nFoo: bar", attacker), []fit{broken}, 0},
		"a line without a key":                 {unknown("x\r\nfoo", attacker), []fit{broken}, 0},
		"keys in another order": {unknown("x\r\nSessionID: 1\r\nRemoteAddress: "+victim+"\r\nLocalAddress: "+victim, attacker),
			[]fit{broken}, 0},
		"the event is ended early":          {unknown("x\r\n\r\nFoo: bar", attacker), []fit{broken, broken}, 0},
		"with a beginning of its own":       {unknown("x\r\n\r\nEvent: InvalidAccountID", attacker), []fit{broken, broken}, 0},
		"and an empty block":                {unknown("x\r\n\r\n\r\n", attacker), []fit{broken, broken, broken, broken}, 0},
		"a line feed alone":                 {unknown("x\nRemoteAddress: "+victim, attacker), []fit{whole}, 1},
		"two line feeds":                    {unknown("x\n\nEvent: InvalidAccountID\n", attacker), []fit{whole}, 1},
		"a carriage return alone":           {unknown("x\rRemoteAddress: "+victim, attacker), []fit{whole}, 1},
		"a carriage return before the end":  {unknown("x\r", attacker), []fit{whole}, 1},
		"a key inside a value":              {unknown("RemoteAddress: "+victim, attacker), []fit{whole}, 1},
		"an escape":                         {unknown("\x1b[2J", attacker), []fit{whole}, 1},
		"an address in the place of a port": {unknown("x", "IPV4/UDP/192.0.2.1/5060/192.0.2.99"), []fit{broken}, 0},
		"no address":                        {unknown("x", "IPV4/UDP/(null)/0"), []fit{broken}, 0},
		"a family that is none":             {unknown("x", "IPV5/UDP/192.0.2.99/5060"), []fit{broken}, 0},
		"IPv6 that says it is IPv4":         {unknown("x", "IPV4/UDP/2001:db8::1/5060"), []fit{broken}, 0},
		"a hash that does not come": {strings.Replace(strings.Replace(unknown("1005", attacker), "InvalidAccountID", "InvalidPassword", 1),
			attacker, attacker+"\r\nChallenge: n\r\nReceivedChallenge: n", 1), []fit{broken}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			events, fits := readAll(t, c.text)
			if !slices.Equal(fits, c.want) {
				t.Errorf("read as %v, want %v", fits, c.want)
			}
			named := 0
			for _, e := range events {
				if e.Tampered == "" {
					t.Errorf("%+v is believed", e)
				}
				if e.Remote.IsValid() {
					named++
					if e.Remote != netip.MustParseAddrPort("198.51.100.10:5060") {
						t.Errorf("%s is named", e.Remote)
					}
				}
			}
			if named != c.named {
				t.Errorf("%d events name somebody, want %d", named, c.named)
			}
		})
	}
}

// TestWholeEvents: each form with all its keys, with only those it must have,
// and with the manager's own lines in front.
func TestWholeEvents(t *testing.T) {
	for i := range forms {
		f := &forms[i]
		for name, k := range map[string][]key{"least": f.must, "all": with(f.must, f.optional...)} {
			t.Run(f.name+" "+name, func(t *testing.T) {
				text := []string{"Event: " + f.name, "Privilege: security,all", "Timestamp: 1795351367.000001", "SequenceNumber: 7",
					"File: security_events.c", "Line: 1", "Func: f", "SystemName: pbx"}
				for _, k := range k {
					value := "v"
					switch k {
					case remoteAddress, localAddress:
						value = "IPV6/WSS/2001:db8::7/50123"
					case eventTV:
						value = "2026-11-22T13:42:47.197+0100"
					}
					text = append(text, keyNames[k]+": "+value)
				}
				events, fits := readAll(t, lines(text...))
				if len(fits) != 1 || fits[0] != whole {
					t.Fatalf("read as %v", fits)
				}
				e := events[0]
				at := time.Date(2026, 11, 22, 12, 42, 47, 197_000_000, time.UTC)
				if e.Name != f.name || e.Tampered != "" || !e.Time.Equal(at) || string(e.Transport) != "WSS" ||
					e.Remote != netip.MustParseAddrPort("[2001:db8::7]:50123") || string(e.Service) != "v" {
					t.Errorf("read %+v", e)
				}
			})
		}
	}
	if len(Names()) != 15 {
		t.Errorf("%d names", len(Names()))
	}
}

// TestMissingKeys: an event without any one of its keys is not whole.
func TestMissingKeys(t *testing.T) {
	for i := range forms {
		f := &forms[i]
		for drop := range f.must {
			text := []string{"Event: " + f.name, "Privilege: security,all"}
			for j, k := range f.must {
				if j != drop {
					text = append(text, keyNames[k]+": IPV4/UDP/192.0.2.1/1")
				}
			}
			if _, fits := readAll(t, lines(text...)); fits[0] != broken {
				t.Errorf("%s without %s is read as %v", f.name, keyNames[f.must[drop]], fits[0])
			}
		}
	}
}

// TestRealServers reads what Asterisk 16 and 22 wrote of a wrong password: no
// event of theirs is taken for a tampered one.
func TestRealServers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ami")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		events, fits := readAll(t, strings.ReplaceAll(string(text), "\n", "\r\n"))
		for i, f := range fits {
			if f != whole || events[i].Tampered != "" || events[i].Time.IsZero() {
				t.Errorf("%s, block %d: %v %+v", file, i, f, events[i])
			}
		}
		if len(fits) < 5 {
			t.Errorf("%s: only %d events", file, len(fits))
		}
	}
}

// FuzzRead: no bytes crash the reader, keep it from its end, or name an address
// that does not stand in them.
func FuzzRead(f *testing.F) {
	f.Add([]byte(failed("1005", attacker, "n") + unknown("x\r\n\r\nEvent: y", victim)))
	f.Add([]byte("\r\n\r\n\r\nResponse: Success\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := newReader(bytes.NewReader(text))
		for blocks := 0; ; blocks++ {
			b, err := r.block()
			if err != nil {
				return
			}
			if blocks > len(text) {
				t.Fatal("more blocks than bytes")
			}
			var e Event
			if e.read(b) != whole && (e.Remote.IsValid() || e.Account != nil) {
				t.Errorf("%+v of a block that is not whole", e)
			}
			if e.Remote.IsValid() && !bytes.Contains(text, []byte("RemoteAddress: IPV")) {
				t.Errorf("%s is named", e.Remote)
			}
		}
	})
}
