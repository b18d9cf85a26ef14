package host

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// zone is what a name server of the test knows: "NAME TYPE" to the values.
type zone map[string][]string

// serve answers questions on a loopback socket and returns a resolver that asks
// there only. A type of "drop" for a name leaves it unanswered.
func (z zone) serve(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if answer := z.answer(buffer[:n]); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (z zone) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(q.Name.String())
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RCode: dnsmessage.RCodeNameError}
	m.Additionals = nil
	for key, values := range z {
		if owner, kind, _ := strings.Cut(key, " "); owner == name {
			m.RCode = dnsmessage.RCodeSuccess
			switch {
			case kind == "drop":
				return nil
			case "Type"+kind == q.Type.String():
				m.Answers = z.records(q, values)
			}
		}
	}
	answer, err := m.Pack()
	if err != nil {
		panic(err) // the test's own data are wrong
	}
	return answer
}

func (z zone) records(q dnsmessage.Question, values []string) []dnsmessage.Resource {
	var records []dnsmessage.Resource
	for _, v := range values {
		var body dnsmessage.ResourceBody
		switch q.Type {
		case dnsmessage.TypeA:
			body = &dnsmessage.AResource{A: netip.MustParseAddr(v).As4()}
		case dnsmessage.TypeAAAA:
			body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(v).As16()}
		case dnsmessage.TypeSRV:
			body = &dnsmessage.SRVResource{Port: 5060, Target: dnsmessage.MustNewName(v)}
		}
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
		records = append(records, dnsmessage.Resource{Header: header, Body: body})
	}
	return records
}

func TestLookupSIP(t *testing.T) {
	crowd := []string{}
	full := zone{"sip.example.net. A": {"203.0.113.9"}}
	for _, a := range many(20) {
		host := strings.ReplaceAll(a.String(), ".", "-") + ".example.net."
		crowd = append(crowd, host)
		full[host+" A"] = []string{a.String()}
	}
	full["_sip._tcp.sip.example.net. SRV"] = crowd
	for _, c := range []struct {
		name   string
		zone   zone
		want   []netip.Addr
		failed bool
	}{
		{"does not exist", zone{}, nil, false},
		{"not served", zone{"_sip._udp.sip.example.net. SRV": {"."}}, nil, false},
		{"leads nowhere", zone{"_sip._udp.sip.example.net. SRV": {"gone.example.net."}}, nil, false},
		{"silence", zone{"sip.example.net. drop": nil}, nil, true},
		{"half silence", zone{"sip.example.net. A": {"203.0.113.1"}, "_sip._udp.sip.example.net. drop": nil}, addrs("203.0.113.1"), true},

		{"addresses", zone{"sip.example.net. A": {"203.0.113.1", "203.0.113.2"}, "sip.example.net. AAAA": {"2001:db8::1"}},
			addrs("203.0.113.1", "203.0.113.2", "2001:db8::1"), false},
		{"services", zone{
			"_sip._udp.sip.example.net. SRV":  {"a.example.net.", "b.example.net."},
			"_sip._tcp.sip.example.net. SRV":  {"c.example.net."},
			"_sips._tcp.sip.example.net. SRV": {"d.example.net."},
			"a.example.net. A":                {"203.0.113.1"},
			"b.example.net. AAAA":             {"2001:db8::2"},
			"c.example.net. A":                {"203.0.113.3"},
			"d.example.net. A":                {"203.0.113.4"},
		}, addrs("203.0.113.1", "203.0.113.3", "203.0.113.4", "2001:db8::2"), false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		found, _, err := lookupSIP(ctx, c.zone.serve(t), trunk)
		cancel()
		for i := range found {
			found[i] = found[i].Unmap()
		}
		slices.SortFunc(found, netip.Addr.Compare)
		if !slices.Equal(found, c.want) || (err != nil) != c.failed {
			t.Errorf("%s: got %v, %v", c.name, found, err)
		}
	}
	found, _, err := lookupSIP(t.Context(), full.serve(t), trunk)
	if err != nil || len(found) != 1+maxTargets {
		t.Errorf("crowd: %d addresses, %v", len(found), err)
	}
}
