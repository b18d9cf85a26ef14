package asterisk

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestShipped: trees in the shape of those that are installed give these
// findings, and no other.
func TestShipped(t *testing.T) {
	for _, name := range []string{"shipped.txtar", "pbx.txtar"} {
		files := tree(t, name)
		want := string(files["findings"].Data)
		got := results(files, "")
		if diff := cmp.Diff(want, spell(got)); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
		for i := range got {
			judge(t, &got[i])
		}
	}
}

// TestHostile: trees that want more than there is, or are nothing at all.
func TestHostile(t *testing.T) {
	deep := "[t0](!)\ntype=endpoint\n"
	for i := range 64 {
		deep += fmt.Sprintf("[t%d](!,t%d,t%d)\n", i+1, i, i)
	}
	contexts := ""
	for i := range 3000 {
		contexts += fmt.Sprintf("[c%d]\ninclude => c%d\nexten => _X.,1,Goto(c%d,${EXTEN},1)\n", i, (i+1)%3000, (i*7)%3000)
	}
	for name, text := range map[string]string{
		"binary": strings.Repeat("\x00\xff[\n](=>;--", 1000), "loop": "#include pjsip.conf\n#include extensions.conf\n[a]\ntype=endpoint\n", "deep": deep,
		"contexts": contexts + "[default]\ninclude => c0\n", "secrets": strings.Repeat("[a]\ntype=auth\npassword="+strings.Repeat("x", 200)+"\n", 2000),
		"commas": "[a]\ntype=endpoint\nauth=" + strings.Repeat(",", 1<<16) + "\nexten => _X.,1,Dial(" + strings.Repeat("${", 1<<14) + ")\n",
	} {
		files := fstest.MapFS{}
		for _, file := range []string{
			"pjsip", "pjsip_wizard", "extensions", "modules", "manager", "http", "ari", "iax", "sip", "voicemail", "logger", "extconfig", "sorcery", "asterisk", "rtp",
			"hep", "prometheus", "phoneprov", "users", "cli_permissions",
		} {
			files[folder+"/"+file+".conf"] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		}
		got := results(files, "\x00")
		for i := range got {
			if r := &got[i]; strings.Count(r.Reason(), "\n") > 1 || r.Remedy() == "" {
				t.Errorf("%s: %s %q", name, r.ID, r.Reason())
			}
		}
	}
}

// FuzzAudit audits any text as any of the files.
func FuzzAudit(f *testing.F) {
	f.Add("pjsip", "[a]\ntype=endpoint\nauth=a\n[a]\ntype=auth\npassword=1\n")
	f.Add("extensions", "[default]\nexten => _X.,1,Dial(PJSIP/${EXTEN}@a)\n same => n,System(${CALLERID(num)})\n")
	f.Add("iax", "[guest]\ntype=user\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		files := tree(t, "hardened.txtar")
		files[folder+"/"+name+".conf"] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		got := results(files, text)
		for i := range got {
			if r := &got[i]; r.Reason() == "" || r.Remedy() == "" {
				t.Errorf("%+v", r)
			}
		}
	})
}
