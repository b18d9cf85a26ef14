package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sipward/sipward/internal/ban"
)

// desk holds one method for each route.
type desk struct{ doors Doors }

func (d desk) status(*http.Request, string) (any, error) {
	s := d.doors.Guard.Status()
	s.PID = os.Getpid()
	now := time.Now()
	for i := range s.Sources {
		if last := s.Sources[i].Last; !last.IsZero() {
			age := max(0, now.Sub(last).Seconds())
			s.Sources[i].Age = &age
		}
	}
	if s.Sources == nil {
		s.Sources = []SourceStatus{} // scripts count on a list
	}
	if s.Degraded == nil {
		s.Degraded = []string{}
	}
	if s.Layers == nil {
		s.Layers = map[string]string{}
	}
	return s, nil
}

func (d desk) bans(*http.Request, string) (any, error) {
	return d.rows(func(r *BanRow) bool { return r.Blocks() })
}

func (d desk) allowed(*http.Request, string) (any, error) {
	return d.rows(func(r *BanRow) bool { return r.Action == ban.Allow.String() })
}

// rows sends the live entries that are wanted, by address.
func (d desk) rows(wanted func(*BanRow) bool) (any, error) {
	rows := slices.DeleteFunc(d.doors.Guard.Bans(), func(r BanRow) bool { return !wanted(&r) })
	slices.SortFunc(rows, func(a, b BanRow) int {
		if c := a.Prefix.Addr().Compare(b.Prefix.Addr()); c != 0 {
			return c
		}
		return a.Prefix.Bits() - b.Prefix.Bits()
	})
	return stream(func(w http.ResponseWriter) {
		out := newLines(w)
		for chunk := range slices.Chunk(rows, batchSize) {
			if sendBatch(out, chunk) != nil {
				return // the caller has gone
			}
		}
	}), nil
}

// batchSize bounds what waits for one slow reader.
const batchSize = 256

func sendBatch[T any](out lines, batch []T) error {
	if err := out.batch(); err != nil {
		return err
	}
	for i := range batch {
		if err := out.encoder.Encode(&batch[i]); err != nil {
			return err
		}
	}
	return out.flush()
}

// events sends the stream, and with follow=true goes on until one side ends.
func (d desk) events(r *http.Request, _ string) (any, error) {
	query := r.URL.Query()
	var since time.Time
	if text := query.Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, &Problem{What: "cannot read since", Why: err.Error(), Kind: ErrInvalid}
		}
	}
	follow := query.Get("follow") == "true"
	first, next, err := d.doors.Feed.Events(since, 0, batchSize)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return stream(func(w http.ResponseWriter) { d.follow(r.Context(), newLines(w), cursor{since, next, follow}, first) }), nil
}

// cursor is where a reader of the stream stands.
type cursor struct {
	since  time.Time
	after  uint64
	follow bool
}

func (d desk) follow(ctx context.Context, out lines, at cursor, records []EventRecord) {
	for {
		if sendBatch(out, records) != nil {
			return // the caller has gone
		}
		if len(records) < batchSize {
			if !at.follow || d.doors.Feed.Wait(ctx, at.after) != nil {
				return
			}
		}
		var err error
		if records, at.after, err = d.doors.Feed.Events(at.since, at.after, batchSize); err != nil {
			return // the reader sees the end of the stream and may ask again
		}
	}
}

// longestTarget and longestNote bound what a human may send; both are stored
// or echoed.
const (
	longestTarget = 256
	longestNote   = 200
)

func (d desk) why(r *http.Request, _ string) (any, error) {
	target := r.URL.Query().Get("target")
	if target == "" || len(target) > longestTarget || !utf8.ValidString(target) {
		return nil, &Problem{What: "cannot explain that", Why: "a target is an address or an account", Kind: ErrInvalid}
	}
	e, err := d.doors.Guard.Why(target)
	if err != nil {
		return nil, fmt.Errorf("explain %s: %w", target, err)
	}
	e.arrange()
	return e, nil
}

func (d desk) ban(r *http.Request, by string) (any, error) {
	var o Order
	if err := body(r, &o); err != nil {
		return nil, err
	}
	b, err := o.entry(ban.Drop, by)
	if err != nil {
		return nil, err
	}
	if err := o.narrow(); err != nil {
		return nil, err
	}
	return d.order(b)
}

