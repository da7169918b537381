package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"

	"orka/watch"
	"orka/watch/columns"
)

const (
	// maxObject bounds one object in bytes; etcd takes 1.5 MiB unless told otherwise. A larger one is shown
	// as a placeholder.
	maxObject = 16 << 20
	// identityPrefix is how much of a larger one is read for its identity, in bytes: names come first.
	identityPrefix = 64 << 10
)

var errTooLarge = fmt.Errorf("the object is larger than %d MiB", maxObject>>20)

// wireObject is what typed objects can do.
type wireObject interface {
	runtime.Object
	metav1.ObjectMetaAccessor
	Unmarshal([]byte) error
}

// hasType reports whether client-go has a Go type with a protobuf form for a kind.
func hasType(gvk watch.GVK) bool {
	_, err := newTyped(gvk)
	return err == nil
}

func newTyped(gvk watch.GVK) (wireObject, error) {
	obj, err := scheme.Scheme.New(schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
	if err != nil {
		return nil, err
	}
	typed, ok := obj.(wireObject)
	if !ok {
		return nil, fmt.Errorf("%s has no protobuf form", gvk)
	}
	return typed, nil
}

// decoder makes deltas of the objects of one kind. It is owned by one goroutine.
type decoder struct {
	kind   *watch.Kind
	limits Limits
	in     *interners
	log    *slog.Logger
	typed  bool
	secret bool
}

func (c *Client) decoder(kind *watch.Kind, in *interners) *decoder {
	return &decoder{
		kind: kind, limits: c.opts.Limits, in: in, log: c.log,
		typed:  hasType(kind.GVK),
		secret: IsSecret(kind),
	}
}

// proto makes a delta of a bare protobuf message, of which only the front is there unless whole. An object
// that can't be read becomes a placeholder; ok is false when not even its identity is known.
func (d *decoder) proto(msg []byte, whole bool) (delta watch.Delta, ok bool) {
	err := errTooLarge
	if whole {
		if delta, err = d.guard(msg, d.decodeProto); err == nil {
			return delta, true
		}
	}
	id, ok := protoIdentity(msg)
	return d.placeholder(id, ok, err)
}

// json is proto for a JSON object.
func (d *decoder) json(raw []byte, whole bool) (delta watch.Delta, ok bool) {
	err := errTooLarge
	if whole {
		if delta, err = d.guard(raw, d.decodeJSON); err == nil {
			return delta, true
		}
	}
	id, ok := jsonIdentity(raw)
	return d.placeholder(id, ok, err)
}

// guard turns a panic over one object into an error about it.
func (d *decoder) guard(data []byte, decode func([]byte) (watch.Delta, error)) (delta watch.Delta, err error) {
	defer func() {
		if v := recover(); v != nil {
			d.log.Error("panic while decoding an object", "kind", d.kind.String(), "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", v)
		}
	}()
	return decode(data)
}

func (d *decoder) placeholder(id identity, ok bool, err error) (watch.Delta, bool) {
	d.log.Warn("object can't be decoded", "kind", d.kind.String(), "namespace", id.namespace, "name", id.name, "err", err)
	if !ok {
		return watch.Delta{}, false
	}
	return watch.Delta{Arrived: time.Now(), Object: &watch.Object{
		Kind:            d.kind,
		Namespace:       d.in.strings.String(watch.Sanitize(id.namespace)),
		Name:            watch.Sanitize(id.name),
		UID:             watch.Sanitize(id.uid),
		ResourceVersion: watch.Sanitize(id.version),
		Undecodable:     true,
	}}, true
}

func (d *decoder) decodeProto(msg []byte) (watch.Delta, error) {
	obj, err := newTyped(d.kind.GVK)
	if err != nil {
		return watch.Delta{}, err
	}
	body, err := stripProto(msg)
	if err != nil {
		return watch.Delta{}, err
	}
	if err := obj.Unmarshal(body); err != nil {
		return watch.Delta{}, err
	}
	return d.project(obj, watch.Body{Encoding: watch.EncodingProtobuf, Data: body})
}

func (d *decoder) decodeJSON(raw []byte) (watch.Delta, error) {
	body, metadata, err := stripJSON(raw)
	if err != nil {
		return watch.Delta{}, err
	}
	kept := watch.Body{Encoding: watch.EncodingJSON, Data: body}
	if d.typed {
		obj, err := newTyped(d.kind.GVK)
		if err != nil {
			return watch.Delta{}, err
		}
		if err := utiljson.Unmarshal(body, obj); err != nil {
			return watch.Delta{}, err
		}
		return d.project(obj, kept)
	}
	var meta metav1.ObjectMeta
	if err := json.Unmarshal(metadata, &meta); err != nil {
		return watch.Delta{}, err
	}
	p, err := columns.ProjectJSON(d.kind, body, &d.in.strings)
	if err != nil {
		return watch.Delta{}, err
	}
	return d.delta(&meta, p, kept)
}

// project makes the delta of a typed object.
func (d *decoder) project(obj wireObject, body watch.Body) (watch.Delta, error) {
	meta, ok := obj.GetObjectMeta().(*metav1.ObjectMeta)
	if !ok {
		return watch.Delta{}, fmt.Errorf("%T has no object metadata", obj)
	}
	if s, ok := obj.(*corev1.Secret); ok {
		dropValues(s)
	}
	return d.delta(meta, columns.Project(d.kind.GVK, obj, &d.in.strings), body)
}

// dropValues removes what a Secret keeps secret; the names of its keys and its type stay.
func dropValues(s *corev1.Secret) {
	for k := range s.Data {
		s.Data[k] = nil
	}
	for k := range s.StringData {
		s.StringData[k] = ""
	}
}

func (d *decoder) delta(meta *metav1.ObjectMeta, p columns.Projection, body watch.Body) (watch.Delta, error) {
	if meta.Name == "" {
		return watch.Delta{}, errors.New("the object has no name")
	}
	if d.secret {
		body = watch.Body{}
	}
	return watch.Delta{Arrived: time.Now(), Object: d.object(meta, p), Body: body}, nil
}
