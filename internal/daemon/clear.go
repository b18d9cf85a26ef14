package daemon

import (
	"fmt"

	"github.com/sipward/sipward/internal/enforce"
	"github.com/sipward/sipward/internal/nft"
)

// Clear removes the bans that a daemon has left in the kernel. While a daemon
// runs, the table is its own, and Clear gives an error.
func Clear() error {
	table, err := nft.Open(nft.Options{})
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	return enforce.NewNFT(table).Close(true)
}
