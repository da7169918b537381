package apply_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The model of the property test: what objects may look like, how they may be changed, and what two changes of one object
// come to. It knows JSON and, from the documentation of each kind, which lists are keyed, which are sets and what is
// atomic; it shares no code with what it judges.

type form int

const (
	scalar form = iota
	object      // fields are named
	dict        // any keys, each value on its own
	keyed       // a list whose items are told apart by keys
	set         // a list of distinct scalars, in no order that matters
	unit        // changed as a whole
)

// shape describes values of one place.
type shape struct {
	form   form
	values []any            // scalar, set, dict: what they are made of
	must   map[string]bool  // object: fields that are always there
	fields map[string]shape // object
	keys   []string         // keyed
	item   *shape           // keyed
	make   func(r *rand.Rand) any
}

func one(values ...any) shape    { return shape{form: scalar, values: values} }
func words(v ...any) shape       { return shape{form: dict, values: v} }
func choice(values ...any) shape { return shape{form: set, values: values} }

func atom(f func(r *rand.Rand) any) shape { return shape{form: unit, make: f} }

func list(item shape, keys ...string) shape { return shape{form: keyed, item: &item, keys: keys} }

func fields(must []string, m map[string]shape) shape {
	s := shape{form: object, fields: m, must: map[string]bool{}}
	for _, f := range must {
		s.must[f] = true
	}
	return s
}

var names = []string{"a", "b", "c", "d", "e"}

// pick is one of a list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// random makes a value.
func (s shape) random(r *rand.Rand) any {
	switch s.form {
	case scalar:
		return pick(r, s.values)
	case unit:
		return s.make(r)
	case dict:
		out := map[string]any{}
		for range 1 + r.IntN(3) {
			out[pick(r, names)] = pick(r, s.values)
		}
		return out
	case set:
		out := []any{}
		for _, v := range s.values {
			if r.IntN(2) == 0 {
				out = append(out, v)
			}
		}
		if len(out) == 0 {
			out = append(out, s.values[0])
		}
		return out
	case keyed:
		var out []any
		for range 1 + r.IntN(3) {
			item := s.item.random(r).(map[string]any)
			if s.find(out, s.key(item)) < 0 {
				out = append(out, item)
			}
		}
		return out
	}
	out := map[string]any{}
	for _, f := range slices.Sorted(maps.Keys(s.fields)) {
		if s.must[f] || r.IntN(2) == 0 {
			out[f] = s.fields[f].random(r)
		}
	}
	return out
}

func (s shape) key(item any) string {
	m, _ := item.(map[string]any)
	var parts []string
	for _, k := range s.keys {
		parts = append(parts, fmt.Sprintf("%s=%v", k, m[k]))
	}
	return strings.Join(parts, ",")
}

func (s shape) find(items []any, key string) int {
	return slices.IndexFunc(items, func(v any) bool { return s.key(v) == key })
}

// change is v with something in it changed; v stays as it is.
func (s shape) change(r *rand.Rand, v any) any {
	switch s.form {
	case scalar, unit:
		for range 10 {
			if n := s.random(r); !reflect.DeepEqual(n, v) {
				return n
			}
		}
		return v
	case dict:
		m := maps.Clone(asMap(v))
		k := pick(r, names)
		if _, there := m[k]; there && len(m) > 1 && r.IntN(2) == 0 {
			delete(m, k)
		} else {
			m[k] = pick(r, s.values)
		}
		return m
	case set:
		l := slices.Clone(asList(v))
		x := pick(r, s.values)
		if i := slices.Index(l, x); i < 0 {
			l = append(l, x)
		} else if len(l) > 1 {
			l = slices.Delete(l, i, i+1)
		}
		return l
	case keyed:
		l := slices.Clone(asList(v))
		i := r.IntN(len(l) + 1)
		switch {
		case i < len(l) && len(l) > 1 && r.IntN(3) == 0:
			return slices.Delete(l, i, i+1)
		case i < len(l):
			l[i] = s.item.changeBut(r, l[i], s.keys)
			return l
		}
		if item := s.item.random(r); s.find(l, s.key(item)) < 0 {
			l = slices.Insert(l, r.IntN(len(l)+1), item)
		}
		return l
	}
	return s.changeBut(r, v, nil)
}

// changeBut changes an object, except for the fields named.
func (s shape) changeBut(r *rand.Rand, v any, keep []string) any {
	m := maps.Clone(asMap(v))
	var open []string
	for _, f := range slices.Sorted(maps.Keys(s.fields)) {
		if !slices.Contains(keep, f) {
			open = append(open, f)
		}
	}
	if len(open) == 0 {
		return v
	}
	f := pick(r, open)
	old, there := m[f]
	switch {
	case !there:
		m[f] = s.fields[f].random(r)
	case !s.must[f] && r.IntN(4) == 0:
		delete(m, f)
	default:
		m[f] = s.fields[f].change(r, old)
	}
	return m
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	return m
}

