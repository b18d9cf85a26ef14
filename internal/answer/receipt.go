package answer

import (
	"fmt"

	"github.com/sipward/sipward/internal/control"
)

// Receipt says what became of an order: done is "banned" or "allowed".
func (o *Output) Receipt(r *control.Receipt, done string) error {
	if o.JSON {
		return o.Object(r)
	}
	until := "forever"
	if !r.Until.IsZero() {
		until = fmt.Sprintf("until %s (%s)", o.Clock(r.Until), o.Left(r.Until))
	}
	o.Printf("%s %s, %s\n", o.Paint(Green, done), Prefix(r.Prefix), until)
	return nil
}

// Lifted says how many entries ended.
func (o *Output) Lifted(n int, one, many string) error {
	if o.JSON {
		return o.Object(map[string]int{"lifted": n})
	}
	o.Printf("%s lifted\n", Counted(n, one, many))
	return nil
}
