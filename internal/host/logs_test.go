package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLogs(t *testing.T) {
	const old = "old"
	for _, c := range []struct {
		name  string
		files map[string]string // "old" is one not written for a week
		want  []Log
	}{
		{"a folder and a link to nowhere", map[string]string{"asterisk/messages/x": "", "kamailio.log": "-> nowhere"}, nil},
		{"unknown name", map[string]string{"asterisk/queue_log": ""}, nil},
		{"one", map[string]string{"asterisk/messages": ""}, []Log{{"asterisk/messages", "asterisk"}}},
		{"both kinds", map[string]string{"asterisk/messages.log": "", "asterisk/security.log": ""},
			[]Log{{"asterisk/security.log", "asterisk"}, {"asterisk/messages.log", "asterisk"}}},
		{"the same lines twice", map[string]string{"asterisk/messages": "", "asterisk/full": ""}, []Log{{"asterisk/messages", "asterisk"}}},
		{"given up", map[string]string{"asterisk/messages": old, "asterisk/full": ""}, []Log{{"asterisk/full", "asterisk"}}},
		{"all quiet", map[string]string{"asterisk/messages": old, "asterisk/full": old}, []Log{{"asterisk/messages", "asterisk"}}},
		{"others", map[string]string{"freeswitch/freeswitch.log": "", "kamailio.log": "", "opensips/opensips.log": ""},
			[]Log{{"freeswitch/freeswitch.log", "freeswitch"}, {"kamailio.log", "kamailio"}, {"opensips/opensips.log", "opensips"}}},
	} {
		root := t.TempDir()
		for name, text := range c.files {
			plant(t, root, "var/log/"+name, text)
			if text == old {
				must(t, os.Chtimes(filepath.Join(root, "var/log", name), noon, noon.Add(-7*24*time.Hour)))
			} else if text == "" {
				must(t, os.Chtimes(filepath.Join(root, "var/log", name), noon, noon))
			}
		}
		for i := range c.want {
			c.want[i].File = filepath.Join(root, "var/log", c.want[i].File)
		}
		m := &Machine{root: root, files: os.DirFS(root)}
		if diff := cmp.Diff(c.want, m.Logs()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}
