// Package scenario reads the project's one format for examples: a text
// archive with settings, log lines, messages on the wire, and what must come
// of them. The same files test the river, seed the fuzzers, document the
// detectors and serve as bug reports.
//
//	-- config --         settings, as in sipward.yaml
//	-- asterisk.log --   lines of a server's log, named for its format
//	-- wire --           messages, each under a line that says when, from whom to whom, and how:
//	# t=0.250 192.0.2.7:5060 > 198.51.100.10:5060 udp
//	-- hep --            messages that a server tells of, written like those on the wire; tcp and tls too
//	-- findings --       source rule class proof, one a line
//	-- bans --           prefix action seconds rule proof requests, one a line
//
// In the wire part "# repeat 20 every 0.2" up to "# end" stands for twenty
// copies, 0.2 s apart, in which {n} is the number of the copy from 0 and
// {n+100} that number and 100. With tcp or ws (WebSocket) instead of udp, who
// speaks first has opened the connection; its packets are made up by [Wire].
package scenario

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// Start is when t=0 is.
var Start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// Scenario is one file.
type Scenario struct {
	Config   []byte
	Logs     map[string][]byte // by format: asterisk, …
	Messages []Message
	Reports  []Message // by HEP
	Findings []string
	Bans     []string
}

// Message is one message on the wire, or one that is reported.
type Message struct {
	Time     time.Time
	From, To netip.AddrPort
	// Transport is udp, tcp or ws; tls too where it is reported.
	Transport string
	Payload   []byte
}

// Parse reads a scenario.
func Parse(text []byte) (*Scenario, error) {
	s := &Scenario{Logs: map[string][]byte{}}
	for _, file := range txtar.Parse(text).Files {
		var err error
		switch format, isLog := strings.CutSuffix(file.Name, ".log"); {
		case isLog:
			s.Logs[format] = file.Data
		case file.Name == "config":
			s.Config = file.Data
		case file.Name == "wire":
			if s.Messages, err = parseWire(string(file.Data)); err == nil {
				err = onlyPlain(s.Messages)
			}
		case file.Name == "hep":
			s.Reports, err = parseWire(string(file.Data))
		case file.Name == "findings":
			s.Findings = lines(file.Data)
		case file.Name == "bans":
			s.Bans = lines(file.Data)
		default:
			err = fmt.Errorf("unknown part %q", file.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("read scenario: %w", err)
		}
	}
	return s, nil
}

// onlyPlain refuses what cannot be seen on the wire.
func onlyPlain(messages []Message) error {
	for _, m := range messages {
		if m.Transport == "tls" {
			return fmt.Errorf("a message from %s by tls: the wire part knows only udp, tcp and ws", m.From)
		}
	}
	return nil
}

// lines gives the lines that are neither empty nor comments.
func lines(text []byte) []string {
	var list []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, strings.Join(strings.Fields(line), " "))
		}
	}
	return list
}

var (
	repeatLine = regexp.MustCompile(`^# repeat (\d+) every ([0-9.]+)\n$`)
	headerLine = regexp.MustCompile(`^# t=([0-9.]+) (\S+) > (\S+) (udp|tcp|tls|ws)\n$`)
	counter    = regexp.MustCompile(`\{n(?:\+(\d+))?\}`)
)

// parseWire unrolls the repetitions and reads the messages.
func parseWire(text string) ([]Message, error) {
	var all []Message
	var block strings.Builder
	copies, step := 1, 0.0
	finish := func() error {
		for n := range copies {
			found, err := parseMessages(numbered(block.String(), n), float64(n)*step)
			if err != nil {
				return err
			}
			all = append(all, found...)
		}
		block.Reset()
		copies, step = 1, 0
		return nil
	}
	for line := range strings.Lines(text) {
		repeat := repeatLine.FindStringSubmatch(line)
		if repeat == nil && line != "# end\n" {
			block.WriteString(line)
			continue
		}
		if err := finish(); err != nil {
			return nil, err
		}
		if repeat != nil {
			copies, _ = strconv.Atoi(repeat[1]) // digits, says the pattern
			step, _ = strconv.ParseFloat(repeat[2], 64)
		}
	}
	return all, finish()
}

// numbered fills in the number of a copy.
func numbered(text string, n int) string {
	return counter.ReplaceAllStringFunc(text, func(match string) string {
		plus, _ := strconv.Atoi(counter.FindStringSubmatch(match)[1]) // 0 when absent
		return strconv.Itoa(n + plus)
	})
}

// parseMessages reads messages under their header lines.
func parseMessages(text string, shift float64) ([]Message, error) {
	var messages []Message
	var payload strings.Builder
	finish := func() {
		if len(messages) > 0 {
			messages[len(messages)-1].Payload = wireForm(payload.String())
		}
		payload.Reset()
	}
	for line := range strings.Lines(text) {
		header := headerLine.FindStringSubmatch(line)
		if header == nil {
			payload.WriteString(line)
			continue
		}
		finish()
		seconds, err := strconv.ParseFloat(header[1], 64)
		if err != nil {
			return nil, fmt.Errorf("time of %q: %w", strings.TrimSpace(line), err)
		}
		m := Message{Transport: header[4], Time: Start.Add(time.Duration(math.Round((seconds+shift)*1e6)) * time.Microsecond)}
		if m.From, err = netip.ParseAddrPort(header[2]); err != nil {
			return nil, fmt.Errorf("source of %q: %w", strings.TrimSpace(line), err)
		}
		if m.To, err = netip.ParseAddrPort(header[3]); err != nil {
			return nil, fmt.Errorf("destination of %q: %w", strings.TrimSpace(line), err)
		}
		messages = append(messages, m)
	}
	finish()
	return messages, nil
}

// wireForm ends the lines as SIP does. A message without a body ends with an
// empty line.
func wireForm(text string) []byte {
	b := []byte(strings.TrimRight(text, "\n") + "\n")
	if !bytes.Contains(b, []byte("\n\n")) {
		b = append(b, '\n')
	}
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}
