package e2e

import (
	"crypto/md5"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/testnet"
)

// client is one SIP user agent of the tests: a phone, or a guesser that
// disguises itself as one.
type client struct {
	conn  net.Conn
	local netip.AddrPort
	n     int
}

func (l *lab) client(host *testnet.Host, address string, port int) *client {
	local := netip.AddrPortFrom(netip.MustParseAddr(address), uint16(port))
	return &client{conn: host.DialUDP(local.String(), serverAddress+":5060"), local: local}
}

// tcpClient is a client on a connection of its own.
func (l *lab) tcpClient(host *testnet.Host, address string, port int) *client {
	local := netip.AddrPortFrom(netip.MustParseAddr(address), uint16(port))
	return &client{conn: host.DialTCP(local.String(), serverAddress+":5060"), local: local}
}

// transport is what the client's Via says.
func (c *client) transport() string {
	if _, ok := c.conn.(*net.TCPConn); ok {
		return "TCP"
	}
	return "UDP"
}

// request builds a message as a well-known desk phone would.
func (c *client) request(method, user, target, authorization string) string {
	c.n++
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	return fmt.Sprintf("%[1]s sip:%[2]s SIP/2.0\r\nVia: SIP/2.0/%[11]s %[3]s;branch=z9hG4bK%[4]xq%[5]d;rport\r\n"+
		"From: <sip:%[6]s@%[7]s>;tag=%[4]x%[5]d\r\nTo: <sip:%[8]s@%[7]s>\r\nCall-ID: 0_%[4]x%[5]d@%[9]s\r\nCSeq: 1 %[1]s\r\n"+
		"Contact: <sip:%[6]s@%[3]s>\r\n%[10]sMax-Forwards: 70\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n",
		method, uri(method, target), c.local, time.Now().UnixNano(), c.n, user, serverAddress, target, c.local.Addr(), authorization, c.transport())
}

func uri(method, target string) string {
	if method == "REGISTER" {
		return serverAddress
	}
	return target + "@" + serverAddress
}

// send sends a request and waits for its final answer; "" when none comes.
func (c *client) send(message string) string {
	if _, err := c.conn.Write([]byte(message)); err != nil {
		return ""
	}
	c.conn.SetReadDeadline(time.Now().Add(time.Second))
	buffer := make([]byte, 65536)
	for {
		n, err := c.conn.Read(buffer)
		if err != nil {
			return ""
		}
		answer := string(buffer[:n])
		if !strings.HasPrefix(answer, "SIP/2.0 1") && strings.Contains(answer, callID(message)) {
			return answer
		}
	}
}

var callIDLine = regexp.MustCompile(`Call-ID: \S+`)

func callID(message string) string { return callIDLine.FindString(message) }

// status is the code of an answer, 0 for none.
func status(answer string) (code int) {
	fmt.Sscanf(answer, "SIP/2.0 %d", &code)
	return code
}

// register registers, with whatever password is said to be right. It returns
// the final status.
func (c *client) register(user, pass string) int {
	answer := c.send(c.request("REGISTER", user, user, ""))
	nonce := nonceOf(answer)
	if nonce == "" {
		return status(answer)
	}
	return status(c.send(c.request("REGISTER", user, user, digest(user, pass, nonce))))
}

var nonceParameter = regexp.MustCompile(`nonce="([^"]+)"`)

func nonceOf(answer string) string {
	if found := nonceParameter.FindStringSubmatch(answer); found != nil {
		return found[1]
	}
	return ""
}

// digest answers a challenge (RFC 2617 without qop).
func digest(user, pass, nonce string) string {
	hash := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	response := hash(hash(user+":test:"+pass) + ":" + nonce + ":" + hash("REGISTER:sip:"+serverAddress))
	return fmt.Sprintf("Digest username=%q, realm=\"test\", nonce=%q, uri=\"sip:%s\", response=%q, algorithm=MD5",
		user, nonce, serverAddress, response)
}

// options asks the server for a sign of life from one of the phones' addresses.
func (l *lab) options(from string) string {
	l.t.Helper()
	c := l.client(l.phones, from, 0)
	defer c.conn.Close()
	return c.send(c.request("OPTIONS", "ping", "ping", ""))
}

// sipp runs a real SIPp scenario with one CSV line a call; it returns how the
// run ended.
func (l *lab) sipp(host *testnet.Host, scenario, from string, port, rate int, csv []string) error {
	l.t.Helper()
	file := filepath.Join(l.dir, fmt.Sprintf("%s-%d.csv", scenario, port))
	l.write(file, "SEQUENTIAL\n"+strings.Join(csv, "\n")+"\n")
	work, err := os.Getwd()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := host.Command("sipp", "-sf", filepath.Join(work, "testdata", scenario+".xml"), "-inf", file,
		"-i", from, "-p", fmt.Sprint(port), "-m", fmt.Sprint(len(csv)), "-r", fmt.Sprint(rate),
		"-nostdin", "-recv_timeout", "4000", "-timeout", "40", "-timeout_error", serverAddress+":5060")
	cmd.Dir = l.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("sipp %s: %w\n%s", scenario, err, out[max(0, len(out)-1500):])
	}
	return nil
}

// probe starts a SIPp that calls one number after the other, and does not wait
// for who does not answer. It ends by itself.
func (l *lab) probe(from, transport string, numbers []string) *exec.Cmd {
	l.t.Helper()
	file := filepath.Join(l.dir, "dial-"+from+".csv")
	l.write(file, "SEQUENTIAL\n"+strings.Join(numbers, "\n")+"\n")
	work, err := os.Getwd()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := l.attackers.Command("timeout", "15", "sipp", "-sf", filepath.Join(work, "testdata", "dial.xml"), "-inf", file,
		"-i", from, "-p", "5060", "-t", transport, "-m", fmt.Sprint(len(numbers)), "-r", "10", "-l", "1",
		"-nr", "-nostdin", "-recv_timeout", "300", serverAddress+":5060")
	cmd.Dir = l.dir
	return cmd
}

// users are CSV lines for register.xml.
func users(from, count int, wrong bool) []string {
	var lines []string
	for user := from; user < from+count; user++ {
		pass := password(fmt.Sprint(user))
		if wrong {
			pass = "wrong"
		}
		lines = append(lines, fmt.Sprintf("%d;[authentication username=%d password=%s]", user, user, pass))
	}
	return lines
}
