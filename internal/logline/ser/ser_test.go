package ser_test

import (
	"testing"

	"github.com/sipward/sipward/internal/logline/logtest"
)

// TestCorpus reads lines as Kamailio and OpenSIPS write them.
func TestCorpus(t *testing.T) {
	total := logtest.Corpus(t, "testdata/kamailio.txt", "kamailio") + logtest.Corpus(t, "testdata/opensips.txt", "opensips")
	if total < 240 {
		t.Errorf("only %d lines in the corpus", total)
	}
}
