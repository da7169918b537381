package apply

import (
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"orka/watch/kube"
)

// changedUnderneath are the fields of an intent that somebody else changed between its base and live: a value that is
// neither the base's nor already the intended one, a container on the way that is gone or is something else now, or
// anything in what is to be removed. Everything else may have changed: the intent does not touch it.
func changedUnderneath(t *typer, b *Base, i *Intent, live *Base) []Versions {
	t = i.typer(t)
	var out []Versions
	add := func(p place) {
		out = append(out, versions(b, p))
	}
	var base any = map[string]any{}
	if b.Object != nil {
		base = b.Object.Object
	}
	t.walk(i.Set, func(p place) bool {
		was, has := p.has[0], p.has[2]
		if p.member && !p.inner {
			if !p.same(0, 2) && !p.same(2, 1) {
				add(p)
			}
			return false
		}
		switch {
		case was && (!has || sort(p.values[0]) != sort(p.values[2])),
			!was && has && sort(p.values[1]) != sort(p.values[2]),
			// The same new item of a list by two: together they make one that neither meant.
			!was && has && p.path[len(p.path)-1].FieldName == nil && !p.same(2, 1):
			add(p)
			return false
		}
		return true
	}, base, i.Edited.Object, live.Object.Object)
	t.walk(i.RemoveOwn.Union(i.RemoveForeign), func(p place) bool {
		if p.member && p.has[2] && !p.same(0, 2) {
			add(p)
		}
		return !p.member && p.has[2]
	}, base, i.Edited.Object, live.Object.Object)
	return out
}

// same reports whether two of the objects have the same there, or both nothing.
func (p *place) same(a, b int) bool {
	if !p.has[a] || !p.has[b] {
		return p.has[a] == p.has[b]
	}
	return equal(p.values[a], p.values[b])
}

// equal compares values as the server does: 1 is 1.0, and lists have an order.
func equal(a, b any) bool {
	if d, ok := a.(duplicates); ok {
		a = []any(d)
	}
	if d, ok := b.(duplicates); ok {
		b = []any(d)
	}
	return value.Equals(value.NewValueInterface(a), value.NewValueInterface(b))
}

// versions tells the three values of a place: base, edited, live. A Secret's are masked.
func versions(b *Base, p place) Versions {
	v := Versions{Path: p.path.String()}
	texts := []*string{&v.Base, &v.Yours, &v.Their}
	labels := []string{masked, masked + " (yours)", masked + " (theirs)"}
	for n, text := range texts {
		switch {
		case !p.has[n]:
		case kube.IsSecret(b.Kind) && !harmless(p.path):
			if *text = labels[n]; n > 0 && p.same(0, n) {
				*text = masked
			}
		default:
			*text = asYAML(p.values[n])
		}
	}
	return v
}

// harmless are the paths of a Secret that hold no value of it, nor a copy.
func harmless(path fieldpath.Path) bool {
	for _, start := range []fieldpath.Path{names("type"), names("immutable")} {
		if len(path) >= len(start) && path[:len(start)].Equals(start) {
			return true
		}
	}
	return false
}

func asYAML(v any) string {
	if d, ok := v.(duplicates); ok {
		v = []any(d)
	}
	text, err := kube.MarshalYAML(v)
	if err != nil {
		return "(can't be shown)"
	}
	return strings.TrimSuffix(string(text), "\n")
}
