//go:build !linux

package host

import (
	"context"
	"errors"
	"fmt"
)

var errLinux = fmt.Errorf("netlink needs Linux: %w", errors.ErrUnsupported)

// kernel cannot be asked here.
type kernel struct{}

func openKernel() (*kernel, error) { return nil, errLinux }

func (*kernel) close() {}

func (*kernel) addresses() (own, gateways []claim, err error) { return nil, nil, errLinux }

func (*kernel) links() ([]link, error) { return nil, errLinux }

func (*kernel) interfaces() ([]link, error) { return nil, errLinux }

// Watch fails: the kernel tells nothing here.
func (*Machine) Watch(context.Context) (<-chan struct{}, error) { return nil, errLinux }
