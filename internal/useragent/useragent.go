// Package useragent knows the names that tools of attack and of testing give
// themselves in User-Agent.
package useragent

// Verdict is what a User-Agent string says by itself. It is only
// ever a hint: it costs an attacker one option to change.
type Verdict string

// The verdicts, as scripts read them.
const (
	Bad     Verdict = "bad"
	Suspect Verdict = "suspect"
	OK      Verdict = "ok"
)

// tokens are words that tools of attack (bad) or of testing (suspect)
// put into User-Agent, in lower case. A token counts only as a whole word, so
// that "Sipura/SPA" or "Scannerless" are left alone.
var tokens = []struct {
	token   string
	verdict Verdict
}{
	{"friendly-scanner", Bad},
	{"friendly-request", Bad},
	{"sipvicious", Bad},
	{"svmap", Bad},
	{"svwar", Bad},
	{"svcrack", Bad},
	{"sipcli", Bad},
	{"sip-scan", Bad},
	{"sipscan", Bad},
	{"sipscanner", Bad},
	{"sip-scanner", Bad},
	{"sundayddr", Bad},
	{"vaxsipuseragent", Bad},
	{"pplsip", Bad},
	{"sippts", Bad},
	{"sipptk", Bad},
	{"mr.sip", Bad},
	{"mrsip", Bad},
	{"sipexer", Bad},
	{"siparmyknife", Bad},
	{"sip-army-knife", Bad},
	{"iwar", Bad},
	{"smap", Bad},
	{"sipdump", Bad},
	{"sipcrack", Bad},
	{"sipflood", Bad},
	{"inviteflood", Bad},
	{"registerflood", Bad},
	{"udpflood", Bad},
	{"sipbomber", Bad},
	{"sipscreamer", Bad},
	{"sipsscuser", Bad},
	{"sip-k", Bad},
	{"sipreaper", Bad},
	{"voipong", Bad},
	{"voiper", Bad},
	{"protos", Bad},
	{"nmap", Bad},
	{"metasploit", Bad},
	{"gulp", Bad},
	{"eyebeam-scanner", Bad},
	{"csipsimple-scanner", Bad},
	{"enumiax", Bad},
	{"viproy", Bad},
	{"bluebox", Bad},
	{"sipshock", Bad},
	{"sipfuzzer", Bad},
	{"masscan", Bad},
	{"zgrab", Bad},
	{"zmap", Bad},
	{"scanner", Suspect},
	{"sipsak", Suspect},
	{"sipp", Suspect},
	{"fuzzer", Suspect},
	{"sip-test", Suspect},
}

// Judge looks for the tokens of known tools in a User-Agent or Server
// string, without regard to case, and says which one it found. It allocates
// nothing and takes time linear in the string.
func Judge(ua []byte) (verdict Verdict, token string) {
	verdict = OK
	for start := 0; start < len(ua); start++ {
		if start > 0 && wordByte(ua[start-1]) {
			continue
		}
		for i := range tokens {
			t := &tokens[i]
			if !wordAt(ua, start, t.token) {
				continue
			}
			if t.verdict == Bad {
				return Bad, t.token
			}
			verdict, token = t.verdict, t.token
		}
	}
	return verdict, token
}

// wordAt says that the token stands at start as a whole word; a version number
// may follow at once.
func wordAt(ua []byte, start int, token string) bool {
	end := start + len(token)
	if end > len(ua) || (end < len(ua) && wordByte(ua[end]) && ua[end] > '9') {
		return false
	}
	for i := 0; i < len(token); i++ {
		c := ua[start+i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != token[i] {
			return false
		}
	}
	return true
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
