package apply

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// project is the part of an object that a set names: the values at its paths, the containers on the way, and the keys of
// the list items among them. It shares values with the object.
func (t *typer) project(object map[string]any, s *fieldpath.Set) map[string]any {
	v, ok := t.projectAt(t.ref, object, s, false)
	out, _ := v.(map[string]any)
	if !ok || out == nil {
		return map[string]any{}
	}
	return out
}

func (t *typer) projectAt(ref schema.TypeRef, v any, s *fieldpath.Set, member bool) (any, bool) {
	m, l := t.open(ref, v)
	switch {
	case m != nil && length(v) > 0:
		out := map[string]any{}
		for name, inner := range v.(map[string]any) {
			pe := fieldpath.FieldNameElement(name)
			if part, ok := t.projectAt(field(m, name), inner, below(s, pe), s.Members.Has(pe)); ok {
				out[name] = part
			}
		}
		return out, member || len(out) > 0
	case l != nil && length(v) > 0:
		var out []any
		for _, item := range v.([]any) {
			pe, ok := t.element(l, item)
			if !ok {
				continue
			}
			part, ok := t.projectAt(l.ElementType, item, below(s, pe), s.Members.Has(pe))
			if !ok {
				continue
			}
			out = append(out, keyed(l, part, item))
		}
		if len(out) == 0 && member {
			out = []any{}
		}
		return out, member || len(out) > 0
	}
	// Below an atomic value there is no path, except in a set from when the schema was another.
	return v, member || !s.Empty()
}

// cut takes the paths of a set, and all that is in them, out of an object, which it changes.
func (t *typer) cut(object map[string]any, s *fieldpath.Set) {
	t.cutAt(t.ref, object, s)
}

func (t *typer) cutAt(ref schema.TypeRef, v any, s *fieldpath.Set) any {
	if s.Empty() {
		return v
	}
	a := t.atom(ref, v)
	switch x := v.(type) {
	case map[string]any:
		for _, pe := range elements(s) {
			if pe.FieldName == nil {
				continue
			}
			name := *pe.FieldName
			inner, ok := x[name]
			switch {
			case !ok:
			case s.Members.Has(pe):
				delete(x, name)
			default:
				var child schema.TypeRef
				if a.Map != nil {
					child = field(a.Map, name)
				}
				x[name] = t.cutAt(child, inner, below(s, pe))
			}
		}
	case []any:
		_, l := t.open(ref, v)
		index := t.items(l, x)
		var child schema.TypeRef
		if a.List != nil {
			child = a.List.ElementType
		}
		gone := make(map[int]bool)
		for _, pe := range elements(s) {
			for _, n := range index.find(pe) {
				if s.Members.Has(pe) {
					gone[n] = true
				} else {
					x[n] = t.cutAt(child, x[n], below(s, pe))
				}
			}
		}
		if len(gone) == 0 {
			return x
		}
		kept := make([]any, 0, len(x)-len(gone))
		for n, item := range x {
			if !gone[n] {
				kept = append(kept, item)
			}
		}
		return slices.Clip(kept)
	}
	return v
}
