package watch

import (
	"fmt"
	"testing"
	"unsafe"
)

// TestInterner: what is met again is shared, however many strings come in between that occur once; those are let go.
func TestInterner(t *testing.T) {
	for name, intern := range map[string]func(*Interner, string) string{
		"String": (*Interner).String,
		"Bytes":  func(in *Interner, s string) string { return in.Bytes([]byte(s)) },
	} {
		t.Run(name, func(t *testing.T) {
			var in Interner
			if intern(&in, "") != "" {
				t.Error("an empty string is another")
			}
			node := intern(&in, "node-1")
			for i := range 10 * internMost {
				once := fmt.Sprintf("once-%d", i)
				if got := intern(&in, once); got != once {
					t.Fatalf("%q became %q", once, got)
				}
				if i%1000 == 0 && unsafe.StringData(intern(&in, "node-1")) != unsafe.StringData(node) {
					t.Fatalf("not shared any more after %d others", i)
				}
			}
			if kept := len(in.seen) + len(in.before); kept > 2*internMost {
				t.Errorf("%d strings are kept, want %d at most", kept, 2*internMost)
			}
			if intern(&in, "once-1") != "once-1" {
				t.Error("what was let go comes back as another")
			}
		})
	}
}

// TestInternerFits: what a kind of a few objects keeps is in proportion to them, however often they change.
func TestInternerFits(t *testing.T) {
	var in Interner
	in.Fit(10_000_000)
	for i := range 10 * internMost {
		in.String(fmt.Sprint("many-", i))
	}
	if kept := len(in.seen) + len(in.before); kept < internMost || kept > 2*internMost {
		t.Errorf("many objects: %d strings are kept", kept)
	}
	in.Fit(100)
	for i := range 10 * internMost {
		in.String(fmt.Sprint("few-", i))
	}
	if kept := len(in.seen) + len(in.before); kept > 2*internEach*100 {
		t.Errorf("100 objects: %d strings are kept, want %d at most", kept, 2*internEach*100)
	}
	in.Fit(0)
	node := in.String("node-1")
	for i := range internLeast / 2 {
		in.String(fmt.Sprint("once-", i))
	}
	if unsafe.StringData(in.String("node-1")) != unsafe.StringData(node) {
		t.Error("a kind without objects yet shares nothing")
	}
}
