package ser

import (
	"fmt"
	"strings"
	"testing"
)

// TestEndless: a way that goes round, doubles at every turn or has no end is cut,
// and nothing is said to be well because of it.
func TestEndless(t *testing.T) {
	double := ""
	for i := range 40 {
		double += fmt.Sprintf("route[r%d] { route(r%d); route(r%d); }\n", i, i+1, i+1)
	}
	for name, text := range map[string]string{
		"round":  "request_route { route(A); t_relay(); }\nroute[A] { route(A); }\n",
		"double": "request_route { route(r0); save(\"location\"); t_relay(); }\n" + double + "route[r40] { f(); }\n",
		"deep":   "request_route { if " + strings.Repeat("(", 150) + "x" + strings.Repeat(")", 150) + " exit; " + strings.Repeat("if (a) { ", 150) + "t_relay();" + strings.Repeat("}", 151),
		"loop":   "request_route { while (1) { while (1) { t_relay(); } } }\n",
		"junk":   "request_route { if (!) exit; if (&& ||) exit; if (a == ) b(); $x = ; switch () { case : } route(); route(\"\"); }",
	} {
		results := auditKamailio(map[string]string{kamailioScript: text}, "")
		if len(results) < len(kamailioRules) {
			t.Errorf("%s: %d results", name, len(results))
		}
		if got := ids(results); (name == "round" || name == "double") && !strings.Contains(got, "KAM-06 unknown") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
