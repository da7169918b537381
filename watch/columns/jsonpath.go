package columns

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// The JSONPath of printer columns, as k8s.io/client-go/util/jsonpath reads it, evaluated on raw JSON. As in
// the API server the first result counts, so evaluation stops at it. Not taken over: arithmetic, range
// and end, and text beside the path, which a printer column can't use.

// path is a compiled JSONPath: the value is found by its steps, one after the other.
type path []step

type stepKind uint8

const (
	stepKey       stepKind = iota // .key, ['key']
	stepWildcard                  // .*, [*]
	stepSlice                     // [n], [from:to:by]
	stepFilter                    // [?(@.a == "b")]
	stepUnion                     // ['a','b'], [0,2]
	stepRecursive                 // ..
)

type step struct {
	kind stepKind
	key  string
	// of a slice; to is ignored unless hasTo
	from, to, by int
	hasTo        bool
	filter       *filter
	union        []step
}

// filter keeps elements for which left op right holds; op "" asks whether left is there.
type filter struct {
	left, right operand
	op          string
}

// operand is a path from the element, or a literal as JSON.
type operand struct {
	path    path
	literal []byte
}

// parsePath compiles the JSONPath of a printer column.
func parsePath(s string) (path, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "$")
	p, rest, err := parseSteps(s)
	if err == nil && rest != "" {
		err = fmt.Errorf("unexpected %q", rest)
	}
	if err != nil {
		return nil, fmt.Errorf("JSONPath %q: %w", s, err)
	}
	return p, nil
}

// parseSteps reads steps up to what can't be one.
func parseSteps(s string) (p path, rest string, err error) {
	for s != "" {
		switch {
		case strings.HasPrefix(s, ".."):
			p = append(p, step{kind: stepRecursive})
			s = s[2:]
			if s == "" || s[0] != '[' {
				var st step
				if st, s = parseKey(s); st.kind == stepKey && st.key == "" {
					return nil, s, fmt.Errorf("no name after \"..\"")
				}
				p = append(p, st)
			}
		case s[0] == '.':
			if s = s[1:]; s == "" && p == nil { // the object itself
				return p, "", nil
			}
			if s != "" && s[0] == '[' {
				continue
			}
			var st step
			if st, s = parseKey(s); st.kind == stepKey && st.key == "" && s != "" {
				return nil, s, fmt.Errorf("no name after \".\"")
			}
			p = append(p, st)
		case s[0] == '[':
			end := bracketEnd(s)
			if end < 0 {
				return nil, s, fmt.Errorf("unterminated %q", s)
			}
			st, err := parseBracket(strings.TrimSpace(s[1:end]))
			if err != nil {
				return nil, s, err
			}
			p = append(p, st)
			s = s[end+1:]
		default:
			return p, s, nil
		}
	}
	return p, "", nil
}

// parseKey reads a name; a backslash keeps a dot or bracket in it.
func parseKey(s string) (step, string) {
	var b strings.Builder
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(s[i])
			continue
		}
		if strings.IndexByte(".[ \t)=!<>,", c) >= 0 {
			break
		}
		b.WriteByte(c)
	}
	if s[:i] == "*" {
		return step{kind: stepWildcard}, s[i:]
	}
	return step{kind: stepKey, key: b.String()}, s[i:]
}

// bracketEnd is the index of the bracket that closes s[0], -1 without one. Quoted brackets don't count.
func bracketEnd(s string) int {
	depth := 0
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func parseBracket(s string) (step, error) {
	switch {
	case s == "*":
		return step{kind: stepWildcard}, nil
	case strings.HasPrefix(s, "?(") && strings.HasSuffix(s, ")"):
		f, err := parseFilter(s[2 : len(s)-1])
		return step{kind: stepFilter, filter: f}, err
	}
	if parts := splitUnquoted(s, ','); len(parts) > 1 {
		u := step{kind: stepUnion}
		for _, part := range parts {
			st, err := parseBracket(strings.TrimSpace(part))
			if err != nil {
				return st, err
			}
			u.union = append(u.union, st)
		}
		return u, nil
	}
	if len(s) >= 2 && (s[0] == '\'' || s[0] == '"') && s[len(s)-1] == s[0] {
		return step{kind: stepKey, key: s[1 : len(s)-1]}, nil
	}
	return parseSlice(s)
}

func parseSlice(s string) (step, error) {
	st := step{kind: stepSlice, by: 1}
	parts := strings.Split(s, ":")
	numbers := [3]*int{&st.from, &st.to, &st.by}
	if len(parts) > len(numbers) {
		return st, fmt.Errorf("unrecognised index %q", s)
	}
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if part == "" && len(parts) > 1 {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return st, fmt.Errorf("unrecognised index %q", s)
		}
		*numbers[i] = n
		st.hasTo = st.hasTo || i == 1
	}
	if st.by <= 0 {
		return st, fmt.Errorf("step of %q must be positive", s)
	}
	if len(parts) == 1 {
		st.to, st.hasTo = st.from+1, st.from != -1
	}
	return st, nil
}

