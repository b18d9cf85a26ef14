package ser

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/settings"
)

// Profile is a section of Kamailio's tls.cfg, such as [server:default].
type Profile struct {
	Name  string
	At    settings.Place
	Lines []Setting
}

// Last is the last line of a key; nil when it is not set.
func (p *Profile) Last(key string) *Setting {
	for i := len(p.Lines) - 1; i >= 0; i-- {
		if p.Lines[i].Key == key {
			return &p.Lines[i]
		}
	}
	return nil
}

// ReadProfiles reads a tls.cfg; nil if it is not there.
func ReadProfiles(t *settings.Tree, name string) []Profile {
	var profiles []Profile
	lines(t, name, func(text string, at settings.Place) {
		if section, ok := strings.CutPrefix(text, "["); ok {
			section, _, _ = strings.Cut(section, "]")
			profiles = append(profiles, Profile{Name: strings.ReplaceAll(strings.ToLower(section), " ", ""), At: at})
			return
		}
		key, value, ok := strings.Cut(text, "=")
		if last := len(profiles) - 1; ok && last >= 0 {
			p := &profiles[last]
			p.Lines = append(p.Lines, Setting{Key: strings.ToLower(strings.TrimSpace(key)), Value: unquote(value), At: at})
		}
	})
	return profiles
}

// ReadVariables reads a file of shell variables such as kamctlrc.
func ReadVariables(t *settings.Tree, name string) []Setting {
	var found []Setting
	lines(t, name, func(text string, at settings.Place) {
		key, value, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(text, "export ")), "=")
		if ok {
			found = append(found, Setting{Key: strings.TrimSpace(key), Value: unquote(value), At: at})
		}
	})
	return found
}

// Address is a line of the module permissions' address file.
type Address struct {
	Group  string
	Prefix netip.Prefix
	At     settings.Place
}

// ReadAddresses reads "GROUP ADDRESS MASK PORT TAG", and the same in brackets and
// with commas. A line that is no address is passed over.
func ReadAddresses(t *settings.Tree, name string) []Address {
	var found []Address
	lines(t, name, func(text string, at settings.Place) {
		words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r,()\"", r) })
		if len(words) < 2 {
			return
		}
		address, mask, hasMask := strings.Cut(strings.Trim(words[1], "[]"), "/")
		ip, err := netip.ParseAddr(strings.Trim(address, "[]"))
		if err != nil {
			return
		}
		if !hasMask && len(words) > 2 {
			mask = words[2]
		}
		bits, err := strconv.Atoi(mask)
		if err != nil {
			bits = ip.BitLen()
		}
		if prefix, err := ip.Prefix(bits); err == nil {
			found = append(found, Address{words[0], prefix, at})
		}
	})
	return found
}

// lines shows each line that has more than a comment.
func lines(t *settings.Tree, name string, show func(text string, at settings.Place)) {
	number := 0
	for line := range bytes.Lines(t.Read(name)) {
		number++
		if !t.More(len(line)) {
			return
		}
		text := strings.TrimSpace(uncommented(string(line)))
		if text != "" {
			show(text, settings.Place{File: name, Line: number})
		}
	}
}

// uncommented is a line without its comment. In quotes "#" is text.
func uncommented(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return line[:i]
		}
	}
	return line
}
