package line

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Object reads a JSON object that fills text, and gives the values of the wanted
// keys, nil for one that is missing. An object in which one of them stands twice
// is refused: one was written by the server and one by somebody else, and nothing
// tells which is which. Keys match to the letter.
func Object(text []byte, wanted ...string) ([]json.RawMessage, bool) {
	values := make([]json.RawMessage, len(wanted))
	from := json.NewDecoder(bytes.NewReader(text))
	if start, err := from.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	for from.More() {
		key, err := from.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if from.Decode(&value) != nil {
			return nil, false
		}
		for i, name := range wanted {
			if key != name {
				continue
			}
			if values[i] != nil {
				return nil, false
			}
			values[i] = value
		}
	}
	if _, err := from.Token(); err != nil {
		return nil, false
	}
	return values, len(bytes.TrimSpace(text[from.InputOffset():])) == 0
}

// JSONText reads a value that is a string, or as journalctl writes what is no
// text, a list of bytes. Of a list of texts nobody can tell which one a server
// meant.
func JSONText(value json.RawMessage) ([]byte, bool) {
	if len(value) == 0 {
		return nil, false
	}
	if value[0] == '"' {
		var text string
		err := json.Unmarshal(value, &text)
		return []byte(text), err == nil
	}
	var numbers []uint8
	if value[0] != '[' {
		return nil, false
	}
	for _, word := range bytes.Split(bytes.Trim(value, "[]"), []byte(",")) {
		n, err := strconv.ParseUint(string(bytes.TrimSpace(word)), 10, 8)
		if err != nil {
			return nil, false
		}
		numbers = append(numbers, uint8(n))
	}
	return numbers, true
}
