package ser

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sipward/sipward/internal/audit/check"
	"github.com/sipward/sipward/internal/settings/ser"
)

// written are the variables that a caller fills as it likes, quotes and
// semicolons too.
var written = []string{
	"rU", "ru", "fU", "fu", "fn", "ft", "tU", "tu", "tn", "tt", "ua", "ci", "ct", "hdr", "au", "aU", "adu", "ar", "rb", "mb", "oU", "ou", "pU", "pu", "ai", "di",
	"cT", "rr", "cs", "rP", "hu", "url", "msg", "bs",
}

// kept are variables of the script's own: what they hold, it says elsewhere.
var kept = []string{"var", "avp", "xavp", "xavi", "xavu", "shv", "sht", "dlg_var", "dbr", "sel"}

// variables lists what a text holds in the place of "$NAME" or "$(NAME{…})",
// each with what is done to it. "$$" is a dollar sign.
func variables(text string) [][2]string {
	var found [][2]string
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i+1 >= len(text) {
			return found
		}
		text = text[i+1:]
		if text[0] == '$' {
			text = text[1:]
			continue
		}
		inner := strings.TrimPrefix(text, "(")
		end := 0
		for end < len(inner) && (inner[end] >= 'a' && inner[end] <= 'z' || inner[end] >= 'A' && inner[end] <= 'Z' || inner[end] == '_') {
			end++
		}
		done := ""
		if len(inner) < len(text) {
			if close := strings.Index(inner, "})"); close >= 0 {
				done = inner[:close+1]
			}
		}
		found = append(found, [2]string{inner[:end], done})
	}
}

// harmless are the transformations after which nothing but letters and digits
// is left, for any reader.
var harmless = []string{"{s.int}", "{s.numeric}", "{s.md5}", "{s.sha256}", "{s.sha1}", "{s.encode.hexa}", "{s.len}", "{uri.port}", "{s.corehash"}

// raw tells the worst of a call's arguments: Fail for words of the request as
// they came, Unknown for a variable of the script's own, else Pass.
func raw(args [][]ser.Token, escapes ...string) (check.State, string) {
	state, which := check.Pass, ""
	for _, arg := range args {
		for i := range arg {
			if arg[i].Kind != ser.Text && arg[i].Kind != ser.Variable {
				continue
			}
			for _, v := range variables(arg[i].Text) {
				safe := slices.ContainsFunc(append(escapes, harmless...), func(e string) bool { return strings.Contains(v[1], e) })
				switch {
				case safe:
				case slices.Contains(written, v[0]):
					return check.Fail, "$" + v[0]
				case slices.Contains(kept, v[0]):
					state, which = check.Unknown, "$"+v[0]
				}
			}
		}
	}
	return state, which
}

// shell looks for commands that hold words of the request.
func (s *kamailio) shell() []check.Finding {
	var found []check.Finding
	for _, c := range s.Calls {
		if !slices.Contains([]string{"exec_msg", "exec_dset", "exec_avp", "exec_cmd"}, c.Name) || len(c.Args) == 0 {
			continue
		}
		state, which := raw(c.Args[:1])
		force := c.Reached && s.Loaded["exec"]
		switch {
		case state == check.Pass:
		case state == check.Unknown && force:
			f := unclear(c.At, "the command holds "+which+", and what that holds is not known")[0]
			f.Setting, f.Value = c.Name, which
			found = append(found, f)
		default:
			found = append(found, check.Finding{State: inForce(force), Place: c.At, Setting: c.Name, Value: which})
		}
	}
	return found
}

// query looks for queries that hold words of the request.
func (s *kamailio) query() []check.Finding {
	modules := map[string]string{"sql_query": "sqlops", "sql_xquery": "sqlops", "sql_pvquery": "sqlops", "sql_query_async": "sqlops", "avp_db_query": "avpops"}
	var found []check.Finding
	for _, c := range s.Calls {
		module := modules[c.Name]
		if module == "" || len(c.Args) == 0 {
			continue
		}
		args := c.Args
		if module == "sqlops" {
			args = args[1:min(2, len(args))]
		} else {
			args = args[:1]
		}
		if state, which := raw(args, "{s.escape.common}", "{sql.val", "{s.escape.user}"); state == check.Fail {
			found = append(found, check.Finding{State: inForce(c.Reached && s.Loaded[module]), Place: c.At, Setting: c.Name, Value: which})
		}
	}
	return found
}

// smuggling looks for trusted headers that a server before 5.4.0 takes away.
func (s *kamailio) smuggling() []check.Finding {
	var found []check.Finding
	for _, c := range s.Calls {
		if !strings.HasPrefix(c.Name, "remove_hf") || len(c.Args) == 0 || len(c.Args[0]) == 0 {
			continue
		}
		header := ser.Join(c.Args[0])
		if trusted(header) {
			found = append(found, check.Finding{State: inForce(c.Reached), Place: c.At, Setting: c.Name, Value: header})
		}
	}
	if len(found) == 0 {
		return nil
	}
	major, minor, ok := version(s.Site.Version[check.Kamailio])
	if !ok {
		return unclear(found[0].Place, "the server's version is not known, and before 5.4.0 the header can be smuggled in")
	}
	if major > 5 || major == 5 && minor >= 4 {
		return nil
	}
	return found
}

// trusted tells a header that servers believe: an identity or one of their own.
func trusted(header string) bool {
	name := strings.ToLower(strings.Trim(header, "^$()"))
	for _, prefix := range []string{"p-", "x-", "remote-party-id", "diversion", "history-info", "identity", "privacy"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// version reads the first two numbers of a version as package managers print it.
func version(text string) (major, minor int64, ok bool) {
	if _, after, epoch := strings.Cut(text, ":"); epoch {
		text = after
	}
	first, rest, _ := strings.Cut(text, ".")
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	major, err1 := strconv.ParseInt(first, 10, 32)
	minor, err2 := strconv.ParseInt(rest[:end], 10, 32)
	return major, minor, err1 == nil && err2 == nil
}
