package main

import (
	"bufio"
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sipward/sipward/internal/answer"
	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/control"
	"github.com/sipward/sipward/internal/terminal"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sipward": main})
}

// TestScripts runs the verbs as people do: testdata/script holds one story a
// file. SOCK is where a daemon may listen; "daemon MODE" starts a fake there.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			// The script's own directory may be too long a path for a socket.
			dir, err := os.MkdirTemp("", "sw")
			if err != nil {
				return err
			}
			env.Defer(func() { os.RemoveAll(dir) })
			env.Setenv("SOCK", filepath.Join(dir, "s"))
			env.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"daemon": scriptDaemon,
			"exits":  scriptExits,
			"narrow": scriptNarrow,
		},
		RequireExplicitExec: true,
	})
}

// scriptExits runs a command that must end with the given code.
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// scriptNarrow checks that the last answer fits a terminal, and that nothing
// in it commands one.
func scriptNarrow(ts *testscript.TestScript, _ bool, _ []string) {
	for _, stream := range []string{"stdout", "stderr"} {
		for _, line := range strings.Split(ts.ReadFile(stream), "\n") {
			if n := utf8.RuneCountInString(line); n > answer.Columns {
				ts.Fatalf("%d columns: %q", n, line)
			}
			if line != terminal.Printable(line) {
				ts.Fatalf("not printable: %q", line)
			}
		}
	}
}

// scriptDaemon starts a fake daemon in the given mode. With "full" it has
// entries of every kind, with "degraded" something is broken.
func scriptDaemon(ts *testscript.TestScript, _ bool, args []string) {
	fake := control.NewFake(args[0])
	fake.NeverBan = []netip.Prefix{netip.MustParsePrefix("192.0.2.10/32")}
	for _, what := range args[1:] {
		switch what {
		case "full":
			fill(fake)
		case "reloads":
		case "degraded":
			fake.Answer.Degraded = []string{"the log /var/log/asterisk/security.log has not been written to for three hours, so attacks that only the log shows go unseen"}
		default:
			ts.Fatalf("no such daemon: %s", what)
		}
	}
	server, err := control.Listen(ts.Getenv("SOCK"))
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	doors := control.Doors{Guard: fake, Feed: fake,
		Stop: func(bool) error { cancel(); return nil },
		Reload: func() error {
			if slices.Contains(args, "reloads") {
				return nil
			}
			return errors.New("/etc/sipward/sipward.yaml:3:1: \"moed\" is not a key; did you mean \"mode\"?")
		}}
	go func() { done <- errors.Join(server.Serve(ctx, doors), server.Close()) }()
	ts.Defer(func() { cancel(); ts.Check(<-done) })
}

// fill gives the fake one entry of every kind, with texts as an attacker
// would choose them.
func fill(fake *control.Fake) {
	now := time.Now()
	evidence := []ban.Item{
		{Time: now.Add(-70 * time.Second), Method: "REGISTER", Account: "100", Status: 401, What: "disregarded", Step: 0.4},
		{Time: now.Add(-65 * time.Second), Method: "REGISTER", Account: "10\x1b[2J\u202e1", Status: 403, Proof: "A", What: "failed", Step: 1.3},
	}
	entry := func(prefix string, action ban.Action, age, length time.Duration) ban.Ban {
		return ban.Ban{Prefix: netip.MustParsePrefix(prefix), Action: action, By: "sipward",
			Since: now.Add(-age), Until: now.Add(length)}
	}
	drop := entry("203.0.113.66/32", ban.Drop, time.Minute, 6*time.Hour+12*time.Minute+30*time.Second)
	drop.Rule, drop.Class, drop.Proof, drop.Requests, drop.Times, drop.Evidence = "guess", "auth.guess", "A", 8, 3, evidence
	drop.Why = "it tried 8 passwords for 2 accounts in 5 s, none correct; the last account was \"10\x1b[2J\u202e1\""
	old := entry("203.0.113.66/32", ban.Drop, 48*time.Hour, 0)
	old.Rule, old.Why, old.Ended, old.EndedBy = "scan", "it asked 40 times for OPTIONS", now.Add(-47*time.Hour), "alice"
	limit := entry("198.51.100.4/32", ban.Limit, 10*time.Second, 50*time.Second)
	limit.Port, limit.Rule, limit.Class, limit.Proof, limit.Why = 5060, "scan", "scan.options", "none", "it asks for OPTIONS as scanners do"
	wide := entry("2001:db8:1234:5678:9abc:def0:1234:5600/120", ban.Drop, time.Hour, time.Hour)
	wide.By, wide.Until, wide.Why = "alice", time.Time{}, "a very long reason that a human typed and that does not fit into one line of a table"
	allow := entry("192.0.2.0/24", ban.Allow, time.Hour, 0)
	allow.By, allow.Until, allow.Why = "alice", time.Time{}, "the office"
	good := entry("192.0.2.77/32", ban.Pass, time.Hour, 24*time.Hour)
	good.Rule, good.Why = "good", "a phone registered from it"
	for _, b := range []ban.Ban{old, drop, limit, wide, allow, good} {
		fake.Put(b)
	}
	fake.Note(control.EventRecord{Time: now, Type: "finding", Src: netip.MustParseAddr("203.0.113.66"), Class: "auth.guess", Why: "caf\u00e9 \x07"})
	fake.Answer.Sources = []control.SourceStatus{
		{Name: "eth0", Kind: "packets", Events: 1234567, Last: now.Add(-2 * time.Second)},
		{Name: "/var/log/asterisk/security.log", Kind: "log"},
	}
}

// TestInterrupted sends the signal of Ctrl-C to a verb that waits.
func TestInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	fake := control.NewFake(control.ModeEnforce)
	fake.Note(control.EventRecord{Time: time.Now(), Type: "finding"})
	server, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- errors.Join(server.Serve(ctx, control.Doors{Guard: fake, Feed: fake}), server.Close())
	}()
	defer func() { cancel(); <-done }()

	verb := exec.Command("sipward", "events", "-f", "--json", "--socket", path)
	stdout, err := verb.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := verb.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, `"type":"finding"`) {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
	if err := verb.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := verb.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("interrupted, it ends with %v", err)
	}
}
