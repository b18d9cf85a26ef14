// Package scout looks which SIP servers run on this machine and what their own
// settings say, without keeping anybody waiting for long.
package scout

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/sipward/sipward/internal/pbx"
	"github.com/sipward/sipward/internal/process"
)

const (
	// lookPatience is how long a look for SIP servers may take. A file of a
	// container can lie on a disk that never answers.
	lookPatience = 2 * time.Second
	// maxFound bounds the trunks of all servers together, and maxFoundNames the
	// names among them, for each asks DNS every few minutes.
	maxFound      = 2048
	maxFoundNames = 256
)

// Scout looks for SIP servers. It belongs to one goroutine at a time.
type Scout struct {
	files   fs.FS
	finder  *pbx.Finder
	answers chan sighting // holds one
	away    bool          // is still looking
}

// sighting is what a look found.
type sighting struct {
	servers []pbx.Server
	err     error
}

var errSlow = errors.New("the look for them takes too long")

// Look gives what there is to see, or says that it takes longer.
func (s *Scout) Look() ([]pbx.Server, error) {
	if !s.away {
		s.away = true
		go func() {
			running, err := process.Servers(s.files)
			s.answers <- sighting{s.finder.Look(convert(running)), err}
		}()
	}
	select {
	case found := <-s.answers:
		s.away = false
		return found.servers, found.err
	case <-time.After(lookPatience):
		return nil, errSlow
	}
}

// New makes a scout that looks below a folder that stands for /; empty means the real one.
func New(root string) *Scout {
	if root == "" {
		root = "/"
	}
	return &Scout{files: os.DirFS(root), finder: pbx.Open(root), answers: make(chan sighting, 1)}
}

// convert tells one wire what the other has seen.
func convert(running []process.Server) []pbx.Running {
	list := make([]pbx.Running, 0, len(running))
	ports := func(from []process.Port) []pbx.Port {
		to := make([]pbx.Port, 0, len(from))
		for _, p := range from {
			to = append(to, pbx.Port{Port: p.Port, Transport: pbx.Transport(p.Transport)})
		}
		return to
	}
	for _, s := range running {
		list = append(list, pbx.Running{
			Name: s.Name, Process: s.Process, PID: s.PID, Ports: ports(s.Ports), Open: ports(s.Open),
			Container: s.Apart == process.InContainer, Apart: s.Apart, Alien: s.Alien, Words: s.Words, Unit: s.Unit,
		})
	}
	return list
}

// Held is a trunk from a server's settings, and for how many looks it has
// been missing from them.
type Held struct {
	pbx.Trunk
	missing int
}

// Hold takes up new trunks at once. One that has gone stands until the
// second look without it, and as long as settings cannot be read: whoever
// writes settings may be in the middle of it.
func Hold(before []Held, servers []pbx.Server, unread bool) []Held {
	var held []Held
	known := map[pbx.Trunk]bool{}
	names := 0
	add := func(t Held) {
		key := t.Trunk
		key.From = ""
		if known[key] || len(held) == maxFound || t.Name != "" && names == maxFoundNames {
			return
		}
		known[key] = true
		if t.Name != "" {
			names++
		}
		held = append(held, t)
	}
	for _, s := range servers {
		for _, t := range s.Trunks {
			add(Held{Trunk: t})
		}
	}
	for _, t := range before {
		if !unread {
			t.missing++
		}
		if t.missing < 2 {
			add(t)
		}
	}
	return held
}
