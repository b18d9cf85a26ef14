package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// settle is how long news is held back, so that a burst is one token.
	settle = 100 * time.Millisecond
	// look is how often the files are looked at.
	look = time.Second
	// renew is when a token is due without news, so that sessions age.
	renew = 10 * time.Minute
)

// Watch gives a token when Posts, Addresses or Interfaces may have changed: at
// once for what the kernel tells, within a second for files, and every ten
// minutes in any case. A token not yet taken stands for those that follow. The
// channel is closed when ctx is done, or should the kernel end the
// subscription.
func (m *Machine) Watch(ctx context.Context) (<-chan struct{}, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK,
		unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch network settings: %w", err)
	}
	context.AfterFunc(ctx, socket.Close) // wakes the reader
	news := make(chan struct{}, 1)
	go func() {
		defer close(news)
		listen(socket, news)
	}()
	tokens := make(chan struct{}, 1)
	patterns := watchedFiles()
	before := state(m.files, patterns)
	go func() {
		defer close(tokens)
		m.gather(news, tokens, before)
	}()
	return tokens, nil
}

// gather turns news of any kind into tokens until news ends.
func (m *Machine) gather(news <-chan struct{}, tokens chan<- struct{}, before string) {
	patterns := watchedFiles()
	looking, renewing := time.NewTicker(look), time.NewTicker(renew)
	defer looking.Stop()
	defer renewing.Stop()
	var settled <-chan time.Time
	for {
		select {
		case _, open := <-news:
			if !open {
				return
			}
			if settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			settled = nil
			tell(tokens)
		case <-looking.C:
			if now := state(m.files, patterns); now != before {
				before = now
				tell(tokens)
			}
		case <-renewing.C:
			tell(tokens)
		}
	}
}

// listen passes on the kernel's messages until the socket is closed.
func listen(socket *nl.NetlinkSocket, news chan<- struct{}) {
	for {
		messages, _, err := socket.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS): // some are lost: anything may have changed
			tell(news)
			continue
		case err != nil:
			return
		}
		for _, message := range messages {
			if concerns(message) {
				tell(news)
			}
		}
	}
}

// concerns tells whether a message is about something we report. Of routes
// only default ones and our own addresses are: others change all the time on
// some machines.
func concerns(message syscall.NetlinkMessage) bool {
	kind := message.Header.Type
	if kind != unix.RTM_NEWROUTE && kind != unix.RTM_DELROUTE {
		return true
	}
	var route unix.RtMsg
	if _, err := binary.Decode(message.Data, binary.NativeEndian, &route); err != nil {
		return false
	}
	return route.Dst_len <= 1 || route.Type == unix.RTN_LOCAL
}
