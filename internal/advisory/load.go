package advisory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds of files of data. The Debian security tracker's is 70 MB.
const (
	maxDataFile = 256 << 20
	maxDataAll  = 512 << 20
	maxFiles    = 1 << 14
)

// ErrInvalid is data that cannot be used.
var ErrInvalid = errors.New("invalid data")

// What may be wrong with a file or a folder of data.
var (
	errTooLarge  = errors.New("it is too large")
	errNoFile    = errors.New("it is neither a file nor a folder")
	errNoJSON    = errors.New("no file in it ends in .json")
	errManyFiles = errors.New("too many files are in it")
)

// Load adds the data of a file, or of the files of a folder that end in .json, to
// what is known: records of OSV, one or many, and the Debian security tracker's.
// Data that cannot be used is an ErrInvalid, and nothing of it counts then.
func Load(name string) (*Database, error) {
	d := Embedded()
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	files := []string{name}
	if info.IsDir() {
		if files, err = dataFiles(name); err != nil {
			return nil, err
		}
	}
	total := int64(0)
	for _, file := range files {
		size, err := d.load(file)
		if err == nil && total+size > maxDataAll {
			err = fmt.Errorf("%w: %w", ErrInvalid, errTooLarge)
		}
		if err != nil {
			return nil, problem(file, err)
		}
		total += size
	}
	return d, nil
}

// dataFiles lists the data in a folder by name, so that the same folder always gives
// the same answer.
func dataFiles(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("read advisories of %s: %w: %w", dir, ErrInvalid, errManyFiles)
	}
	var files []string
	for _, n := range names {
		if strings.HasSuffix(n, ".json") {
			files = append(files, filepath.Join(dir, n))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read advisories of %s: %w: %w", dir, ErrInvalid, errNoJSON)
	}
	slices.Sort(files)
	return files, nil
}

// load reads one file. Its own date counts where the data has none.
func (d *Database) load(name string) (int64, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO has no end to wait for
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, fmt.Errorf("%w: %w", ErrInvalid, errNoFile)
	case info.Size() > maxDataFile:
		return 0, fmt.Errorf("%w: %w", ErrInvalid, errTooLarge)
	}
	if err := d.read(bufio.NewReader(io.LimitReader(f, maxDataFile)), info.ModTime()); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return info.Size(), nil
}

// reading is what one source has told so far.
type reading struct {
	found   []*Advisory
	records int // those about other programs included
	// dated is the source's own date, for data that has none. What is new is told
	// for each program: by the last change of a record, or by a day of its own.
	dated    time.Time
	modified map[string]time.Time
	days     map[string]time.Time
}

// read adds the data of one source. Nothing is added when something is wrong.
func (d *Database) read(from io.Reader, dated time.Time) error {
	r := &reading{dated: dated, modified: map[string]time.Time{}, days: map[string]time.Time{}}
	in := json.NewDecoder(from)
	if err := r.top(in); err != nil {
		return jsonError(in, err)
	}
	if _, err := in.Token(); !errors.Is(err, io.EOF) {
		return errForm // something follows
	}
	if r.records == 0 {
		return errForm
	}
	// Only now, when all of the source has been read without a fault.
	for _, a := range r.found {
		if err := d.add(a); err != nil {
			return err
		}
	}
	for p, day := range r.modified {
		d.seen(p, day)
	}
	for p, day := range r.days {
		d.seen(p, day)
	}
	return nil
}

// jsonError says where in the data something is wrong.
func jsonError(in *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	return fmt.Errorf("byte %d: %w", in.InputOffset(), err)
}

// top reads what stands outermost: a list of records, one record, ours with
// "vulns", or the tracker's packages.
func (r *reading) top(in *json.Decoder) error {
	t, err := in.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		return r.list(in)
	case json.Delim('{'):
	default:
		return errForm
	}
	single := map[string]json.RawMessage{} // of one record
	for in.More() {
		key, err := in.Token()
		if err != nil {
			return err
		}
		k, _ := key.(string)
		switch {
		case k == "vulns":
			if t, err = in.Token(); err == nil && t != json.Delim('[') {
				err = errForm
			}
			if err == nil {
				err = r.list(in)
			}
		case k == "products":
			err = r.products(in)
		case productOf(k) != nil:
			err = r.issues(in, k)
		default:
			var raw json.RawMessage
			if err = in.Decode(&raw); err == nil && len(single) < 64 {
				single[k] = raw
			}
		}
		if err != nil {
			return err
		}
	}
	if _, err := in.Token(); err != nil {
		return err
	}
	return r.single(single)
}

// single takes up one record that was the whole of the data. Packages of other
// programs, in the tracker's data, are records that count for nothing.
func (r *reading) single(fields map[string]json.RawMessage) error {
	if fields["id"] == nil || fields["affected"] == nil {
		for _, raw := range fields {
			if r.records == 0 && isTracker(raw) {
				r.records = 1
			}
		}
		return nil
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	var o osv
	if err := json.Unmarshal(whole, &o); err != nil {
		return err
	}
	return r.record(&o)
}

// isTracker tells whether a value looks like a package of the tracker's.
func isTracker(raw json.RawMessage) bool {
	var issues map[string]struct {
		Releases map[string]json.RawMessage `json:"releases"`
	}
	if json.Unmarshal(raw, &issues) != nil {
		return false
	}
	for _, i := range issues {
		return i.Releases != nil
	}
	return false
}

// list reads records until the end of a list.
func (r *reading) list(in *json.Decoder) error {
	for in.More() {
		var o osv
		if err := in.Decode(&o); err != nil {
			return err
		}
		if err := r.record(&o); err != nil {
			return err
		}
	}
	_, err := in.Token()
	return err
}

// record takes one record up, and counts it even where it is about other programs:
// data that has records is data, though none of them concern us.
func (r *reading) record(o *osv) error {
	if r.records++; r.records > maxAdvisories {
		return errTooMany
	}
	all, err := o.advisories()
	for _, a := range all {
		r.found = append(r.found, a)
		for _, f := range a.Affected {
			if o.Modified.After(r.modified[f.Package]) {
				r.modified[f.Package] = o.Modified
			}
		}
	}
	return err
}

// products reads our own data's dates, a day for each product.
func (r *reading) products(in *json.Decoder) error {
	days := map[string]string{}
	if err := in.Decode(&days); err != nil {
		return err
	}
	for p, text := range days {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return err
		}
		r.days[p] = day
	}
	return nil
}

// issues reads the tracker's issues of one source package.
func (r *reading) issues(in *json.Decoder, source string) error {
	all := map[string]trackerIssue{}
	if err := in.Decode(&all); err != nil {
		return err
	}
	if len(all) > maxAdvisories {
		return errTooMany
	}
	r.modified[source] = r.dated
	r.records++
	for id, issue := range all {
		if !name(id) || strings.HasPrefix(id, "TEMP-") {
			continue // it has no number yet that others know
		}
		if a := issue.advisory(source, id); len(a.Affected) > 0 {
			r.found = append(r.found, a)
		}
	}
	// A map has no order, and the answer must have one.
	slices.SortFunc(r.found, func(a, b *Advisory) int { return strings.Compare(a.ID, b.ID) })
	return nil
}
