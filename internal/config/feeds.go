package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// AMI is an Asterisk manager to listen to. Secrets stand in files of their own,
// so that settings can be shown to anybody.
type AMI struct {
	// Address is host and port: an IP address, or localhost.
	Address string
	User    string
	// SecretFile holds the user's secret.
	SecretFile string
	// CAFile, if set, asks for TLS: it holds the certificates that the server's
	// must come from, or that certificate itself.
	CAFile string
}

// ESL is a FreeSWITCH event socket to listen to.
type ESL struct {
	Address string
	// PasswordFile holds the socket's password.
	PasswordFile string
}

// rawFeed is a feed as the file says it.
type rawFeed struct {
	at                        place
	address, user, secret, ca word
}

// feed takes a mapping, or the word off, which is what a feed is by itself.
func (s *shape) feed(to *rawFeed, takers map[string]taker) taker {
	return func(key string, node ast.Node) {
		*to = rawFeed{} // of an earlier file nothing stays
		if text, ok := scalar(node); ok && text == off {
			return
		}
		before := len(s.faults)
		s.fields(key, node, takers)
		if len(s.faults) == before {
			to.at = s.place(node)
		}
	}
}

func (r *raw) feedTakers(s *shape) map[string]taker {
	return map[string]taker{
		"ami": s.feed(&r.ami, map[string]taker{
			"address": s.word(&r.ami.address), "user": s.word(&r.ami.user),
			"secret_file": s.word(&r.ami.secret), "ca_file": s.word(&r.ami.ca),
		}),
		"esl": s.feed(&r.esl, map[string]taker{"address": s.word(&r.esl.address), "password_file": s.word(&r.esl.secret)}),
	}
}

// ami checks an Asterisk manager; nil when there is none.
func (k *checker) ami(e rawFeed) *AMI {
	if e.at.line == 0 {
		return nil
	}
	a := &AMI{
		Address: k.feedAddress("feeds.ami", e, "127.0.0.1:5038"), User: e.user.text,
		SecretFile: k.feedFile("feeds.ami", "secret_file", e, e.secret),
	}
	if e.user.text == "" || strings.ContainsAny(e.user.text, "\r\n") {
		k.faults.add(e.at, "feeds.ami", Mistake{Why: "has no user", Do: "add user: with the name of a section of manager.conf"})
	}
	if e.ca.given() {
		a.CAFile = k.directory("feeds.ami.ca_file", e.ca, "")
	}
	return a
}

// esl checks a FreeSWITCH event socket; nil when there is none.
func (k *checker) esl(e rawFeed) *ESL {
	if e.at.line == 0 {
		return nil
	}
	return &ESL{
		Address:      k.feedAddress("feeds.esl", e, "127.0.0.1:8021"),
		PasswordFile: k.feedFile("feeds.esl", "password_file", e, e.secret),
	}
}

// feedAddress takes no names but localhost: a feed must not wait for DNS, nor
// go wherever DNS says.
func (k *checker) feedAddress(key string, e rawFeed, usual string) string {
	if !e.address.given() {
		return usual
	}
	at, err := netip.ParseAddrPort(e.address.text)
	if host, port, ok := cutLast(e.address.text, ":"); err != nil && ok && strings.EqualFold(host, "localhost") {
		at, err = netip.ParseAddrPort("127.0.0.1:" + port)
	}
	if err != nil || at.Port() == 0 {
		k.wrong(key+".address", e.address, "is not an address and port", "write "+usual)
		return usual
	}
	return at.String()
}

func (k *checker) feedFile(feed, name string, e rawFeed, w word) string {
	if !w.given() {
		k.faults.add(e.at, feed, Mistake{Why: "has no " + name, Do: "write the secret alone into a file that only root can read, and name the file"})
		return ""
	}
	path := k.directory(feed+"."+name, w, "")
	if filepath.Base(path) == filepath.Base(DefaultPath) {
		k.wrong(feed+"."+name, w, "is the settings file", "give the secret a file of its own")
	}
	return path
}

// off is the word for a feed or a key that is not wanted.
const off = "off"

func (a *AMI) words() []string {
	if a == nil {
		return []string{off}
	}
	text := fmt.Sprintf("{address: %q, user: %q, secret_file: %q", a.Address, a.User, a.SecretFile)
	if a.CAFile != "" {
		text += fmt.Sprintf(", ca_file: %q", a.CAFile)
	}
	return []string{text + "}"}
}

func (e *ESL) words() []string {
	if e == nil {
		return []string{off}
	}
	return []string{fmt.Sprintf("{address: %q, password_file: %q}", e.Address, e.PasswordFile)}
}

// unitName is what systemd allows for a unit, with its type at the end.
var unitName = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]{1,240}\.(service|scope|slice|socket)$`)

// unit checks the name of a systemd unit whose journal is a log.
func (k *checker) unit(w word) string {
	if unitName.MatchString(w.text) {
		return w.text
	}
	do := "write the name that systemctl shows, such as kamailio.service"
	if unitName.MatchString(w.text + ".service") {
		do = fmt.Sprintf("did you mean %q?", w.text+".service")
	}
	k.wrong("logs.journal", w, "is not a systemd unit", do)
	return ""
}
