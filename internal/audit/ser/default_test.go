package ser

import (
	"crypto/md5"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write down what is found as what is wanted")

// packaged is Debian 12's script as it comes, by its sum.
const packaged = "409f2642ad4372a21817a6eaba1877b1"

// TestKamailioDefault: what is said of the first script that people have, line by line.
// It is Debian's own where that is installed and nobody has changed it, and one
// of its shape in any case.
func TestKamailioDefault(t *testing.T) {
	scripts := map[string]map[string]string{"kamailio/default.golden": archive(t, "kamailio/default.txtar")}
	if text, err := os.ReadFile("/" + kamailioScript); err == nil && fmt.Sprintf("%x", md5.Sum(text)) == packaged {
		scripts["kamailio/debian12.golden"] = map[string]string{kamailioScript: string(text)}
	}
	for name, files := range scripts {
		got, golden := told(auditKamailio(files, "5.6.3-2"))+"\n", filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil || got != string(want) {
			t.Errorf("%s: %v: got\n%swant\n%s", name, err, got, want)
		}
	}
}

// TestKamailioDefaultSwitchedOn: with what it has to protect it, the first script lacks
// little; what the words on the command line switch on is in force.
func TestKamailioDefaultSwitchedOn(t *testing.T) {
	files := archive(t, "kamailio/default.txtar")
	for words, want := range map[string]string{
		"":                             "KAM-01 fail, KAM-02 fail, KAM-03 latent, KAM-07 fail, KAM-16 fail, KAM-17 fail, KAM-20 latent",
		"-A WITH_ANTIFLOOD":            "KAM-01 fail, KAM-03 latent, KAM-16 fail, KAM-17 fail, KAM-20 latent",
		"-A WITH_MYSQL -A WITH_AUTH":   "KAM-02 fail, KAM-03 fail, KAM-07 fail, KAM-16 fail, KAM-17 fail, KAM-20 fail",
		"-A WITH_JSONRPC -A WITH_AUTH": "KAM-02 fail, KAM-03 latent, KAM-07 fail, KAM-16 fail, KAM-17 fail, KAM-20 fail",
	} {
		if got := ids(auditKamailio(files, "5.6.3-2", strings.Fields("kamailio "+words)...)); got != want {
			t.Errorf("%q: got %s, want %s", words, got, want)
		}
	}
}
