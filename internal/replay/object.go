package replay

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
	"github.com/sipward/sipward/internal/detect"
	"github.com/sipward/sipward/internal/event"
)

// MessageObject is one SIP message.
type MessageObject struct {
	Type      string    `json:"type"`
	Packet    uint64    `json:"packet"`
	Time      time.Time `json:"time"`
	Src       string    `json:"src"`
	Sport     uint16    `json:"sport"`
	Dst       string    `json:"dst"`
	Dport     uint16    `json:"dport"`
	Transport string    `json:"transport"`
	Method    string    `json:"method"`
	Status    int       `json:"status"`
	CallID    string    `json:"call_id"`
	FromUser  string    `json:"from_user"`
	ToUser    string    `json:"to_user"`
	CSeq      string    `json:"cseq"`
	UserAgent string    `json:"user_agent,omitempty"`
}

// FindingObject is one finding.
type FindingObject struct {
	Type     string          `json:"type"`
	Packet   uint64          `json:"packet,omitempty"`
	Line     uint64          `json:"line,omitempty"`
	Time     time.Time       `json:"time"`
	Src      netip.Addr      `json:"src"`
	Rule     string          `json:"rule"`
	Class    detect.Class    `json:"class"`
	Severity detect.Severity `json:"severity"`
	Proof    string          `json:"proof"`
	Why      string          `json:"why"`
}

// BanObject is one ban, when it was first decided or became stronger.
type BanObject struct {
	Type     string       `json:"type"`
	Packet   uint64       `json:"packet,omitempty"`
	Line     uint64       `json:"line,omitempty"`
	Time     time.Time    `json:"time"`
	Prefix   netip.Prefix `json:"prefix"`
	Port     uint16       `json:"port,omitempty"`
	Action   string       `json:"action"`
	Seconds  int64        `json:"seconds"`
	Rule     string       `json:"rule"`
	Class    string       `json:"class"`
	Proof    string       `json:"proof"`
	Why      string       `json:"why"`
	Requests uint32       `json:"requests"`
}

// SummaryObject is the last object of an answer.
type SummaryObject struct {
	Type string `json:"type"`
	Summary
}

// ObjectOfMessage gives a request or response in the form scripts read.
func ObjectOfMessage(e *event.Event) MessageObject {
	from, to := e.Local, e.Remote
	if e.Inbound {
		from, to = e.Remote, e.Local
	}
	return MessageObject{
		Type: "message", Packet: e.Place.Packet, Time: e.Time,
		Src: from.Addr().String(), Sport: from.Port(), Dst: to.Addr().String(), Dport: to.Port(),
		Transport: e.Transport.String(), Method: string(e.SIP.MethodName), Status: e.SIP.Status,
		CallID: string(e.SIP.CallID), FromUser: string(e.SIP.FromUser), ToUser: string(e.SIP.ToUser),
		CSeq: fmt.Sprintf("%d %s", e.SIP.CSeq, e.SIP.MethodName), UserAgent: string(e.SIP.UserAgent),
	}
}

// ObjectOfFinding gives a finding in the form scripts read.
func ObjectOfFinding(f *detect.Finding) FindingObject {
	return FindingObject{
		Type: "finding", Packet: f.Place.Packet, Line: f.Place.Line, Time: f.Time, Src: f.Source,
		Rule: f.Rule, Class: f.Class, Severity: f.Severity, Proof: f.Proof.String(), Why: f.Why,
	}
}

// ObjectOfBan gives a ban in the form scripts read.
func ObjectOfBan(b *ban.Ban) BanObject {
	return BanObject{
		Type: "ban", Packet: b.Packet, Line: b.Line, Time: b.Since, Prefix: b.Prefix, Port: b.Port,
		Action: b.Action.String(), Seconds: Seconds(b), Rule: b.Rule, Class: b.Class,
		Proof: b.Proof, Why: b.Why, Requests: b.Requests,
	}
}
