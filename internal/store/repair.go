package store

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	brokenMark = ".broken-"
	// brokenKept is how many damaged databases are kept for people to look at.
	brokenKept = 3
	// salvageLimit bounds how many rows are taken from a table that may have no end.
	salvageLimit = 2_000_000
)

// create makes a new database, filled by fill if given, and puts it in its
// place in one step: there is never a half-made one.
func (s *Store) create(fill func(db *sql.DB)) error {
	fresh := s.path + ".new"
	if err := removeAll(fresh, fresh+"-wal", fresh+"-shm"); err != nil {
		return fmt.Errorf("remove remains: %w", err)
	}
	if err := makeFile(fresh); err != nil {
		return err
	}
	db, err := connect(fresh)
	if err != nil {
		return err
	}
	err = migrate(db)
	if err == nil && fill != nil {
		fill(db)
	}
	// Closing writes the log back into the file and removes it.
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("fill new database: %w", err)
	}
	// A log without its database would be taken for the new one's.
	if err := removeAll(s.path+"-wal", s.path+"-shm"); err != nil {
		return fmt.Errorf("remove old log: %w", err)
	}
	if err := os.Rename(fresh, s.path); err != nil {
		return fmt.Errorf("put new database in place: %w", err)
	}
	return syncDir(filepath.Dir(s.path))
}

// makeFile makes the empty file itself, because SQLite would give it the rights
// of any file.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("make database file: %w", err)
	}
	// The umask may have taken the group's right to read.
	if err := errors.Join(f.Chmod(0o640), f.Close()); err != nil {
		return fmt.Errorf("make database file: %w", err)
	}
	return nil
}

// syncDir makes a rename durable: fsync of the file alone leaves its name behind.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync state directory: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync state directory: %w", err)
	}
	return nil
}

func removeAll(paths ...string) error {
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// repair moves the damaged database aside and makes a new one of what can
// still be read. A crash in between leaves the damaged one, and the next start
// repairs again.
func (s *Store) repair(cause error) error {
	broken, err := s.setAside()
	if err != nil {
		return err
	}
	var saved int
	err = s.create(func(db *sql.DB) { saved = salvage(broken, db) })
	if err != nil {
		return err
	}
	s.begunAgain = true
	s.warning = fmt.Sprintf("state was damaged (%v): it is kept as %s, %d records could be saved", cause, broken, saved)
	return s.dropOldBroken()
}

// setAside gives the damaged files a second name. The first stays until the new
// database takes it.
func (s *Store) setAside() (string, error) {
	base := s.path + brokenMark + strconv.FormatInt(s.stamp.Unix(), 10)
	broken := base
	for n := 2; ; n++ {
		if _, err := os.Lstat(broken); errors.Is(err, os.ErrNotExist) {
			break
		}
		broken = base + "." + strconv.Itoa(n)
	}
	// The log goes first: salvage finds it by the name of its database.
	for _, suffix := range []string{"-wal", ""} {
		err := os.Link(s.path+suffix, broken+suffix)
		if errors.Is(err, os.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
			// Not every file system has second names.
			err = os.Rename(s.path+suffix, broken+suffix)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("move damaged database aside: %w", err)
		}
	}
	return broken, nil
}

// dropOldBroken removes all but the newest damaged databases.
func (s *Store) dropOldBroken() error {
	names, err := filepath.Glob(s.path + brokenMark + "*")
	if err != nil {
		return fmt.Errorf("list damaged databases: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm")
	})
	slices.Sort(names)
	for len(names) > brokenKept {
		if err := removeAll(names[0], names[0]+"-wal", names[0]+"-shm"); err != nil {
			return fmt.Errorf("remove damaged database: %w", err)
		}
		names = names[1:]
	}
	return nil
}

// salvage copies all sound rows it can reach, and counts them. Whatever it
// cannot read is lost: there is no one to tell but the count.
func salvage(broken string, to *sql.DB) int {
	// SQLite writes to what it opens, and people may want to see the original.
	scratch := strings.Replace(broken, brokenMark, ".scratch-", 1)
	defer removeAll(scratch, scratch+"-wal", scratch+"-shm")
	if copyFile(broken, scratch) != nil || mendHeader(scratch) != nil {
		return 0
	}
	if err := copyFile(broken+"-wal", scratch+"-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0
	}
	from, err := connect(scratch)
	if err != nil {
		return 0
	}
	defer from.Close()
	n := 0
	for _, table := range []string{"bans", "events"} {
		n += salvageRows(from, to, table, "ASC")
		// From the other end, for what lies behind the damage.
		n += salvageRows(from, to, table, "DESC")
	}
	return n + salvageCheckpoints(from, to)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// mendHeader writes what must stand at the head of a database of ours, so that
// a flipped bit there, or a missing tail, does not hide the rest.
func mendHeader(path string) error {
	header, err := readHeader(path)
	if err != nil {
		return err
	}
	if len(header) < headerSize {
		return fmt.Errorf("mend header: %w", errDamaged)
	}
	copy(header, magic)
	binary.BigEndian.PutUint16(header[16:], pageSize)
	header[18], header[19] = 2, 2     // the format with a write-ahead log
	header[20] = 0                    // no bytes reserved on each page
	copy(header[21:], "\x40\x20\x20") // fixed by the format
	// The size in pages at 28 counts only if the numbers at 24 and 92 agree.
	copy(header[92:], header[24:28])
	header[95]++
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("mend header: %w", err)
	}
	_, err = f.WriteAt(header, 0)
	return errors.Join(err, f.Close())
}

// salvageRows copies from one end of a table until it meets damage it cannot
// pass, and counts the rows that were not there yet.
func salvageRows(from, to *sql.DB, table, order string) (n int) {
	rows, err := from.Query("SELECT id, at, sum, body FROM " + table + " NOT INDEXED ORDER BY id " + order)
	if err != nil {
		return 0
	}
	defer rows.Close()
	err = inTx(to, func(tx *sql.Tx) error {
		var last int64
		for seen := 0; rows.Next() && seen < salvageLimit; seen++ {
			var row row[sql.RawBytes]
			if !row.scan(rows) {
				continue
			}
			// Damaged pages can lead in a circle: then the order breaks.
			if seen > 0 && (order == "ASC") != (row.id > last) {
				return nil
			}
			last = row.id
			done, err := tx.Exec("INSERT OR IGNORE INTO "+table+" (id, at, sum, body) VALUES (?, ?, ?, ?)",
				row.id, row.at, row.sum, []byte(row.body))
			if err != nil {
				return fmt.Errorf("save row: %w", err)
			}
			added, _ := done.RowsAffected()
			n += int(added)
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return n
}

func salvageCheckpoints(from, to *sql.DB) (n int) {
	rows, err := from.Query("SELECT name, sum, body FROM checkpoints LIMIT 10000")
	if err != nil {
		return 0
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var sum int64
		var body []byte
		if rows.Scan(&name, &sum, &body) != nil || sum != int64(checkpointSum(name, body)) {
			continue
		}
		if _, err := to.Exec("INSERT OR IGNORE INTO checkpoints (name, sum, body) VALUES (?, ?, ?)", name, sum, body); err == nil {
			n++
		}
	}
	return n
}
