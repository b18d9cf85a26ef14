package process

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sipward/sipward/internal/testnet"
)

// playServer is set in the environment of a copy of this program that plays a
// SIP server until its input ends.
const playServer = "PROCESS_TEST_PLAY_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(playServer) != "" {
		play()
		return
	}
	os.Exit(m.Run())
}

// play opens the ports of an Asterisk in the middle of a call.
func play() {
	for _, port := range []string{"0.0.0.0:5060", "[::]:5160", "127.0.0.1:5070", ":4569", ":10000", ":10001"} {
		conn, err := net.ListenPacket("udp", port)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer conn.Close()
	}
	for _, port := range []string{"0.0.0.0:5060", "192.0.2.10:5061", "127.0.0.1:5038", ":8088"} {
		listener, err := net.Listen("tcp", port)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer listener.Close()
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

// TestServerRuns finds a real process by its real sockets, in a network of its
// own, as a container has.
func TestServerRuns(t *testing.T) {
	server := testnet.New(t).Add("server", "192.0.2.10/24")
	own, err := os.Executable()
	must(t, err)
	text, err := os.ReadFile(own)
	must(t, err)
	program := filepath.Join(t.TempDir(), "asterisk")
	must(t, os.WriteFile(program, text, 0o755))
	command := server.Command(program)
	command.Env = append(os.Environ(), playServer+"=1")
	input, err := command.StdinPipe()
	must(t, err)
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	t.Cleanup(func() {
		input.Close()
		command.Wait()
	})
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the server says %q: %v", line, err)
	}

	var servers []Server
	server.Run(func() { servers, err = Servers(os.DirFS("/")) })
	must(t, err)
	i := slices.IndexFunc(servers, func(s Server) bool { return s.PID == command.Process.Pid })
	if i < 0 {
		t.Fatalf("process %d is not among %v", command.Process.Pid, servers)
	}
	got := strings.Split(strings.TrimSpace(spell(servers[i:i+1])), ": ")[1]
	if want := "udp/5060 tcp/5060 tcp/5061 udp/5160"; servers[i].Name != "asterisk" || got != want {
		t.Errorf("got %s with %s, want asterisk with %s", servers[i].Name, got, want)
	}
}
