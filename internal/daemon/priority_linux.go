package daemon

import "golang.org/x/sys/unix"

// lanePriority is the nice value of a lane's thread. A ban is worth most in
// the milliseconds in which an attack begins, and that is when the machine is
// busiest; a lane sleeps most of the time.
const lanePriority = -15

// hurry puts the calling thread before others. Without the right to do so it
// goes on as it is.
func hurry() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), lanePriority) }
