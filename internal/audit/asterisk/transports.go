package asterisk

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
)

// transportRules judge what can be heard or changed on the way.
var transportRules = []rule{
	{Check: check.Check{
		ID: "AST-08", Server: check.Asterisk, Severity: check.Medium,
		Title: "TLS is version 1.2 or later, with ciphers of today",
		Why: "Old versions and weak ciphers can be broken by who sits on the way,\n" +
			"and then passwords and calls are read.",
		Fix:        "method = tlsv1_2\ncipher = ECDHE-ECDSA-AES128-GCM-SHA256,ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384",
		References: []string{"pjsip.conf.sample, TLS transport", "RFC 8996"},
	}, Look: of("pjsip.conf", oldTLS)},
	{Check: check.Check{
		ID: "AST-09", Server: check.Asterisk, Severity: check.Medium,
		Title: "Signalling to the outside is encrypted",
		Why: "There is no transport with TLS, and calls go to hosts outside of private networks:\n" +
			"names, numbers and logins can be read on the way.",
		Fix:        "[transport-tls]\ntype = transport\nprotocol = tls\nbind = 0.0.0.0:5061\ncert_file = FILE\npriv_key_file = FILE\nmethod = tlsv1_2",
		References: []string{"BSI NET.4.2", "NIST SP 800-58"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", noTLS)},
	{Check: check.Check{
		ID: "AST-10", Server: check.Asterisk, Severity: check.Medium,
		Title: "What comes over TLS has its media encrypted too",
		Why: "The signalling is encrypted and the voice is not: who sits on the way listens,\n" +
			"and the keys that could be exchanged are not used.",
		Fix:        "media_encryption = sdes        ; or dtls",
		References: []string{"pjsip.conf.sample, media_encryption"},
	}, Look: of("pjsip.conf pjsip_wizard.conf", clearMedia)},
}

var (
	oldMethods  = []string{"sslv2", "sslv3", "sslv23", "tlsv1", "tlsv1_1"}
	weakCiphers = []string{"ADH", "AECDH", "NULL", "EXP", "RC4", "3DES", "DES-CBC", "MD5"}
)

// oldTLS judges only what is written: without a method, the library's default
// holds, which is TLS 1.2 on systems of today.
func oldTLS(s *server) []check.Finding {
	var found []check.Finding
	for _, t := range s.sip.of("transport") {
		idle := s.sip.idle
		if p := strings.ToLower(t.Get("protocol")); idle == "" && p != "tls" {
			idle = "the transport is not TLS"
		}
		if line := t.Find("method"); slices.Contains(oldMethods, strings.ToLower(line.Value)) {
			found = append(found, unless(at(line), idle))
		}
		for _, line := range t.InForce("cipher") {
			if line.Key == "cipher" && slices.ContainsFunc(strings.Split(line.Value, ","), isWeakCipher) {
				found = append(found, unless(at(line), idle))
			}
		}
	}
	return found
}

// isWeakCipher judges a name of OpenSSL's; "!" and "-" take one away.
func isWeakCipher(name string) bool {
	name = strings.ToUpper(strings.TrimSpace(name))
	if name == "" || name[0] == '!' || name[0] == '-' {
		return false
	}
	return slices.ContainsFunc(weakCiphers, func(weak string) bool { return strings.Contains(name, weak) })
}

// noTLS needs a proof that calls leave private networks. Where phones register
// from cannot be told by settings, and a system inside of a VPN is left alone.
func noTLS(s *server) []check.Finding {
	transports := s.sip.of("transport")
	if !s.sip.serves() || slices.ContainsFunc(transports, func(t *object) bool {
		return secure(t) || strings.EqualFold(t.Get("protocol"), "ws") && s.web().tls != loopback
	}) {
		return nil
	}
	if key, host := s.outside(); host != "" {
		f := check.Finding{Place: transports[0].At, Setting: "protocol", Value: transports[0].Get("protocol")}
		f = why(f, "No transport has TLS, and %s leads to %s, outside of private networks:\nnames, numbers and logins can be read on the way.", key, host)
		return []check.Finding{unless(f, s.sip.idle)}
	}
	return nil
}

// outside finds a setting by which calls leave private networks, and the host.
func (s *server) outside() (key, host string) {
	for _, o := range s.sip.objects {
		for _, line := range o.Settings {
			hosts := ""
			switch o.kind + " " + line.Key {
			case "identify match", "aor contact", "registration server_uri":
				hosts = line.Value
			case "transport bind", "transport external_signaling_address", "transport external_media_address":
				if a, ok := address(line.Value); ok && a.IsUnspecified() {
					continue
				}
				hosts = line.Value
			}
			for part := range strings.SplitSeq(hosts, ",") {
				if host := hostOf(part); host != "" && reachOf(host) == public {
					return line.Key, host
				}
			}
		}
	}
	return "", ""
}

// hostOf takes the host out of a SIP URI, a network or an address.
func hostOf(text string) string {
	text = strings.TrimSpace(text)
	for _, scheme := range []string{"sips:", "sip:"} {
		text = strings.TrimPrefix(text, scheme)
	}
	text = text[strings.LastIndexByte(text, '@')+1:]
	text, _, _ = strings.Cut(text, ";")
	text, _, _ = strings.Cut(text, "/")
	if _, err := netip.ParseAddr(text); err == nil || strings.HasPrefix(text, "[") {
		return text
	}
	text, _, _ = strings.Cut(text, ":")
	return strings.TrimPrefix(text, "!")
}

// clearMedia leaves WebRTC alone: webrtc=yes sets media_encryption itself.
func clearMedia(s *server) []check.Finding {
	var found []check.Finding
	for _, e := range s.sip.of("endpoint") {
		line := e.Find("media_encryption")
		if !s.sip.overTLS(e) || e.on("webrtc") || line.Value != "" && line.Value != "no" {
			continue
		}
		f := at(line)
		if line.Value == "" {
			f = unset(e.At, "media_encryption", "no")
		}
		found = append(found, unless(why(f, "The endpoint %s speaks TLS, and its voice is not encrypted:\nwho sits on the way listens.", e.Name), s.sip.idle))
	}
	return found
}
