package daemon

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/config"
	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/source"
)

// await lets the lanes' inboxes be looked at until an event is there.
func (r *rig) await() event.Event {
	r.t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	all := make(chan event.Event)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	for _, l := range r.lanes {
		go func() {
			select {
			case e := <-l.inbox:
				all <- e
			case <-ctx.Done():
			}
		}()
	}
	select {
	case e := <-all:
		return e
	case <-limit.C:
		r.t.Fatalf("nothing came; degraded: %q", r.health.Sentences())
	}
	return event.Event{}
}

// asterisk is a manager that lets everybody in and tells of one wrong password.
func asterisk(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "Asterisk Call Manager/11.0.0\r\n")
		in := bufio.NewReader(conn)
		for answers := 0; ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			id, ok := strings.CutPrefix(strings.TrimSpace(line), "ActionID: ")
			if !ok {
				continue
			}
			fmt.Fprintf(conn, "Response: Success\r\nActionID: %s\r\nChallenge: 1\r\n\r\n", id)
			if answers++; answers == 2 {
				fmt.Fprint(conn, strings.Join([]string{"Event: ChallengeResponseFailed", "Privilege: security,all",
					"EventTV: 2026-11-22T12:42:47.197+0000", "Severity: Error", "Service: PJSIP", "EventVersion: 1", "AccountID: 1005",
					"SessionID: 916791941", "LocalAddress: IPV4/TLS/192.0.2.10/5061", "RemoteAddress: IPV4/TLS/198.51.100.10/40001",
					"Challenge: n", "Response: r", "ExpectedResponse: ", "", ""}, "\r\n"))
			}
		}
	}()
	return l.Addr().String()
}

// TestFeeds: a feed's event comes to the lane of its address, and status tells
// of both feeds, also of the one that is not there.
func TestFeeds(t *testing.T) {
	r := newRig(t, nil)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := asterisk(t)
	r.config.AMI = &config.AMI{Address: address, User: "sipward", SecretFile: secret}
	r.config.ESL = &config.ESL{Address: "127.0.0.1:1", PasswordFile: secret + ".none"}
	r.config.Logs = []config.Log{{File: filepath.Join(t.TempDir(), "log"), Format: "asterisk"}}
	r.senses.followLogs(r.Daemon)
	e := r.await()
	if e.Kind != event.Line || e.Remote != netip.MustParseAddrPort("198.51.100.10:40001") || e.Log.Kind != event.AuthFailed ||
		e.Transport != event.TLS || string(e.Log.User) != "1005" || time.Since(e.Time) > time.Hour {
		t.Errorf("given %+v", e)
	}
	sources := r.sources()
	if len(sources) != 4 || sources[2].Name != "ami:"+address || sources[2].Events != 1 || sources[2].Last.IsZero() ||
		sources[3].Name != "esl:127.0.0.1:1" || sources[3].Kind != "feed" || sources[3].Events != 0 {
		t.Errorf("sources %+v", sources)
	}
	r.senses.closeLogs()
	r.sentences("esl:127.0.0.1:1 cannot be heard")
	r.config.AMI, r.config.ESL = nil, nil
	r.senses = &senses{sides: &source.Sides{}}
	r.senses.followLogs(r.Daemon)
	r.senses.closeLogs()
	r.sentences()
}
