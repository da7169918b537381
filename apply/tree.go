package apply

import (
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// The functions of this package that read or change an object at the paths of a set all descend the same way: by the
// elements of the set, and by the schema only where it says what is descended into. What is atomic, scalar, empty or null
// is a leaf.

// atom is what the schema says of a value: of several alternatives the one that the value is of.
func (t *typer) atom(ref schema.TypeRef, v any) schema.Atom {
	a, _ := t.schema.Resolve(ref)
	switch v.(type) {
	case nil:
	case map[string]any:
		if a.Map != nil {
			return schema.Atom{Map: a.Map}
		}
	case []any:
		if a.List != nil {
			return schema.Atom{List: a.List}
		}
	default:
		if a.Scalar != nil {
			return schema.Atom{Scalar: a.Scalar}
		}
	}
	return a
}

// open tells what a value may be descended into as: a map by its keys, a list by its items. Both nil: a leaf.
func (t *typer) open(ref schema.TypeRef, v any) (*schema.Map, *schema.List) {
	a := t.atom(ref, v)
	switch v.(type) {
	case map[string]any:
		if a.Map != nil && a.Map.ElementRelationship != schema.Atomic {
			return a.Map, nil
		}
	case []any:
		if a.List != nil && a.List.ElementRelationship == schema.Associative {
			return nil, a.List
		}
	}
	return nil, nil
}

// field is the type of a map's entry.
func field(m *schema.Map, name string) schema.TypeRef {
	if f, ok := m.FindField(name); ok {
		return f.Type
	}
	return m.ElementType
}

// element is the path element of an item of a keyed list or a set; not ok for an item that can't be in one. It is what
// smd's listItemToPathElement makes (typed/helpers.go), which isn't exported.
func (t *typer) element(l *schema.List, item any) (fieldpath.PathElement, bool) {
	if len(l.Keys) == 0 {
		switch item.(type) {
		case nil, map[string]any, []any:
			return fieldpath.PathElement{}, false
		}
		v := value.NewValueInterface(item)
		return fieldpath.PathElement{Value: &v}, true
	}
	m, ok := item.(map[string]any)
	if !ok {
		return fieldpath.PathElement{}, false
	}
	var key value.FieldList
	for _, name := range l.Keys {
		v, ok := m[name]
		if !ok {
			if v = t.keyDefault(l, name); v == nil {
				continue
			}
		}
		key = append(key, value.Field{Name: name, Value: value.NewValueInterface(v)})
	}
	if len(key) == 0 {
		return fieldpath.PathElement{}, false
	}
	key.Sort()
	return fieldpath.PathElement{Key: &key}, true
}

// keyDefault is the default of a list's key, nil where it has none.
func (t *typer) keyDefault(l *schema.List, name string) any {
	a, ok := t.schema.Resolve(l.ElementType)
	if !ok || a.Map == nil {
		return nil
	}
	f, _ := a.Map.FindField(name)
	return f.Default
}

// duplicates stands for several items of one key.
type duplicates []any

// items finds the items of a list by their path elements.
type items struct {
	list  []any
	keyed bool
	at    fieldpath.PathElementMap // []int
}

// items indexes a list; l is nil for an atomic one, whose items are found by their number or by comparing.
func (t *typer) items(l *schema.List, list []any) items {
	x := items{list: list, keyed: l != nil, at: fieldpath.MakePathElementMap(len(list))}
	if l == nil {
		return x
	}
	for n, item := range list {
		pe, ok := t.element(l, item)
		if !ok {
			continue
		}
		known, _ := x.at.Get(pe)
		at, _ := known.([]int)
		x.at.Insert(pe, append(at, n))
	}
	return x
}

// find is where the items of an element are, ascending.
func (x *items) find(pe fieldpath.PathElement) []int {
	if x.keyed {
		found, _ := x.at.Get(pe)
		at, _ := found.([]int)
		return at
	}
	var at []int
	for n, item := range x.list {
		if matches(pe, n, item) {
			at = append(at, n)
		}
	}
	return at
}

// get is the value of an element: an item, or duplicates.
func (x *items) get(pe fieldpath.PathElement) (any, bool) {
	switch at := x.find(pe); len(at) {
	case 0:
		return nil, false
	case 1:
		return x.list[at[0]], true
	default:
		var all duplicates
		for _, n := range at {
			all = append(all, x.list[n])
		}
		return all, true
	}
}

// matches reports whether an item is the one of an element, without a schema.
func matches(pe fieldpath.PathElement, n int, item any) bool {
	switch {
	case pe.Index != nil:
		return *pe.Index == n
	case pe.Value != nil:
		return value.Equals(*pe.Value, value.NewValueInterface(item))
	case pe.Key != nil:
		m, ok := item.(map[string]any)
		for _, f := range *pe.Key {
			v, has := m[f.Name]
			if !ok || !has || !value.Equals(f.Value, value.NewValueInterface(v)) {
				return false
			}
		}
		return ok
	}
	return false
}

// elements are the elements of a set's first level, each once.
func elements(s *fieldpath.Set) []fieldpath.PathElement {
	var out []fieldpath.PathElement
	s.Members.Iterate(func(pe fieldpath.PathElement) { out = append(out, pe) })
	s.Children.Iterate(func(pe fieldpath.PathElement) {
		if !s.Members.Has(pe) {
			out = append(out, pe)
		}
	})
	return out
}

// below is the part of a set under an element, never nil.
func below(s *fieldpath.Set, pe fieldpath.PathElement) *fieldpath.Set {
	if c, ok := s.Children.Get(pe); ok {
		return c
	}
	return fieldpath.NewSet()
}

// place is a path of a set with what several objects have there.
type place struct {
	path   fieldpath.Path
	member bool // the path itself is in the set
	inner  bool // paths below it are
	has    []bool
	values []any
}

// walk visits every path of a set and those above it, top down, with the values of the objects there. visit returns
// whether to go on below.
func (t *typer) walk(s *fieldpath.Set, visit func(p place) bool, objects ...any) {
	has := make([]bool, len(objects))
	for n := range objects {
		has[n] = true
	}
	t.walkAt(place{has: has, values: objects, inner: true}, t.ref, s, visit)
}

func (t *typer) walkAt(p place, ref schema.TypeRef, s *fieldpath.Set, visit func(p place) bool) {
	var lists []items
	for _, pe := range elements(s) {
		sub := below(s, pe)
		next := place{path: append(slices.Clip(p.path), pe), member: s.Members.Has(pe), inner: !sub.Empty(),
			has: make([]bool, len(p.values)), values: make([]any, len(p.values))}
		if pe.FieldName == nil && lists == nil {
			lists = make([]items, len(p.values))
			for n, v := range p.values {
				list, _ := v.([]any)
				_, l := t.open(ref, v)
				lists[n] = t.items(l, list)
			}
		}
		var child schema.TypeRef
		for n, v := range p.values {
			a := t.atom(ref, v)
			if pe.FieldName == nil {
				next.values[n], next.has[n] = lists[n].get(pe)
				if a.List != nil {
					child = a.List.ElementType
				}
				continue
			}
			m, _ := v.(map[string]any)
			next.values[n], next.has[n] = m[*pe.FieldName], false
			if _, ok := m[*pe.FieldName]; ok {
				next.has[n] = true
			}
			if a.Map != nil {
				child = field(a.Map, *pe.FieldName)
			}
		}
		if visit(next) && next.inner {
			t.walkAt(next, child, sub, visit)
		}
	}
}
