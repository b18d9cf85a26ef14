package feeds

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret bounds a file with a secret in it.
const maxSecret = 4 << 10

var (
	errOpen  = errors.New("everybody on this machine may read it; chmod 640")
	errEmpty = errors.New("it is empty")
	errLong  = errors.New("it is too long for a secret")
	errNoCA  = errors.New("it holds no certificate")
)

// readSecret reads a secret. A file that everybody may read is refused: it would
// keep none.
func readSecret(file string) (string, error) {
	secret, err := keptIn(file)
	if err != nil {
		return "", fmt.Errorf("read secret from %s: %w", file, err)
	}
	return secret, nil
}

func keptIn(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", errOpen
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	secret := strings.TrimRight(string(text), "\r\n")
	switch {
	case err != nil:
		return "", err
	case len(text) > maxSecret:
		return "", errLong
	case secret == "":
		return "", errEmpty
	}
	return secret, nil
}

// secured makes what TLS needs; nil when no file is given. The certificates in
// the file were chosen for this one server, so the name in its own, which is
// hardly ever that of a loopback address, does not matter.
func secured(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read certificates: %w", err)
	}
	known := x509.NewCertPool()
	if !known.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read certificates from %s: %w", file, errNoCA)
	}
	verify := func(state tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: known, Intermediates: between})
		return err
	}
	// The usual verification is off because it insists on the name; verify is in
	// its place and runs at every handshake.
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, VerifyConnection: verify}, nil
}
