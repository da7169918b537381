package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"
)

// unmarshaler and marshaler are what every generated protobuf type of k8s.io/api has.
type unmarshaler interface{ Unmarshal([]byte) error }
type marshaler interface{ Marshal() ([]byte, error) }

// document is a stored object while it is being worked on: a Go type of the kind, or an unstructured map.
type document interface {
	runtime.Object
	metav1.Object
}

// encodeBody writes what an object keeps: bare protobuf, or JSON without apiVersion and kind.
func encodeBody(res *Resource, doc document) ([]byte, error) {
	if u, ok := doc.(*unstructured.Unstructured); ok {
		if res.goType != nil {
			return nil, fmt.Errorf("sim: %s is kept as %v, not as a map", res.Kind, res.goType)
		}
		content := make(map[string]any, len(u.Object))
		for k, v := range u.Object {
			if k != "apiVersion" && k != "kind" {
				content[k] = v
			}
		}
		return json.Marshal(content)
	}
	m, ok := doc.(marshaler)
	if !ok {
		return nil, fmt.Errorf("sim: %T has no protobuf form", doc)
	}
	return m.Marshal()
}

// decodeBody is the way back.
func decodeBody(res *Resource, version string, body []byte) (document, error) {
	if res.goType == nil {
		content := map[string]any{}
		if err := unmarshalJSON(body, &content); err != nil {
			return nil, err
		}
		u := &unstructured.Unstructured{Object: content}
		gv := res.GroupVersion()
		gv.Version = version
		u.SetGroupVersionKind(gv.WithKind(res.Kind))
		return u, nil
	}
	obj := res.typed()
	if err := obj.(unmarshaler).Unmarshal(body); err != nil {
		return nil, err
	}
	return obj.(document), nil
}

// toDocument turns what a caller of the Go API gave into a document of the resource. Objects of the right
// form are returned as they are, so that what the server sets is seen by the caller.
func toDocument(res *Resource, obj runtime.Object) (document, error) {
	u, isMap := obj.(*unstructured.Unstructured)
	switch {
	case res.goType == nil && isMap:
		return u, nil
	case res.goType == nil:
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
		if err != nil {
			return nil, fmt.Errorf("sim: %T: %w", obj, err)
		}
		v := &unstructured.Unstructured{Object: content}
		v.SetGroupVersionKind(res.gvk())
		return v, nil
	case isMap:
		typed := res.typed()
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, typed); err != nil {
			return nil, fmt.Errorf("sim: %s: %w", res.Kind, err)
		}
		return typed.(document), nil
	case reflect.TypeOf(obj).Elem() != res.goType:
		return nil, fmt.Errorf("sim: %T is not a %s, want *%v", obj, res.Kind, res.goType)
	default:
		doc, ok := obj.(document)
		if !ok {
			return nil, fmt.Errorf("sim: %T has no metadata", obj)
		}
		return doc, nil
	}
}

// wireJSON is the JSON object as clients see it. In lists of built-in kinds items bear no apiVersion and
// kind, as with the real server.
func wireJSON(sv *served, o *object, body []byte, inList bool) ([]byte, error) {
	if sv.goType == nil {
		return prependTypeMeta(sv.Resource, body), nil
	}
	doc, err := sv.decode(o.version, body)
	if err != nil {
		return nil, err
	}
	if !inList {
		doc.GetObjectKind().SetGroupVersionKind(sv.gvk())
	}
	return json.Marshal(doc)
}

// decode reads a stored body and turns it into the served version.
func (sv *served) decode(version string, body []byte) (document, error) {
	doc, err := decodeBody(sv.coll.res, version, body)
	if err != nil {
		return nil, err
	}
	if sv.goType == nil {
		doc.GetObjectKind().SetGroupVersionKind(sv.gvk())
	}
	if sv.convert == nil {
		return doc, nil
	}
	obj, err := sv.convert(doc)
	if err != nil {
		return nil, err
	}
	return obj.(document), nil
}

func prependTypeMeta(res *Resource, body []byte) []byte {
	out := make([]byte, 0, len(body)+64)
	out = fmt.Appendf(out, `{"apiVersion":%q,"kind":%q`, res.GroupVersion().String(), res.Kind)
	rest := bytes.TrimSpace(body[1:])
	if len(rest) > 1 {
		out = append(out, ',')
	}
	return append(out, rest...)
}

// copyDocument is a deep copy.
func copyDocument(doc document) document { return doc.DeepCopyObject().(document) }

// accessor is the metadata of any API object.
func accessor(obj runtime.Object) (metav1.Object, error) {
	m, err := meta.Accessor(obj)
	if err != nil {
		return nil, fmt.Errorf("sim: %T: %w", obj, err)
	}
	return m, nil
}

// unmarshalJSON reads JSON as the API does: integers stay integers, keys are case-sensitive.
func unmarshalJSON(b []byte, into *map[string]any) error {
	return kjson.UnmarshalCaseSensitivePreserveInts(b, into)
}
