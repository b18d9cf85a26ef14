package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progressAfter is how long a verb works silently before it shows that it does.
const progressAfter = 2 * time.Second

// showProgress tells a human on a terminal that long files are being read. It
// returns the function that ends it.
func showProgress(w io.Writer, files []string) (stop func()) {
	terminal, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return func() {}
	}
	var size int64
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			size += info.Size()
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		begun := time.Now()
		tick := time.NewTicker(progressAfter)
		defer tick.Stop()
		for {
			select {
			case <-done:
				fmt.Fprint(terminal, "\r\x1b[K")
				return
			case now := <-tick.C:
				fmt.Fprintf(terminal, "\r\x1b[Kreading %s MB, %s so far", grouped(uint64(size>>20)), ago(now.Sub(begun)))
			}
		}
	}()
	return func() { close(done); <-ended }
}
