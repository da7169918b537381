package apply

import (
	"encoding/json"
	"reflect"
	"slices"

	runtimeschema "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"

	"orka/watch"
)

// dropNulls takes entries that are null out of maps: writing null takes a field away. Those that were null before stay, and
// so do those in items that are new to a list without keys, which is sent as it is written.
func (t *typer) dropNulls(ref schema.TypeRef, edited, before any) {
	a := t.atom(ref, edited)
	switch e := edited.(type) {
	case map[string]any:
		was, _ := before.(map[string]any)
		for k, v := range e {
			old, had := was[k]
			if v == nil && (!had || old != nil) {
				delete(e, k)
				continue
			}
			var child schema.TypeRef
			if a.Map != nil {
				child = field(a.Map, k)
			}
			t.dropNulls(child, v, old)
		}
	case []any:
		if !hasNull(e) {
			return
		}
		was, _ := before.([]any)
		var child schema.TypeRef
		if a.List != nil {
			child = a.List.ElementType
		}
		olds := counterparts(was, e)
		_, l := t.open(ref, e)
		index := t.items(l, was)
		for n, item := range e {
			if l != nil {
				if pe, ok := t.element(l, item); ok {
					switch at := index.find(pe); len(at) {
					case 0:
						t.dropNulls(child, item, nil)
						continue
					case 1:
						t.dropNulls(child, item, was[at[0]])
						continue
					}
				}
			}
			if olds[n] >= 0 {
				t.dropNulls(child, item, was[olds[n]])
			}
		}
	}
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, inner := range v {
			if hasNull(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if hasNull(inner) {
				return true
			}
		}
	}
	return false
}

// maxComparisons bounds the search for items that were changed, each against each.
const maxComparisons = 1 << 20

// counterparts tells for each item of a list without keys which one of before it was, by number, or -1: the same one, or
// else the one with which it has the most fields in common.
func counterparts(before, after []any) []int {
	out := make([]int, len(after))
	same := make(map[string][]int, len(before))
	for n, item := range before {
		text := asJSON(item)
		same[text] = append(same[text], n)
	}
	used := make([]bool, len(before))
	var rest []int // of after
	for n, item := range after {
		out[n] = -1
		text := asJSON(item)
		if at := same[text]; len(at) > 0 {
			out[n], used[at[0]], same[text] = at[0], true, at[1:]
			continue
		}
		if _, ok := item.(map[string]any); ok && hasNull(item) {
			rest = append(rest, n)
		}
	}
	if len(rest)*len(before) > maxComparisons {
		return out
	}
	for _, n := range rest {
		best, most := -1, 0
		for k, old := range before {
			if m, ok := old.(map[string]any); ok && !used[k] {
				if c := common(m, after[n].(map[string]any)); c > most {
					best, most = k, c
				}
			}
		}
		if out[n] = best; best >= 0 {
			used[best] = true
		}
	}
	return out
}

func common(a, b map[string]any) int {
	count := 0
	for k, v := range a {
		if other, ok := b[k]; ok && reflect.DeepEqual(v, other) {
			count++
		}
	}
	return count
}

// asJSON is a value as text, the same for equal values.
func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil { // values of JSON have none
		return ""
	}
	return string(text)
}

// emptyNulls puts the empty value that the server stores in the place of a null in a map of plain values, as in a
// ConfigMap's data, and returns where. Go's decoder does so for the kinds that it has types of; a custom resource keeps the
// null or is refused, and so nothing is done to it.
func (t *typer) emptyNulls(kind *watch.Kind, edited map[string]any) []fieldpath.Path {
	if t.deduced || !scheme.Scheme.Recognizes(runtimeschema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.GVK.Kind}) {
		return nil
	}
	var found []fieldpath.Path
	t.emptyNullsAt(nil, t.ref, edited, &found)
	return found
}

func (t *typer) emptyNullsAt(path fieldpath.Path, ref schema.TypeRef, edited any, found *[]fieldpath.Path) {
	a := t.atom(ref, edited)
	switch e := edited.(type) {
	case map[string]any:
		if a.Map == nil {
			return
		}
		for _, name := range sortedKeys(e) {
			at := append(slices.Clip(path), fieldpath.FieldNameElement(name))
			if _, declared := a.Map.FindField(name); e[name] == nil && !declared {
				if empty := t.empty(a.Map.ElementType); empty != nil {
					e[name] = empty
					*found = append(*found, at)
				}
				continue
			}
			t.emptyNullsAt(at, field(a.Map, name), e[name], found)
		}
	case []any:
		if a.List == nil {
			return
		}
		_, l := t.open(ref, e)
		for n, item := range e {
			pe := fieldpath.IndexElement(n)
			if l != nil {
				if key, ok := t.element(l, item); ok {
					pe = key
				}
			}
			t.emptyNullsAt(append(slices.Clip(path), pe), a.List.ElementType, item, found)
		}
	}
}

// empty is the empty value of a type, nil for one that is not plain.
func (t *typer) empty(ref schema.TypeRef) any {
	a, ok := t.schema.Resolve(ref)
	if !ok || a.Scalar == nil || a.Map != nil || a.List != nil {
		return nil
	}
	switch *a.Scalar {
	case schema.String:
		return ""
	case schema.Numeric:
		return int64(0)
	case schema.Boolean:
		return false
	}
	return nil
}
