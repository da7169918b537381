package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNullsInLists: nulls in items that were not edited stay, wherever the items are now; a null that was written takes a
// field away.
func TestNullsInLists(t *testing.T) {
	const list = "[{a: 1}, {a: 2, b: null}, {a: 3, deep: {x: null, y: 1}}, [null], null]"
	for _, tt := range []struct{ name, before, after, want string }{
		{"prepended", "free: {list: " + list + "}", "free: {list: [{a: 0}, {a: 1}, {a: 2, b: null}, {a: 3, deep: {x: null, y: 1}}, [null], null]}",
			"free: {list: [{a: 0}, {a: 1}, {a: 2, b: null}, {a: 3, deep: {x: null, y: 1}}, [null], null]}"},
		{"one taken out", "free: {list: " + list + "}", "free: {list: [{a: 3, deep: {x: null, y: 1}}, {a: 2, b: null}]}",
			"free: {list: [{a: 3, deep: {x: null, y: 1}}, {a: 2, b: null}]}"},
		{"edited and moved", "free: {list: " + list + "}", "free: {list: [{a: 3, deep: {x: null, y: 1}, c: 1}, {a: 2, b: null, c: 1}]}",
			"free: {list: [{a: 3, deep: {x: null, y: 1}, c: 1}, {a: 2, b: null, c: 1}]}"},
		{"a field taken away", "free: {list: [{a: 1, b: 2}, {a: 2, b: null}]}", "free: {list: [{a: 0}, {a: 1, b: null}, {a: 2, b: null}]}",
			"free: {list: [{a: 0}, {a: 1}, {a: 2, b: null}]}"},
		{"new", "free: {list: []}", "free: {list: [{a: 1, b: null}]}", "free: {list: [{a: 1, b: null}]}"},
		{"by key", "parts: [{name: a, size: 1}, {name: b, size: null, labels: {k: v}}]",
			"parts: [{name: c, size: null}, {name: b, size: null, labels: null}, {name: a, size: null}]",
			"parts: [{name: c}, {name: b, size: null}, {name: a}]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := func(text string) map[string]any {
				return map[string]any{"spec": parsed(t, text)}
			}
			got := spec(tt.after)
			types := typerOf(t, widgets)
			types.dropNulls(types.ref, got, spec(tt.before))
			if d := cmp.Diff(spec(tt.want), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestNullsInManyItems: lists of any length are gone through in bounded time.
func TestNullsInManyItems(t *testing.T) {
	var before, after []any
	for n := range 20_000 {
		before = append(before, map[string]any{"n": int64(n), "x": nil})
		after = append(after, map[string]any{"n": int64(n), "y": nil})
	}
	types := typerOf(t, looses)
	types.dropNulls(types.ref, map[string]any{"spec": after}, map[string]any{"spec": before})
	if len(after[0].(map[string]any)) != 2 {
		t.Error("a null was taken for a removal in an item that was not found")
	}
}