func (d desk) allow(r *http.Request, by string) (any, error) {
	var o Order
	if err := body(r, &o); err != nil {
		return nil, err
	}
	b, err := o.entry(ban.Allow, by)
	if err != nil {
		return nil, err
	}
	if bits := o.Prefix.Bits(); bits < 7 || o.Prefix.Addr().Is4() && bits < 8 {
		return nil, &Problem{What: "will not allow " + o.Prefix.String(), Kind: ErrRefused,
			Why: "it covers so much that nothing would be protected", Do: "allow the networks of your own phones"}
	}
	return d.order(b)
}

func (d desk) order(b ban.Ban) (any, error) {
	receipt, err := d.doors.Guard.Order(b)
	if err == nil {
		if !receipt.Enforced && b.Action.Blocks() {
			receipt.Reason = "the dryrun backend blocks nobody"
			if mode := d.doors.Guard.Status().Mode; mode != ModeEnforce {
				receipt.Reason = mode + " mode"
			}
		}
		return receipt, nil
	}
	var p *Problem
	if errors.As(err, &p) {
		return nil, err
	}
	p = &Problem{What: fmt.Sprintf("cannot %s %s", orderVerb(b.Action), prefixText(b.Prefix)), Why: err.Error()}
	for _, s := range statuses {
		if errors.Is(err, s.kind) {
			p.Kind = s.kind
		}
	}
	if errors.Is(err, ErrRefused) {
		p.Do = "sipward why " + b.Prefix.Addr().String()
	}
	return nil, p
}

func orderVerb(a ban.Action) string {
	if a == ban.Allow {
		return "allow"
	}
	return "ban"
}

// entry turns the wish into an entry of the table.
func (o *Order) entry(action ban.Action, by string) (ban.Ban, error) {
	invalid := func(why string) (ban.Ban, error) {
		return ban.Ban{}, &Problem{What: "cannot carry out the order", Why: why, Kind: ErrInvalid}
	}
	if !o.Prefix.IsValid() || o.Prefix != o.Prefix.Masked() || o.Prefix.Addr().Is4In6() {
		return invalid("the prefix is not a network of its own length")
	}
	const tenYears = 10 * 365 * 24 * 3600
	if o.Seconds < 0 || o.Seconds > tenYears {
		return invalid("the time is not between 0 (for ever) and ten years")
	}
	if len(o.Note) > longestNote || !utf8.ValidString(o.Note) {
		return invalid(fmt.Sprintf("the note is longer than %d bytes", longestNote))
	}
	b := ban.Ban{Prefix: o.Prefix, Action: action, Why: o.Note, By: by, Since: time.Now().Truncate(time.Millisecond)}
	switch o.Scope {
	case "", ban.ScopeSIP.String():
	case ban.ScopeAll.String():
		b.Scope = ban.ScopeAll
	default:
		return invalid("the scope is neither sip nor all")
	}
	if o.Seconds > 0 {
		b.Until = b.Since.Add(time.Duration(o.Seconds) * time.Second)
	}
	return b, nil
}

// narrow is the safety rule against bans of whole networks.
func (o *Order) narrow() error {
	bits, least := o.Prefix.Bits(), 24
	if o.Prefix.Addr().Is6() {
		least = 48
	}
	p := &Problem{What: "will not ban " + o.Prefix.String(), Kind: ErrRefused}
	switch {
	case bits == 0:
		p.Why, p.Do = "it is every address there is", "ban the networks that attack you"
	case bits < least && !slices.Contains(o.AcceptRisk, WideBan):
		p.Why = fmt.Sprintf("it is wider than /%d", least)
		p.Do = fmt.Sprintf("if you mean it: sipward ban %s --accept-risk=%s", o.Prefix, WideBan)
	default:
		return nil
	}
	return p
}

// liftOrder is the body of unban and of allow/remove.
type liftOrder struct {
	Prefix netip.Prefix `json:"prefix,omitzero"`
	All    bool         `json:"all,omitempty"`
}

// lifted says how many entries ended.
type lifted struct {
	Lifted int `json:"lifted"`
}

