package daemon

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
)

// health collects what does not work, one sentence for each thing, for
// `status` and the log.
type health struct {
	log *slog.Logger

	mu    sync.Mutex
	wrong map[string]string
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, wrong: map[string]string{}}
}

// report sets the sentence of a thing when err is one, and clears it when not.
func (h *health) report(thing, sentence string, err error) {
	if err == nil {
		h.clear(thing)
		return
	}
	h.set(thing, sentence+": "+err.Error())
}

// list sets the sentences of a thing, or clears it when there are none.
func (h *health) list(thing string, sentences []string) {
	if len(sentences) == 0 {
		h.clear(thing)
		return
	}
	h.set(thing, strings.Join(sentences, "; "))
}

func (h *health) set(thing, sentence string) {
	sentence = strings.ReplaceAll(sentence, "\n", "; ") // of joined errors
	h.mu.Lock()
	news := h.wrong[thing] != sentence
	h.wrong[thing] = sentence
	h.mu.Unlock()
	if news { // told without the lock: whoever reads the log may be slow
		h.log.Warn(sentence, "thing", thing)
	}
}

func (h *health) clear(thing string) {
	h.mu.Lock()
	_, was := h.wrong[thing]
	delete(h.wrong, thing)
	h.mu.Unlock()
	if was {
		h.log.Info("works again", "thing", thing)
	}
}

// sentences lists what is wrong, in the order of the things' names.
func (h *health) sentences() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]string, 0, len(h.wrong))
	for _, thing := range slices.Sorted(maps.Keys(h.wrong)) {
		list = append(list, h.wrong[thing])
	}
	return list
}
