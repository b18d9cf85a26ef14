package installed

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxProcesses bounds how many numbers of /proc are looked at.
const maxProcesses = 1 << 17

// processes notes which programs still run from a file that has been replaced:
// an upgrade counts only from the next start on. In a tree without /proc, or
// without the right to look, nothing is noted.
func (t *Tree) processes(r *Report, wanted []Wanted) {
	names, err := t.list("proc", maxProcesses)
	if err != nil {
		return
	}
	replaced := map[string]bool{}
	for _, name := range names {
		// /proc has much else.
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		comm, err := t.read(path.Join("proc", name, "comm"), 64)
		if err != nil {
			continue // it has ended
		}
		for _, w := range wanted {
			if !slices.Contains(w.Processes, strings.TrimSpace(string(comm))) {
				continue
			}
			// proc(5): the kernel adds this to the name of a file that is gone.
			// The name of the program is all we read of a process: to open its file would
			// lead out of the tree. Which version still runs is therefore not known.
			target, err := t.root.Readlink(path.Join("proc", name, "exe"))
			if before, gone := strings.CutSuffix(target, " (deleted)"); err == nil && gone && path.Base(before) != "" {
				replaced[w.Name] = true
			}
		}
	}
	for i, p := range r.Packages {
		r.Packages[i].Restart = replaced[p.Name]
	}
}
