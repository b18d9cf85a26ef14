// Package store keeps what must outlive the process: the ban table's journal,
// the event log, and the places the log followers have come to. It is one
// SQLite database with one writer, this process.
//
// What it promises: an Append that returned nil survives a kill at any moment;
// a damaged database is moved aside and begun anew with all that can still be
// read; a full or failing disk gives errors, and the next call tries again.
package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

const (
	fileName = "sipward.db"
	lockName = "sipward.lock"
)

// ErrNewer is wrapped by Open when a later version of sipward made the
// database. It is left as it is.
var ErrNewer = errors.New("made by a newer version")

// errClosed is what calls after Close get.
var errClosed = errors.New("store is closed")

// Store is an open database. It is safe for concurrent use.
type Store struct {
	path string
	lock *os.File
	// memory is the directory to remove at the end; see OpenAnyway.
	memory string

	mu sync.Mutex
	// db is nil after a fault, until the next call opens it again.
	db     *sql.DB
	closed bool
	// damage is what was found wrong with the file while it was in use; the next
	// opening repairs it.
	damage error
	// checked says that the whole file was looked at once.
	checked bool
	// begunAgain says that a repair happened since the journal was last told.
	begunAgain bool
	warning    string
	// stamp names what is moved aside: the time that Open was given.
	stamp time.Time
}

// Open opens the database in dir, and makes both if need be. A damaged one is
// moved aside under now's name and begun anew: that is a Warning, no error.
// Errors are: another process has it (ErrLocked), a newer version made it
// (ErrNewer), and whatever the file system says.
func Open(dir string, now time.Time) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	lock, err := takeLock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	s := &Store{path: filepath.Join(dir, fileName), lock: lock, stamp: now}
	if err := s.reopen(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.begunAgain = false // nobody has given this Store anything yet
	return s, nil
}

// Warning says what Open, or a repair since, had to do that people must know
// of; empty when all is well.
func (s *Store) Warning() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.warning
}

// Close ends the use of the database and lets another process have it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.db != nil {
		err = s.db.Close()
		s.db = nil
	}
	if s.memory != "" {
		err = errors.Join(err, os.RemoveAll(s.memory))
	}
	return errors.Join(err, s.lock.Close())
}

// reopen makes s.db usable again, with a repair when the file is damaged.
func (s *Store) reopen() error {
	if err := s.refuseNewer(); err != nil {
		return err
	}
	_, err := os.Lstat(s.path)
	if errors.Is(err, os.ErrNotExist) {
		if err := s.create(nil); err != nil {
			return fmt.Errorf("create %s: %w", s.path, err)
		}
	} else if err != nil {
		return fmt.Errorf("look at %s: %w", s.path, err)
	}
	var db *sql.DB
	if err = s.damage; err == nil {
		db, err = s.openChecked()
	}
	if isDamage(err) {
		s.damage = err // so that a repair that fails is tried again
		if err := s.repair(err); err != nil {
			return fmt.Errorf("repair %s: %w", s.path, err)
		}
		s.damage = nil
		db, err = s.openChecked()
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", s.path, err)
	}
	s.db, s.checked = db, true
	return nil
}

// openChecked opens the database as it is and brings its schema up to date. The
// first time it looks into every page.
func (s *Store) openChecked() (*sql.DB, error) {
	if err := checkHeader(s.path); err != nil {
		return nil, err
	}
	db, err := connect(s.path)
	if err != nil {
		return nil, err
	}
	err = migrate(db)
	if err == nil && !s.checked {
		err = checkPages(db)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// connect opens a database file for this process alone. The exclusive mode does
// without shared memory, which a full disk could tear from under us; FULL makes
// every commit wait for the disk.
func connect(path string) (*sql.DB, error) {
	// The driver runs _pragma before _journal_mode, and only a connection that is
	// exclusive when it first meets the log does without shared memory.
	db, err := sql.Open("sqlite", address(path, url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {"5000"},
		"_pragma":       {"locking_mode(EXCLUSIVE)", "cell_size_check(1)", "trusted_schema(0)", "journal_size_limit(16777216)"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
	}))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), db.Close())
	}
	return db, nil
}

// address spells a database file as SQLite wants it, whatever its name.
func address(path string, query url.Values) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// use runs one piece of work on the database, after a fault on a freshly opened one.
func (s *Store) use(work func(db *sql.DB) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.useLocked(work)
}

func (s *Store) useLocked(work func(db *sql.DB) error) error {
	if s.closed {
		return errClosed
	}
	if s.db == nil {
		if err := s.reopen(); err != nil {
			return err
		}
	}
	err := work(s.db)
	if isDamage(err) {
		s.damage = err
	}
	if isDamage(err) || needsReopening(err) {
		err = errors.Join(err, s.db.Close())
		s.db = nil
	}
	return err
}

// change runs work as one transaction: all of it is durable when it returns nil.
func (s *Store) change(work func(tx *sql.Tx) error) error {
	return s.use(func(db *sql.DB) error { return inTx(db, work) })
}

func inTx(db *sql.DB, work func(tx *sql.Tx) error) error {
	tx, err := db.Begin()
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := work(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
