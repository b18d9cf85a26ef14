// Package health keeps one sentence for each thing that does not work, until it
// does again.
package health

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Health collects what does not work, one sentence for each thing, for
// `status` and the log.
type Health struct {
	log *slog.Logger

	mu    sync.Mutex
	wrong map[string]string
}

// New begins with nothing wrong.
func New(log *slog.Logger) *Health {
	return &Health{log: log, wrong: map[string]string{}}
}

// Report sets the sentence of a thing when err is one, and clears it when not.
func (h *Health) Report(thing, sentence string, err error) {
	if err == nil {
		h.Clear(thing)
		return
	}
	h.Set(thing, sentence+": "+err.Error())
}

// List sets the sentences of a thing, or clears it when there are none.
func (h *Health) List(thing string, sentences []string) {
	if len(sentences) == 0 {
		h.Clear(thing)
		return
	}
	h.Set(thing, strings.Join(sentences, "; "))
}

// Set sets the sentence of a thing, and tells the log if it is news.
func (h *Health) Set(thing, sentence string) {
	sentence = strings.ReplaceAll(sentence, "\n", "; ") // of joined errors
	h.mu.Lock()
	news := h.wrong[thing] != sentence
	h.wrong[thing] = sentence
	h.mu.Unlock()
	if news { // told without the lock: whoever reads the log may be slow
		h.log.Warn(sentence, "thing", thing)
	}
}

// Clear says that a thing works.
func (h *Health) Clear(thing string) {
	h.mu.Lock()
	_, was := h.wrong[thing]
	delete(h.wrong, thing)
	h.mu.Unlock()
	if was {
		h.log.Info("works again", "thing", thing)
	}
}

// Sentences lists what is wrong, in the order of the things' names.
func (h *Health) Sentences() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]string, 0, len(h.wrong))
	for _, thing := range slices.Sorted(maps.Keys(h.wrong)) {
		list = append(list, h.wrong[thing])
	}
	return list
}
