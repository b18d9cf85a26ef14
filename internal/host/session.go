package host

import (
	"bytes"
	"errors"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// maxSessions bounds how many peers are remembered.
	maxSessions = 256
	// sessionMemory is how long a peer is kept after its last session: an
	// administrator who was here yesterday will be back.
	sessionMemory = 24 * time.Hour
)

// sessionFiles are where login services write who is logged in, each for
// sessions that have passed authentication only.
var sessionFiles = []string{logindFiles, utmpFile}

const (
	logindFiles = "run/systemd/sessions/*"
	utmpFile    = "run/utmp"
)

// sessions remembers the peers of login sessions.
type sessions map[netip.Addr]session

type session struct {
	reason      string
	first, seen time.Time
}

// see notes who is logged in now, and forgets who has not been for a day. When
// there are too many, those seen longest ago go first, and among equals the
// newcomers: a crowd cannot push out whoever was here before it.
func (s sessions) see(live []claim, now time.Time) {
	for _, c := range live {
		known, ok := s[c.address]
		if !ok {
			known.first = now
		}
		if !ok || known.seen.Before(now) {
			s[c.address] = session{c.reason, known.first, now}
		}
	}
	for address, known := range s {
		if now.Sub(known.seen) > sessionMemory {
			delete(s, address)
		}
	}
	order := s.order()
	for _, address := range order[min(len(order), maxSessions):] {
		delete(s, address)
	}
}

// order lists the peers, those to keep first.
func (s sessions) order() []netip.Addr {
	order := make([]netip.Addr, 0, len(s))
	for address := range s {
		order = append(order, address)
	}
	slices.SortFunc(order, func(a, b netip.Addr) int {
		if c := s[b].seen.Compare(s[a].seen); c != 0 {
			return c
		}
		if c := s[a].first.Compare(s[b].first); c != 0 {
			return c
		}
		return a.Compare(b)
	})
	return order
}

func (s sessions) claims() []claim {
	claims := make([]claim, 0, len(s))
	for _, address := range s.order() {
		claims = append(claims, claim{address, s[address].reason})
	}
	return claims
}

// liveSessions asks both login services; where they name the same peer, the
// first one's words are used.
func liveSessions(files fs.FS) ([]claim, error) {
	var live []claim
	var errs []error
	for _, name := range match(files, logindFiles) {
		text, err := read(files, name)
		errs = append(errs, err)
		if c, ok := readLogind(text); ok {
			live = append(live, c)
		}
	}
	text, err := read(files, utmpFile)
	return append(live, readUtmp(text, nativeUtmp())...), errors.Join(append(errs, err)...)
}

// readLogind reads systemd-logind's notes on one session. Only sessions of
// users count: a greeter shows its login screen to anybody. One that is closing
// has logged out.
func readLogind(text []byte) (claim, bool) {
	values := map[string]string{}
	for line := range bytes.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), "=")
		switch key {
		case "USER", "CLASS", "STATE", "TTY", "REMOTE_HOST", "SERVICE":
			values[key] = value
		}
	}
	address, ok := literal(values["REMOTE_HOST"])
	if !ok || !strings.HasPrefix(values["CLASS"], "user") || values["STATE"] == "closing" {
		return claim{}, false
	}
	service := values["SERVICE"]
	if service == "" || service == "sshd" {
		service = "ssh"
	}
	return claim{address, describe(service, values["USER"], values["TTY"])}, true
}

// describe says whose session it is. The reader of the reason is most likely
// its owner.
func describe(service, user, terminal string) string {
	reason := "your " + printable(service) + " session"
	details := slices.DeleteFunc([]string{printable(user), printable(terminal)}, func(s string) bool { return s == "" })
	if len(details) > 0 {
		reason += " (" + strings.Join(details, ", ") + ")"
	}
	return reason
}

// printable makes a foreign name fit to print: short, and free of anything
// that could pass for more than a name.
func printable(name string) string {
	const longest = 32
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("._-@/:\\$", r):
			return r
		}
		return '?'
	}, name[:min(len(name), longest)])
}

// sshPeer reads SSH_CONNECTION: "peer port server port" (ssh(1)).
func sshPeer(value string) netip.Addr {
	words := strings.Fields(value)
	if len(words) != 4 {
		return netip.Addr{}
	}
	address, ok := literal(words[0])
	if !ok {
		return netip.Addr{}
	}
	return address
}
