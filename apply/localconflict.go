package apply

import (
	"cmp"
	"reflect"
	"slices"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// nobody is the manager of a field that is in no entry of managedFields: a default, or from before they were kept.
const nobody = "nobody"

// localConflicts are the fields of an intent that others own, by the base's managedFields: what a JSON Patch takes without
// asking. A removal counts also where nobody owns the field. What only orka owns is no conflict.
func localConflicts(t *typer, b *Base, i *Intent) []Conflict {
	t = i.typer(t)
	if b.Object == nil {
		return nil
	}
	owners := ownersOf(b.Object)
	var out []Conflict
	seen := map[Conflict]bool{}
	add := func(path fieldpath.Path, manager, message string, removes bool) {
		c := Conflict{Path: path.String(), Manager: manager, Message: message, Removes: removes}
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	t.walk(i.Set, func(p place) bool {
		if !p.member || p.inner || (p.has[0] == p.has[1] && reflect.DeepEqual(p.values[0], p.values[1])) {
			return true
		}
		for _, o := range owners {
			if !o.ours() && o.owns(p.path) {
				add(p.path, o.name(), "owned by "+o.name(), false)
			}
		}
		return true
	}, b.Object.Object, i.Edited.Object)
	t.walk(i.RemoveForeign, func(p place) bool {
		if !p.member {
			return true
		}
		if !p.has[0] {
			return false
		}
		others, ours := false, false
		for _, o := range owners {
			switch {
			case !o.owns(p.path):
			case o.ours():
				ours = true
			default:
				others = true
				add(p.path, o.name(), "removes what "+o.name()+" owns", true)
			}
		}
		if !others && !ours {
			add(p.path, nobody, "removes a field that nobody owns: a default may take its place", true)
		}
		return false
	}, b.Object.Object)
	slices.SortFunc(out, func(a, b Conflict) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Manager, b.Manager))
	})
	return out
}

// without is the intent without the fields at the given paths, which are written as Conflict.Path, and all that is in
// them.
func (i *Intent) without(_ *typer, paths map[string]bool) *Intent {
	rest := func(s *fieldpath.Set) *fieldpath.Set {
		out := fieldpath.NewSet()
		if s == nil {
			return out
		}
		s.Iterate(func(p fieldpath.Path) {
			for n := range p {
				if paths[p[:n+1].String()] {
					return
				}
			}
			out.Insert(p.Copy())
		})
		return out
	}
	less := *i
	less.Set, less.changes = trimmed(i.Set, rest(i.Set)), trimmed(i.changes, rest(i.changes))
	less.RemoveOwn, less.RemoveForeign = rest(i.RemoveOwn), rest(i.RemoveForeign)
	return &less
}

// trimmed takes containers out of a smaller set that have lost all that the larger one had in them.
func trimmed(larger, smaller *fieldpath.Set) *fieldpath.Set {
	out := fieldpath.NewSet()
	if larger == nil {
		return out
	}
	for _, pe := range elements(smaller) {
		inner, had := below(smaller, pe), !below(larger, pe).Empty()
		inner = trimmed(below(larger, pe), inner)
		if smaller.Members.Has(pe) && (!had || !inner.Empty()) {
			out.Insert(fieldpath.Path{pe})
		}
		inner.Iterate(func(p fieldpath.Path) { out.Insert(append(fieldpath.Path{pe}, p...)) })
	}
	return out
}
