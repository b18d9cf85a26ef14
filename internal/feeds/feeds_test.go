package feeds

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ami"
	"github.com/sipward/sipward/internal/esl"
	"github.com/sipward/sipward/internal/event"
)

// clock is a time that moves when it is waited for, and how long that was.
type clock struct {
	now   time.Time
	waits []time.Duration
}

func (c *clock) retry(random float64) Retry {
	return Retry{
		Now: func() time.Time { return c.now },
		After: func(d time.Duration) <-chan time.Time {
			c.waits = append(c.waits, d)
			c.now = c.now.Add(d)
			passed := make(chan time.Time, 1)
			passed <- c.now
			return passed
		},
		Random: func() float64 { return random },
	}
}

var errAway = errors.New("nobody there")

// TestRetry: the pauses grow to a bound, vary, and begin anew only after a
// connection that held.
func TestRetry(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		random float64
		// held is how long each connection lasts; below zero there is none.
		held  []time.Duration
		waits []time.Duration
	}{
		"never there":      {0.5, []time.Duration{-1, -1, -1, -1, -1, -1, -1, -1, -1}, []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}},
		"in and out again": {0.5, []time.Duration{0, s, 0, 0}, []time.Duration{s, 2 * s, 4 * s}},
		"held":             {0.5, []time.Duration{-1, -1, time.Hour, -1}, []time.Duration{s, 2 * s, s}},
		"early":            {0, []time.Duration{-1, -1}, []time.Duration{8 * s / 10}},
		"late":             {1, []time.Duration{-1, -1}, []time.Duration{12 * s / 10}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			clock := &clock{now: time.Unix(1e9, 0)}
			var reports []error
			tries := 0
			clock.retry(c.random).Run(ctx, func(err error) { reports = append(reports, err) }, func(_ context.Context, works func()) error {
				held := c.held[tries]
				if tries++; tries == len(c.held) {
					stop()
				}
				if held >= 0 {
					works()
					clock.now = clock.now.Add(held)
				}
				return errAway
			})
			if !slices.Equal(clock.waits, c.waits) {
				t.Errorf("waited %v, want %v", clock.waits, c.waits)
			}
			if want := len(c.held) - 1; count(reports, errAway) != want {
				t.Errorf("reported %v", reports)
			}
		})
	}
}

func count(list []error, what error) (n int) {
	for _, err := range list {
		if errors.Is(err, what) {
			n++
		}
	}
	return n
}

// TestSecrets that cannot be had, or should not.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		file, secret string
		want         error
	}{
		"not there":    {filepath.Join(dir, "none"), "", os.ErrNotExist},
		"open to all":  {write("open", "secret\n", 0o644), "", errOpen},
		"empty":        {write("empty", "\r\n\n", 0o600), "", errEmpty},
		"too long":     {write("long", strings.Repeat("x", maxSecret+1), 0o600), "", errLong},
		"with a line":  {write("good", "secret\r\n", 0o640), "secret", nil},
		"with a blank": {write("blank", " se cret ", 0o600), " se cret ", nil},
	} {
		t.Run(name, func(t *testing.T) {
			secret, err := readSecret(c.file)
			if secret != c.secret || !errors.Is(err, c.want) {
				t.Errorf("%q, %v", secret, err)
			}
		})
	}
}

var remote = netip.MustParseAddrPort("198.51.100.10:5060")

