package advisory

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

//go:embed data/advisories.json
var embedded []byte

// staleAfter is how old knowledge may be before the answer must say so. Security
// releases of Asterisk come every two months or so.
const staleAfter = 90 * 24 * time.Hour

// Database is what is known of advisories. It does not change once it is built.
type Database struct {
	advisories []*Advisory
	byName     map[string]*Advisory
	// known is the day up to which the advisories of a product are known.
	known map[string]time.Time
}

// Embedded is the data that comes with the program.
func Embedded() *Database {
	d := newDatabase()
	if err := d.read(bytes.NewReader(embedded), time.Time{}); err != nil {
		panic("advisory: the data that comes with the program: " + err.Error()) // a test reads it
	}
	return d
}

// newDatabase knows nothing yet.
func newDatabase() *Database {
	return &Database{byName: map[string]*Advisory{}, known: map[string]time.Time{}}
}

// add takes an advisory in. What is newer wins, line by line: a distribution's
// data must not make us forget what the project itself says.
func (d *Database) add(a *Advisory) error {
	var old *Advisory
	for _, n := range a.Names() {
		if old = d.byName[n]; old != nil {
			break
		}
	}
	if old == nil {
		if len(d.advisories) >= maxAdvisories {
			return errTooMany
		}
		d.advisories = append(d.advisories, a)
		for _, n := range a.Names() {
			d.byName[n] = a
		}
		return nil
	}
	merge(old, a)
	// The names of both lead to one advisory from now on.
	for _, n := range old.Names() {
		if d.byName[n] == nil {
			d.byName[n] = old
		}
	}
	return nil
}

// merge adds what a newer record knows to an older one.
func merge(old, more *Advisory) {
	for _, n := range more.Names() {
		if !slices.Contains(old.Names(), n) && len(old.Aliases) < maxAliases {
			old.Aliases = append(old.Aliases, n)
		}
	}
	if more.Severity != "" && (old.Severity == "" || old.mild || !more.mild) {
		old.Severity, old.mild = more.Severity, more.mild
	}
	if old.Summary == "" {
		old.Summary = more.Summary
	}
	if len(more.Modules) > 0 {
		old.Modules = more.Modules
	}
	if more.Shield != nil {
		old.Shield = more.Shield
	}
	// Of a line of versions the newer record knows everything.
	old.Affected = slices.DeleteFunc(old.Affected, func(r Range) bool {
		return slices.ContainsFunc(more.Affected, func(n Range) bool { return n.Ecosystem == r.Ecosystem && n.Package == r.Package })
	})
	old.Affected = append(old.Affected, more.Affected...)
}

// seen notes that a product's advisories are known up to a day.
func (d *Database) seen(product string, day time.Time) {
	if p := productOf(product); p != nil && day.After(d.known[p.name]) {
		d.known[p.name] = day
	}
}

// about lists the advisories of a product, the oldest first.
func (d *Database) about(product string) []*Advisory {
	var all []*Advisory
	for _, a := range d.advisories {
		if slices.ContainsFunc(a.Affected, func(r Range) bool { return r.is(product) }) {
			all = append(all, a)
		}
	}
	return all
}

// is says that a line of versions is one of a product's.
func (r *Range) is(product string) bool {
	if r.Package == certified {
		return product == "asterisk"
	}
	p := productOf(r.Package)
	return p != nil && p.name == product
}

// Known gives the day up to which a product's advisories are known; it is zero
// when nothing is.
func (d *Database) Known(name string) time.Time {
	if p := productOf(name); p != nil {
		return d.known[p.name]
	}
	return time.Time{}
}

// Stale says in a sentence that what is known of a product is old, or nothing.
func (d *Database) Stale(name string, now time.Time) string {
	known := d.Known(name)
	age := now.Sub(known)
	switch {
	case productOf(name) == nil:
		return fmt.Sprintf("nothing is known of advisories about %s", name)
	case known.IsZero():
		return fmt.Sprintf("it is not known up to which day the advisories about %s are complete", name)
	case age > staleAfter:
		return fmt.Sprintf("what is known of %s is of %s, %d days ago: newer advisories are missing", name, known.Format(time.DateOnly), int(age.Hours()/24))
	}
	return ""
}

// problem is a fault of data, with the file it is in.
func problem(file string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // it names the file too
	}
	return fmt.Errorf("read advisories of %s: %w", file, err)
}
