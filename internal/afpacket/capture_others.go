//go:build !linux

package afpacket

import "time"

// Capture cannot exist here; Open says so.
type Capture struct{}

// Lane cannot exist here.
type Lane struct{}

// Open returns [ErrUnsupported], unless the config is wrong on any system.
func Open(config Config) (*Capture, error) {
	if _, err := config.withDefaults(); err != nil {
		return nil, err
	}
	return nil, ErrUnsupported
}

// Lanes is 0.
func (*Capture) Lanes() int { return 0 }

// Lane returns nil.
func (*Capture) Lane(int) *Lane { return nil }

// SetInterfaces returns [ErrUnsupported].
func (*Capture) SetInterfaces([]int) error { return ErrUnsupported }

// Stats returns [ErrUnsupported].
func (*Capture) Stats() (Stats, error) { return Stats{}, ErrUnsupported }

// Close does nothing.
func (*Capture) Close() error { return nil }

// Read returns [ErrUnsupported].
func (*Lane) Read(time.Duration, func(*Frame)) (int, error) { return 0, ErrUnsupported }
