package freeswitch

import (
	"fmt"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/secrets"
	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// noLogin says why nobody can log in as a user of the directory.
func (s *server) noLogin() string { return s.notLoaded("mod_sofia", "mod_verto") }

// accounts looks at the passwords of the directory, and once at the one that the
// demo users share. A user with a hash never has the password compared.
func accounts(s *server) []check.Finding {
	const shared = "default_password"
	var found []check.Finding
	sharing := 0
	for _, u := range s.users {
		v, _ := u.Param("password")
		hash, hashed := u.Param("a1-hash")
		switch {
		case hashed && hash.Value != "" || v.Var == shared:
			if v.Var == shared && !hashed {
				sharing++
			}
		case v.Node == nil || v.Value == "":
			found = append(found, s.withoutPassword(u)...)
		case !v.Known():
			found = append(found, unset(v))
		default:
			if weakness := secrets.Weakness(v.Value, u.ID, u.Domain); weakness != "" {
				f := secret(v, fmt.Sprintf("Whoever guesses the password of %s calls at your cost.\nOf this one: %s.", u.ID, weakness))
				found = append(found, latent(f, s.noLogin()))
			}
		}
	}
	at, set := s.Set[shared]
	weakness := secrets.Weakness(s.Vars[shared])
	if !set || weakness == "" || strings.Contains(s.Vars[shared], freeswitch.Unset) {
		return found
	}
	f := check.Finding{Place: at, Setting: shared, Value: check.Hidden,
		Why: fmt.Sprintf("The password that %d users share: %s.\nWhoever knows one of them knows all.", sharing, weakness)}
	if sharing == 0 {
		f = latent(f, "no user has this password")
	}
	return append([]check.Finding{latent(f, s.noLogin())}, found...)
}

// withoutPassword is about a user whom FreeSWITCH lets in without a question, if
// it comes into a context that strangers do not reach.
func (s *server) withoutPassword(u freeswitch.User) []check.Finding {
	context, ok := u.Variable("user_context")
	if empty, set := u.Param("allow-empty-password"); !ok || set && !freeswitch.True(empty.Value) {
		return nil
	}
	return []check.Finding{latent(check.Finding{Place: u.Node.At, Setting: "password", Value: "(not set)",
		Why: fmt.Sprintf("Anybody is let in as %s without a password, and calls by the context %q.", u.ID, context.Value)}, s.noLogin())}
}

// demo says that a user comes with FreeSWITCH: one of 1000 to 1019 with the
// name or the password that they are delivered with.
func demo(u freeswitch.User) bool {
	if len(u.ID) != 4 || u.ID < "1000" || u.ID > "1019" {
		return false
	}
	name, _ := u.Variable("effective_caller_id_name")
	password, _ := u.Param("password")
	return name.Value == "Extension "+u.ID || password.Var == "default_password"
}

// demoUsers names the users of the sample directory that are still there.
func demoUsers(s *server) []check.Finding {
	var ids []string
	var first *freeswitch.Node
	for _, u := range s.users {
		if demo(u) {
			if first == nil {
				first = u.Node
			}
			ids = append(ids, u.ID)
		}
	}
	if first == nil {
		return nil
	}
	f := check.Finding{Place: first.At, Setting: "user", Value: named(ids),
		Why: fmt.Sprintf("%d users come with FreeSWITCH. Every attacker knows their names,\nand has only their passwords left to guess.", len(ids))}
	return []check.Finding{latent(f, s.noLogin())}
}

// mailboxes judges mailboxes' passwords, which have effect only with mod_voicemail.
func mailboxes(s *server) []check.Finding {
	off := s.notLoaded("mod_voicemail")
	var found []check.Finding
	for _, u := range s.users {
		v, ok := u.Param("vm-password")
		if !ok || v.Value == "" {
			continue
		}
		if !v.Known() {
			found = append(found, latent(unset(v), off))
		} else if why := simple(v.Value, u.ID); why != "" {
			f := secret(v, fmt.Sprintf("Whoever calls the mailbox of %s can guess its PIN: it %s.\nThey hear its messages, and call back at your cost.", u.ID, why))
			f.Fix = `<param name="vm-password" value="…six random digits…"/>`
			found = append(found, latent(f, off))
		}
	}
	return found
}

// simple says why a mailbox's PIN is guessed at once; empty when it is not.
func simple(pin, id string) string {
	const shortest = 4
	same, up, down := true, true, true
	for i := 1; i < len(pin); i++ {
		same = same && pin[i] == pin[0]
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
	}
	switch {
	case pin == id:
		return "is the extension itself"
	case len(pin) < shortest:
		return fmt.Sprintf("has fewer than %d digits", shortest)
	case same:
		return "is one digit again and again"
	case up || down:
		return "is a row of digits"
	}
	return ""
}

// abroad looks for users who may call anywhere, if the dial plan asks at all.
func abroad(s *server) []check.Finding {
	const name, word = "toll_allow", "international"
	var ids []string
	var first freeswitch.Param
	for _, u := range s.users {
		if v, ok := u.Variable(name); ok && strings.Contains(strings.ToLower(v.Value), word) {
			if ids = append(ids, u.ID); len(ids) == 1 {
				first = v
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	asked := ""
	if !s.mentions(name) {
		asked = "the dial plan never asks for " + name
	}
	f := about(first)
	f.Why = fmt.Sprintf("%d of %d users may call abroad: %s.\nFraud goes there: allow it to those who need it only.", len(ids), len(s.users), named(ids))
	return []check.Finding{latent(f, asked)}
}
