package pbx

import (
	"testing"
	"testing/fstest"

	"github.com/sipward/sipward/internal/settings/freeswitch"
)

// TestGateways: which host a gateway stands for.
func TestGateways(t *testing.T) {
	for _, c := range []struct{ gateway, want string }{
		{``, ""},
		{`<gateway/>`, ""},
		{`<gateway name="office"/>`, "office"},
		{`<gateway name="a.example"/>`, "a.example"},
		{`<gateway name="x"><param name="realm" value="a.example"/></gateway>`, "a.example"},
		{`<gateway name="x"><param name="realm" value="a.example"/><param name="proxy" value="b.example:5080"/></gateway>`, "b.example"},
		{`<gateway name="x"><param name="proxy" value="198.51.100.1"/><param name="register-proxy" value="c.example"/><param name="outbound-proxy" value="sip:d.example"/></gateway>`,
			"198.51.100.1/32 c.example d.example"},
		{`<gateway name="x"><param name="proxy" value="$${nobody}"/></gateway>`, ""},
		{`<!--<gateway name="a.example"></gateway>-->`, ""},
		{`<gateway name="a.example"><variables><variable name="proxy" value="b.example"/></variables></gateway>`, "a.example"},
	} {
		tree := newTree(fstest.MapFS{"f/autoload_configs/sofia.conf.xml": {Data: []byte("<profiles><profile name=\"x\"><gateways>" + c.gateway + "</gateways></profile></profiles>")}})
		tree.freeswitchProfiles(&freeswitch.Reader{Tree: tree.Tree, Vars: map[string]string{}}, "f")
		if got := tree.found(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.gateway, got, c.want)
		}
	}
}
