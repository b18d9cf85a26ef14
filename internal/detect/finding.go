// Package detect turns events into findings: one file per detector, All the
// visible list of them. A detector says what it saw and how strong the
// evidence is; it never says what to do about it.
package detect

import (
	"net/netip"
	"time"

	"github.com/sipward/sipward/internal/event"
)

// Class is what kind of attack a finding speaks of.
type Class string

// The classes that the detectors here tell apart.
const (
	ClassScanOptions  Class = "scan.options"
	ClassScanRegister Class = "scan.register"
	ClassScanInvite   Class = "scan.invite"
	ClassScanTool     Class = "scan.tool"
	ClassEnum         Class = "enum"
	ClassGuess        Class = "auth.guess"
	ClassSpray        Class = "auth.spray"
	ClassDialPlan     Class = "fraud.dialplan"
	ClassMalformed    Class = "malformed"
	ClassExploit      Class = "exploit"
	ClassInjection    Class = "injection"
	ClassTampered     Class = "log.tampered"
	// ClassGood is no attack: the source knew a secret.
	ClassGood Class = "good"
	// ClassPort is no attack: while others of its address are held, this source
	// port is not to be, since it knew a secret.
	ClassPort Class = "good.port"
	// ClassProven is no attack either: an unproven source showed itself to be real.
	ClassProven Class = "proven"
)

// Severity ranks a finding for people: critical, high, medium, low or info.
type Severity string

// The severities.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
	Info   Severity = "info"
)

// Finding is the river's second noun: evidence that crossed a bound.
type Finding struct {
	// Source is the address; Port the source port of the deciding request.
	Source netip.Addr
	Port   uint16
	Time   time.Time
	Place  event.Place
	// Rule names the detector that contributed most.
	Rule     string
	Class    Class
	Severity Severity
	// Proof is the weakest grade among the evidence that was needed.
	Proof event.Grade
	// Evidence is ln E, the logarithm of the combined e-value.
	Evidence float64
	// Account is the account concerned; empty when there are several.
	Account   string
	AccountID uint64
	// Accounts is how many different ones are concerned.
	Accounts int
	// KnownAccount says that Source has authenticated as Account before; GoodPort
	// that this very source port has authenticated as somebody.
	KnownAccount bool
	GoodPort     bool
	// SharedPort says that the port has authenticated as several accounts: an
	// exchange or a proxy.
	SharedPort bool
	// Ports is how many source ports the failures came from; 1 while too little
	// has been seen to tell the good ones of an address.
	Ports int
	// Spent says that Source has used up its budget of wrong passwords for Account
	// and tries on: a limit is due, never a drop. Caught says that it guessed
	// faster than any phone before.
	Spent, Caught bool
	// Home is the IPv6 /64 of Source if the evidence comes from three addresses of
	// it or more. What is proven speaks of it only if none ever knew a secret.
	Home netip.Prefix
	// Expires is a registration's granted life in seconds (ClassGood), -1 when unknown.
	Expires int64
	// Requests counts the requests seen from Source so far.
	Requests uint32
	// Why is one sentence for people.
	Why string
	// Items is what it rests on, oldest first.
	Items []Item
	// Text says that it rests on servers' words alone: log lines, reports.
	Text bool
}

// Item is one piece of evidence, as `why` shows it.
type Item struct {
	Time    time.Time
	Method  event.Method
	Account string
	Status  int
	Proof   event.Grade
	What    string
	// Step is what it added to the logarithm of the evidence, in nats.
	Step float64
}

// Attack says that a class is held against its source.
func (c Class) Attack() bool { return c != ClassGood && c != ClassPort && c != ClassProven }
