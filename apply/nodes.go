package apply

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth is how many levels a document may nest, aliases expanded. The deepest real objects, CRDs with schemas of
// schemas, have about sixty.
const maxDepth = 500

// nodeCheck looks at a parsed document before anything is made of it: its size with aliases expanded, keys that are twice
// there or not text, numbers that would not come back as they are.
type nodeCheck struct {
	max   int
	skip  int                     // lines before the document
	sizes map[*yaml.Node]extent   // of anchored nodes
	open  map[*yaml.Node]struct{} // anchored nodes that are being measured: met again, it is a cycle
}

type extent struct{ nodes, depth int }

func (c *nodeCheck) fail(n *yaml.Node, format string, args ...any) error {
	return draftError(n.Line+c.skip, n.Column, "", format, args...)
}

// measure counts a node and everything in it.
func (c *nodeCheck) measure(n *yaml.Node) (extent, error) {
	target := n
	if n.Kind == yaml.AliasNode {
		target = n.Alias
	}
	if target.Anchor != "" {
		if e, ok := c.sizes[target]; ok {
			return e, nil
		}
		if _, ok := c.open[target]; ok {
			return extent{}, c.fail(n, "an alias (*name) means what it is itself a part of")
		}
		c.open[target] = struct{}{}
		defer delete(c.open, target)
	}
	e := extent{nodes: 1}
	for _, child := range target.Content {
		inner, err := c.measure(child)
		if err != nil {
			return extent{}, err
		}
		e.nodes += inner.nodes
		e.depth = max(e.depth, inner.depth)
		if e.nodes > c.max {
			return extent{}, c.fail(n, "more than %d values, aliases expanded (ORKA_MAX_YAML_NODES)", c.max)
		}
	}
	if e.depth++; e.depth > maxDepth {
		return extent{}, c.fail(n, "more than %d levels deep", maxDepth)
	}
	if target.Anchor != "" {
		c.sizes[target] = e
	}
	return e, nil
}

// content checks keys and scalars. Aliases are not followed: what they mean is checked where it is written.
func (c *nodeCheck) content(n *yaml.Node) error {
	switch n.Kind {
	case yaml.ScalarNode:
		return c.scalar(n)
	case yaml.MappingNode:
		lines := make(map[string]int, len(n.Content)/2)
		for k := 0; k+1 < len(n.Content); k += 2 {
			key := n.Content[k]
			if key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			switch {
			case key.Kind != yaml.ScalarNode:
				return c.fail(n.Content[k], "a key must be text; a value that begins with { or [ is put in quotes")
			case key.ShortTag() == "!!merge":
				continue
			case key.ShortTag() != "!!str" || (key.Style == 0 && legacyBool[key.Value]):
				return c.fail(n.Content[k], "the key is not text but %s; put it in quotes", tagName(key))
			}
			if first, ok := lines[key.Value]; ok {
				return c.fail(n.Content[k], "the key %q is already in line %d; a key may be there only once", key.Value, first+c.skip)
			}
			lines[key.Value] = n.Content[k].Line
		}
	}
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode || n.Kind == yaml.DocumentNode {
		for _, child := range n.Content {
			if err := c.content(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// legacyBool are the words that YAML 1.1, and so kubectl, reads as true or false when they are not quoted.
var legacyBool = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"n": true, "N": true, "no": true, "No": true, "NO": true, "off": true, "Off": true, "OFF": true,
}

func tagName(n *yaml.Node) string {
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "a number"
	case "!!null":
		return "empty"
	case "!!timestamp":
		return "a date"
	case "!!bool", "!!str": // the latter is a legacyBool
		return "true or false"
	}
	return "of a type of its own"
}

func (c *nodeCheck) scalar(n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!int":
		digits := strings.ReplaceAll(n.Value, "_", "")
		if _, err := strconv.ParseInt(strings.TrimPrefix(digits, "+"), 0, 64); err != nil {
			return c.fail(n, "this whole number is larger than 64 bits can hold; put it in quotes if it is text")
		}
	case "!!float":
		f, err := strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return c.fail(n, "this is not a number that JSON has; put it in quotes if it is text")
		}
		// Digits alone, but too many of them for an integer.
		if f >= math.MaxInt64 && strings.Trim(n.Value, "+-0123456789_") == "" {
			return c.fail(n, "this whole number is larger than 64 bits can hold; put it in quotes if it is text")
		}
	}
	return nil
}
