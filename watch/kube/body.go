package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"

	"orka/watch"
)

// ErrNoBody is returned for a body that was withheld or is not there.
var ErrNoBody = errors.New("the object's body is not kept")

// JSON is a body as a JSON object, apiVersion and kind first, without managedFields. It is not sanitised.
func JSON(kind *watch.Kind, body watch.Body) ([]byte, error) {
	rest, err := untyped(kind, body)
	if err != nil {
		return nil, err
	}
	head, err := json.Marshal(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}{kind.GroupVersion(), kind.Kind})
	if err != nil {
		return nil, err
	}
	if i := skipSpace(rest, 1); i < len(rest) && rest[i] == '}' {
		return head, nil
	}
	out := append(make([]byte, 0, len(head)+len(rest)), head[:len(head)-1]...)
	return append(append(out, ','), rest[1:]...), nil
}

// YAML is a body as YAML, apiVersion and kind first, then the other keys in order. It is not sanitised.
func YAML(kind *watch.Kind, body watch.Body) ([]byte, error) {
	rest, err := untyped(kind, body)
	if err != nil {
		return nil, err
	}
	text, err := JSONToYAML(rest)
	if err != nil {
		return nil, fmt.Errorf("%s as YAML: %w", kind.Kind, err)
	}
	head, err := yaml.Marshal(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}{kind.GroupVersion(), kind.Kind})
	if err != nil {
		return nil, fmt.Errorf("%s as YAML: %w", kind.Kind, err)
	}
	if bytes.Equal(text, []byte("{}\n")) {
		return head, nil
	}
	return append(head, text...), nil
}

// untyped is a body as a JSON object without apiVersion and kind.
func untyped(kind *watch.Kind, body watch.Body) ([]byte, error) {
	switch body.Encoding {
	case watch.EncodingProtobuf:
		obj, err := newTyped(kind.GVK)
		if err != nil {
			return nil, err
		}
		if err := obj.Unmarshal(body.Data); err != nil {
			return nil, fmt.Errorf("%s: body can't be decoded: %w", kind.Kind, err)
		}
		return json.Marshal(obj) // without TypeMeta: the wire form has none
	case watch.EncodingJSON:
		out := body.Data
		for _, name := range []string{"apiVersion", "kind"} {
			start, end := -1, -1
			ok := members(out, 0, func(at int, key []byte, v span) bool {
				if string(key) == name {
					start, end = at, v.to
				}
				return start < 0
			})
			if !ok {
				return nil, fmt.Errorf("%s: body can't be read: %w", kind.Kind, errJSON)
			}
			if start >= 0 {
				out = cut(out, start, end)
			}
		}
		return bytes.TrimSpace(out), nil
	}
	return nil, ErrNoBody
}
