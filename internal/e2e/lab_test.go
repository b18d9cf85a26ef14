package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/testnet"
)

// binary is the sipward under test, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sipward-e2e")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sipward")
	build := exec.Command("go", "build", "-o", path, "../../cmd/sipward")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build sipward: %w\n%s", err, out)
	}
	return path, nil
})

const (
	serverAddress = "192.0.2.10"
	gateway       = "192.0.2.1"
	trunkAddress  = "203.0.113.200"
	// carrierAddress is another trunk, of edge.cfg alone.
	carrierAddress = "203.0.113.210"
	officeAddress  = "203.0.113.30"
	weakUser       = "1005"
	weakPassword   = "119"
)

// lab is a server, phones, a trunk and an attacker.
type lab struct {
	t                         *testing.T
	server, phones, attackers *testnet.Host
	dir                       string // of this test's files; a socket fits
	files                     int    // the process whose view of the files the server's programs have; 0 for the usual one
}

// newLab is a lab whose server runs Kamailio.
func newLab(t *testing.T) *lab {
	needs(t, "kamailio", "sipp", "svcrack", "svwar")
	l := newBareLab(t)
	l.startKamailio()
	return l
}

// newBareLab is a lab whose server runs nothing: what the wire and the kernel
// do needs no SIP server.
func newBareLab(t *testing.T) *lab {
	needs(t, "nft")
	net := testnet.New(t)
	l := &lab{
		t:         t,
		server:    net.Add("server", serverAddress+"/24"),
		phones:    net.Add("phones", "203.0.113.0/24"),
		attackers: net.Add("attackers", "198.51.100.0/24"),
	}
	dir, err := os.MkdirTemp("", "e2e")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l.dir = dir
	net.Router().Exec("ip", "addr", "add", gateway+"/32", "dev", l.server.Link())
	l.server.Exec("ip", "route", "add", gateway+"/32", "dev", "eth0")
	l.server.Exec("ip", "route", "replace", "default", "via", gateway)
	l.countArrivals()
	return l
}

// needs fails the test when a program that `make test` installs is missing.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is missing: make test installs it", p)
		}
	}
}

// countArrivals counts, after every other filter, what reaches the SIP port.
func (l *lab) countArrivals() {
	l.t.Helper()
	file := filepath.Join(l.dir, "arrivals.nft")
	l.write(file, `table inet arrivals {
	set reached { type ipv4_addr; size 65535; flags dynamic; counter; }
	chain input {
		type filter hook input priority 400
		udp dport 5060 update @reached { ip saddr }
	}
}
`)
	l.server.Exec("nft", "-f", file)
}

