package store

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// rowSum covers all columns of a row of bans or events.
func rowSum(id, at int64, body []byte) uint32 {
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], uint64(id))
	binary.BigEndian.PutUint64(head[8:], uint64(at))
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, body)
}

// row is a row of bans or events. Its body is a copy, or sql.RawBytes that hold
// only until the next row.
type row[Body ~[]byte] struct {
	id, at, sum int64
	body        Body
}

// scan reads the row and says whether it is sound: damage can leave any type and
// any number in any column.
func (r *row[Body]) scan(rows *sql.Rows) bool {
	err := rows.Scan(&r.id, &r.at, &r.sum, &r.body)
	return err == nil && r.sum == int64(rowSum(r.id, r.at, r.body))
}

// checkpointSum covers all columns of a row of checkpoints.
func checkpointSum(name string, body []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, body)
}

// millis gives Unix milliseconds, 0 for the zero time.
func millis(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// Record is one line of the event log: a finding, a ban, a word of ours.
type Record struct {
	// ID rises from record to record; the store gives it.
	ID   int64
	Time time.Time
	// Body is the line as `sipward events --json` prints it.
	Body json.RawMessage
}

// AppendEvents adds records to the event log, durably and in one transaction.
func (s *Store) AppendEvents(records []Record) error {
	err := s.change(func(tx *sql.Tx) error {
		var last int64
		// The sequence remembers numbers whose rows are gone, so none comes twice.
		err := tx.QueryRow("SELECT seq FROM sqlite_sequence WHERE name = 'events'").Scan(&last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read last number: %w", err)
		}
		put, err := tx.Prepare("INSERT INTO events (id, at, sum, body) VALUES (?, ?, ?, ?)")
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer put.Close()
		for _, r := range records {
			last++
			at, body := millis(r.Time), []byte(r.Body)
			if _, err := put.Exec(last, at, rowSum(last, at, body), body); err != nil {
				return fmt.Errorf("write event: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	return nil
}

// Query selects from the event log.
type Query struct {
	// Since leaves out what was before; zero means from the beginning.
	Since time.Time
	// After leaves out records up to this ID: how a reader goes on.
	After int64
	// Limit is how many to give; 0 means 1000.
	Limit int
}

// Events gives records in the order they were appended. Damaged ones are left out.
func (s *Store) Events(q Query) ([]Record, error) {
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	var records []Record
	err := s.use(func(db *sql.DB) error {
		if q.After == 0 {
			// Begin at the first that can match, not at the first there is.
			err := db.QueryRow("SELECT coalesce(min(id), 1) - 1 FROM events WHERE at > 0 AND at >= ?", millis(q.Since)).Scan(&q.After)
			if err != nil {
				return err
			}
		}
		rows, err := db.Query("SELECT id, at, sum, body FROM events NOT INDEXED WHERE id > ? AND at >= ? ORDER BY id LIMIT ?",
			q.After, millis(q.Since), q.Limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var row row[[]byte]
			if row.scan(rows) {
				records = append(records, Record{ID: row.id, Time: time.UnixMilli(row.at).UTC(), Body: row.body})
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return records, nil
}

// pruneStep bounds one transaction of a prune, so that writers get their turn.
const pruneStep = 5000

// PruneBans forgets bans that ended before a time, and the oldest ended ones
// beyond keep. Live ones stay. It says how many went.
func (s *Store) PruneBans(before time.Time, keep int) (int, error) {
	return s.prune("bans", before, keep)
}

// PruneEvents forgets events from before a time, and the oldest beyond keep.
func (s *Store) PruneEvents(before time.Time, keep int) (int, error) {
	return s.prune("events", before, keep)
}

func (s *Store) prune(table string, before time.Time, keep int) (int, error) {
	queries := []struct {
		where string
		bound int64
	}{
		{"at > 0 AND at < ?1 LIMIT ?2", millis(before)},
		{"at > 0 ORDER BY at DESC, id DESC LIMIT ?2 OFFSET ?1", int64(keep)},
	}
	gone := 0
	for _, q := range queries {
		for more := true; more; {
			err := s.change(func(tx *sql.Tx) error {
				done, err := tx.Exec("DELETE FROM "+table+" WHERE id IN (SELECT id FROM "+table+" WHERE "+q.where+")", q.bound, pruneStep)
				if err != nil {
					return err
				}
				n, err := done.RowsAffected()
				gone += int(n)
				more = n == pruneStep
				return err
			})
			if err != nil {
				return gone, fmt.Errorf("prune %s: %w", table, err)
			}
		}
	}
	return gone, nil
}

// SaveCheckpoint notes how far somebody has come, under a name.
func (s *Store) SaveCheckpoint(name string, body []byte) error {
	err := s.change(func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT OR REPLACE INTO checkpoints (name, sum, body) VALUES (?, ?, ?)",
			name, checkpointSum(name, body), body)
		return err
	})
	if err != nil {
		return fmt.Errorf("save checkpoint %q: %w", name, err)
	}
	return nil
}

// Checkpoint gives what was last saved under a name; nil if nothing was, or if
// it is damaged.
func (s *Store) Checkpoint(name string) ([]byte, error) {
	var body []byte
	err := s.use(func(db *sql.DB) error {
		rows, err := db.Query("SELECT sum, body FROM checkpoints WHERE name = ?", name)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var sum int64
			if rows.Scan(&sum, &body) != nil || sum != int64(checkpointSum(name, body)) {
				body = nil
			}
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %q: %w", name, err)
	}
	return body, nil
}
