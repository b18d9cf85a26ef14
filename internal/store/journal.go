package store

import (
	"database/sql"
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
// database is repaired, and what is sound is given back.
func (s *Store) Load() ([]ban.Ban, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var entries []ban.Ban
	load := func(db *sql.DB) (err error) {
		entries, err = readBans(db)
		return err
	}
	err := s.useLocked(load)
	if isDamage(err) {
		err = s.useLocked(load) // the opening in between repairs
		s.begunAgain = false    // and the caller knows all there is
	}
	if err != nil {
		return nil, fmt.Errorf("load journal: %w", err)
	}
	return entries, nil
}

func readBans(db *sql.DB) ([]ban.Ban, error) {
	// Growing the slice would cost more than reading the rows.
	var count int
	if err := db.QueryRow("SELECT count(*) FROM bans").Scan(&count); err != nil {
		return nil, fmt.Errorf("count bans: %w", err)
	}
	rows, err := db.Query("SELECT id, at, sum, body FROM bans")
	if err != nil {
		return nil, fmt.Errorf("read bans: %w", err)
	}
	defer rows.Close()
	entries := make([]ban.Ban, 0, count)
	for rows.Next() {
		var row row[sql.RawBytes]
		if !row.scan(rows) {
			return nil, fmt.Errorf("read ban %d: %w: checksum differs", row.id, errDamaged)
		}
		b, err := decodeBan(row.body)
		if err != nil {
			return nil, fmt.Errorf("read ban %d: %w", row.id, err)
		}
		entries = append(entries, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read bans: %w", err)
	}
	return entries, nil
}
