//go:build !linux

package nft

import (
	"context"
	"errors"
	"fmt"
)

// A Table is our table in the kernel; there are such tables on Linux only.
type Table struct{}

var errLinux = fmt.Errorf("open table: nftables needs Linux: %w", errors.ErrUnsupported)

// Open fails: there is no nftables here.
func Open(Options) (*Table, error) { return nil, errLinux }

// Adopted says whether Open kept a table that was there.
func (*Table) Adopted() bool { return false }

// Close lets go of the table.
func (*Table) Close() error { return errLinux }

// Clear removes the table.
func (*Table) Clear() error { return errLinux }

// Rebuild makes the table anew.
func (*Table) Rebuild([]Element) error { return errLinux }

// Apply removes and then adds elements.
func (*Table) Apply(_, _ []Element) error { return errLinux }

// Fill adds elements that the table does not have.
func (*Table) Fill([]Element) error { return errLinux }

// Replace makes the elements the whole content of the set.
func (*Table) Replace(Set, []Element) error { return errLinux }

// SetPorts replaces the protected ports.
func (*Table) SetPorts(_, _ []uint16) error { return errLinux }

// Elements lists what the kernel has in a set.
func (*Table) Elements(Set) ([]ElementState, error) { return nil, errLinux }

// Ranges lists the ranges that the kernel has in a set.
func (*Table) Ranges(Set) ([]ElementState, error) { return nil, errLinux }

// Get looks one element up.
func (*Table) Get(Element) (ElementState, bool, error) { return ElementState{}, false, errLinux }

// Verify compares the table in the kernel with the one we made.
func (*Table) Verify() error { return errLinux }

// Watch reports changes that others make to the table.
func (*Table) Watch(context.Context) (<-chan Change, error) { return nil, errLinux }
