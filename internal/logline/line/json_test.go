package line

import (
	"strings"
	"testing"
)

func TestObject(t *testing.T) {
	tests := []struct {
		text string
		want string // the values of a and b, joined; empty: refused
	}{
		{``, ""},
		{`x`, ""},
		{`[]`, ""},
		{`{"a":"1","b":"2"`, ""},
		{`{"a":"1","b":"2"} x`, ""},
		{`{"a":"1"} {"b":"2"}`, ""},
		{`{"a":"1","b":"2","a":"3"}`, ""},
		{`{"a":"1","b":"2","\u0061":"3"}`, ""},
		{`{"a":"1","b":}`, ""},
		{`{"a":"1","b":"2` + "\n" + `"}`, ""},
		{strings.Repeat(`{"a":`, 20000), ""},
		{`{"A":"1","b":"2"}`, "|\"2\""},
		{`{"x":{"a":"9"},"a":"1","c":[1,{"b":7}],"b":"2"}`, `"1"|"2"`},
		{` {"b":2, "a":null} `, "null|2"},
	}
	for _, tt := range tests {
		got, ok := Object([]byte(tt.text), "a", "b")
		if ok != (tt.want != "") {
			t.Errorf("%.40s: read %v", tt.text, ok)
		} else if ok && string(got[0])+"|"+string(got[1]) != tt.want {
			t.Errorf("%.40s: %s", tt.text, got)
		}
	}
}

func TestJSONText(t *testing.T) {
	for _, bad := range []string{``, `null`, `7`, `{}`, `[]`, `[256]`, `[-1]`, `["a","b"]`, `[1,[2]]`, `"a`, `[1.5]`} {
		if got, ok := JSONText([]byte(bad)); ok {
			t.Errorf("%s is read as %q", bad, got)
		}
	}
	for text, want := range map[string]string{`"a\nb"`: "a\nb", `[65, 66,10]`: "AB\n", `""`: "", `"\u00e9"`: "é", `[255]`: "\xff"} {
		if got, ok := JSONText([]byte(text)); !ok || string(got) != want {
			t.Errorf("%s is read as %q", text, got)
		}
	}
}
