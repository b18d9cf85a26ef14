package main

import (
	"bytes"
	"os"
	"strconv"
	"time"
)

// process is what this one has used, as /proc tells; zero on other systems.
type process struct {
	memory int64 // resident, in bytes
	cpu    time.Duration
}

func usage() (p process) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return process{}
	}
	if _, rest, found := bytes.Cut(status, []byte("VmRSS:")); found {
		p.memory = number(rest, 0) << 10
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return p
	}
	// proc(5): utime and stime are the 12th and 13th field behind the name, in
	// hundredths of a second.
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	p.cpu = time.Duration(number(rest, 11)+number(rest, 12)) * 10 * time.Millisecond
	return p
}

// number is a field of a line of /proc; 0 if there is none.
func number(text []byte, field int) int64 {
	fields := bytes.Fields(text)
	if field >= len(fields) {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[field]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
