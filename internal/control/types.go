package control

import (
	"context"
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/ban"
)

// Guard is what the server asks of the hall. Methods may be called from
// several goroutines at once.
type Guard interface {
	// Order carries out a human's ban (Drop) or allow (Allow). The entry is
	// durable when it returns nil. An order that the never-ban fence forbids
	// gives an error that wraps ErrRefused.
	Order(b ban.Ban) (Receipt, error)
	// Lift ends the live entries that q matches and says how many those were.
	Lift(q Lift) (int, error)
	// Bans gives every live entry, of every kind.
	Bans() []BanRow
	// Status says how the daemon is.
	Status() Status
	// Why explains what is known of an address or an account.
	Why(target string) (Explanation, error)
}

// Feed is the stream of what happened, numbered from 1 without repeats.
type Feed interface {
	// Events gives at most limit records later than since and numbered above
	// after, oldest first, and the number of the last record looked at: the
	// next call continues after it.
	Events(since time.Time, after uint64, limit int) ([]EventRecord, uint64, error)
	// Wait returns nil once there is a record numbered above after, or the
	// context's error.
	Wait(ctx context.Context, after uint64) error
}

// Doors are the ways from the socket into the daemon.
type Doors struct {
	Guard Guard
	Feed  Feed
	// Stop begins the daemon's end; with clear, the kernel holds no ban of ours
	// when it returns.
	Stop func(clear bool) error
	// Reload reads the settings again. An error means that the old ones stay,
	// unless it is a *Problem, which says itself what happened.
	Reload func() error
}

// Status is how a daemon is.
type Status struct {
	Version string `json:"version"`
	// PID is the daemon's process. The server fills it in.
	PID int `json:"pid"`
	// Since is when it started.
	Since time.Time `json:"since"`
	// Mode is monitor or enforce.
	Mode string `json:"mode"`
	// Layers says for each interface what keeps attackers out there: xdp, nft or dryrun.
	Layers map[string]string `json:"layers"`
	// Listen is what is protected, as "5060/udp".
	Listen []string `json:"listen,omitempty"`
	// Servers are the SIP servers that were found; Trunks the carriers that
	// their settings name, which are never banned.
	Servers []ServerStatus `json:"servers,omitempty"`
	Trunks  []TrunkStatus  `json:"trunks,omitempty"`
	Sources []SourceStatus `json:"sources"`
	// Bans counts the live limits and drops, Allowed the live allow entries,
	// KnownGood the sources that proved themselves.
	Bans      int `json:"bans"`
	Allowed   int `json:"allowed"`
	KnownGood int `json:"known_good"`
	// Lost are the packets that came faster than they were read, since the start.
	Lost uint64 `json:"packets_lost"`
	// Degraded is one sentence for each thing that does not work; empty when all does.
	Degraded []string `json:"degraded"`
	// Blind is one sentence for each thing that cannot be seen, though nothing is
	// wrong with sipward: TLS on the wire, reports that anybody may have sent.
	Blind []string `json:"blind,omitempty"`
	// State is the directory of what outlives the process.
	State string `json:"state,omitempty"`
}

// TrunkRule is the Rule of rows that are trunks on the never-ban list.
const TrunkRule = "trunk"

// The modes of a running daemon.
const (
	ModeMonitor = "monitor"
	ModeEnforce = "enforce"
)

// ModeWords says what the mode means: a file that lost its text, or its mode, is
// right and protects nobody.
func (s *Status) ModeWords() string {
	if s.Mode == ModeMonitor {
		return "monitor mode, nobody is kept out"
	}
	return s.Mode + " mode"
}

// SourceStatus is how one source of events is.
type SourceStatus struct {
	// Name is an interface, a file, a unit's journal or a server's feed; Kind is
	// packets, log, feed or hep.
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Events counts what came from it.
	Events uint64 `json:"events"`
	// Last is the time of the last one; zero when there was none.
	Last time.Time `json:"last,omitzero"`
	// Age is the seconds since Last; absent when there was none. The server fills it in.
	Age *float64 `json:"age,omitempty"`
}

