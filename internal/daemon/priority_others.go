//go:build !linux

package daemon

// hurry does nothing here.
func hurry() {}
