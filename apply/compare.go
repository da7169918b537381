package apply

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"

	"orka/watch/kube"
)

// newIntent is what an edit of the base means to change. Errors are *DraftError and ErrNoChange.
func newIntent(t *typer, b *Base, d *document) (*Intent, error) {
	if err := checkIdentity(b.Target, d); err != nil {
		return nil, err
	}
	edited, err := dropReadOnly(b, d)
	if err != nil {
		return nil, err
	}
	base := stripped(b.Kind, b.Object)
	t.dropNulls(t.ref, edited.Object, base.Object)

	i := &Intent{Target: b.Target, Edited: edited, RemoveOwn: fieldpath.NewSet(), RemoveForeign: fieldpath.NewSet()}
	if t.notice != "" {
		i.Notices = append(i.Notices, t.notice)
	}
	before, err := t.typed(base)
	if err != nil && !t.deduced {
		i.untyped = true
		i.Notices = append(i.Notices, "the object does not fit the server's schema: lists are compared as a whole and field names are not checked")
		t = deducedTyper()
		before, err = t.typed(base)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the object can't be compared: %w", b.Target, err)
	}
	if err := d.validate(t, b, edited, base); err != nil {
		return nil, err
	}
	foldStringData(b.Kind, edited)
	after, err := t.typed(edited)
	if err != nil {
		return nil, draftError(0, 0, "", "the object does not fit the server's schema")
	}
	c, err := before.Compare(after)
	if err != nil {
		return nil, draftError(0, 0, "", "the object can't be compared with the one on the server")
	}
	i.Set = c.Added.Union(c.Modified).Union(t.emptied(edited, base))
	moved := t.reordered(base.Object, edited.Object)
	if i.Set.Empty() && c.Removed.Empty() {
		if len(moved) > 0 {
			return nil, d.fail(moved[0], "only the order of this list is changed, and the server keeps its own: there is nothing to apply")
		}
		return nil, ErrNoChange
	}
	i.changes = i.Set
	i.splitRemoved(t, b, c.Removed, c.Modified)
	i.Notices = append(i.Notices, t.atomicNotices(i.Set, base)...)
	for _, path := range moved {
		i.Notices = append(i.Notices, path.String()+": the new order is not applied, the server keeps its own")
	}
	return i, nil
}

