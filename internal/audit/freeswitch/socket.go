package freeswitch

import (
	"fmt"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// socket is the event socket: whoever gets in commands the server, and its
// "system" runs programs.
type socket struct {
	node           *freeswitch.Node
	listen, secret freeswitch.Param
	lists          []freeswitch.Param
}

// What mod_event_socket takes when nothing is said.
const (
	defaultListen = "127.0.0.1"
	defaultSecret = "ClueCon"
	defaultList   = "loopback.auto"
)

// socket reads the event socket with the values that count where none is set.
func (s *server) socket() socket {
	file := s.File("event_socket.conf")
	k := socket{node: file, listen: freeswitch.Param{Name: "listen-ip"}, secret: freeswitch.Param{Name: "password"}}
	if file != nil {
		k.listen.At, k.secret.At = file.At, file.At
	}
	for _, v := range s.Params(file.Child("settings"), "param") {
		switch strings.ToLower(v.Name) {
		case "listen-ip":
			k.listen = v
		case "password":
			k.secret = v
		case "apply-inbound-acl":
			if v.Value != "" {
				k.lists = append(k.lists, v)
			}
		}
	}
	if k.listen.Value == "" {
		k.listen.Value = defaultListen
	}
	if k.secret.Value == "" {
		k.secret.Value = defaultSecret
	}
	return k
}

// closed says why nobody on another machine gets as far as the password; empty
// when somebody does. All lists must let a client in. Without one FreeSWITCH lets
// in this machine only; releases before 1.6 let in everybody.
func (s *server) closed(k socket) string {
	older, known := s.before(1, 6, 0)
	switch {
	case s.notLoaded("mod_event_socket") != "":
		return s.notLoaded("mod_event_socket")
	case loopback(k.listen.Value):
		return "the event socket listens on the loopback address only"
	case len(k.lists) == 0 && !(known && older):
		return "without an access list FreeSWITCH turns away all but this machine (" + defaultList + ")"
	}
	for _, v := range k.lists {
		if a := s.admits(v.Value); !a.beyond() && !a.unknown {
			return fmt.Sprintf("the access list %q turns away all but this machine", v.Value)
		}
	}
	return ""
}

// socketSecret: a weak password is latent as long as nobody from elsewhere can
// connect.
func socketSecret(s *server) []check.Finding {
	k := s.socket()
	switch weakness := secrets.Weakness(k.secret.Value, "freeswitch"); {
	case !k.secret.Known():
		return []check.Finding{latent(unset(k.secret), s.closed(k))}
	case weakness == "":
		return nil
	default:
		f := secret(k.secret, "Who reaches the event socket commands the server and runs programs on it.\nIts password: "+weakness+".")
		if k.secret.Value == defaultSecret {
			f = secret(k.secret, "Who reaches the event socket commands the server and runs programs on it.\nIts password is the one that every FreeSWITCH comes with.")
		}
		return []check.Finding{latent(f, s.closed(k))}
	}
}

// socketListen: an address that others reach, unless a list lets none of them in.
func socketListen(s *server) []check.Finding {
	k := s.socket()
	if loopback(k.listen.Value) {
		return nil
	}
	f := about(k.listen)
	closed, narrow := s.closed(k), ""
	for _, v := range k.lists {
		switch a := s.admits(v.Value); {
		case a.unknown && closed == "":
			return []check.Finding{unset(v)}
		case !tooWide(&a):
			narrow = fmt.Sprintf("the access list %q lets in single machines only", v.Value)
		}
	}
	if closed == "" {
		closed = narrow
	}
	return []check.Finding{latent(f, closed)}
}

// tooWide says that a list lets in more than the machines of one network.
func tooWide(a *admitted) bool {
	const network4, network6 = 24, 64
	return a.everyone || len(a.wider(network4, network6)) > 0
}

// socketLists: a list of one's own takes the place of the default, which lets in
// this machine alone.
func socketLists(s *server) []check.Finding {
	k := s.socket()
	closed := s.closed(k)
	var found []check.Finding
	for _, v := range k.lists {
		switch a := s.admits(v.Value); {
		case a.unknown:
			found = append(found, latent(unset(v), closed))
		case tooWide(&a):
			found = append(found, latent(about(v), closed))
		default:
			closed = fmt.Sprintf("a client must be on the list %q, too", v.Value)
		}
	}
	// What is on a later list narrows the earlier ones.
	for i := range found {
		found[i] = latent(found[i], closed)
	}
	return found
}

// rpcSecret: mod_xml_rpc asks for a password only if realm, user and password are
// all set.
func rpcSecret(s *server) []check.Finding {
	const published = "works"
	file := s.File("xml_rpc.conf")
	if file == nil {
		return nil
	}
	off := s.notLoaded("mod_xml_rpc")
	params := s.Params(file.Child("settings"), "param")
	for _, name := range []string{"auth-realm", "auth-user", "auth-pass"} {
		if v, _ := freeswitch.Last(params, name); v.Value == "" {
			return []check.Finding{latent(check.Finding{Place: file.At, Setting: name, Value: "(not set)",
				Why: "Who reaches mod_xml_rpc's web server runs every command of the server,\nand without " + name + " it asks for no password."}, off)}
		}
	}
	v, _ := freeswitch.Last(params, "auth-pass")
	switch weakness := secrets.Weakness(v.Value, "freeswitch"); {
	case !v.Known():
		return []check.Finding{latent(unset(v), off)}
	case v.Value == published:
		return []check.Finding{latent(secret(v, "Who reaches mod_xml_rpc's web server runs every command of the server.\nThe password is the one of the sample."), off)}
	case weakness != "":
		return []check.Finding{latent(secret(v, "Who reaches mod_xml_rpc's web server runs every command of the server.\nThe password: "+weakness+"."), off)}
	}
	return nil
}
