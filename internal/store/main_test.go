package store

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// childEnv names what this binary is to do when a test starts it again.
const childEnv = "SIPWARD_STORE_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "writer":
		os.Exit(writerChild(os.Args[1]))
	case "disk":
		os.Exit(diskChild(os.Args[1]))
	}
	os.Exit(m.Run())
}

// child starts this binary again in a role.
func child(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// rounds gives how often a random test is repeated: more when the environment
// asks for thoroughness.
func rounds(usual, thorough int) int {
	if os.Getenv("SIPWARD_THOROUGH") != "" {
		return thorough
	}
	return usual
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// typical gives bans as they are in practice: drops with evidence.
func typical(n int) []ban.Ban {
	bans := make([]ban.Ban, n)
	for i := range bans {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		at := noon.Add(time.Duration(i) * time.Millisecond)
		bans[i] = ban.Ban{
			Prefix: netip.PrefixFrom(addr, 32), Action: ban.Drop, Rule: "guess", Class: "auth.guess", Proof: "A",
			Why: "nine wrong answers to our challenge, never a right one", By: ban.Self,
			Since: at, Until: at.Add(10 * time.Minute), Requests: 9, Times: 1, Packet: uint64(i),
			Evidence: []ban.Item{
				{Time: at, Method: "REGISTER", Account: "100", Status: 401, Proof: "A", What: "failed", Step: 1.3},
				{Time: at, Method: "REGISTER", Account: "101", Status: 401, Proof: "A", What: "unknown user", Step: 2.1},
			},
			Seq: uint64(i + 1), ID: uint64(i + 1),
		}
	}
	return bans
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// fill appends bans in batches as a Writer would.
func fill(t testing.TB, s *Store, bans []ban.Ban) {
	t.Helper()
	for len(bans) > 0 {
		n := min(4096, len(bans))
		if err := s.Append(bans[:n]); err != nil {
			t.Fatal(err)
		}
		bans = bans[n:]
	}
}

// loaded gives all that a store has, as a table does that is restored from it.
func loaded(s *Store) (entries []ban.Ban, err error) {
	give := func(b ban.Ban) { entries = append(entries, b) }
	if err = s.Load(give); errors.Is(err, ban.ErrLost) {
		entries = nil
		err = s.Load(give)
	}
	return entries, err
}

func load(t testing.TB, s *Store) map[uint64]ban.Ban {
	t.Helper()
	entries, err := loaded(s)
	if err != nil {
		t.Fatal(err)
	}
	byID := make(map[uint64]ban.Ban, len(entries))
	for _, b := range entries {
		byID[b.ID] = b
	}
	return byID
}

// files gives the names and contents of a directory, without the lock file.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, lockName) {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		contents[filepath.Base(name)] = string(content)
	}
	return contents
}
