package event

import (
	"bytes"
	"reflect"
	"testing"
)

// fill gives every byte slice of a value a text of its own, and lists them.
func fill(v reflect.Value, all *[][]byte) {
	switch {
	case v.Type() == reflect.TypeFor[[]byte]():
		text := bytes.Repeat([]byte{byte('a' + len(*all))}, len(*all)+1)
		*all = append(*all, text)
		v.SetBytes(text)
	case v.Type() == reflect.TypeFor[[][]byte]():
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), all)
		fill(v.Index(1), all)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), all)
			}
		}
	}
}

// TestKept: of no field, today's or tomorrow's, the copy shares memory.
func TestKept(t *testing.T) {
	var e Event
	var views [][]byte
	fill(reflect.ValueOf(&e).Elem(), &views)
	e.Outcomes = []Outcome{{}}
	want := 0
	for _, v := range views {
		want += len(v)
	}
	kept, size := e.Kept()
	if size != want || kept.Outcomes != nil {
		t.Errorf("%d bytes of %d, outcomes %v", size, want, kept.Outcomes)
	}
	for _, v := range views {
		clear(v)
	}
	var again Event
	var fresh [][]byte
	fill(reflect.ValueOf(&again).Elem(), &fresh)
	if !reflect.DeepEqual(kept, again) {
		t.Errorf("kept %+v, want %+v", kept, again)
	}
}

// TestKeptAbsent: what a message does not have, its copy does not have either.
func TestKeptAbsent(t *testing.T) {
	e := Event{Kind: Request, Reported: true, SIP: SIP{CallID: []byte("c"), ToTag: []byte{}}}
	kept, size := e.Kept()
	if size != 1 || kept.SIP.FromTag != nil || kept.SIP.ToTag == nil || kept.SIP.Auth.Others != nil || !kept.Reported || kept.Kind != Request {
		t.Errorf("kept %+v", kept)
	}
}
