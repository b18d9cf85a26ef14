package secrets

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestWeakness: what is weak and in which words; the good ones last.
func TestWeakness(t *testing.T) {
	for _, c := range []struct {
		secret, names, want string // want is how the answer begins
	}{
		{"", "", "it is empty"},
		{"1000", "1000", "it is the same as the name: guessed within a day at 60 tries a day"},
		{"alice", "bob Alice", "it is the same as the name"},
		{"4321", "1234", "it is the name backwards"},
		{"100100100100", "100", "it is the name repeated"},
		{"4webrEtHupHewu4", "", "it stands in a published sample"},
		{"aE3%B8*$jk^G", "", "it stands in a published sample"},
		{"1739", "", "it has digits only, 4 of them: guessed within 167 days at 60 tries a day"},
		{"739154820617", "", "it has digits only, 12 of them"},
		{"1234567890123", "", "it has digits only, 13 of them"},
		{"password", "", "it has 8 characters, and should have 12: guessed within 2 days"},
		{"x7K!q", "", "it has 5 characters, and should have 12"},
		{"x7Kp2qLr9vT", "", "it has 11 characters, and should have 12: who overhears"},
		{"passwordpassword", "", "it is made of common words, names or runs of keys: guessed within"},
		{"Passw0rd1234", "", "it is made of common words"},
		{"qwertyuiop12", "", "it is made of common words"},
		{"asterisk1234", "", "it is made of common words"},
		{"aaaaaaaaaaaaaaaa", "", "it is made of common words"},
		{"abababababab", "", "it is made of common words"},
		{"abcdefghijkl", "", "it is made of common words"},
		{"1qaz2wsx3edc", "", "it is made of common words"},
		{"phone204!phone204!", "204", "it is made of common words"},
		{"7fc02a9be41d", "100", ""},
		{"kv9TqL2xWm4z", "100", ""},
		{"Hd7-wq.Lo0_Zr", "", ""},
		{"correct horse battery", "", ""},
		{strings.Repeat("\xff\x00", 500), "", "it is made of common words"},
	} {
		got := Weakness(c.secret, strings.Fields(c.names)...)
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q: got %q, want %q", c.secret, got, c.want)
		}
	}
}

// TestWeakPIN: numbers that are keyed in.
func TestWeakPIN(t *testing.T) {
	for _, c := range []struct{ pin, mailbox, want string }{
		{"", "", "it is empty"},
		{"204", "204", "it is the same as the name"},
		{"204204", "204", "it is the name repeated"},
		{"4242", "204", "it has 4 digits, and should have 6"},
		{"123456", "204", "it is a run"},
		{"000000", "204", "it is a run"},
		{"121212", "204", "it is a run"},
		{"654321", "204", "it is a run"},
		{"739154", "204", ""},
		{"82940617", "204", ""},
	} {
		if got := WeakPIN(c.pin, c.mailbox); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%q: got %q, want %q", c.pin, got, c.want)
		}
	}
}

// TestRandomIsGood: nothing that a generator makes at the length asked for is
// refused, and nothing shorter is taken.
func TestRandomIsGood(t *testing.T) {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	dice := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		secret := ""
		for range Shortest {
			secret += string(alphabet[dice.IntN(len(alphabet))])
		}
		if why := Weakness(secret, "204", "alice"); why != "" {
			t.Errorf("%q is refused: %s", secret, why)
		}
		if Weakness(secret[1:], "204", "alice") == "" {
			t.Errorf("%q is taken", secret[1:])
		}
	}
}

// TestNeverRepeated: no answer holds the secret.
func TestNeverRepeated(t *testing.T) {
	for _, secret := range []string{"hunter2", "letmein", "zzz-unique", "password", "8675309"} {
		for _, why := range []string{Weakness(secret, "204"), WeakPIN(secret, "204")} {
			if strings.Contains(why, secret) {
				t.Errorf("%q is told: %s", secret, why)
			}
		}
	}
}

// TestPublished: comments of the list are no secrets.
func TestPublished(t *testing.T) {
	for secret, want := range map[string]bool{"": false, "# Kamailio, OpenSIPS": false, "clueCon": false, "ClueCon": true, "mysecret": true, "KAthufrudE6uyAs": true} {
		if Published(secret) != want {
			t.Errorf("%q: %v", secret, !want)
		}
	}
}
