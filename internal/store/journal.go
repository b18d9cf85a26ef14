package store

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/sipward/sipward/internal/ban"
)

// Append implements ban.Journal: one transaction for all entries. After a
// repair it returns ban.ErrLost once, because the table knows more than could
// be saved.
func (s *Store) Append(entries []ban.Ban) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.useLocked(func(db *sql.DB) error {
		if s.begunAgain {
			s.begunAgain = false
			return ban.ErrLost
		}
		return inTx(db, func(tx *sql.Tx) error { return putBans(tx, entries) })
	})
	if err != nil {
		return fmt.Errorf("append to journal: %w", err)
	}
	return nil
}

func putBans(tx *sql.Tx, entries []ban.Ban) error {
	put, err := tx.Prepare("INSERT OR REPLACE INTO bans (id, at, sum, body) VALUES (?, ?, ?, ?)")
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	defer put.Close()
	var body []byte
	for i := range entries {
		body = encodeBan(body[:0], &entries[i])
		id, at := int64(entries[i].ID), millis(entries[i].Ended)
		if _, err := put.Exec(id, at, rowSum(id, at, body), body); err != nil {
			return fmt.Errorf("write ban: %w", err)
		}
	}
	return nil
}

// Load implements ban.Journal. A damaged entry is damage of the whole: the
// database is repaired, and ErrLost says so.
func (s *Store) Load(give func(ban.Ban)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.useLocked(func(db *sql.DB) error { return readBans(db, give) })
	if isDamage(err) {
		repaired := s.useLocked(func(*sql.DB) error { return nil }) // opening repairs
		s.begunAgain = false                                        // the caller learns it now
		err = errors.Join(ban.ErrLost, err, repaired)
	}
	if err != nil {
		return fmt.Errorf("load journal: %w", err)
	}
	return nil
}

// readBans gives the rows one by one, because the memory for a hundred thousand
// at once costs as much time as to read them. A start waits for this, so one
// goroutine reads and the caller's decodes.
func readBans(db *sql.DB, give func(ban.Ban)) error {
	bodies, end := make(chan []string, 1), make(chan error, 1)
	go func() {
		defer close(bodies)
		end <- readBodies(db, bodies)
	}()
	var damage error
	for some := range bodies {
		for _, body := range some {
			b, err := decodeBan(body)
			if err != nil {
				damage = err
			}
			if damage == nil {
				give(b)
			}
		}
	}
	if err := errors.Join(<-end, damage); err != nil {
		return fmt.Errorf("read bans: %w", err)
	}
	return nil
}

// readBodies reads what is sound, in batches.
func readBodies(db *sql.DB, to chan<- []string) error {
	const batch = 512
	rows, err := db.Query("SELECT id, at, sum, body FROM bans")
	if err != nil {
		return err
	}
	defer rows.Close()
	some := make([]string, 0, batch)
	for rows.Next() {
		var row row[sql.RawBytes]
		if !row.scan(rows) {
			return fmt.Errorf("ban %d: %w: checksum differs", row.id, errDamaged)
		}
		if some = append(some, string(row.body)); len(some) == batch {
			to <- some
			some = make([]string, 0, batch)
		}
	}
	to <- some
	return rows.Err()
}
