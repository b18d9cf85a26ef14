package asterisk_test

import (
	"testing"

	"github.com/sipward/sipward/internal/logline/logtest"
)

// TestCorpus reads lines as Asterisk writes them.
func TestCorpus(t *testing.T) {
	if total := logtest.Corpus(t, "testdata/asterisk.txt", "asterisk"); total < 100 {
		t.Errorf("only %d lines in the corpus", total)
	}
}
