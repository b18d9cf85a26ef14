package asterisk

import (
	"slices"
	"strings"

	"github.com/sipward/sipward/internal/settings"
	"github.com/sipward/sipward/internal/settings/asterisk"
)

// object is a section of pjsip.conf, or what pjsip_wizard.conf makes of one.
type object struct {
	*asterisk.Section
	kind string
}

// list gives the parts of all values of a key.
func (o *object) list(key string) []string {
	var parts []string
	for _, line := range o.Settings {
		if line.Key != key {
			continue
		}
		for part := range strings.SplitSeq(line.Value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// last gives the parts of the value that counts.
func (o *object) last(key string) []string {
	return strings.FieldsFunc(o.Find(key).Value, func(r rune) bool { return r == ',' || r == ' ' })
}

// on says that a switch is on.
func (o *object) on(key string) bool { return asterisk.Yes(o.Find(key).Value) }

// pjsip is what the settings say of res_pjsip.
type pjsip struct {
	at      settings.Place // the file
	idle    string         // why nothing of it has an effect
	objects []*object
	// trunks are endpoints that belong to carriers: known by their address, or
	// that we register or log in with.
	trunks map[string]bool
	// identified are endpoints known by the address that a request comes from.
	identified map[string][]*object
	// guarded are the auths that endpoints ask for, with the names of those; asked
	// are the auths that we answer others with.
	guarded map[string][]string
	asked   map[string]bool
}

// of lists the objects of a kind.
func (p *pjsip) of(kind string) []*object {
	var found []*object
	for _, o := range p.objects {
		if o.kind == kind {
			found = append(found, o)
		}
	}
	return found
}

// find gives the object of a kind and a name; nil when there is none.
func (p *pjsip) find(kind, name string) *object {
	for _, o := range p.objects {
		if o.kind == kind && o.Name == name {
			return o
		}
	}
	return nil
}

// serves says that there is something to reach: a transport and an endpoint.
func (p *pjsip) serves() bool { return len(p.of("transport")) > 0 && len(p.of("endpoint")) > 0 }

// readPJSIP gathers the objects of pjsip.conf and who points at whom: whether a
// secret counts is told by the endpoint that uses it, wherever that stands.
func (s *server) readPJSIP() *pjsip {
	p := &pjsip{at: s.place("pjsip.conf"), idle: s.needs("res_pjsip", "chan_pjsip"), trunks: map[string]bool{},
		identified: map[string][]*object{}, guarded: map[string][]string{}, asked: map[string]bool{}}
	sections := s.file("pjsip.conf").Sections
	for i := range sections {
		if section := &sections[i]; !section.Template {
			p.objects = append(p.objects, &object{section, section.Get("type")})
		}
	}
	if s.needs("res_pjsip_config_wizard") == "" {
		sections = s.file("pjsip_wizard.conf").Sections
		for i := range sections {
			if section := &sections[i]; !section.Template && section.Get("type") == "wizard" {
				p.objects = append(p.objects, wizard(section)...)
			}
		}
	}
	p.relate()
	return p
}

// relate finds out who belongs to whom.
func (p *pjsip) relate() {
	for _, o := range p.of("identify") {
		name := o.Get("endpoint")
		if len(o.list("match")) > 0 || o.Get("match_header") != "" || o.Get("match_request_uri") != "" {
			p.identified[name] = append(p.identified[name], o)
			p.trunks[name] = true
		}
	}
	for _, o := range p.of("registration") {
		if name := o.Get("endpoint"); name != "" {
			p.trunks[name] = true
			if o.on("line") {
				p.identified[name] = append(p.identified[name], o)
			}
		}
		for _, auth := range o.last("outbound_auth") {
			p.asked[auth] = true
		}
	}
	for _, o := range p.of("endpoint") {
		for _, auth := range o.last("auth") {
			p.guarded[auth] = append(p.guarded[auth], o.Name)
		}
		for _, auth := range o.last("outbound_auth") {
			p.asked[auth] = true
			p.trunks[o.Name] = true
		}
	}
}

// wizard makes the objects that res_pjsip_config_wizard makes.
func wizard(w *asterisk.Section) []*object {
	parts := map[string]*object{}
	part := func(kind, name string) *object {
		if parts[kind] == nil {
			parts[kind] = &object{&asterisk.Section{Name: name, At: w.At}, kind}
		}
		return parts[kind]
	}
	set := func(o *object, key string, line asterisk.Setting) {
		o.Settings = append(o.Settings, asterisk.Setting{Key: key, Value: line.Value, At: line.At})
	}
	endpoint := part("endpoint", w.Name)
	aor := part("aor", w.Name)
	for _, line := range w.Settings {
		kind, key, nested := strings.Cut(line.Key, "/")
		switch {
		case line.Key == "transport":
			set(endpoint, "transport", line)
		case line.Key == "remote_hosts":
			identify := part("identify", w.Name+"-identify")
			set(identify, "match", line)
			set(aor, "contact", line)
		case line.Key == "accepts_auth" && asterisk.Yes(line.Value):
			set(endpoint, "auth", asterisk.Setting{Value: w.Name + "-iauth", At: line.At})
		case line.Key == "sends_auth" && asterisk.Yes(line.Value):
			set(endpoint, "outbound_auth", asterisk.Setting{Value: w.Name + "-oauth", At: line.At})
		case kind == "inbound_auth" && nested:
			set(part(kind, w.Name+"-iauth"), key, line)
		case kind == "outbound_auth" && nested:
			set(part(kind, w.Name+"-oauth"), key, line)
		case (kind == "endpoint" || kind == "aor") && nested:
			set(parts[kind], key, line)
		case kind == "identify" && nested:
			set(part(kind, w.Name+"-identify"), key, line)
		}
	}
	var made []*object
	for _, kind := range []string{"endpoint", "aor", "identify", "inbound_auth", "outbound_auth"} {
		o := parts[kind]
		if o == nil {
			continue
		}
		switch kind {
		case "identify":
			set(o, "endpoint", asterisk.Setting{Value: w.Name, At: w.At})
		case "inbound_auth", "outbound_auth":
			o.kind = "auth"
		}
		made = append(made, o)
	}
	return made
}

// secure says that a transport is encrypted. A WebSocket may come over the TLS
// of the web server whatever its protocol is called.
func secure(transport *object) bool {
	return slices.Contains([]string{"tls", "wss"}, strings.ToLower(transport.Get("protocol")))
}

// overTLS says that an endpoint is only reached over TLS: by its transport, or
// because there is no other.
func (p *pjsip) overTLS(endpoint *object) bool {
	if name := endpoint.Get("transport"); name != "" {
		t := p.find("transport", name)
		return t != nil && secure(t)
	}
	transports := p.of("transport")
	return len(transports) > 0 && !slices.ContainsFunc(transports, func(t *object) bool { return !secure(t) })
}