// reached is how many packets of an address arrived at the SIP port.
func (l *lab) reached(address string) int {
	l.t.Helper()
	var answer struct {
		Nftables []struct {
			Set *struct {
				Elem []struct {
					Elem struct {
						Val     string
						Counter struct{ Packets int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(l.server.Exec("nft", "-j", "list", "set", "inet", "arrivals", "reached")), &answer); err != nil {
		l.t.Fatal(err)
	}
	for _, object := range answer.Nftables {
		if object.Set == nil {
			continue
		}
		for _, e := range object.Set.Elem {
			if e.Elem.Val == address {
				return e.Elem.Counter.Packets
			}
		}
	}
	return 0
}

func (l *lab) write(file, text string) {
	l.t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func password(user string) string {
	if user == weakUser {
		return weakPassword
	}
	return "Str0ng-" + user + "-pw"
}

// onServer prepares a program that runs on the server.
func (l *lab) onServer(name string, arguments ...string) *exec.Cmd {
	if l.files == 0 {
		return l.server.Command(name, arguments...)
	}
	return l.server.Command("nsenter", append([]string{fmt.Sprintf("--mount=/proc/%d/ns/mnt", l.files), "--", name}, arguments...)...)
}

// startKamailio runs a registrar for 1001 to 1030 and 1101 to 1130.
func (l *lab) startKamailio() { l.kamailio("kamailio.cfg", l.dir, "-E") }

// kamailio runs Kamailio with one of the scripts of testdata, which it puts into
// a folder, and waits until it answers.
func (l *lab) kamailio(script, folder string, arguments ...string) {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", script))
	if err != nil {
		l.t.Fatal(err)
	}
	var users strings.Builder
	users.WriteString("event_route[htable:mod-init] {\n")
	for _, from := range []int{1001, 1101} {
		for user := from; user < from+30; user++ {
			fmt.Fprintf(&users, "  $sht(pw=>%d) = \"%s\";\n", user, password(fmt.Sprint(user)))
		}
	}
	users.WriteString("}\n")
	l.write(filepath.Join(l.dir, "kamailio.cfg"), strings.ReplaceAll(string(text), "FOLDER", folder))
	l.write(filepath.Join(l.dir, "users.cfg"), users.String())
	l.write(filepath.Join(l.dir, "dispatcher.list"), "1 sip:"+trunkAddress+":5060\n")
	l.write(filepath.Join(l.dir, "address.list"), "1 "+carrierAddress+" 32\n1 "+trunkAddress+" 32\n")
	log, err := os.Create(filepath.Join(l.dir, "kamailio.log"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { log.Close() })
	kamailio := l.onServer("kamailio", append([]string{"-DD", "-f", filepath.Join(folder, "kamailio.cfg"),
		"-m", "64", "-M", "8", "-P", filepath.Join(l.dir, "kamailio.pid"), "-Y", l.dir}, arguments...)...)
	kamailio.Stdout = log
	l.start(kamailio, "kamailio")
	eventually(l.t, 20*time.Second, "kamailio answers", func() bool {
		return l.options("203.0.113.250") != ""
	})
}

// start runs a program until the test ends, and keeps its output, beside where
// it goes already. Its children
// end with it: one that stayed behind would hold the output open, which Wait
// waits for, and be taken for a server of this machine by later tests.
func (l *lab) start(cmd *exec.Cmd, name string) *output {
	l.t.Helper()
	out := &output{}
	to := io.Writer(out)
	if cmd.Stdout != nil {
		to = io.MultiWriter(cmd.Stdout, out)
	}
	cmd.Stdout, cmd.Stderr = to, to
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		group := -cmd.Process.Pid
		cmd.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
		}
		syscall.Kill(group, syscall.SIGKILL) // whoever is left of it; mostly nobody
		<-done
		if l.t.Failed() {
			l.t.Logf("%s said:\n%s", name, out.tail())
		}
	})
	return out
}

// output is what a program has printed so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) tail() string {
	text := o.String()
	return text[max(0, len(text)-4000):]
}

// eventually waits for something to become true, looking again ten times a second.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(within); ; <-tick.C {
		if holds() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// sipward is a running daemon.
type sipward struct {
	*lab
	cmd      *exec.Cmd
	out      *output
	settings string // the file
	socket   string
	state    string
	told     sync.Once // a test that fails tells once how the daemon is
}

// guard starts sipward in enforce mode with the trunk in its settings.
func (l *lab) guard(more ...string) *sipward {
	l.t.Helper()
	s := l.sipward("mode: enforce\ntrunks: [" + trunkAddress + "]\nlisten:\n  - {port: 5060, transport: udp}\n")
	s.run(append([]string{"--config", s.settings, "--enforce"}, more...)...)
	return s
}

// sipward prepares a daemon with these settings; the caller runs it.
func (l *lab) sipward(settings string) *sipward {
	l.t.Helper()
	s := &sipward{
		lab: l, settings: filepath.Join(l.dir, "sipward.yaml"),
		socket: filepath.Join(l.dir, "sock"), state: filepath.Join(l.dir, "state"),
	}
	l.write(s.settings, settings)
	return s
}

// run starts the daemon and waits until it is ready.
func (s *sipward) run(arguments ...string) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = s.onServer(path, append([]string{"run", "--state", s.state, "--socket", s.socket}, arguments...)...)
	s.out = s.start(s.cmd, "sipward")
	eventually(s.t, time.Minute, "sipward is ready", func() bool { return strings.Contains(s.out.String(), "sipward: ready") })
	s.told.Do(func() { s.t.Cleanup(s.tell) })
}

// tell shows what the last daemon thinks, after a failure.
func (s *sipward) tell() {
	if s.t.Failed() {
		status, _ := s.ask("status")
		events, _ := s.ask("events", "--json")
		s.t.Logf("status:\n%s\nevents:\n%s", status, events)
	}
}

// ask runs a verb against the daemon and returns its answer and exit code.
func (s *sipward) ask(verb string, arguments ...string) (answer string, code int) {
	s.t.Helper()
	return s.verb(append([]string{verb, "--socket", s.socket}, arguments...)...)
}

// verb runs the program on the server and returns what it said and its exit code.
func (l *lab) verb(arguments ...string) (answer string, code int) {
	l.t.Helper()
	out, errors, code := l.program(arguments...)
	return out + errors, code
}

// program runs the program on the server and keeps its two outputs apart.
func (l *lab) program(arguments ...string) (out, errors string, code int) {
	l.t.Helper()
	path, err := binary()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := l.onServer(path, arguments...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	// One that does not end fails its test alone: killed, its exit code is -1.
	late := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer late.Stop()
	cmd.Wait() // its error is the exit code
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// block is what the tests look at in a row of `sipward bans`.
type block struct {
	Prefix   netip.Prefix
	Port     int
	Action   string
	Rule     string
	Class    string
	Until    time.Time
	Proof    string
	Requests int
	Dropped  int
}

// bans lists the blocks in force.
func (s *sipward) bans() []block {
	s.t.Helper()
	answer, errors, code := s.program("bans", "--json", "--socket", s.socket)
	if code != 0 {
		s.t.Fatalf("bans: exit %d: %s", code, errors)
	}
	var rows []block
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		var b block
		if err := json.Unmarshal(lines.Bytes(), &b); err != nil {
			s.t.Fatalf("%s: %v", lines.Text(), err)
		}
		if b.Action == "drop" || b.Action == "limit" {
			rows = append(rows, b)
		}
	}
	return rows
}

// banOf finds the block of an address.
func (s *sipward) banOf(address string) (block, bool) {
	s.t.Helper()
	for _, b := range s.bans() {
		if b.Prefix.Addr().String() == address {
			return b, true
		}
	}
	return block{}, false
}

// delays tells how long after the deciding packet the kernel acted.
func (s *sipward) delays() string {
	s.t.Helper()
	answer, _ := s.ask("events", "--json")
	var list []string
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		var e struct {
			Action string
			TookMS float64 `json:"took_ms"`
		}
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.TookMS > 0 {
			list = append(list, fmt.Sprintf("%s after %.2f ms", e.Action, e.TookMS))
		}
	}
	return strings.Join(list, ", ")
}
