package tail

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rotatedFile is what the model knows of log.1, log.2 and so on.
type rotatedFile struct {
	late   *os.File // a writer that has not heard of the rotation
	packed bool
}

// model is a log's whole life, with the lines a follower owes.
type model struct {
	*rig
	t      *rapid.T
	writer *os.File // of the live file; nil while nobody has opened it
	begun  string   // the beginning of a line whose end is not yet written
	olds   []*rotatedFile
	down   bool
	number int

	generations int
	rests       int // how often time went on
	ordered     bool
	owed        []string
}

func (m *model) line() string {
	m.number++
	return fmt.Sprintf("%06d %s", m.number, strings.Repeat("x", m.number*31%90))
}

func (m *model) put(writer *os.File, text string) {
	_, err := writer.WriteString(text)
	m.must(err)
}

func (m *model) lines(writer *os.File) {
	defer func(from int) { m.t.Logf("%d lines from %06d", m.number-from, from+1) }(m.number)
	for range rapid.IntRange(1, 30).Draw(m.t, "lines") {
		text := m.line()
		m.put(writer, text+"\n")
		m.owed = append(m.owed, text)
	}
}

func (m *model) openWriter() {
	if m.writer == nil {
		m.writer = m.hold("")
	}
}

func (m *model) write() {
	m.openWriter()
	m.complete()
	m.lines(m.writer)
}

func (m *model) writePart() {
	m.openWriter()
	m.complete()
	m.begun = m.line()
	m.put(m.writer, m.begun)
}

func (m *model) complete() {
	if m.begun != "" {
		m.put(m.writer, " and the rest\r\n")
		m.owed = append(m.owed, m.begun+" and the rest")
		m.begun = ""
	}
}

// generation counts the contents the log had. All of them are from within the
// same second here, so the follower has to remember every one.
func (m *model) generation() {
	if m.generations == maxKnown-2 {
		m.t.Skip()
	}
	m.generations++
}

// shift renames log.1 to log.2 and so on.
func (m *model) shift() {
	m.generation()
	for i, old := range slices.Backward(m.olds) {
		ext := ""
		if old.packed {
			ext = ".gz"
		}
		m.rename(fmt.Sprintf(".%d%s", i+1, ext), fmt.Sprintf(".%d%s", i+2, ext))
	}
	m.olds = slices.Insert(m.olds, 0, &rotatedFile{})
}

// rotate renames the log; its writer never completes the line it began.
func (m *model) rotate() {
	m.openWriter()
	m.shift()
	m.rename("", ".1")
	if m.begun != "" {
		m.owed = append(m.owed, m.begun)
		m.begun, m.ordered = "", false
	}
	m.must(m.writer.Close())
	m.writer = nil
	if rapid.Bool().Draw(m.t, "create") {
		m.openWriter()
	}
}

func (m *model) rotateLate() {
	m.openWriter()
	m.complete()
	m.shift()
	m.rename("", ".1")
	m.olds[0].late = m.writer
	m.writer = nil
	m.openWriter()
}

func (m *model) writeLate() {
	for _, old := range m.olds {
		if old.late != nil {
			m.lines(old.late)
			m.ordered = false
			if rapid.Bool().Draw(m.t, "close") {
				m.must(old.late.Close())
				old.late = nil
			}
		}
	}
}

func (m *model) copyTruncate() {
	m.openWriter()
	m.complete()
	m.shift()
	m.copy("", ".1")
	m.truncate()
}

func (m *model) packOne() {
	if len(m.olds) == 0 {
		m.t.Skip()
	}
	i := rapid.IntRange(0, len(m.olds)-1).Draw(m.t, "which")
	if m.olds[i].packed || m.olds[i].late != nil {
		m.t.Skip()
	}
	m.pack(fmt.Sprintf(".%d", i+1))
	m.olds[i].packed = true
}

// discard throws away what has been read, without a copy.
func (m *model) discard() {
	if m.down {
		m.t.Skip()
	}
	m.generation()
	m.openWriter()
	m.complete()
	m.poll()
	if rapid.Bool().Draw(m.t, "replace") {
		m.must(m.writer.Close())
		m.must(os.WriteFile(m.name(".tmp"), nil, 0o600))
		m.rename(".tmp", "")
		m.writer = nil
	} else {
		m.truncate()
	}
}

func (m *model) restart() {
	if m.down {
		m.start()
	} else {
		m.stop()
	}
	m.down = !m.down
}

func (m *model) look() {
	if m.down {
		m.t.Skip()
	}
	m.poll()
}

func (m *model) rest() {
	// A writer that is silent for longer than HoldTime is none.
	if m.rests++; m.down || m.rests > 50 {
		m.t.Skip()
	}
	m.settle()
}

// check brings everything to its end and compares.
func (m *model) check() {
	m.openWriter()
	m.complete()
	for _, old := range m.olds {
		if old.late != nil {
			m.must(old.late.Close())
		}
	}
	if m.down {
		m.start()
	}
	m.settle()
	m.settle()
	m.f.Close()
	m.must(m.writer.Close())
	var twice []string
	for i, text := range m.got {
		if j := slices.Index(m.got, text); j < i {
			twice = append(twice, m.where[j]+" and "+m.where[i])
		}
	}
	if len(twice) > 0 {
		m.t.Fatalf("delivered twice: %v\nfiles: %+v", twice[:min(len(twice), 3)], m.f.Checkpoint())
	}
	if !m.ordered {
		slices.Sort(m.got)
		slices.Sort(m.owed)
	}
	if !slices.Equal(m.got, m.owed) {
		m.t.Fatalf("owed %d lines, delivered %d, first difference: %s", len(m.owed), len(m.got), difference(m.owed, m.got))
	}
}

func difference(want, got []string) string {
	for i := range want {
		if i >= len(got) || want[i] != got[i] {
			return fmt.Sprintf("%d: want %.20q, got %.20q", i, want[i:min(i+3, len(want))], got[min(i, len(got)):min(i+3, len(got))])
		}
	}
	return fmt.Sprintf("surplus %.20q", got[len(want):])
}

// TestModel lives random lives of a log. Whatever happens to its files, every
// line is delivered once, and in order where the log itself has one.
func TestModel(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{rig: newRigIn(rt, dir), t: rt, ordered: true}
		rt.Repeat(map[string]func(*rapid.T){
			"write":         func(*rapid.T) { m.write() },
			"write again":   func(*rapid.T) { m.write() },
			"write part":    func(*rapid.T) { m.writePart() },
			"write late":    func(*rapid.T) { m.writeLate() },
			"rotate":        func(*rapid.T) { m.rotate() },
			"rotate late":   func(*rapid.T) { m.rotateLate() },
			"copy truncate": func(*rapid.T) { m.copyTruncate() },
			"pack":          func(*rapid.T) { m.packOne() },
			"discard":       func(*rapid.T) { m.discard() },
			"restart":       func(*rapid.T) { m.restart() },
			"look":          func(*rapid.T) { m.look() },
			"rest":          func(*rapid.T) { m.rest() },
		})
		m.check()
	})
}
