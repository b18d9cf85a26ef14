package pbx

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sipward/sipward/internal/plant"
)

func TestUsualLogs(t *testing.T) {
	const old = "old"
	for _, c := range []struct {
		name  string
		files map[string]string // "old" is one not written for a week
		want  []string
	}{
		{"a folder and a link to nowhere", map[string]string{"asterisk/messages/x": "", "kamailio.log": "-> nowhere"}, nil},
		{"unknown name", map[string]string{"asterisk/queue_log": ""}, nil},
		{"one", map[string]string{"asterisk/messages": ""}, []string{"asterisk/messages"}},
		{"both kinds", map[string]string{"asterisk/messages.log": "", "asterisk/security.log": ""},
			[]string{"asterisk/security.log", "asterisk/messages.log"}},
		{"the same lines twice", map[string]string{"asterisk/messages": "", "asterisk/full": ""}, []string{"asterisk/messages"}},
		{"given up", map[string]string{"asterisk/messages": old, "asterisk/full": ""}, []string{"asterisk/full"}},
		{"all quiet", map[string]string{"asterisk/messages": old, "asterisk/full": old}, []string{"asterisk/messages"}},
		{"others", map[string]string{"freeswitch/freeswitch.log": "", "kamailio.log": "", "opensips/opensips.log": ""},
			[]string{"freeswitch/freeswitch.log", "kamailio.log", "opensips/opensips.log"}},
	} {
		root := t.TempDir()
		for name, text := range c.files {
			plant.File(t, root, "var/log/"+name, text)
			if text == old {
				must(t, os.Chtimes(filepath.Join(root, "var/log", name), noon, noon.Add(-7*24*time.Hour)))
			} else if text == "" {
				must(t, os.Chtimes(filepath.Join(root, "var/log", name), noon, noon))
			}
		}
		for i := range c.want {
			c.want[i] = filepath.Join(root, "var/log", c.want[i])
		}
		var got []string
		for _, s := range Open(root).Look(nil) {
			for _, l := range s.Logs {
				got = append(got, l.File)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// TestUsualLogIsEnough: a server whose settings lead to no log is said to have
// none, unless there is one in the usual place.
func TestUsualLogIsEnough(t *testing.T) {
	root := t.TempDir()
	plant.File(t, root, "etc/kamailio/kamailio.cfg", "log_stderror=yes\n")
	running := []Running{{Name: Kamailio, Process: "kamailio", PID: 7}}
	finder := Open(root)
	if got := finder.Look(running); len(got) != 1 || len(got[0].Notes) != 1 || got[0].Notes[0] != noFile {
		t.Fatalf("without a log: %+v", got)
	}
	plant.File(t, root, "var/log/kamailio.log", "")
	if got := finder.Look(running); len(got) != 1 || len(got[0].Notes) != 0 || len(got[0].Logs) != 1 {
		t.Errorf("with a log in the usual place: %+v", got)
	}
}
