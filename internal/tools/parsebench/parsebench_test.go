package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	ours "github.com/sipward/sipward/internal/sip"
)

// TestCorpusIsRead: both readers must do all the work, or the comparison is worth nothing.
func TestCorpusIsRead(t *testing.T) {
	parser := sip.NewParser()
	var m ours.Message
	messages := corpus(7, 2000)
	if again := corpus(7, 2000); !bytes.Equal(bytes.Join(messages, nil), bytes.Join(again, nil)) {
		t.Error("the same seed gives other messages")
	}
	var digests, responses, ipv6, bodies int
	for _, b := range messages {
		theirs, err := parser.ParseSIP(b)
		if err != nil {
			t.Fatalf("sipgo: %v in %q", err, b)
		}
		m.Parse(b)
		if flaws := m.Flaws().Unacceptable(); flaws != 0 {
			t.Fatalf("%v in %q", flaws, b)
		}
		same(t, &m, theirs.(sipgoHeaders), b)
		if _, ok := m.Credentials(); ok {
			digests++
		}
		if m.Kind() == ours.Response {
			responses++
		}
		if v := m.Via(); bytes.Contains(v.Host, []byte(":")) {
			ipv6++
		}
		if len(m.Body()) > 0 {
			bodies++
		}
	}
	for name, n := range map[string]int{"digests": digests, "responses": responses, "IPv6": ipv6, "bodies": bodies} {
		if n < 100 {
			t.Errorf("only %d %s", n, name)
		}
	}
}

// same compares what both readers found.
func same(t *testing.T, m *ours.Message, theirs sipgoHeaders, b []byte) {
	t.Helper()
	from, via, contact := m.From(), m.Via(), m.Contact()
	cseq, _ := m.CSeq()
	tag, _ := theirs.From().Params.Get("tag")
	branch, _ := theirs.Via().Params.Get("branch")
	pairs := [][2]string{
		{string(from.URI.User), theirs.From().Address.User},
		{string(from.URI.Host), strings.Trim(theirs.From().Address.Host, "[]")},
		{string(from.Tag), tag},
		{string(m.CallID()), theirs.CallID().Value()},
		{string(cseq.Method), string(theirs.CSeq().MethodName)},
		{string(via.Transport), theirs.Via().Transport},
		{string(via.Host), strings.Trim(theirs.Via().Host, "[]")},
		{string(via.Branch), branch},
		{string(m.Body()), string(theirs.Body())},
	}
	if c := theirs.Contact(); c != nil {
		pairs = append(pairs, [2]string{string(contact.URI.User), c.Address.User})
	}
	for i, p := range pairs {
		if p[0] != p[1] {
			t.Fatalf("field %d: ours %q, theirs %q in %q", i, p[0], p[1], b)
		}
	}
	if cseq.Number != theirs.CSeq().SeqNo {
		t.Fatalf("CSeq: ours %d, theirs %d in %q", cseq.Number, theirs.CSeq().SeqNo, b)
	}
}

func TestNoAllocations(t *testing.T) {
	messages := corpus(3, 500)
	for _, c := range worstCases(worstSize) {
		messages = append(messages, c.data)
	}
	var m ours.Message
	if n := testing.AllocsPerRun(2, func() {
		for _, b := range messages {
			extractOurs(&m, b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestWorstCases: they must be as long as promised, and be read to the end.
func TestWorstCases(t *testing.T) {
	var m ours.Message
	for _, c := range worstCases(worstSize) {
		if len(c.data) < worstSize*9/10 || len(c.data) > worstSize {
			t.Errorf("%s: %d bytes", c.name, len(c.data))
		}
		if m.Parse(c.data) != ours.Request || m.Count(ours.HeaderContentLength) != 1 {
			t.Errorf("%s: kind %v, %v", c.name, m.Kind(), m.Flaws())
		}
	}
}

func TestRunPrintsAll(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, options{seed: 2, messages: 50, pairs: 1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ratio  ", "allocations     0 per message", "worst   ", "growth at most"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
