package columns

import (
	"fmt"
	"strconv"
	"strings"
)

// The JSONPath of printer columns as k8s.io/client-go/util/jsonpath reads it, parsed here and evaluated on raw
// JSON in jsonvalue.go. Its oddities are kept: ['a.b'] is .a.b, and a backslash keeps a dot in a name. Not
// taken over are range, end and text beside the path, which make no sense in a printer column.

// path is a compiled JSONPath: the value is found by its steps, one after the other.
type path []step

type stepKind uint8

const (
	stepKey       stepKind = iota // .key, ['key']
	stepWildcard                  // .*
	stepSlice                     // [n], [from:to:by], [*]
	stepFilter                    // [?(@.a == "b")]
	stepUnion                     // ['a','b'], [0,2]
	stepRecursive                 // ..
)

type step struct {
	kind   stepKind
	key    string
	slice  slice
	filter *filter
	union  []path
}

// slice selects elements of an array; negative numbers count from the end.
type slice struct {
	from, to, by int
	hasTo        bool // otherwise to the end
	single       bool // [n] rather than [n:n+1]: the end of [-1] is the end of the array
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
func parsePath(text string) (path, error) {
	p, err := parseSteps(strings.TrimPrefix(strings.TrimSpace(text), "$"))
	if err != nil {
		return nil, fmt.Errorf("JSONPath %q: %w", text, err)
	}
	return p, nil
}

func parseSteps(s string) (p path, err error) {
	for s != "" {
		var st step
		switch {
		case strings.HasPrefix(s, ".."):
			if len(p) > 0 && p[len(p)-1].kind == stepRecursive {
				return nil, fmt.Errorf("two recursive descents in a row")
			}
			p = append(p, step{kind: stepRecursive})
			if s = s[2:]; s == "" {
				return nil, fmt.Errorf("nothing after \"..\"")
			}
			if s[0] == '[' || s[0] == '.' {
				continue
			}
			st, s = parseName(s)
			p = append(p, st)
		case s[0] == '.':
			if s = s[1:]; s == "" && p == nil { // the object itself
				return p, nil
			}
			if s != "" && s[0] == '[' {
				continue
			}
			st, s = parseName(s)
			p = append(p, st)
		case s[0] == '[':
			end := bracketEnd(s)
			if end < 0 {
				return nil, fmt.Errorf("unterminated %q", s)
			}
			steps, err := parseBracket(s[1:end])
			if err != nil {
				return nil, err
			}
			p = append(p, steps...)
			s = s[end+1:]
		default:
			return nil, fmt.Errorf("unexpected %q", s)
		}
	}
	return p, nil
}

// parseName reads a name up to what ends one; a backslash keeps that in it.
func parseName(s string) (step, string) {
	i := 0
	for i < len(s) && strings.IndexByte(" \t.,[]$@{}", s[i]) < 0 {
		if s[i] == '\\' {
			i++
		}
		i++
	}
	i = min(i, len(s))
	if s[:i] == "*" {
		return step{kind: stepWildcard}, s[i:]
	}
	return step{kind: stepKey, key: strings.ReplaceAll(s[:i], `\`, "")}, s[i:]
}

// bracketEnd is the index of the bracket that closes s[0], -1 without one. Quoted brackets don't count.
func bracketEnd(s string) int {
	var quote byte
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote && s[i-1] != '\\' {
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

func parseBracket(s string) (path, error) {
	if inner, ok := strings.CutPrefix(s, "?("); ok && strings.HasSuffix(inner, ")") {
		f, err := parseFilter(inner[:len(inner)-1])
		return path{{kind: stepFilter, filter: f}}, err
	}
	if parts := strings.Split(s, ","); len(parts) > 1 {
		u := step{kind: stepUnion}
		for _, part := range parts {
			p, err := parseBracket(strings.Trim(part, " "))
			if err != nil {
				return nil, err
			}
			u.union = append(u.union, p)
		}
		return path{u}, nil
	}
	if len(s) >= 2 && s[0] == '\'' && strings.IndexByte(s[1:], '\'') == len(s)-2 {
		return parseSteps("." + s[1:len(s)-1])
	}
	if s == "*" {
		s = ":"
	}
	sl, err := parseSlice(s)
	return path{{kind: stepSlice, slice: sl}}, err
}

func parseSlice(s string) (slice, error) {
	sl := slice{by: 1}
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return sl, fmt.Errorf("unrecognised index %q", s)
	}
	for i, part := range parts {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || part[0] == '+' {
			return sl, fmt.Errorf("unrecognised index %q", s)
		}
		switch i {
		case 0:
			sl.from = n
		case 1:
			sl.to, sl.hasTo = n, true
		case 2:
			sl.by = n
		}
	}
	if len(parts) == 1 {
		sl.to, sl.hasTo, sl.single = sl.from+1, true, true
	}
	return sl, nil
}

func parseFilter(s string) (*filter, error) {
	const comparison = "!<>="
	from := strings.IndexAny(s, comparison)
	if from <= 0 {
		left, err := parseOperand(s)
		return &filter{left: left}, err
	}
	to := from
	for to < len(s) && strings.IndexByte(comparison, s[to]) >= 0 {
		to++
	}
	left, err := parseOperand(s[:from])
	if err != nil {
		return nil, err
	}
	right, err := parseOperand(s[to:])
	if err != nil {
		return nil, err
	}
	switch op := s[from:to]; op {
	case "==", "!=", "<", "<=", ">", ">=":
		return &filter{left: left, op: op, right: right}, nil
	default:
		return nil, fmt.Errorf("unrecognised comparison %q", op)
	}
}

func parseOperand(s string) (operand, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return operand{}, fmt.Errorf("incomplete comparison")
	case s[0] == '@' || s[0] == '.':
		p, err := parseSteps(strings.TrimPrefix(s, "@"))
		if p == nil {
			p = path{}
		}
		return operand{path: p}, err
	case s[0] == '"' || s[0] == '\'':
		if len(s) < 2 || s[len(s)-1] != s[0] {
			return operand{}, fmt.Errorf("unterminated string %s", s)
		}
		text := strings.ReplaceAll(s[1:len(s)-1], `\`+s[:1], s[:1])
		return operand{literal: appendQuoted(nil, text)}, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err != nil && s != "true" && s != "false" {
		return operand{}, fmt.Errorf("unrecognised value %q", s)
	}
	return operand{literal: []byte(s)}, nil
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