// BanRow is one entry of the table, as users see it.
type BanRow struct {
	Prefix netip.Prefix `json:"prefix"`
	// Port is set when only one source port of a shared address is meant.
	Port uint16 `json:"port,omitempty"`
	// Action is drop, limit, allow or pass.
	Action string    `json:"action"`
	Scope  string    `json:"scope"`
	Rule   string    `json:"rule,omitempty"`
	Class  string    `json:"class,omitempty"`
	Proof  string    `json:"proof,omitempty"`
	Why    string    `json:"why,omitempty"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
	// Until is zero for entries that never end.
	Until time.Time `json:"until,omitzero"`
	// Dropped counts the packets the kernel turned away for it.
	Dropped  uint64 `json:"dropped"`
	Requests uint32 `json:"requests,omitempty"`
	// Times counts the source's drops in the last 30 days, this one included.
	Times int `json:"times,omitempty"`
	// Ended and EndedBy are set on past entries; EndedBy is empty when it ran out.
	Ended   time.Time `json:"ended,omitzero"`
	EndedBy string    `json:"ended_by,omitempty"`
	// Evidence is filled in only where one source is explained.
	Evidence []ban.Item `json:"evidence,omitempty"`
}

// Row gives an entry as users see it, without its evidence.
func Row(b *ban.Ban, dropped uint64) BanRow {
	return BanRow{
		Prefix: b.Prefix, Port: b.Port, Action: b.Action.String(), Scope: b.Scope.String(),
		Rule: b.Rule, Class: b.Class, Proof: b.Proof, Why: b.Why, By: b.By,
		Since: b.Since, Until: b.Until, Dropped: dropped, Requests: b.Requests, Times: b.Times,
		Ended: b.Ended, EndedBy: b.EndedBy,
	}
}

// FullRow is Row with the evidence.
func FullRow(b *ban.Ban, dropped uint64) BanRow {
	row := Row(b, dropped)
	row.Evidence = b.Evidence
	return row
}

// Blocks says that the row takes something away from its source.
func (r *BanRow) Blocks() bool {
	return r.Action == ban.Drop.String() || r.Action == ban.Limit.String()
}

// Order is a human's wish to ban or to allow.
type Order struct {
	Prefix netip.Prefix `json:"prefix"`
	// Seconds is how long; 0 is for ever.
	Seconds int64 `json:"seconds"`
	// Scope is sip or all; empty means sip.
	Scope string `json:"scope,omitempty"`
	// Note is the human's own reason.
	Note string `json:"note,omitempty"`
	// AcceptRisk names the safety rules that the human overrides.
	AcceptRisk []string `json:"accept_risk,omitempty"`
}

// WideBan is the safety rule against bans of whole networks.
const WideBan = "wide-ban"

// Receipt says what became of an order.
type Receipt struct {
	Prefix netip.Prefix `json:"prefix"`
	Action string       `json:"action"`
	Scope  string       `json:"scope"`
	Since  time.Time    `json:"since"`
	Until  time.Time    `json:"until,omitzero"`
	// Enforced says that the kernel acts on it; it does not in monitor mode.
	Enforced bool `json:"enforced"`
	// Reason says why it is not enforced. The server fills it in.
	Reason string `json:"reason,omitempty"`
}

// Lift asks for live entries to end.
type Lift struct {
	// Prefix means every entry that lies inside it. It is ignored when All is set.
	Prefix netip.Prefix
	All    bool
	// Kind is KindBlock for unban and KindAllow for the removal of an allow.
	Kind ban.Kind
	// By is the human who asks.
	By string
}

// Matches says that b is meant.
func (q Lift) Matches(b *ban.Ban) bool {
	if b.Key().Kind != q.Kind {
		return false
	}
	return q.All || ban.Inside(b.Prefix, q.Prefix)
}

// Explanation says what is known of a target and why it is treated so.
type Explanation struct {
	// Target is what was asked for.
	Target  string `json:"target"`
	Verdict string `json:"verdict"`
	// Why is one sentence.
	Why string `json:"why,omitempty"`
	// Mode is the daemon's: in monitor mode nothing is enforced.
	Mode string `json:"mode"`
	// Entries are the target's entries: live ones first, then past ones, newest
	// first, each with the evidence as it stood when the decision fell.
	Entries []BanRow `json:"entries,omitempty"`
	// First and Last are when it was first and last seen; Requests counts its SIP requests.
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
	Requests uint64    `json:"requests,omitempty"`
	// Shields are the things looked at that speak for the target.
	Shields []string `json:"shields,omitempty"`
	// Layers is as in Status, when something is enforced.
	Layers map[string]string `json:"layers,omitempty"`
	// Undo holds commands to take it back. The server fills it in.
	Undo []string `json:"undo,omitempty"`
}

// The verdicts of an Explanation.
const (
	Blocked    = "blocked"
	Limited    = "limited"
	NotBlocked = "not blocked"
	NeverBan   = "never-ban"
	KnownGood  = "known-good"
	Allowed    = "allowed"
	NotSeen    = "not seen"
)

// EventRecord is one line of the event stream.
type EventRecord struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Type is finding, ban, unban, allow, disallow, expired, lifted, alarm, repaired,
	// reload or start.
	Type     string       `json:"type"`
	Src      netip.Addr   `json:"src,omitzero"`
	Prefix   netip.Prefix `json:"prefix,omitzero"`
	Action   string       `json:"action,omitempty"`
	Seconds  int64        `json:"seconds,omitempty"`
	Rule     string       `json:"rule,omitempty"`
	Class    string       `json:"class,omitempty"`
	Severity string       `json:"severity,omitempty"`
	Proof    string       `json:"proof,omitempty"`
	Account  string       `json:"account,omitempty"`
	Requests uint32       `json:"requests,omitempty"`
	// TookMS is how long after the deciding packet the kernel acted on a ban.
	TookMS float64 `json:"took_ms,omitempty"`
	By     string  `json:"by,omitempty"`
	Why    string  `json:"why,omitempty"`
}

// EventQuery says which records of the stream are wanted.
type EventQuery struct {
	// Since leaves out older ones.
	Since time.Time
	// Follow waits for more after the last.
	Follow bool
}
