package ser

import (
	"bytes"

	"github.com/sipward/sipward/internal/event"
	"github.com/sipward/sipward/internal/logline/line"
)

// readSourceless knows whole families of messages that name no culprit: what is
// wrong with a packet, and the server's own trouble with carriers, databases and
// media servers. Addresses in them are of peers or out of the packet.
func readSourceless(rec *record) line.Reading {
	benign := func(kind event.LogKind, rule, note string) line.Reading {
		return line.Reading{Log: event.Log{Verdict: event.Benign, Kind: kind, Rule: rule, Note: note}}
	}
	switch {
	case isAboutPacket(rec):
		return benign(event.RequestMalformed, rec.rules().parse, noSourceNote)
	case isAuth(rec.module) && line.Contains(rec.message, "credentials", "nonce", "response"):
		return benign(event.AuthFailed, rec.rules().credentials, noSourceNote)
	case (isOwn(rec.module) || string(rec.module) == "core" && line.Contains(rec.message, "send", "connect", "resolve")) && isNear(rec):
		return benign(event.KindOther, rec.rules().own, "the server's own peer")
	}
	return line.Reading{}
}

// isAboutPacket says that the line complains about the text of a packet.
func isAboutPacket(rec *record) bool {
	switch string(rec.module) {
	case "core":
		return bytes.HasPrefix(rec.file, []byte("core/parser/")) || bytes.HasPrefix(rec.function, []byte("parse_")) ||
			bytes.HasPrefix(rec.function, []byte("_parse_")) || bytes.HasPrefix(rec.function, []byte("get_hdr_")) ||
			line.Contains(rec.message, "required headers not found in ", "no via found in ", "bad request, state=", "parse_headers failed")
	case "sanity", "maxfwd", "proto_tcp", "proto_tls":
		return line.Contains(rec.message, "pars", "invalid", "unable", "failed to send 400", "bad request, state=")
	case "pv", "auth", "tracer":
		return line.Contains(rec.message, "cannot parse", "failed to parse", "error parsing", "cannot find Call-ID")
	}
	return false
}

func isAuth(module []byte) bool {
	switch string(module) {
	case "auth", "auth_db", "auth_aaa", "auth_radius", "auth_ephemeral", "auth_identity", "stir_shaken":
		return true
	}
	return false
}

// isOwn says that a module talks to peers of the server's own choice.
func isOwn(module []byte) bool {
	switch string(module) {
	case "dispatcher", "drouting", "load_balancer", "lcr", "carrierroute", "uac", "uac_registrant", "keepalive", "qrouting",
		"rtpengine", "rtpproxy", "rtp_relay", "mediaproxy", "nathelper", "tm", "b2b_entities", "b2b_logic", "http_client",
		"http_async_client", "rest_client", "db_mysql", "db_postgres", "db_redis", "ndb_redis", "cachedb_redis", "dmq", "clusterer",
		"usrloc", "dialog", "permissions", "tls", "siptrace", "tracer", "proto_hep", "topos", "topology_hiding":
		return true
	}
	return false
}
