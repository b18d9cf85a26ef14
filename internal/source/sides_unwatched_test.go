package source

import (
	"slices"
	"testing"

	"github.com/sipward/sipward/internal/event"
)

func TestUnwatched(t *testing.T) {
	for _, test := range []struct {
		served []string
		want   []event.Transport
	}{
		{nil, nil},
		{[]string{"udp"}, []event.Transport{event.TCP, event.WS}},
		{[]string{"udp", "tcp"}, []event.Transport{event.WS}},
		{[]string{"tls", "wss"}, []event.Transport{event.UDP, event.TCP, event.WS}},
		{[]string{"ws", "tcp", "udp", "udp"}, nil},
	} {
		if got := Unwatched(test.served); !slices.Equal(got, test.want) {
			t.Errorf("of %v: %v, want %v", test.served, got, test.want)
		}
	}
}
