package engine

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubectl/pkg/describe"

	"orka/watch"
	"orka/watch/kube"
)

// Source says where a body came from.
type Source string

// The sources of a body.
const (
	FromWatch  Source = "watch"  // kept from the stream; as fresh as its kind
	FromServer Source = "server" // fetched just now
)

// YAML returns the object's body as YAML without managedFields: the one kept from the stream when there is one,
// else fetched. A Secret comes without its values. The text is not sanitised for a screen.
func (e *Engine) YAML(ctx context.Context, o *watch.Object) ([]byte, Source, error) {
	raw, source, err := e.JSON(ctx, o)
	if err != nil {
		return nil, source, err
	}
	text, err := kube.YAML(o.Kind, watch.Body{Encoding: watch.EncodingJSON, Data: raw})
	return text, source, err
}

// JSON is YAML's text as JSON.
func (e *Engine) JSON(ctx context.Context, o *watch.Object) ([]byte, Source, error) {
	if body, ok := e.store.Body(o); ok {
		text, err := kube.JSON(o.Kind, body)
		return text, FromWatch, err
	}
	text, err := e.Fetch(ctx, o.Kind, o.Namespace, o.Name)
	return text, FromServer, err
}

// Fetch asks the server for one object and returns it as JSON, as JSON does.
func (e *Engine) Fetch(ctx context.Context, kind *watch.Kind, namespace, name string) ([]byte, error) {
	body, err := e.client.Reveal(ctx, kind, namespace, name)
	if err != nil {
		return nil, err
	}
	text, err := kube.JSON(kind, body)
	if err != nil || !isSecret(kind) {
		return text, err
	}
	return redact(text)
}

// Describe is what kubectl describe prints, by kubectl's own describers; it asks the server.
func (e *Engine) Describe(ctx context.Context, o *watch.Object) (string, error) {
	d, ok := describe.DescriberFor(schema.GroupKind{Group: o.Kind.Group, Kind: o.Kind.Kind}, e.client.Config())
	if !ok {
		mapping := &meta.RESTMapping{
			Resource:         schema.GroupVersionResource{Group: o.Kind.Group, Version: o.Kind.Version, Resource: o.Kind.Resource},
			GroupVersionKind: schema.GroupVersionKind{Group: o.Kind.Group, Version: o.Kind.Version, Kind: o.Kind.Kind},
			Scope:            scopeMapping(o.Kind),
		}
		if d, ok = describe.GenericDescriberFor(mapping, e.client.Config()); !ok {
			return "", fmt.Errorf("describe %s: the cluster's configuration is not usable", o.Kind.ResourceName())
		}
	}
	type answer struct {
		text string
		err  error
	}
	// kubectl's describers take no context: the answer of one that is no longer wanted is dropped, and the
	// request ends by the transport's own time-outs.
	ch := make(chan answer, 1)
	go func() {
		text, err := d.Describe(o.Namespace, o.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: int64(e.cfg.PageLimit)})
		ch <- answer{text, err}
	}()
	select {
	case a := <-ch:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func scopeMapping(k *watch.Kind) meta.RESTScope {
	if k.Namespaced {
		return meta.RESTScopeNamespace
	}
	return meta.RESTScopeRoot
}
