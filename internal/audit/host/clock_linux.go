package host

import "golang.org/x/sys/unix"

// synchronised asks the kernel whether something keeps its clock (adjtimex(2)).
func synchronised() bool {
	var state unix.Timex
	status, err := unix.Adjtimex(&state)
	return err == nil && status != unix.TIME_ERROR && state.Status&unix.STA_UNSYNC == 0
}
