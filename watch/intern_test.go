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
			for i := range 10 * internLimit {
				once := fmt.Sprintf("once-%d", i)
				if got := intern(&in, once); got != once {
					t.Fatalf("%q became %q", once, got)
				}
				if i%1000 == 0 && unsafe.StringData(intern(&in, "node-1")) != unsafe.StringData(node) {
					t.Fatalf("not shared any more after %d others", i)
				}
			}
			if kept := len(in.seen) + len(in.before); kept > 2*internLimit {
				t.Errorf("%d strings are kept, want %d at most", kept, 2*internLimit)
			}
			if intern(&in, "once-1") != "once-1" {
				t.Error("what was let go comes back as another")
			}
		})
	}
}
