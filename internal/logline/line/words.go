package line

import "strings"

// Words is a list of words to be looked for in one pass over a text, however many
// they are. Most texts hold none.
type Words struct {
	// at gives for each byte which of the groups begins with a look at it, 0 for none.
	at     [256]uint8
	groups [][]anchored
}

// anchored is a word and the place of its rarest byte.
type anchored struct {
	word  string
	place int
}

// common is the bytes of which logs are full, the most frequent first.
const common = " etaoinsr0123456789lducmph.:-/_gfbywvkxjqz"

// NewWords prepares a list. An empty word stands nowhere.
func NewWords(words ...string) *Words {
	w := &Words{groups: make([][]anchored, 1)}
	for _, word := range words {
		place, rank := -1, -1
		for i := range len(word) {
			r := strings.IndexByte(common, word[i])
			if r < 0 {
				r = len(common)
			}
			if r > rank {
				place, rank = i, r
			}
		}
		if place < 0 {
			continue
		}
		group := &w.at[word[place]]
		if *group == 0 {
			*group = uint8(len(w.groups)) // no list has 256 words
			w.groups = append(w.groups, nil)
		}
		w.groups[*group] = append(w.groups[*group], anchored{word, place})
	}
	return w
}

// In says whether one of the words stands in text.
func (w *Words) In(text []byte) bool {
	for i, b := range text {
		group := w.at[b]
		if group == 0 {
			continue
		}
		for _, a := range w.groups[group] {
			start := i - a.place
			if start < 0 || len(text) < start+len(a.word) || text[start] != a.word[0] {
				continue
			}
			if string(text[start:start+len(a.word)]) == a.word {
				return true
			}
		}
	}
	return false
}
