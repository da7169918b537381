package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The JSONPath of printer columns: fields (with \. for a dot in a key), ["key"], [n], [*] and filters of the form
// [?(@.path=="value")], which is what definitions use. It is our own because client-go's belongs to the client.

// pathStep takes values one level down.
type pathStep func(v any) []any

// parsePath reads ".spec.size" or `.status.conditions[?(@.type=="Ready")].status`.
func parsePath(path string) ([]pathStep, error) {
	var steps []pathStep
	for rest := path; rest != ""; {
		switch rest[0] {
		case '.':
			var key string
			key, rest = fieldName(rest[1:])
			if key == "" {
				return nil, fmt.Errorf("sim: JSONPath %q: an empty field name", path)
			}
			steps = append(steps, fieldStep(key))
		case '[':
			end := closing(rest)
			if end < 0 {
				return nil, fmt.Errorf("sim: JSONPath %q: an open bracket", path)
			}
			step, err := bracket(rest[1:end])
			if err != nil {
				return nil, fmt.Errorf("sim: JSONPath %q: %w", path, err)
			}
			steps = append(steps, step)
			rest = rest[end+1:]
		default:
			return nil, fmt.Errorf("sim: JSONPath %q: want . or [ before %q", path, rest)
		}
	}
	return steps, nil
}

// fieldName splits off a field's name.
func fieldName(s string) (name, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i+1 < len(s) {
				i++
				b.WriteByte(s[i])
			}
		case '.', '[':
			return b.String(), s[i:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// closing is the index of the bracket that closes the one at s[0], quotes considered; -1 without one.
func closing(s string) int {
	var quote byte
	depth := 0
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
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

var errBracket = errors.New(`want a number, "*", a quoted key or ?(@.path=="value") in brackets`)

func bracket(s string) (pathStep, error) {
	if s == "*" {
		return elements, nil
	}
	if n, err := strconv.Atoi(s); err == nil {
		return func(v any) []any {
			l, _ := v.([]any)
			if n < 0 && -n <= len(l) {
				return l[len(l)+n : len(l)+n+1]
			}
			if n < 0 || n >= len(l) {
				return nil
			}
			return l[n : n+1]
		}, nil
	}
	if key, ok := unquote(s); ok {
		return fieldStep(key), nil
	}
	filter, ok := strings.CutPrefix(s, "?(@")
	if filter, ok2 := strings.CutSuffix(filter, ")"); ok && ok2 {
		path, want, ok := strings.Cut(filter, "==")
		text, quoted := unquote(strings.TrimSpace(want))
		if !quoted {
			text = strings.TrimSpace(want)
		}
		inner, err := parsePath(strings.TrimSpace(path))
		if !ok || err != nil {
			return nil, errors.Join(errBracket, err)
		}
		return func(v any) (out []any) {
			for _, e := range elements(v) {
				if got := follow(inner, e); len(got) > 0 && cellText(got[0]) == text {
					out = append(out, e)
				}
			}
			return out
		}, nil
	}
	return nil, errBracket
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '"' && s[0] != '\'' {
		return "", false
	}
	return s[1 : len(s)-1], true
}

func fieldStep(key string) pathStep {
	return func(v any) []any {
		m, _ := v.(map[string]any)
		if e, ok := m[key]; ok {
			return []any{e}
		}
		return nil
	}
}

func elements(v any) []any {
	l, _ := v.([]any)
	return l
}

// follow is all values at the path.
func follow(steps []pathStep, v any) []any {
	at := []any{v}
	for _, step := range steps {
		var next []any
		for _, v := range at {
			next = append(next, step(v)...)
		}
		at = next
	}
	return at
}

// cellText is a value as text: structures as JSON.
func cellText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	default:
		return fmt.Sprint(v)
	}
}