// TestAsteriskMeans: what names a source, and as what.
func TestAsteriskMeans(t *testing.T) {
	for name, c := range map[string]struct {
		e    ami.Event
		want event.Log
	}{
		"broken":       {ami.Event{Tampered: "why"}, event.Log{Verdict: event.Tampered, Kind: event.KindOther, Rule: "asterisk.ami.broken", Note: "why"}},
		"shaped":       {ami.Event{Name: "InvalidAccountID", Remote: remote, Tampered: "why"}, event.Log{Verdict: event.Tampered, Kind: event.UserUnknown, Rule: "asterisk.ami.invalid_account_id", Note: "why", Source: remote}},
		"a challenge":  {ami.Event{Name: "ChallengeSent", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.AuthChallenged, Rule: "asterisk.ami.challenge_sent"}},
		"a busy phone": {ami.Event{Name: "SessionLimit", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.SessionLimit, Rule: "asterisk.ami.session_limit"}},
		"old contacts": {ami.Event{Name: "FailedACL", Remote: remote, ACL: []byte(tooManyContacts)}, event.Log{Verdict: event.Benign, Kind: event.SessionLimit, Rule: "asterisk.ami.failed_acl"}},
		"a wrong password over TLS": {
			ami.Event{Name: "ChallengeResponseFailed", Remote: remote, Service: []byte("PJSIP"), Transport: []byte("TLS"), Account: []byte("1001"), Session: []byte("id@host")},
			event.Log{Verdict: event.Hostile, Kind: event.AuthFailed, Rule: "asterisk.ami.challenge_response_failed", Source: remote, Transport: event.TLS, User: []byte("1001"), CallID: []byte("id@host")}},
		"a wrong password of chan_sip": {
			ami.Event{Name: "InvalidPassword", Remote: remote, Service: []byte("SIP"), Transport: []byte("UDP"), Account: []byte("sip:1001@192.0.2.10"), Session: []byte("0x7f")},
			event.Log{Verdict: event.Hostile, Kind: event.AuthFailed, Rule: "asterisk.ami.invalid_password", Source: remote, Transport: event.UDP, User: []byte("1001")}},
		"a wrong password of the manager": {
			ami.Event{Name: "InvalidPassword", Remote: remote, Service: []byte("AMI"), Transport: []byte("TCP")},
			event.Log{Verdict: event.Hostile, Kind: event.AdminFailed, Rule: "asterisk.ami.invalid_password", Source: remote, Transport: event.TCP}},
		"the right one": {
			ami.Event{Name: "SuccessfulAuth", Remote: remote, Transport: []byte("WSS"), Account: []byte("<unknown>")},
			event.Log{Verdict: event.Benign, Kind: event.AuthOK, Rule: "asterisk.ami.successful_auth", Source: remote, Transport: event.WSS}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Server = "asterisk"
			if got := fromAMI(&c.e); text(got) != text(c.want) {
				t.Errorf("means\n%s\nwant\n%s", text(got), text(c.want))
			}
		})
	}
	for _, name := range ami.Names() {
		if got := fromAMI(&ami.Event{Name: name}); got.Rule == "asterisk.ami.broken" {
			t.Errorf("%s means nothing", name)
		}
	}
}

// TestFreeSWITCHMeans: of the two events of one refusal only one counts.
func TestFreeSWITCHMeans(t *testing.T) {
	for name, c := range map[string]struct {
		e    esl.Event
		want event.Log
	}{
		"broken":       {esl.Event{Tampered: "why"}, event.Log{Verdict: event.Tampered, Kind: event.KindOther, Rule: "freeswitch.esl.broken", Note: "why"}},
		"no word":      {esl.Event{Name: "register_attempt", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.KindOther, Rule: "freeswitch.esl.register_attempt"}},
		"stale":        {esl.Event{Name: "register_attempt", Remote: remote, AuthResult: []byte("STALE")}, event.Log{Verdict: event.Benign, Kind: event.AuthChallenged, Rule: "freeswitch.esl.register_attempt"}},
		"failure":      {esl.Event{Name: "register_failure", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.AuthFailed, Rule: "freeswitch.esl.register_failure"}},
		"challenge":    {esl.Event{Name: "pre_register", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.AuthChallenged, Rule: "freeswitch.esl.pre_register"}},
		"registration": {esl.Event{Name: "register", Remote: remote}, event.Log{Verdict: event.Benign, Kind: event.KindOther, Rule: "freeswitch.esl.register"}},
		"forbidden":    {esl.Event{Name: "register_attempt", Remote: remote, AuthResult: []byte("FORBIDDEN")}, event.Log{Verdict: event.Hostile, Kind: event.AuthFailed, Rule: "freeswitch.esl.register_attempt", Source: remote}},
		"success":      {esl.Event{Name: "register_attempt", Remote: remote, AuthResult: []byte("SUCCESS")}, event.Log{Verdict: event.Benign, Kind: event.AuthOK, Rule: "freeswitch.esl.register_attempt", Source: remote}},
		"unanswered":   {esl.Event{Name: "wrong_call_state", Remote: remote}, event.Log{Verdict: event.Hostile, Kind: event.CallRefused, Rule: "freeswitch.esl.wrong_call_state", Source: remote}},
	} {
		t.Run(name, func(t *testing.T) {
			c.want.Server = "freeswitch"
			c.e.User, c.e.CallID = []byte("1001"), []byte("id")
			c.want.User, c.want.CallID = []byte("1001"), []byte("id")
			if got := fromESL(&c.e); text(got) != text(c.want) {
				t.Errorf("means\n%s\nwant\n%s", text(got), text(c.want))
			}
		})
	}
}

