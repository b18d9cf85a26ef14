package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// progressAfter is how long a verb works silently before it shows how far it is.
const progressAfter = 2 * time.Second

// ShowProgress shows a human on a terminal how much of the work is done. It
// returns the function that ends it.
func ShowProgress(w io.Writer, done *atomic.Int64, whole int64) (stop func()) {
	terminal, ok := w.(*os.File)
	if !ok || whole <= 0 || !term.IsTerminal(int(terminal.Fd())) {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressAfter / 4)
		defer tick.Stop()
		begun := time.Now()
		for {
			select {
			case <-end:
				fmt.Fprint(terminal, "\r\x1b[K")
				return
			case now := <-tick.C:
				if now.Sub(begun) >= progressAfter {
					fmt.Fprint(terminal, "\r\x1b[K"+progressBar(done.Load(), whole))
				}
			}
		}
	}()
	return func() { close(end); <-ended }
}

// progressBar draws how much of the whole is done.
func progressBar(done, whole int64) string {
	const width = 40
	done = min(max(done, 0), whole)
	full := int(done * width / whole)
	return fmt.Sprintf("[%s%s] %d %%", strings.Repeat("#", full), strings.Repeat("-", width-full), done*100/whole)
}