// validate checks an edited object and tells the first problem by its line.
func (d *document) validate(t *typer, b *Base, edited, before *unstructured.Unstructured) error {
	var was any
	if before != nil {
		was = before.Object
	}
	var found []*DraftError
	for _, p := range t.validate(edited.Object, was) {
		found = append(found, d.fail(p.path, "%s", p.message))
	}
	if data, ok := edited.Object["data"].(map[string]any); ok && kube.IsSecret(b.Kind) {
		for name, v := range data {
			if s, ok := v.(string); ok {
				if _, err := base64.StdEncoding.DecodeString(s); err != nil {
					found = append(found, d.fail(names("data", name), "this is not base64; plain text goes into stringData"))
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	first := slices.MinFunc(found, func(a, b *DraftError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	if more := len(found) - 1; more > 0 {
		first.Message += fmt.Sprintf(" (and %d more)", more)
	}
	return first
}

// emptied are the containers that the edit leaves empty: nothing in them tells that they are to stay.
func (t *typer) emptied(edited, base *unstructured.Unstructured) *fieldpath.Set {
	out := fieldpath.NewSet()
	t.both(nil, t.ref, base.Object, edited.Object, func(path fieldpath.Path, _ *schema.List, before, after any) {
		if length(after) == 0 && length(before) > 0 && len(path) > 0 {
			out.Insert(path.Copy())
		}
	})
	return out
}

// reordered are the lists whose common items changed their order, where order is the server's.
func (t *typer) reordered(before, after any) []fieldpath.Path {
	var out []fieldpath.Path
	t.both(nil, t.ref, before, after, func(path fieldpath.Path, l *schema.List, before, after any) {
		if l == nil {
			return
		}
		olds, news := before.([]any), after.([]any)
		if len(olds) == len(news) && reflect.DeepEqual(olds, news) {
			return
		}
		index, last := t.items(l, olds), -1
		for _, item := range news {
			pe, ok := t.element(l, item)
			if !ok {
				continue
			}
			at := index.find(pe)
			if len(at) != 1 {
				continue
			}
			if at[0] < last {
				out = append(out, path.Copy())
				return
			}
			last = at[0]
		}
	})
	return out
}

// both visits the containers that are in two objects, of the same sort and not atomic; l is nil for maps.
func (t *typer) both(path fieldpath.Path, ref schema.TypeRef, before, after any, visit func(path fieldpath.Path, l *schema.List, before, after any)) {
	m, l := t.open(ref, after)
	switch {
	case m != nil:
		olds, ok := before.(map[string]any)
		if !ok {
			return
		}
		visit(path, nil, olds, after)
		news := after.(map[string]any)
		for _, name := range sortedKeys(news) {
			if old, ok := olds[name]; ok {
				t.both(append(slices.Clip(path), fieldpath.FieldNameElement(name)), field(m, name), old, news[name], visit)
			}
		}
	case l != nil:
		olds, ok := before.([]any)
		if !ok {
			return
		}
		visit(path, l, olds, after)
		index := t.items(l, olds)
		for _, item := range after.([]any) {
			pe, ok := t.element(l, item)
			if !ok {
				continue
			}
			if at := index.find(pe); len(at) == 1 {
				t.both(append(slices.Clip(path), pe), l.ElementType, olds[at[0]], item, visit)
			}
		}
	}
}

func length(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	}
	return -1
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// splitRemoved tells what may be removed by leaving it out of orka's next apply from what takes a JSON Patch.
func (i *Intent) splitRemoved(t *typer, b *Base, removed, modified *fieldpath.Set) {
	owners := ownersOf(b.Object)
	applied := appliedSet(owners)
	t.walk(removed, func(p place) bool {
		if modified.Has(p.path) {
			return false // replaced by a value of another sort
		}
		if !p.member {
			return true
		}
		if solely(p.path, applied, owners) {
			i.RemoveOwn.Insert(p.path.Copy())
		} else {
			i.RemoveForeign.Insert(p.path.Copy())
		}
		return false
	}, b.Object.Object)
}

// solely reports whether orka's applies own a path, and nobody else, nor orka by its patches, anything in it. What nobody
// owns, like the defaults of a container, goes with what it is in (structured-merge-diff, merge/update.go, prune).
func solely(path fieldpath.Path, applied *fieldpath.Set, owners []owner) bool {
	for _, o := range owners {
		if !o.applied() && o.owns(path) {
			return false
		}
	}
	sub, member := applied, false
	for _, pe := range path {
		member = sub.Members.Has(pe)
		sub = below(sub, pe)
	}
	return member || !sub.Empty()
}

// refAt is the type at a path.
func (t *typer) refAt(path fieldpath.Path) schema.TypeRef {
	ref := t.ref
	for _, pe := range path {
		a, ok := t.schema.Resolve(ref)
		switch {
		case ok && pe.FieldName != nil && a.Map != nil:
			ref = field(a.Map, *pe.FieldName)
		case ok && pe.FieldName == nil && a.List != nil:
			ref = a.List.ElementType
		default:
			return t.ref
		}
	}
	return ref
}

// atomicNotices name the lists and maps of more than one item that are replaced as a whole.
func (t *typer) atomicNotices(set *fieldpath.Set, base *unstructured.Unstructured) []string {
	var out []string
	t.walk(set, func(p place) bool {
		if m, l := t.open(t.refAt(p.path), p.values[0]); p.member && !p.inner && m == nil && l == nil && length(p.values[0]) > 0 {
			out = append(out, p.path.String()+" is applied as a whole, not by its items")
		}
		return true
	}, base.Object)
	return out
}
