package apply

import (
	"testing"

	"orka/watch"
)

func TestLanded(t *testing.T) {
	r := &Result{UID: "u1", ResourceVersion: "100"}
	for _, c := range []struct {
		name string
		seen *watch.Object
		r    *Result
		want bool
	}{
		{"not seen", nil, r, false},
		{"nothing written", &watch.Object{UID: "u1", ResourceVersion: "100"}, nil, false},
		{"that version", &watch.Object{UID: "u1", ResourceVersion: "100"}, r, true},
		{"a later one", &watch.Object{UID: "u1", ResourceVersion: "1000"}, r, true},
		{"an earlier one", &watch.Object{UID: "u1", ResourceVersion: "99"}, r, false},
		{"another object", &watch.Object{UID: "u2", ResourceVersion: "101"}, r, false},
		{"versions of another sort", &watch.Object{UID: "u1", ResourceVersion: "v2"}, r, false},
		{"the same, of another sort", &watch.Object{UID: "u1", ResourceVersion: "v2"}, &Result{UID: "u1", ResourceVersion: "v2"}, true},
	} {
		if got := Landed(c.seen, c.r); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
