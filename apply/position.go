package apply

import (
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// position is where a path is written, from 1. Of a path that is not written it is where the innermost of its parents
// is; 0 of an object that was not read from a text.
func (d *document) position(path fieldpath.Path) (line, column int) {
	if d == nil || d.root == nil {
		return 0, 0
	}
	at, node := d.root, d.root
	var v any = d.object.Object
	for _, pe := range path {
		node = resolved(node)
		key, child := (*yaml.Node)(nil), (*yaml.Node)(nil)
		switch {
		case pe.FieldName != nil:
			m, ok := v.(map[string]any)
			if !ok {
				return at.Line + d.skip, at.Column
			}
			v = m[*pe.FieldName]
			key, child = entry(node, *pe.FieldName)
		default:
			list, ok := v.([]any)
			if !ok {
				return at.Line + d.skip, at.Column
			}
			if n := itemAt(list, pe); n >= 0 && n < len(node.Content) {
				v, key, child = list[n], node.Content[n], node.Content[n]
			}
		}
		if child == nil {
			break
		}
		at, node = key, child
	}
	return at.Line + d.skip, at.Column
}

// resolved follows aliases.
func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// entry finds a key of a mapping, also among those it merges (<<).
func entry(n *yaml.Node, name string) (key, value *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for k := 0; k+1 < len(n.Content); k += 2 {
		if resolved(n.Content[k]).Value == name {
			return n.Content[k], n.Content[k+1]
		}
	}
	for k := 0; k+1 < len(n.Content); k += 2 {
		if n.Content[k].ShortTag() != "!!merge" {
			continue
		}
		merged := resolved(n.Content[k+1])
		sources := []*yaml.Node{merged}
		if merged.Kind == yaml.SequenceNode {
			sources = merged.Content
		}
		for _, s := range sources {
			if key, value := entry(resolved(s), name); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// itemAt finds an item without the schema: keys that it lacks are defaults and count as equal when no other item fits
// better; -1 for none.
func itemAt(list []any, pe fieldpath.PathElement) int {
	for n, item := range list {
		if matches(pe, n, item) {
			return n
		}
	}
	if pe.Key == nil {
		return -1
	}
	for n, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			continue
		}
		written := fieldpath.PathElement{}
		key := (*pe.Key)[:0:0]
		for _, f := range *pe.Key {
			if _, ok := m[f.Name]; ok {
				key = append(key, f)
			}
		}
		if written.Key = &key; len(key) > 0 && matches(written, n, item) {
			return n
		}
	}
	return -1
}
