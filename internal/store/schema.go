package store

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// migrations bring the database from one version to the next; version n has
// seen the first n. One that was released is never changed.
//
// The bodies of bans are encodeBan's, the others JSON, for people with a
// sqlite3 shell; at is Unix milliseconds: when a ban ended (0 while live), when an event was;
// sum is the CRC-32C of the body, since SQLite does not notice a flipped bit.
var migrations = []string{`
	CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
	CREATE TABLE bans (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL);
	CREATE INDEX bans_ended ON bans (at) WHERE at > 0;
	CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, sum INTEGER NOT NULL, body BLOB NOT NULL);
	CREATE INDEX events_at ON events (at) WHERE at > 0;
	CREATE TABLE checkpoints (name TEXT PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL);
`}

// probes touch every column, so that a damaged schema is found at once.
var probes = []string{
	"SELECT name, value FROM meta LIMIT 1",
	"SELECT id, at, sum, body FROM bans INDEXED BY bans_ended WHERE at > 0 LIMIT 1",
	"SELECT id, at, sum, body FROM events INDEXED BY events_at WHERE at > 0 LIMIT 1",
	"SELECT name, sum, body FROM checkpoints LIMIT 1",
}

// errDamaged marks what SQLite itself would not call damage.
var errDamaged = errors.New("database is damaged")

// migrate brings the schema up to date.
func migrate(db *sql.DB) error {
	version, err := schemaVersion(db)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("read schema version %d: %w", version, ErrNewer)
	}
	if version == len(migrations) {
		return probe(db)
	}
	err = inTx(db, func(tx *sql.Tx) error {
		for _, step := range migrations[version:] {
			if _, err := tx.Exec(step); err != nil {
				return fmt.Errorf("migrate from version %d: %w", version, err)
			}
		}
		now := len(migrations)
		if _, err := tx.Exec("INSERT OR REPLACE INTO meta (name, value) VALUES ('schema', ?)", strconv.Itoa(now)); err != nil {
			return fmt.Errorf("note schema version: %w", err)
		}
		if _, err := tx.Exec("PRAGMA user_version = " + strconv.Itoa(now)); err != nil {
			return fmt.Errorf("note schema version: %w", err)
		}
		return nil
	})
	return errors.Join(err, probe(db))
}

// schemaVersion reads the version from its two places. Where they disagree it
// is damage: a flipped bit must not look like a newer version.
func schemaVersion(db *sql.DB) (int, error) {
	var version, tables int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if err := db.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return 0, fmt.Errorf("read schema: %w", err)
	}
	if version == 0 && tables == 0 {
		return 0, nil
	}
	var noted string
	if err := db.QueryRow("SELECT value FROM meta WHERE name = 'schema'").Scan(&noted); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = errDamaged
		}
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if noted != strconv.Itoa(version) {
		return 0, fmt.Errorf("read schema version %d, noted %q: %w", version, noted, errDamaged)
	}
	return version, nil
}

// probe says whether the schema can be used, as far as asking tells.
func probe(db *sql.DB) error {
	for _, query := range probes {
		rows, err := db.Query(query)
		if err != nil {
			return fmt.Errorf("check schema: %w", err)
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return fmt.Errorf("check schema: %w", err)
		}
	}
	return nil
}

// checkPages reads the whole database and says whether it is sound.
func checkPages(db *sql.DB) error {
	var verdict string
	if err := db.QueryRow("PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check database: %w: %s", errDamaged, verdict)
	}
	return nil
}

const (
	headerSize = 100
	magic      = "SQLite format 3\x00"
	// pageSize is what SQLite gives a new database.
	pageSize = 4096
)

// checkHeader looks at what would make SQLite see a read-only file or a foreign
// one where there is a damaged one. The offsets are those of the file format's
// database header: magic at 0, page size at 16, format versions at 18 and 19.
func checkHeader(path string) error {
	header, err := readHeader(path)
	if err != nil {
		return err
	}
	if len(header) < headerSize {
		return fmt.Errorf("read header: %w: only %d bytes", errDamaged, len(header))
	}
	if !bytes.HasPrefix(header, []byte(magic)) || binary.BigEndian.Uint16(header[16:]) != pageSize || header[18] != 2 || header[19] != 2 {
		return fmt.Errorf("read header: %w: not a database of ours", errDamaged)
	}
	return nil
}

// readHeader gives the first headerSize bytes, or fewer if there are no more.
func readHeader(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	defer f.Close()
	header := make([]byte, headerSize)
	n, err := io.ReadFull(f, header)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	return header[:n], nil
}

// refuseNewer finds out, without touching any file, that a newer version made
// the database. The version is at offset 60 of the header.
func (s *Store) refuseNewer() error {
	header, err := readHeader(s.path)
	if err != nil || len(header) < headerSize || int64(binary.BigEndian.Uint32(header[60:])) <= int64(len(migrations)) {
		return nil // whatever is wrong here is said by those who open it
	}
	db, err := sql.Open("sqlite", address(s.path, url.Values{"immutable": {"1"}, "mode": {"ro"}}))
	if err != nil {
		return nil
	}
	defer db.Close()
	version, err := schemaVersion(db)
	if err != nil || version <= len(migrations) {
		return nil
	}
	return fmt.Errorf("open %s: schema version %d, known are up to %d: %w", s.path, version, len(migrations), ErrNewer)
}

// isDamage tells a broken database from a broken world: only the first is
// helped by beginning anew.
func isDamage(err error) bool {
	if err == nil || errors.Is(err, ErrNewer) {
		return false
	}
	if errors.Is(err, errDamaged) {
		return true
	}
	code, ok := sqliteCode(err)
	if !ok {
		return false
	}
	switch code {
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOLFS:
		return false
	}
	return true
}

// needsReopening says that the connection may not be trusted further: after a
// failed fsync nobody knows what is on the disk but the disk.
func needsReopening(err error) bool {
	code, ok := sqliteCode(err)
	return ok && (code == sqlite3.SQLITE_IOERR || code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_CANTOPEN)
}

// sqliteCode gives the primary result code of an error that SQLite gave.
func sqliteCode(err error) (int, bool) {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	return e.Code() & 0xff, true
}
