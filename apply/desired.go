package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// desired is the live object with the intent carried out, and nothing else changed: what is expected of the server before
// defaults, webhooks and controllers. Where the intent goes by server-side apply, new list items are where the server
// puts them.
func desired(t *typer, b *Base, i *Intent) (*unstructured.Unstructured, error) {
	t = i.typer(t)
	local := carriedOut(t, b, i)
	if b.Absent || !i.RemoveForeign.Empty() {
		return local, nil
	}
	if merged, ok := merged(t, b, i, applyConfiguration(t, b, i, local), local); ok {
		return merged, nil
	}
	return local, nil
}

// carriedOut is the live object with the intent carried out; new list items come after those they follow in the edit.
func carriedOut(t *typer, b *Base, i *Intent) *unstructured.Unstructured {
	out := map[string]any{}
	if b.Object != nil {
		out = runtime.DeepCopyJSON(b.Object.Object)
	}
	t.cut(out, i.RemoveOwn)
	t.cut(out, i.RemoveForeign)
	v := t.graft(t.ref, out, true, i.Edited.Object, i.Set, false)
	out, _ = v.(map[string]any)
	if i.whole { // a file says which object it is; the live one has that already
		for _, name := range []string{"apiVersion", "kind"} {
			out[name] = i.Edited.Object[name]
		}
		meta, _ := out["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
			out["metadata"] = meta
		}
		meta["name"] = i.Name
		if i.Namespace != "" {
			meta["namespace"] = i.Namespace
		}
	}
	return &unstructured.Unstructured{Object: out}
}

// graft puts what edited has at the paths of a set into live, which it may change, and returns it. edited's values are
// copied.
func (t *typer) graft(ref schema.TypeRef, live any, has bool, edited any, s *fieldpath.Set, member bool) any {
	m, l := t.open(ref, edited)
	if s.Empty() || (m == nil && l == nil) {
		if !member {
			return live
		}
		// Somebody may have put something into what the edit left empty.
		if lm, ll := t.open(ref, live); length(edited) == 0 && length(live) > 0 && ((m != nil && lm != nil) || (l != nil && ll != nil)) {
			return live
		}
		return runtime.DeepCopyJSONValue(edited)
	}
	if m != nil {
		into, ok := live.(map[string]any)
		if has && !ok && live != nil {
			return runtime.DeepCopyJSONValue(edited) // of another sort
		}
		if into == nil {
			into = map[string]any{}
		}
		from := edited.(map[string]any)
		for _, pe := range elements(s) {
			if pe.FieldName == nil {
				continue
			}
			name := *pe.FieldName
			v, ok := from[name]
			if !ok {
				continue
			}
			old, had := into[name]
			into[name] = t.graft(field(m, name), old, had, v, below(s, pe), s.Members.Has(pe))
		}
		return into
	}
	into, ok := live.([]any)
	if has && !ok && live != nil {
		return runtime.DeepCopyJSONValue(edited)
	}
	return t.graftList(l, into, edited.([]any), s)
}

// graftList is graft for the items of a keyed list or a set.
func (t *typer) graftList(l *schema.List, live, edited []any, s *fieldpath.Set) []any {
	olds := t.items(l, live)
	wanted := fieldpath.MakePathElementSet(len(edited))
	for _, pe := range elements(s) {
		wanted.Insert(pe)
	}
	after := make(map[int][]any) // new items, by the number of the live one they follow; -1 is the head
	gone := make(map[int]bool)
	anchor := -1
	done := fieldpath.MakePathElementSet(len(edited))
	news := t.items(l, edited)
	for _, item := range edited {
		pe, ok := t.element(l, item)
		if !ok {
			continue
		}
		at := olds.find(pe)
		if len(at) > 0 {
			anchor = at[0]
		}
		if !wanted.Has(pe) || done.Has(pe) {
			continue
		}
		done.Insert(pe)
		same := news.find(pe)
		switch {
		case len(at) == 1 && len(same) == 1:
			live[at[0]] = t.graft(l.ElementType, live[at[0]], true, item, below(s, pe), s.Members.Has(pe))
		case len(at) == 0 && len(same) == 1:
			after[anchor] = append(after[anchor], keyed(l, t.graft(l.ElementType, nil, false, item, below(s, pe), s.Members.Has(pe)), item))
		default: // duplicates, before or now: all of them are replaced
			for _, n := range at {
				gone[n] = true
			}
			for _, n := range same {
				after[anchor] = append(after[anchor], runtime.DeepCopyJSONValue(edited[n]))
			}
		}
	}
	out := make([]any, 0, len(live)+len(edited))
	out = append(out, after[-1]...)
	for n, item := range live {
		if !gone[n] {
			out = append(out, item)
		}
		out = append(out, after[n]...)
	}
	return out
}

// keyed gives a new list item the keys it is found by.
func keyed(l *schema.List, into, from any) any {
	fields, ok := into.(map[string]any)
	item, isMap := from.(map[string]any)
	if !ok || !isMap {
		return into
	}
	for _, key := range l.Keys {
		if v, ok := item[key]; ok {
			fields[key] = v
		}
	}
	return fields
}
