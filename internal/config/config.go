// Package config reads sipward's settings. A file holds only what differs from
// the defaults, so a working machine needs none. Reading is strict: a word that
// is not understood is an error that names file, line, column and the nearest
// right word, because a setting that is silently ignored is a hole.
//
// The way of a setting: text → tree (tree.go: is it plain YAML?) → raw
// (raw.go: are these our keys, in the right shape?) → Config (check.go: are the
// values right?).
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultPath is read when no file is named. Files in conf.d beside it are
// read after it, in the order of their names.
const DefaultPath = "/etc/sipward/sipward.yaml"

// maxBytes bounds one file. The largest sensible one, some ten thousand
// addresses, is far smaller.
const maxBytes = 1 << 20

// maxFiles bounds conf.d.
const maxFiles = 100

// Config is the checked settings. Address lists are free of duplicates and
// keep the order of the files.
type Config struct {
	Mode Mode
	// Listen is where SIP is served; empty means: find out.
	Listen []Listen
	// Interfaces are the network interfaces to watch; empty means: find out.
	Interfaces []string
	// Allow is never banned and never limited.
	Allow []netip.Prefix
	// Trunks are the carriers' addresses: never banned, alarms instead.
	Trunks []netip.Prefix
	// TrunkNames are carriers given by host name, in lower case. Looking them
	// up is left to whoever may wait for DNS.
	TrunkNames []string
	// Local is our own addresses: for replays of other machines' captures, and
	// those of other servers that report by HEP.
	Local []netip.Addr
	// Logs are the server logs to follow; empty means: find out.
	Logs []Log
	// AMI and ESL are the servers' own feeds to listen to; nil when there is none.
	AMI *AMI
	ESL *ESL
	// HEP is where servers tell of messages that no packet shows.
	HEP HEP
	// Backend is how the kernel is told.
	Backend Backend
	// LongestBan caps what escalation may reach by itself.
	LongestBan time.Duration
	// BanAll makes automatic bans close every port, not only the SIP ports.
	BanAll bool
	// Metrics is where /metrics and /readyz are served; invalid when off.
	Metrics netip.AddrPort
	// State is the directory for what must outlive the process.
	State string

	// origins tells where each key was last given, by its dotted name.
	origins map[string]place
}

// Mode says whether decisions are carried out.
type Mode string

// The modes.
const (
	Monitor Mode = "monitor"
	Enforce Mode = "enforce"
)

// Listen is one port that serves SIP.
type Listen struct {
	Port      uint16
	Transport string // udp, tcp, tls, ws or wss
}

// Ports sorts what serves SIP by what a packet shows: UDP, or TCP whatever is
// spoken over it. Each port is named once, in ascending order.
func Ports(listen []Listen) (udp, tcp []uint16) {
	for _, l := range listen {
		if l.Transport == "udp" {
			udp = append(udp, l.Port)
		} else {
			tcp = append(tcp, l.Port)
		}
	}
	slices.Sort(udp)
	slices.Sort(tcp)
	return slices.Compact(udp), slices.Compact(tcp)
}

// Log is one server log to follow: a file, or what a unit writes to the systemd
// journal.
type Log struct {
	File    string // an absolute path; empty for the journal
	Journal string // a systemd unit; empty for a file
	Format  string // auto, asterisk, freeswitch, kamailio, opensips or custom
	// Pattern is the file of a form of one's own, for lines that the format does
	// not explain; empty for none.
	Pattern string
}

// Name is the file's path, or journal: and the unit.
func (l Log) Name() string {
	if l.Journal != "" {
		return "journal:" + l.Journal
	}
	return l.File
}

// Backend is how bans reach the kernel.
type Backend string

// The backends. A machine that lacks the chosen one is told so when the daemon
// starts; that is not a mistake of the file.
const (
	BackendAuto   Backend = "auto"
	BackendXDP    Backend = "xdp"
	BackendNFT    Backend = "nft"
	BackendDryRun Backend = "dryrun"
)

// Default gives the settings of an empty file.
func Default() *Config {
	return &Config{
		Mode:       Monitor,
		Backend:    BackendAuto,
		LongestBan: 7 * 24 * time.Hour,
		Metrics:    netip.MustParseAddrPort("127.0.0.1:9480"),
		State:      "/var/lib/sipward",
		origins:    map[string]place{},
	}
}

// Parse reads one file's text from r; name stands for it in errors. The error
// wraps one or more *Error.
func Parse(name string, r io.Reader) (*Config, error) {
	var given raw
	if err := given.read(name, r); err != nil {
		return nil, err
	}
	return given.check()
}

// ErrNoFile says that a file that was named is not there.
var ErrNoFile = errors.New("there is no such settings file")

// Load reads the settings from the file at path; when it is not there, the
// error wraps ErrNoFile. With an empty path it reads DefaultPath and conf.d beside it, each if it is there.
func Load(path string) (*Config, error) {
	if path == "" {
		return loadDefault(DefaultPath)
	}
	var given raw
	err := given.readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", path, ErrNoFile)
	}
	if err != nil {
		return nil, err
	}
	return given.check()
}

// loadDefault reads main and conf.d beside it.
func loadDefault(main string) (*Config, error) {
	var given raw
	if err := given.readFile(main); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	extra, err := extraFiles(filepath.Join(filepath.Dir(main), "conf.d"))
	if err != nil {
		return nil, err
	}
	for _, path := range extra {
		if err := given.readFile(path); err != nil {
			return nil, err
		}
	}
	return given.check()
}

// extraFiles lists the settings files in dir by name. Hidden files, which
// editors and package managers leave behind, and whatever is no file are left
// out.
func extraFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list config: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".yaml") && !strings.HasPrefix(e.Name(), ".") && e.Type()&^fs.ModeSymlink == 0 {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	if len(paths) > maxFiles {
		return nil, fmt.Errorf("list config: %s holds %d files, more than %d", dir, len(paths), maxFiles)
	}
	return paths, nil
}

func (r *raw) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	defer f.Close()
	return r.read(path, f)
}
