package feeds

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sipward/sipward/internal/ami"
)

// certificate makes one for a host of another name, and the file of it.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"pbx.example.net"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// TestTLS: only the server that was meant is spoken to.
func TestTLS(t *testing.T) {
	own, right := certificate(t)
	_, wrong := certificate(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("not an Asterisk\r\n")) // no handshake, no word
			conn.Close()
		}
	}()
	unknown := x509.UnknownAuthorityError{}
	for _, c := range []struct {
		file string
		good bool
	}{{wrong, false}, {right, true}} {
		ctx, stop := context.WithCancel(t.Context())
		clock := &clock{}
		AMI(Access{Address: l.Addr().String(), SecretFile: secretFile(t), CAFile: c.file}).Follow(ctx, Owner{Report: func(err error) {
			stop()
			if errors.As(err, &unknown) == c.good || errors.Is(err, ami.ErrNoAsterisk) != c.good {
				t.Errorf("good %t: %v", c.good, err)
			}
		}, Retry: clock.retry(0)})
	}
	l.Close()
	<-done
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secured(empty); !errors.Is(err, errNoCA) {
		t.Errorf("%v", err)
	}
}
