package ui

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"orka/apply"
)

// Where in a draft the fields are that a server objects to.

// unknownFields finds the path in what strict field validation says, as the server writes it (apimachinery's
// runtime.StrictDecodingError): `strict decoding error: unknown field "spec.replicaz"`.
var unknownFields = regexp.MustCompile(`(?:unknown|duplicate) field "([^"]+)"`)

// unknownField is the first path a message names, or "".
func unknownField(message string) string {
	if m := unknownFields.FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// causeLines finds the lines of a draft that a refusal is about. It may take as long as reading the draft as YAML does.
func causeLines(text []byte, err error) map[string]int {
	var r *apply.RejectedError
	if !errors.As(err, &r) {
		return nil
	}
	paths := []string{unknownField(r.Message)}
	for _, c := range r.Causes {
		paths = append(paths, c.Path)
	}
	return linesOf(text, paths)
}

// linesOf finds the line of each path in a YAML text. A path that is not there is found at the innermost of its parents
// that is; a text that is no YAML has none.
func linesOf(text []byte, paths []string) map[string]int {
	var doc yaml.Node
	if yaml.Unmarshal(text, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	out := map[string]int{}
	for _, p := range paths {
		if n := lineOfPath(doc.Content[0], pathSteps(p)); p != "" && n > 0 {
			out[p] = n
		}
	}
	return out
}

// pathSteps cuts "spec.containers[0].env[name]" at its dots and brackets, as k8s.io/apimachinery/pkg/util/validation/field
// and fieldpath write them; a dot within brackets is part of a key.
func pathSteps(path string) []string {
	var steps []string
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			steps = append(steps, strings.Trim(b.String(), `"`))
			b.Reset()
		}
	}
	depth := 0
	for _, r := range path {
		switch {
		case r == '[':
			if depth++; depth == 1 {
				flush()
				continue
			}
		case r == ']' && depth > 0:
			if depth--; depth == 0 {
				flush()
				continue
			}
		case r == '.' && depth == 0:
			flush()
			continue
		}
		b.WriteRune(r)
	}
	flush()
	return steps
}

func lineOfPath(n *yaml.Node, steps []string) int {
	line := 0
	for _, step := range steps {
		for n.Kind == yaml.AliasNode && n.Alias != nil {
			n = n.Alias
		}
		found := false
		switch n.Kind {
		case yaml.MappingNode:
			for k := 0; k+1 < len(n.Content); k += 2 {
				if n.Content[k].Value == step {
					line, n, found = n.Content[k].Line, n.Content[k+1], true
					break
				}
			}
		case yaml.SequenceNode:
			i, ok := itemIndex(n, step)
			if ok {
				n = n.Content[i]
				line, found = n.Line, true
			}
		}
		if !found {
			break
		}
	}
	return line
}

// itemIndex finds an item by its number, or by the first of its keys ("name=\"web\"").
func itemIndex(n *yaml.Node, step string) (int, bool) {
	if i, err := strconv.Atoi(step); err == nil {
		return i, i >= 0 && i < len(n.Content)
	}
	first, _, _ := strings.Cut(step, ",")
	key, value, ok := strings.Cut(first, "=")
	if !ok {
		return 0, false
	}
	for i, item := range n.Content {
		if item.Kind != yaml.MappingNode {
			continue
		}
		for k := 0; k+1 < len(item.Content); k += 2 {
			if item.Content[k].Value == key && item.Content[k+1].Value == strings.Trim(value, `"`) {
				return i, true
			}
		}
	}
	return 0, false
}
