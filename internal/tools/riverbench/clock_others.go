//go:build !linux

package main

import "time"

// clock returns the time of day, where that of the process is not to be had.
func clock() time.Duration { return time.Duration(time.Now().UnixNano()) }
