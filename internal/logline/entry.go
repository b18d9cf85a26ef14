package logline

import "time"

// PutEntry reads the next line of a log whose every entry has a time of its own
// beside the text, as in the systemd journal. A stamp in the text goes before it.
func (r *Reader) PutEntry(text []byte, at time.Time) {
	r.last = at
	r.Put(text, at)
}