// splitUnquoted splits at sep outside of quotes.
func splitUnquoted(s string, sep byte) []string {
	var parts []string
	var quote byte
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == sep:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

func parseFilter(s string) (*filter, error) {
	f := &filter{}
	var err error
	if f.left, s, err = parseOperand(strings.TrimSpace(s)); err != nil {
		return nil, err
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return f, nil
	}
	for _, op := range []string{"==", "!=", "<=", ">=", "<", ">"} {
		if strings.HasPrefix(s, op) {
			f.op = op
			break
		}
	}
	if f.op == "" {
		return nil, fmt.Errorf("unrecognised comparison %q", s)
	}
	if f.right, s, err = parseOperand(strings.TrimSpace(s[len(f.op):])); err == nil && strings.TrimSpace(s) != "" {
		err = fmt.Errorf("unexpected %q", s)
	}
	return f, err
}

func parseOperand(s string) (operand, string, error) {
	switch {
	case s == "":
		return operand{}, s, fmt.Errorf("incomplete comparison")
	case s[0] == '@':
		p, rest, err := parseSteps(s[1:])
		if p == nil {
			p = path{}
		}
		return operand{path: p}, rest, err
	case s[0] == '"' || s[0] == '\'':
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return operand{}, s, fmt.Errorf("unterminated string %s", s)
		}
		return operand{literal: strconv.AppendQuote(nil, s[1:end+1])}, s[end+2:], nil
	}
	end := strings.IndexAny(s, " \t=!<>)")
	if end < 0 {
		end = len(s)
	}
	if _, err := strconv.ParseFloat(s[:end], 64); err != nil && s[:end] != "true" && s[:end] != "false" {
		return operand{}, s, fmt.Errorf("unrecognised value %q", s[:end])
	}
	return operand{literal: []byte(s[:end])}, s[end:], nil
}

// first is the first value at p in the JSON value b; nil when there is none.
func (p path) first(b []byte) (found []byte) {
	p.walk(b, 0, func(v []byte) bool {
		found = v
		return false
	})
	return found
}

// walk calls yield with what p leads to until it returns false, which walk then returns.
func (p path) walk(b []byte, depth int, yield func([]byte) bool) bool {
	if len(p) == 0 {
		return yield(b)
	}
	if depth > maxDepth {
		return true
	}
	rest := p[1:]
	switch s := &p[0]; s.kind {
	case stepKey:
		for key, value := range members(b) {
			if is(key, s.key) {
				return rest.walk(value, depth+1, yield)
			}
		}
	case stepWildcard:
		return children(b, func(v []byte) bool { return rest.walk(v, depth+1, yield) })
	case stepSlice:
		return s.slice(b, func(v []byte) bool { return rest.walk(v, depth+1, yield) })
	case stepFilter:
		for v := range elements(b) {
			if s.filter.passes(v, depth+1) && !rest.walk(v, depth+1, yield) {
				return false
			}
		}
	case stepUnion:
		for i := range s.union {
			if !append(path{s.union[i]}, rest...).walk(b, depth+1, yield) {
				return false
			}
		}
	case stepRecursive:
		if !rest.walk(b, depth+1, yield) {
			return false
		}
		return children(b, func(v []byte) bool { return p.walk(v, depth+1, yield) })
	}
	return true
}

// children yields the values of an object or array.
func children(b []byte, yield func([]byte) bool) bool {
	for _, v := range members(b) {
		if !yield(v) {
			return false
		}
	}
	for v := range elements(b) {
		if !yield(v) {
			return false
		}
	}
	return true
}

// slice yields the elements of an array that s selects; negative numbers count from the end.
func (s *step) slice(b []byte, yield func([]byte) bool) bool {
	n := 0
	for range elements(b) {
		n++
	}
	from, to := s.from, n
	if s.hasTo {
		to = s.to
	}
	if from < 0 {
		from += n
	}
	if to < 0 || s.hasTo && s.from < 0 && s.to == 0 {
		to += n
	}
	i := 0
	for v := range elements(b) {
		if i >= from && i < to && (i-from)%s.by == 0 && !yield(v) {
			return false
		}
		i++
	}
	return true
}

// passes reports whether the element v passes; a comparison of different types fails.
func (f *filter) passes(v []byte, depth int) bool {
	left := f.left.value(v, depth)
	if f.op == "" || left == nil {
		return f.op == "" && left != nil
	}
	right := f.right.value(v, depth)
	if right == nil {
		return false
	}
	order, ok := compare(left, right)
	if !ok {
		return false
	}
	switch f.op {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

func (o *operand) value(v []byte, depth int) (found []byte) {
	if o.path == nil {
		return o.literal
	}
	o.path.walk(v, depth, func(v []byte) bool {
		found = v
		return false
	})
	return found
}

// compare orders two scalars of one type; ok is false for anything else.
func compare(a, b []byte) (order int, ok bool) {
	if a[0] == '"' || b[0] == '"' {
		if a[0] != b[0] {
			return 0, false
		}
		return strings.Compare(unquote(a), unquote(b)), true
	}
	x, errX := strconv.ParseFloat(string(a), 64)
	y, errY := strconv.ParseFloat(string(b), 64)
	switch {
	case errX == nil && errY == nil && x < y:
		return -1, true
	case errX == nil && errY == nil && x > y:
		return 1, true
	case errX == nil && errY == nil:
		return 0, true
	case errX == nil || errY == nil:
		return 0, false
	}
	return bytes.Compare(a, b), true
}

// String names the path as a projected field: keys joined by dots, indices left out, and a filter for a type
// or name by its value: status.conditions.Ready.status.
func (p path) String() string {
	var names []string
	for i := range p {
		switch s := &p[i]; {
		case s.kind == stepKey:
			names = append(names, s.key)
		case s.kind == stepFilter && s.filter.op == "==" && s.filter.right.path == nil:
			names = append(names, strings.Trim(string(s.filter.right.literal), `"`))
		}
	}
	return strings.Join(names, ".")
}
