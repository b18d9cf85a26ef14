package host

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

const (
	// notice is how long before its end a certificate should be renewed.
	notice = 30 * 24 * time.Hour
	// shortest is the length of an RSA key that still counts, in bits.
	shortest = 2048
)

// namedFile is a file of a certificate or a key, and where the settings name it.
type namedFile struct {
	name, setting string
	at            settings.Place
}

// certificates: one runs out, is weak, or has a key that others can read.
func certificates(m *machine) []check.Finding {
	files := m.certificateFiles()
	if len(files) == 0 {
		return nil
	}
	var found []check.Finding
	seen := map[string]bool{}
	for _, f := range files {
		if seen[f.name] {
			continue
		}
		seen[f.name] = true
		info, err := m.tree.Look(f.name)
		if err != nil || !info.Mode().IsRegular() {
			if m.whole {
				found = append(found, check.Finding{State: check.Unknown, Place: f.at, Setting: f.setting, Value: "/" + f.name, Why: "The file is not there, or cannot be read."})
			}
			continue
		}
		var blocks int
		for rest := m.tree.Read(f.name); blocks < 64; blocks++ {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			switch {
			case strings.HasSuffix(block.Type, "PRIVATE KEY") && info.Mode().Perm()&0o004 != 0:
				found = append(found, check.Finding{Place: settings.Place{File: f.name}, Setting: f.setting, Value: fmt.Sprintf("mode %04o", info.Mode().Perm()),
					Why: "Every user of this machine can read the key, and with it what phones say.", Fix: "chmod o= /" + f.name})
			case block.Type == "CERTIFICATE" && blocks == 0 || block.Type == "CERTIFICATE" && strings.HasSuffix(f.name, "agent.pem"):
				if why := m.flaw(block.Bytes); why != "" {
					found = append(found, check.Finding{Place: settings.Place{File: f.name}, Setting: f.setting, Value: "/" + f.name, Why: why})
				}
			}
		}
	}
	return found
}

// flaw says what is wrong with a certificate; empty when nothing is.
func (m *machine) flaw(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "It is no certificate that can be read."
	}
	now := m.site.Now
	switch left := c.NotAfter.Sub(now); {
	case left <= 0:
		return "It has run out on " + c.NotAfter.Format(time.DateOnly) + ": phones that look at it do not connect."
	case left < notice:
		return "It runs out on " + c.NotAfter.Format(time.DateOnly) + ": then phones that look at it do not connect."
	}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < shortest {
		return fmt.Sprintf("Its RSA key has %d bits; fewer than %d can be broken.", key.N.BitLen(), shortest)
	}
	switch c.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA:
		return "It is signed with " + c.SignatureAlgorithm.String() + ", which can be forged."
	}
	return ""
}

// certificateKeys are the settings of Asterisk that name such files, by file.
var certificateKeys = []struct {
	file string
	keys []string
}{
	{"pjsip.conf", []string{"cert_file", "priv_key_file"}}, {"http.conf", []string{"tlscertfile", "tlsprivatekey"}},
	{"sip.conf", []string{"tlscertfile", "tlsprivatekey"}}, {"manager.conf", []string{"tlscertfile", "tlsprivatekey"}},
}

var (
	// tlsSection is a line of Kamailio's tls.cfg.
	tlsSection = regexp.MustCompile(`^(certificate|private_key)\s*=\s*"?([^"\s]+)`)
	// tlsParam is OpenSIPS's and Kamailio's modparam.
	tlsParam = regexp.MustCompile(`^modparam\(\s*"tls(?:_mgm)?"\s*,\s*"(certificate|private_key)"\s*,\s*"(?:\[\w+\])?([^"]+)"`)
)

// certificateFiles lists the files that the servers' settings name.
func (m *machine) certificateFiles() []namedFile {
	files := m.asteriskCertificates(m.site.Servers[check.Asterisk].Home)
	if home := m.site.Servers[check.FreeSWITCH].Home; home != "" {
		for _, name := range m.tree.Match(home + "/tls/*.pem") {
			files = append(files, namedFile{name, "tls-cert-dir", settings.Place{File: name}})
		}
	}
	for _, server := range []string{check.Kamailio, check.OpenSIPS} {
		home := m.site.Servers[server].Home
		if home == "" {
			continue
		}
		for _, name := range []string{home, path.Join(path.Dir(home), "tls.cfg")} {
			m.textFile(name, "#", func(line string, at settings.Place) {
				for _, form := range []*regexp.Regexp{tlsSection, tlsParam} {
					if got := form.FindStringSubmatch(line); got != nil {
						files = append(files, namedFile{settings.Inside(path.Dir(name), got[2]), got[1], at})
					}
				}
			})
		}
	}
	return files
}

// asteriskCertificates lists those that any of its drivers and servers use.
func (m *machine) asteriskCertificates(home string) []namedFile {
	if home == "" {
		return nil
	}
	var files []namedFile
	for _, named := range certificateKeys {
		for _, s := range asterisk.Read(m.tree, home, named.file) {
			if s.Template {
				continue
			}
			for _, line := range s.InForce() {
				if slices.Contains(named.keys, line.Key) && path.IsAbs(line.Value) {
					files = append(files, namedFile{settings.Inside("/", line.Value), line.Key, line.At})
				}
			}
		}
	}
	return files
}