func asList(v any) []any {
	l, _ := v.([]any)
	return l
}

// clash is a place that two changes both make something else of.
type clash struct {
	path string
	// soft is set where both only take away, or one of them reorders what the other takes away: they agree on what is left,
	// but it may as well be refused.
	soft bool
}

func (c clash) String() string { return c.path }

// hard are the clashes of which nothing may be applied.
func hard(clashes []clash) []clash {
	return slices.DeleteFunc(slices.Clone(clashes), func(c clash) bool { return c.soft })
}

// taken judges a container that one of two took away whole, and in which the other changed something or nothing.
func (s shape) taken(path string, base, yours, theirs any) []clash {
	other := yours
	if s.plain(yours) == nil {
		other = theirs
	}
	switch {
	case reflect.DeepEqual(other, base):
		return nil
	case s.sets(base, other):
		return []clash{{path: path}}
	}
	return []clash{{path: path, soft: true}}
}

// sets reports whether v has something that base has not.
func (s shape) sets(base, v any) bool {
	switch s.form {
	case scalar, unit:
		return v != nil && !same(s, base, v)
	case set:
		return slices.ContainsFunc(asList(v), func(x any) bool { return !slices.Contains(asList(base), x) })
	case keyed:
		return slices.ContainsFunc(asList(v), func(x any) bool {
			i := s.find(asList(base), s.key(x))
			return i < 0 || s.item.sets(asList(base)[i], x)
		})
	}
	for k, x := range asMap(v) {
		if s.inner(k).sets(asMap(base)[k], x) {
			return true
		}
	}
	return false
}

// inner is the shape of what is under a name.
func (s shape) inner(name string) shape {
	if s.form != object {
		return shape{form: scalar}
	}
	if f, ok := s.fields[name]; ok {
		return f
	}
	return shape{form: unit}
}

// merge is what yours and theirs, both made of base, come to. Absent is nil.
func (s shape) merge(path string, base, yours, theirs any) (any, []clash) {
	switch {
	case s.plain(yours) == nil && s.plain(theirs) == nil:
		return nil, nil
	case same(s, yours, base):
		return theirs, nil
	case same(s, theirs, base), same(s, theirs, yours):
		if s.form == object || s.form == keyed || s.form == dict || s.form == set {
			break // equal as a whole, but order and what is within are still told one by one
		}
		return yours, nil
	}
	switch s.form {
	case scalar, unit:
		return nil, []clash{{path: path}}
	case set:
		if len(asList(base)) > 0 && (len(asList(yours)) == 0) != (len(asList(theirs)) == 0) {
			return nil, s.taken(path, base, yours, theirs)
		}
		return s.mergeSet(base, yours, theirs), nil
	case keyed:
		return s.mergeList(path, base, yours, theirs)
	}
	b, y, t := asMap(base), asMap(yours), asMap(theirs)
	by, yy, ty := len(b) > 0, len(y) > 0, len(t) > 0
	if by && yy != ty {
		return nil, s.taken(path, base, yours, theirs)
	}
	out := map[string]any{}
	var clashes []clash
	keys := map[string]bool{}
	for _, m := range []map[string]any{b, y, t} {
		for k := range m {
			keys[k] = true
		}
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		v, c := s.inner(k).merge(path+"."+k, b[k], y[k], t[k])
		clashes = append(clashes, c...)
		if v != nil {
			out[k] = v
		}
	}
	return out, clashes
}

