package detect

// UserAgentVerdict is what a User-Agent string says by itself. It is only
// ever a hint: it costs an attacker one option to change.
type UserAgentVerdict string

// The verdicts of `sipward ua`.
const (
	UserAgentBad     UserAgentVerdict = "bad"
	UserAgentSuspect UserAgentVerdict = "suspect"
	UserAgentOK      UserAgentVerdict = "ok"
)

// userAgentTokens are words that tools of attack (bad) or of testing (suspect)
// put into User-Agent, in lower case. A token counts only as a whole word, so
// that "Sipura/SPA" or "Scannerless" are left alone.
var userAgentTokens = []struct {
	token   string
	verdict UserAgentVerdict
}{
	{"friendly-scanner", UserAgentBad},
	{"friendly-request", UserAgentBad},
	{"sipvicious", UserAgentBad},
	{"svmap", UserAgentBad},
	{"svwar", UserAgentBad},
	{"svcrack", UserAgentBad},
	{"sipcli", UserAgentBad},
	{"sip-scan", UserAgentBad},
	{"sipscan", UserAgentBad},
	{"sipscanner", UserAgentBad},
	{"sip-scanner", UserAgentBad},
	{"sundayddr", UserAgentBad},
	{"vaxsipuseragent", UserAgentBad},
	{"pplsip", UserAgentBad},
	{"sippts", UserAgentBad},
	{"sipptk", UserAgentBad},
	{"mr.sip", UserAgentBad},
	{"mrsip", UserAgentBad},
	{"sipexer", UserAgentBad},
	{"siparmyknife", UserAgentBad},
	{"sip-army-knife", UserAgentBad},
	{"iwar", UserAgentBad},
	{"smap", UserAgentBad},
	{"sipdump", UserAgentBad},
	{"sipcrack", UserAgentBad},
	{"sipflood", UserAgentBad},
	{"inviteflood", UserAgentBad},
	{"registerflood", UserAgentBad},
	{"udpflood", UserAgentBad},
	{"sipbomber", UserAgentBad},
	{"sipscreamer", UserAgentBad},
	{"sipsscuser", UserAgentBad},
	{"sip-k", UserAgentBad},
	{"sipreaper", UserAgentBad},
	{"voipong", UserAgentBad},
	{"voiper", UserAgentBad},
	{"protos", UserAgentBad},
	{"nmap", UserAgentBad},
	{"metasploit", UserAgentBad},
	{"gulp", UserAgentBad},
	{"eyebeam-scanner", UserAgentBad},
	{"csipsimple-scanner", UserAgentBad},
	{"enumiax", UserAgentBad},
	{"viproy", UserAgentBad},
	{"bluebox", UserAgentBad},
	{"sipshock", UserAgentBad},
	{"sipfuzzer", UserAgentBad},
	{"masscan", UserAgentBad},
	{"zgrab", UserAgentBad},
	{"zmap", UserAgentBad},
	{"scanner", UserAgentSuspect},
	{"sipsak", UserAgentSuspect},
	{"sipp", UserAgentSuspect},
	{"fuzzer", UserAgentSuspect},
	{"sip-test", UserAgentSuspect},
}

// JudgeUserAgent looks for the tokens of known tools in a User-Agent or Server
// string, without regard to case, and says which one it found. It allocates
// nothing and takes time linear in the string.
func JudgeUserAgent(ua []byte) (verdict UserAgentVerdict, token string) {
	verdict = UserAgentOK
	for start := 0; start < len(ua); start++ {
		if start > 0 && wordByte(ua[start-1]) {
			continue
		}
		for i := range userAgentTokens {
			t := &userAgentTokens[i]
			if !wordAt(ua, start, t.token) {
				continue
			}
			if t.verdict == UserAgentBad {
				return UserAgentBad, t.token
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
