//go:build !linux

package host

import (
	"context"
	"errors"
	"fmt"
)

var errLinux = fmt.Errorf("netlink needs Linux: %w", errors.ErrUnsupported)

func openKernel() (network, error) { return nil, errLinux }

// Watch fails: the kernel tells nothing here.
func (*Machine) Watch(context.Context) (<-chan struct{}, error) { return nil, errLinux }
