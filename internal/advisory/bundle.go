package advisory

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A bundle is data of ours that travels: the data as it is embedded, with a
// number and a day on which it ends, signed.
//
//	sipward-advisories 1
//	<the signature, in base64>
//	{"serial": 7, "expires": "2027-01-01T00:00:00Z", "date": …, "vulns": […]}
//
// The signature is Ed25519's (RFC 8032, section 5.1) over the first line and
// everything from the third one on, so nothing else that is signed with the same
// key can be passed off as a bundle.
const (
	bundleMark = "sipward-advisories 1\n"
	maxBundle  = 16 << 20
)

// The errors of a bundle that is refused.
var (
	ErrSignature = errors.New("the signature is not ours")
	ErrOlder     = errors.New("it is not newer than what is there")
	ErrExpired   = errors.New("it has expired")
)

// Bundle is one whose signature is right.
type Bundle struct {
	// Serial grows with every bundle.
	Serial  uint64
	Expires time.Time
	Data    *Database
}

// SignBundle makes a bundle of a payload.
func SignBundle(key ed25519.PrivateKey, payload []byte) []byte {
	signature := ed25519.Sign(key, append([]byte(bundleMark), payload...))
	return fmt.Appendf(nil, "%s%s\n%s", bundleMark, base64.StdEncoding.EncodeToString(signature), payload)
}

// OpenBundle checks a bundle's signature, by any of the keys, and reads it. Not
// one byte of the payload is looked at before.
func OpenBundle(data []byte, keys []ed25519.PublicKey) (*Bundle, error) {
	if len(data) > maxBundle {
		return nil, fmt.Errorf("open bundle: %w", errTooLarge)
	}
	rest, marked := bytes.CutPrefix(data, []byte(bundleMark))
	line, payload, parted := bytes.Cut(rest, []byte("\n"))
	signature, err := base64.StdEncoding.DecodeString(string(line))
	if !marked || !parted || err != nil || len(signature) != ed25519.SignatureSize {
		return nil, fmt.Errorf("open bundle: %w: it has not the form of one", ErrInvalid)
	}
	signed := append([]byte(bundleMark), payload...)
	good := false
	for _, k := range keys {
		good = good || len(k) == ed25519.PublicKeySize && ed25519.Verify(k, signed, signature)
	}
	if !good {
		return nil, fmt.Errorf("open bundle: %w", ErrSignature)
	}
	var head struct {
		Serial  uint64    `json:"serial"`
		Expires time.Time `json:"expires"`
	}
	if err := json.Unmarshal(payload, &head); err != nil || head.Serial == 0 || head.Expires.IsZero() {
		return nil, fmt.Errorf("open bundle: %w: it has no serial or no end", ErrInvalid)
	}
	b := &Bundle{Serial: head.Serial, Expires: head.Expires, Data: newDatabase()}
	if err := b.Data.read(bytes.NewReader(payload), time.Time{}); err != nil {
		return nil, fmt.Errorf("open bundle: %w: %w", ErrInvalid, err)
	}
	return b, nil
}
