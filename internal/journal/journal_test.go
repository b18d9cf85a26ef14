package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const unit = "kamailio.service"

// script makes a journalctl that does what the test wants.
func script(t *testing.T, body string) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journalctl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Options{Units: []string{unit}, Program: path}
}

// run follows until the child ends, and gives the messages.
func run(t *testing.T, o Options) ([]string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	var messages []string
	err := Run(ctx, o, func(e *Entry) { messages = append(messages, string(e.Message)) })
	if ctx.Err() != nil {
		t.Errorf("the child did not end")
	}
	return messages, err
}

// TestChildrenThatEnd: the error holds the child's last words, and only those.
func TestChildrenThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		body, words string
	}{
		"at once":        {"exit 0", "journalctl ended"},
		"with an error":  {"echo 'No journal files were opened' >&2; exit 1", "No journal files were opened"},
		"with many":      {"i=0; while [ $i -lt 500 ]; do echo long words >&2; i=$((i+1)); done; echo last >&2; exit 1", "words last"},
		"by a signal":    {"kill -9 $$", "signal: killed"},
		"inside of line": {`printf '{"__CURSOR":"s=1"'`, "journalctl ended"},
	} {
		t.Run(name, func(t *testing.T) {
			messages, err := run(t, script(t, c.body))
			if !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), c.words) || len(err.Error()) > 2*maxWords || len(messages) > 0 {
				t.Errorf("%q, %v", messages, err)
			}
		})
	}
}

func TestNoProgram(t *testing.T) {
	_, err := run(t, Options{Units: []string{unit}, Program: filepath.Join(t.TempDir(), "none")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestWrongOptions: nothing that could be taken for an option reaches a command
// line.
func TestWrongOptions(t *testing.T) {
	long := strings.Repeat("0", maxCursor)
	for name, c := range map[string]struct {
		o    Options
		want error
	}{
		"no unit":                 {Options{}, ErrUnit},
		"an option":               {Options{Units: []string{"--flush"}}, ErrUnit},
		"another field":           {Options{Units: []string{"a.service", "x _UID=0.service"}}, ErrUnit},
		"no type":                 {Options{Units: []string{"kamailio"}}, ErrUnit},
		"a line break":            {Options{Units: []string{"kamailio.service\n"}}, ErrUnit},
		"a cursor that is none":   {Options{Units: []string{unit}, Cursor: "--flush"}, ErrCursor},
		"a cursor that is broken": {Options{Units: []string{unit}, Cursor: "s=1;"}, ErrCursor},
		"a cursor without end":    {Options{Units: []string{unit}, Cursor: "s=" + long}, ErrCursor},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Run(t.Context(), c.o, nil); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// TestArguments: with a cursor everything behind it is wanted, without one only
// what is still to come.
func TestArguments(t *testing.T) {
	for cursor, want := range map[string][]string{
		"":                             {"--lines=0"},
		"s=0a;i=1;-1":                  nil,
		"s=0a;i=2ba;b=1a;m=3;t=6;x=b4": {"--no-tail", "--after-cursor=s=0a;i=2ba;b=1a;m=3;t=6;x=b4"},
	} {
		got, err := arguments(Options{Units: []string{unit, "a@b.service"}, Cursor: cursor})
		if want == nil {
			if err == nil {
				t.Errorf("%q gave %q", cursor, got)
			}
			continue
		}
		for _, w := range append(want, "_SYSTEMD_UNIT="+unit, "_SYSTEMD_UNIT=a@b.service", "--output=json", "--follow") {
			if !slices.Contains(got, w) {
				t.Errorf("%q: no %s in %q", cursor, w, got)
			}
		}
	}
}

// TestLines: what is too long or not of our unit is passed over, whatever its
// text says of itself.
func TestLines(t *testing.T) {
	entry := func(text, from string) string {
		return fmt.Sprintf(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":%s%s}`, text, from)
	}
	ours := `,"_SYSTEMD_UNIT":"kamailio.service"`
	file := filepath.Join(t.TempDir(), "lines")
	text := strings.Join([]string{
		entry(`"nobody's"`, ""),
		entry(`"of another unit"`, `,"_SYSTEMD_UNIT":"user@1000.service","SYSLOG_IDENTIFIER":"kamailio","UNIT":"kamailio.service"`),
		entry(`"of two units"`, `,"_SYSTEMD_UNIT":["kamailio.service","x.service"]`),
		entry(`"`+strings.Repeat("x", maxLine)+`"`, ours),
		entry(`"ours"`, ours), "", "{", "null", `{"MESSAGE":"no cursor"}`,
		entry(`[195,40,10]`, ours), entry(`null`, ours), entry(`["a","b"]`, ours), entry(`[1,256]`, ours),
		entry(`"two\nlines"`, ours),
	}, "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ := run(t, script(t, "cat "+file))
	if want := []string{"ours", "\xc3(\n", "", "", "", "two\nlines"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// TestTheEndIsOurs: with the context the child ends, also one that does not
// want to, and it has ended when Run returns.
func TestTheEndIsOurs(t *testing.T) {
	for name, trap := range map[string]string{
		"willing":   "",
		"unwilling": "trap '' TERM;",
	} {
		t.Run(name, func(t *testing.T) {
			o := script(t, fmt.Sprintf(`%s echo '{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_SYSTEMD_UNIT":"%s","_PID":"'$$'"}'; exec sleep 1000`, trap, unit))
			ctx, stop := context.WithCancel(t.Context())
			pid := 0
			if err := Run(ctx, o, func(e *Entry) { pid = e.PID; stop() }); !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
			if err := syscall.Kill(pid, 0); pid <= 0 || !errors.Is(err, syscall.ESRCH) {
				t.Errorf("child %d: %v", pid, err)
			}
		})
	}
}

// TestFields: who wrote it is journald's word alone.
func TestFields(t *testing.T) {
	e, ok := parse([]byte(`{"_EXE":"/usr/sbin/kamailio","_COMM":"kamailio","__CURSOR":"s=a9;i=2c2","_UID":"107","_PID":"9865",` +
		`"_SYSTEMD_UNIT":"kamailio.service","MESSAGE":"text","__REALTIME_TIMESTAMP":"1795565139782666","_BOOT_ID":"1a"}`))
	want := Entry{Cursor: "s=a9;i=2c2", Time: e.Time, Message: e.Message, Unit: unit, Comm: "kamailio", Exe: "/usr/sbin/kamailio", PID: 9865, UID: 107}
	if !ok || e.Unit != want.Unit || e.Comm != want.Comm || e.Exe != want.Exe || e.PID != want.PID || e.UID != want.UID ||
		e.Time.UnixMicro() != 1795565139782666 || string(e.Message) != "text" || e.Cursor != want.Cursor {
		t.Errorf("read %+v", e)
	}
	e, ok = parse([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_UID":"-5","_PID":"x"}`))
	if !ok || e.UID != -1 || e.PID != -1 || e.Message != nil || e.Unit != "" {
		t.Errorf("read %+v", e)
	}
	if _, ok = parse([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"x"}`)); ok {
		t.Error("an entry without a time")
	}
}

// FuzzRead: no output crashes the reader, and nobody's entries are given.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","_SYSTEMD_UNIT":"kamailio.service","MESSAGE":[1,2]}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := read(strings.NewReader(string(text)), []string{unit}, func(e *Entry) {
			if e.Unit != unit || e.Cursor == "" || e.PID < -1 {
				t.Errorf("given %+v", e)
			}
		})
		if err != nil {
			t.Error(strconv.Quote(err.Error()))
		}
	})
}