func (s shape) mergeSet(base, yours, theirs any) any {
	var out []any
	b, y, t := asList(base), asList(yours), asList(theirs)
	for _, x := range append(slices.Clone(t), y...) {
		inB, inY, inT := slices.Contains(b, x), slices.Contains(y, x), slices.Contains(t, x)
		if keep := inY && inT || inY && !inB || inT && !inB; keep && !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	if out == nil {
		return nil
	}
	return out
}

func (s shape) mergeList(path string, base, yours, theirs any) (any, []clash) {
	b, y, t := asList(base), asList(yours), asList(theirs)
	if len(b) > 0 && (len(y) == 0) != (len(t) == 0) {
		return nil, s.taken(path, base, yours, theirs)
	}
	var out []any
	var clashes []clash
	var keys []string
	for _, l := range [][]any{t, y, b} {
		for _, item := range l {
			if k := s.key(item); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	item := func(l []any, key string) any {
		if i := s.find(l, key); i >= 0 {
			return l[i]
		}
		return nil
	}
	for _, k := range keys {
		if item(b, k) == nil && item(y, k) != nil && item(t, k) != nil && !same(*s.item, item(y, k), item(t, k)) {
			clashes = append(clashes, clash{path: path + "[" + k + "]"}) // two new items of one key make one that neither meant
			continue
		}
		v, c := s.item.merge(path+"["+k+"]", item(b, k), item(y, k), item(t, k))
		clashes = append(clashes, c...)
		if v != nil {
			out = append(out, v)
		}
	}
	if out == nil {
		return nil, clashes
	}
	return out, clashes
}

// same compares two values of a shape.
func same(s shape, a, b any) bool { return reflect.DeepEqual(s.plain(a), s.plain(b)) }

// plain is a value in which what does not matter is the same: order of sets and keyed lists, empty maps and lists, and how
// numbers are written.
func (s shape) plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range v {
			inner := shape{form: unit}
			if s.form == object {
				if f, ok := s.fields[k]; ok {
					inner = f
				}
			}
			if x = inner.plain(x); x != nil {
				out[k] = x
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		var out []any
		for _, x := range v {
			inner := shape{form: unit}
			if s.form == keyed {
				inner = *s.item
			}
			out = append(out, inner.plain(x))
		}
		switch s.form {
		case keyed:
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(s.key(a), s.key(b)) })
		case set:
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		}
		if out == nil {
			return nil
		}
		return out
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case json.Number:
		return v.String()
	case bool:
		return v
	case string:
		return "s:" + v
	}
	return nil
}

// leaves flattens a value: each scalar, and each thing that is changed as a whole, under its path.
func (s shape) leaves(path string, v any, out map[string]string) {
	switch s.form {
	case scalar, unit:
		if p := s.plain(v); p != nil {
			out[path] = fmt.Sprint(p)
		}
	case set:
		for _, x := range asList(v) {
			out[fmt.Sprintf("%s[%v]", path, x)] = "there"
		}
	case keyed:
		for _, x := range asList(v) {
			s.item.leaves(path+"["+s.key(x)+"]", x, out)
		}
	default:
		for k, x := range asMap(v) {
			s.inner(k).leaves(path+"."+k, x, out)
		}
	}
}

// overlap reports whether two changes of base touch the same leaf, be it to the same end.
func (s shape) overlap(base, a, b any) bool {
	was, one, other := map[string]string{}, map[string]string{}, map[string]string{}
	s.leaves("", base, was)
	s.leaves("", a, one)
	s.leaves("", b, other)
	for _, m := range []map[string]string{was, one} {
		for path := range m {
			if one[path] != was[path] && other[path] != was[path] {
				return true
			}
		}
	}
	return false
}

// leave is edited with the values of base at the paths of conflicts that are left alone, written as the product writes
// them: .spec.ports[port=80,protocol="TCP"].name.
func (s shape) leave(base, edited any, path string) any {
	if path == "" {
		return base
	}
	switch s.form {
	case object, dict:
		name, rest := cutField(path)
		b, e := asMap(base), maps.Clone(asMap(edited))
		inner := shape{form: scalar}
		if s.form == object {
			f, ok := s.fields[name]
			if !ok {
				return edited
			}
			inner = f
		}
		v := inner.leave(b[name], e[name], rest)
		if v == nil {
			delete(e, name)
		} else {
			e[name] = v
		}
		if len(e) == 0 {
			return nil
		}
		return e
	case keyed:
		end := strings.Index(path, "]")
		if !strings.HasPrefix(path, "[") || end < 0 {
			return edited
		}
		key, rest := strings.ReplaceAll(path[1:end], `"`, ""), path[end+1:]
		l := slices.Clone(asList(edited))
		bi, ei := s.find(asList(base), key), s.find(l, key)
		var b, e any
		if bi >= 0 {
			b = asList(base)[bi]
		}
		if ei >= 0 {
			e = l[ei]
		}
		v := s.item.leave(b, e, rest)
		switch {
		case v == nil && ei >= 0:
			return slices.Delete(l, ei, ei+1)
		case v != nil && ei >= 0:
			l[ei] = v
		case v != nil:
			l = append(l, v)
		}
		return l
	case set:
		x := strings.Trim(strings.TrimSuffix(strings.TrimPrefix(path, "[="), "]"), `"`)
		l := slices.Clone(asList(edited))
		inB, at := slices.Contains(asList(base), any(x)), slices.Index(l, any(x))
		switch {
		case inB && at < 0:
			l = append(l, x)
		case !inB && at >= 0:
			l = slices.Delete(l, at, at+1)
		}
		return l
	}
	return base // within what is changed as a whole
}

// cutField splits ".name.rest" or ".name[rest".
func cutField(path string) (name, rest string) {
	path = strings.TrimPrefix(path, ".")
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
