package pbx

import (
	"io/fs"

	"github.com/sipward/sipward/internal/settings"
)

// maxTrunks is how many carriers and ports one server may name.
const maxTrunks = 1024

// tree is what the settings of one server say.
type tree struct {
	*settings.Tree

	trunks []Trunk
	known  map[Trunk]bool // the trunks without their places
	logs   []Log
	ports  []Port // on which the settings have it serve SIP
}

func newTree(files fs.FS) *tree {
	return &tree{Tree: settings.New(files), known: map[Trunk]bool{}}
}