func (d desk) unban(r *http.Request, by string) (any, error) { return d.lift(r, ban.KindBlock, by) }

func (d desk) disallow(r *http.Request, by string) (any, error) {
	return d.lift(r, ban.KindAllow, by)
}

func (d desk) lift(r *http.Request, kind ban.Kind, by string) (any, error) {
	var o liftOrder
	if err := body(r, &o); err != nil {
		return nil, err
	}
	if o.All == o.Prefix.IsValid() {
		return nil, &Problem{What: "cannot carry out the order", Why: "give a prefix or all", Kind: ErrInvalid}
	}
	n, err := d.doors.Guard.Lift(Lift{Prefix: o.Prefix, All: o.All, Kind: kind, By: by})
	if err != nil {
		return nil, fmt.Errorf("lift %s: %w", o.Prefix, err)
	}
	if n == 0 && !o.All {
		return nil, d.nothingLifted(o.Prefix, kind)
	}
	if !o.All && kind == ban.KindBlock {
		return lifted{n}, d.stillOut(o.Prefix)
	}
	return lifted{n}, nil
}

// stillOut says that a network is banned around what has been let in: whoever
// lifts a ban wants to hear that, and not of a success.
func (d desk) stillOut(prefix netip.Prefix) error {
	e, err := d.doors.Guard.Why(prefixText(prefix))
	if err != nil || e.Verdict != Blocked && e.Verdict != Limited {
		return nil // it is in, or that cannot be told
	}
	for _, row := range e.Entries {
		if row.Blocks() && row.Ended.IsZero() && ban.Inside(prefix, row.Prefix) {
			return &Problem{What: "what was held against " + prefixText(prefix) + " itself is lifted, but it is still banned",
				Why: "it lies inside " + row.Prefix.String(), Do: "sipward unban " + row.Prefix.String(), Kind: ErrPartly}
		}
	}
	return nil
}

// nothingLifted says what was overlooked: usually a wider entry.
func (d desk) nothingLifted(prefix netip.Prefix, kind ban.Kind) error {
	name := prefixText(prefix)
	p := &Problem{What: name + " is not banned", Do: "sipward why " + prefix.Addr().String(), Kind: ErrNotFound}
	if prefix.IsSingleIP() {
		p.Why = "what it did before is forgotten all the same"
	}
	command := "sipward unban "
	if kind == ban.KindAllow {
		p.What, p.Why, p.Do, command = name+" is not on the allow-list", "", "sipward allow list", "sipward allow remove "
	}
	for _, row := range d.doors.Guard.Bans() {
		if row.Rule == TrunkRule && kind == ban.KindAllow && ban.Inside(prefix, row.Prefix) {
			p.Why, p.Do = "it is "+row.Why, "take it out of those settings"
			break
		}
		isAllow := row.Action == ban.Allow.String()
		if (isAllow && kind == ban.KindAllow || row.Blocks() && kind == ban.KindBlock) && ban.Inside(prefix, row.Prefix) {
			p.What += " by itself"
			p.Why = "it lies inside " + row.Prefix.String()
			p.Do = command + row.Prefix.String()
			break
		}
	}
	return p
}

func (d desk) stop(r *http.Request, _ string) (any, error) {
	var o struct {
		Clear bool `json:"clear"`
	}
	if err := body(r, &o); err != nil {
		return nil, err
	}
	if err := d.doors.Stop(o.Clear); err != nil {
		return nil, fmt.Errorf("stop: %w", err)
	}
	return struct{}{}, nil
}

func (d desk) reload(*http.Request, string) (any, error) {
	err := d.doors.Reload()
	if _, told := errors.AsType[*Problem](err); told {
		return nil, err
	}
	if err != nil {
		return nil, &Problem{What: "the settings are wrong; the old ones stay", Why: err.Error(),
			Do: "mend the file and run sipward reload", Kind: ErrInvalid}
	}
	return struct{}{}, nil
}

// prefixText writes a host without its length, as people do.
func prefixText(p netip.Prefix) string {
	text := p.String()
	if p.IsSingleIP() {
		text, _, _ = strings.Cut(text, "/")
	}
	return text
}