func text(l event.Log) string { return fmt.Sprintf("%+v %q %q", l, l.User, l.CallID) }

func secretFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFollow: a feed comes back after a server that went away, and gives what
// names a source.
func TestFollow(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			freeswitch(conn)
		}
	}()
	f := ESL(Access{Address: l.Addr().String(), SecretFile: secretFile(t)})
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	clock := &clock{now: time.Unix(1e9, 0)}
	var given []event.Event
	var reports []error
	f.Follow(ctx, Owner{
		Give: func(e event.Event) {
			if given = append(given, e); len(given) == 2 {
				stop()
			}
		},
		Report: func(err error) { reports = append(reports, err) },
		Retry:  clock.retry(0.5),
	})
	<-done
	if len(given) != 2 || given[0].Remote != remote || given[0].Log.Kind != event.AuthFailed || !given[0].Time.Equal(time.Unix(1e9, 0)) {
		t.Fatalf("given %+v", given)
	}
	if len(reports) != 3 || reports[0] != nil || !errors.Is(reports[1], esl.ErrDisconnected) || reports[2] != nil {
		t.Errorf("reported %v", reports)
	}
	// A challenge is counted and given to nobody.
	if n, last := f.Seen(); n != 4 || last.IsZero() || f.Name() != "esl:"+l.Addr().String() || f.Complaint() != "" {
		t.Errorf("%s: %d events, the last at %v", f.Name(), n, last)
	}
}

// freeswitch tells of a challenge and its wrong answer, and goes.
func freeswitch(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = conn.Write([]byte(text)) }
	say("Content-Type: auth/request\n\n")
	for range 2 {
		for line := ""; line != "\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		say("Content-Type: command/reply\nReply-Text: +OK\n\n")
	}
	for _, name := range []string{"pre_register", "register_attempt"} {
		body := "Event-Subclass: sofia%3A%3A" + name + "\nnetwork-ip: 198.51.100.10\nnetwork-port: 5060\nauth-result: FORBIDDEN\n\n"
		say(fmt.Sprintf("Content-Length: %d\nContent-Type: text/event-plain\n\n%s", len(body), body))
	}
	say("Content-Type: text/disconnect-notice\n\n")
}

// TestFollowWithoutSecret: the reason is reported, and nobody is asked.
func TestFollowWithoutSecret(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, f := range []*Feed{
		AMI(Access{Address: "127.0.0.1:1", SecretFile: none}), ESL(Access{Address: "127.0.0.1:1", SecretFile: none}),
		AMI(Access{Address: "127.0.0.1:1", SecretFile: secretFile(t), CAFile: none}),
	} {
		ctx, stop := context.WithCancel(t.Context())
		clock := &clock{}
		f.Follow(ctx, Owner{Report: func(err error) {
			stop()
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", f.Name(), err)
			}
		}, Retry: clock.retry(0)})
	}
}
