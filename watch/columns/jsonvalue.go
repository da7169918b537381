package columns

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"
)

// Evaluation of a path on raw JSON, step by step on the list of values found so far, as client-go does it: what
// does not exist is left out, what makes no sense (an index out of bounds, a filter on something that is no
// array, a comparison of different types) fails as a whole.

var errNoSense = errors.New("the path makes no sense for this value")

// maxValues bounds the values that a recursive descent may collect.
const maxValues = 10_000

// first is the first value at p in the JSON value b; nil when there is none.
func (p path) first(b []byte) []byte {
	values, err := p.eval([][]byte{b})
	if err != nil || len(values) == 0 {
		return nil
	}
	return values[0]
}

// eval takes the values in through all steps.
func (p path) eval(in [][]byte) (out [][]byte, err error) {
	for i := range p {
		out = nil
		for _, v := range in {
			if out, err = p[i].eval(v, out); err != nil {
				return nil, err
			}
			if len(out) > maxValues {
				return nil, errNoSense
			}
		}
		in = out
	}
	return in, nil
}

// eval appends what the step finds in v.
func (s *step) eval(v []byte, out [][]byte) ([][]byte, error) {
	switch s.kind {
	case stepKey:
		for key, value := range members(v) {
			if is(key, s.key) {
				return append(out, value), nil
			}
		}
		return out, nil
	case stepWildcard:
		return children(v, out), nil
	case stepSlice:
		return s.slice.eval(v, out)
	case stepFilter:
		if v[0] != '[' {
			return nil, errNoSense
		}
		for element := range elements(v) {
			pass, err := s.filter.passes(element)
			if err != nil {
				return nil, err
			}
			if pass {
				out = append(out, element)
			}
		}
		return out, nil
	case stepUnion:
		for _, p := range s.union {
			found, err := p.eval([][]byte{v})
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		return out, nil
	default:
		return descend(v, out, 0), nil
	}
}

// children appends the values of an object or array.
func children(v []byte, out [][]byte) [][]byte {
	for _, value := range members(v) {
		out = append(out, value)
	}
	for value := range elements(v) {
		out = append(out, value)
	}
	return out
}

// descend appends v and everything in it that has something in it.
func descend(v []byte, out [][]byte, depth int) [][]byte {
	inner := children(v, nil)
	if len(inner) == 0 || depth > maxDepth || len(out) > maxValues {
		return out
	}
	out = append(out, v)
	for _, value := range inner {
		out = descend(value, out, depth+1)
	}
	return out
}

func (s slice) eval(v []byte, out [][]byte) ([][]byte, error) {
	switch {
	case v[0] == 'n': // null
		return out, nil
	case v[0] != '[':
		return nil, errNoSense
	}
	all := children(v, nil)
	from, to := s.from, len(all)
	if from < 0 {
		from += len(all)
	}
	if s.hasTo {
		to = s.to
		if to < 0 || to == 0 && s.single {
			to += len(all)
		}
	}
	if from == to {
		return out, nil
	}
	if from < 0 || from >= len(all) || to < from || to > len(all) || s.by <= 0 {
		return nil, errNoSense
	}
	for i := from; i < to; i += s.by {
		out = append(out, all[i])
	}
	return out, nil
}

// passes reports whether the element v passes.
func (f *filter) passes(v []byte) (bool, error) {
	left, err := f.left.values(v)
	if f.op == "" {
		return len(left) > 0, nil
	}
	if err != nil || len(left) > 1 {
		return false, errNoSense
	}
	if len(left) == 0 {
		return false, nil
	}
	right, err := f.right.values(v)
	if err != nil || len(right) > 1 {
		return false, errNoSense
	}
	if len(right) == 0 {
		return false, nil
	}
	order, err := compare(left[0], right[0])
	if err != nil {
		return false, err
	}
	switch f.op {
	case "==":
		return order == 0, nil
	case "!=":
		return order != 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

func (o *operand) values(v []byte) ([][]byte, error) {
	if o.path == nil {
		return [][]byte{o.literal}, nil
	}
	return o.path.eval([][]byte{v})
}

// compare orders two scalars of one type: strings, booleans, whole numbers or fractions.
func compare(a, b []byte) (int, error) {
	switch {
	case a[0] == '"' && b[0] == '"':
		return cmp.Compare(unquote(a), unquote(b)), nil
	case isBool(a) && isBool(b):
		return cmp.Compare(string(a), string(b)), nil
	}
	m, errM := strconv.ParseInt(string(a), 10, 64)
	n, errN := strconv.ParseInt(string(b), 10, 64)
	if errM == nil && errN == nil {
		return cmp.Compare(m, n), nil
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	if errX == nil && errY == nil && errM != nil && errN != nil {
		return cmp.Compare(x, y), nil
	}
	return 0, errNoSense
}

func isBool(v []byte) bool { return string(v) == "true" || string(v) == "false" }

// appendQuoted appends s as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // a string always has a JSON form
		return append(b, `""`...)
	}
	return append(b, quoted...)
}
