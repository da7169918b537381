package apply

import (
	"slices"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// problem is what the schema objects to.
type problem struct {
	path    fieldpath.Path
	message string
}

// maxProblems is how many are looked for: the first by line is told.
const maxProblems = 50

// validate checks an object against the schema: fields it doesn't know, values of another type, items of a list without
// their keys or twice there, whole numbers that aren't or that are too large. Values are not quoted. before is the object that was edited: what it already has so may
// stay.
func (t *typer) validate(object, before any) []problem {
	v := &validator{typer: t}
	var whole *integerType
	if t.numbers != nil {
		v.integers, whole = t.numbers()
	}
	v.value(nil, t.ref, whole, object, before)
	return v.found
}

type validator struct {
	*typer
	integers *integerTypes
	found    []problem
}

func (v *validator) add(path fieldpath.Path, message string) {
	v.found = append(v.found, problem{path.Copy(), message})
}

func (v *validator) value(path fieldpath.Path, ref schema.TypeRef, whole *integerType, x, before any) {
	if x == nil || len(v.found) >= maxProblems {
		return
	}
	a, ok := v.schema.Resolve(ref)
	if !ok {
		return
	}
	switch x := x.(type) {
	case map[string]any:
		if a.Map == nil {
			v.add(path, "expected "+expected(a)+", got an object")
			return
		}
		was, _ := before.(map[string]any)
		for name, inner := range x {
			below := append(slices.Clip(path), fieldpath.FieldNameElement(name))
			if _, declared := a.Map.FindField(name); !declared && (a.Map.ElementType == schema.TypeRef{}) {
				v.add(below, "there is no such field"+didYouMean(name, a.Map))
				continue
			}
			v.value(below, field(a.Map, name), v.integers.child(whole, name), inner, was[name])
		}
	case []any:
		if a.List == nil {
			v.add(path, "expected "+expected(a)+", got a list")
			return
		}
		v.list(path, a.List, v.integers.child(whole, ""), x, before)
	default:
		if a.Scalar == nil || !fits(*a.Scalar, x) {
			v.add(path, "expected "+expected(a)+", got "+sort(x)+hint(a, x))
		} else if message := v.integers.objection(whole, x); message != "" && !equal(x, before) {
			v.add(path, message)
		}
	}
}

func (v *validator) list(path fieldpath.Path, l *schema.List, whole *integerType, list []any, before any) {
	was, _ := before.([]any)
	if l.ElementRelationship != schema.Associative {
		for n, item := range list {
			var old any
			if n < len(was) {
				old = was[n]
			}
			v.value(append(slices.Clip(path), fieldpath.IndexElement(n)), l.ElementType, whole, item, old)
		}
		return
	}
	old := v.items(l, was)
	seen := fieldpath.MakePathElementSet(len(list))
	for n, item := range list {
		pe, ok := v.element(l, item)
		if !ok {
			at := append(slices.Clip(path), fieldpath.IndexElement(n))
			if len(l.Keys) > 0 {
				v.add(at, "each item of this list must have "+strings.Join(l.Keys, ", "))
			} else {
				v.add(at, "expected a single value")
			}
			continue
		}
		at := append(slices.Clip(path), pe)
		if seen.Has(pe) && len(old.find(pe)) < 2 {
			v.add(at, "this item is already in the list")
		}
		seen.Insert(pe)
		previous, _ := old.get(pe)
		v.value(at, l.ElementType, whole, item, previous)
	}
}

func fits(s schema.Scalar, x any) bool {
	switch s {
	case schema.Numeric:
		return sort(x) == "a number"
	case schema.String:
		return sort(x) == "text"
	case schema.Boolean:
		return sort(x) == "true or false"
	}
	return true
}

// sort names what a value is.
func sort(x any) string {
	switch x.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "true or false"
	case map[string]any:
		return "an object"
	case []any, duplicates:
		return "a list"
	}
	return "a number"
}

// expected names what a type takes.
func expected(a schema.Atom) string {
	var all []string
	if a.Map != nil {
		all = append(all, "an object")
	}
	if a.List != nil {
		all = append(all, "a list")
	}
	if a.Scalar != nil {
		switch *a.Scalar {
		case schema.Numeric:
			all = append(all, "a number")
		case schema.String:
			all = append(all, "text")
		case schema.Boolean:
			all = append(all, "true or false")
		default:
			all = append(all, "a single value")
		}
	}
	return strings.Join(all, " or ")
}

func hint(a schema.Atom, x any) string {
	if a.Scalar == nil {
		return ""
	}
	switch {
	case *a.Scalar == schema.String:
		return ": put it in quotes"
	case sort(x) == "text":
		return ": write it without quotes"
	}
	return ""
}

// didYouMean names the declared field that is nearest to a name, when one is near.
func didYouMean(name string, m *schema.Map) string {
	best, least := "", 1+min(2, len(name)/3)
	for _, f := range m.Fields {
		if strings.EqualFold(f.Name, name) {
			return "; did you mean " + f.Name + "?"
		}
		if d := distance(name, f.Name, least); d < least || (d == least && best != "" && f.Name < best && d <= min(2, len(name)/3)) {
			best, least = f.Name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters must be changed, added, dropped or swapped with the next to make b of a; at most limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range old {
		old[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
		older, old, row = old, row, older
	}
	return min(old[len(b)], limit)
}
