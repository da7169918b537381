// Package watchtest is what tests of several packages share: a check that what a watcher has put into a store is what the
// server has (Agree), and a TCP proxy that fails as networks do (Proxy).
package watchtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"orka/watch"
)

// World is a store's content; *shard.World is one.
type World interface {
	Get(kind *watch.Kind, namespace, name string) *watch.Object
	Count(kind *watch.Kind) int
}

// mismatches bounds how many differences an error names.
const mismatches = 10

// Agree checks invariant I1: per key, uid, resourceVersion, what tables show and body of the store are those of a fresh LIST.
// A body that the store does not have is not compared; bodies may be nil.
func Agree(ctx context.Context, src watch.Source, kind *watch.Kind, have World, bodies func(*watch.Object) (watch.Body, bool)) error {
	var wrong []string
	note := func(format string, args ...any) {
		if len(wrong) < mismatches {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	n := 0
	q := watch.ListQuery{Limit: 500}
	for {
		end, err := src.List(ctx, watch.Scope{Kind: kind}, q, func(page []watch.Delta) error {
			for _, d := range page {
				n++
				compare(d, have, bodies, note)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("list to compare with: %w", err)
		}
		n += end.Skipped
		if end.Continue == "" {
			break
		}
		q.Continue = end.Continue
	}
	if got := have.Count(kind); got != n {
		note("the store holds %d objects, the server %d", got, n)
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s differ from the server's list:\n  %s", kind.ResourceName(), strings.Join(wrong, "\n  "))
}

func compare(want watch.Delta, have World, bodies func(*watch.Object) (watch.Body, bool), note func(string, ...any)) {
	o := want.Object
	got := have.Get(o.Kind, o.Namespace, o.Name)
	switch {
	case got == nil:
		note("%s is missing", o.NamespacedName())
		return
	case got.UID != o.UID:
		note("%s has uid %s, want %s", o.NamespacedName(), got.UID, o.UID)
		return
	case got.ResourceVersion != o.ResourceVersion:
		note("%s is at resourceVersion %s, want %s", o.NamespacedName(), got.ResourceVersion, o.ResourceVersion)
		return
	case !sameRow(got, o):
		note("%s is shown as %+v, want %+v", o.NamespacedName(), *got, *o)
		return
	}
	if bodies == nil {
		return
	}
	if body, ok := bodies(got); ok && !sameBody(body, want.Body) {
		note("%s has another body than the server", o.NamespacedName())
	}
}

// sameBody reports whether two bodies are of one object. In JSON the items of a list may lack kind and apiVersion, which
// the same object has in an event.
func sameBody(a, b watch.Body) bool {
	if a.Encoding != b.Encoding {
		return false
	}
	if a.Encoding != watch.EncodingJSON || bytes.Equal(a.Data, b.Data) {
		return bytes.Equal(a.Data, b.Data)
	}
	var x, y map[string]any
	if json.Unmarshal(a.Data, &x) != nil || json.Unmarshal(b.Data, &y) != nil {
		return false
	}
	for _, m := range []map[string]any{x, y} {
		delete(m, "kind")
		delete(m, "apiVersion")
	}
	return reflect.DeepEqual(x, y)
}

// sameRow reports whether nothing differs of what is shown of two objects.
func sameRow(a, b *watch.Object) bool {
	return a.Created == b.Created && a.Deleted == b.Deleted && slices.Equal(a.Owners, b.Owners) && a.Labels == b.Labels && a.Annos == b.Annos &&
		a.Status == b.Status && a.Cells == b.Cells && a.Fields == b.Fields && a.Health == b.Health && a.Undecodable == b.Undecodable
}
