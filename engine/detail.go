package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
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
	if e.client.Player() != nil {
		return text, FromWatch, err
	}
	return text, FromServer, err
}

// Fetch asks the server for one object and returns it as JSON, as JSON does.
func (e *Engine) Fetch(ctx context.Context, kind *watch.Kind, namespace, name string) ([]byte, error) {
	body, err := e.client.Reveal(ctx, kind, namespace, name)
	if err != nil {
		return nil, err
	}
	text, err := kube.JSON(kind, body)
	if err != nil || !kube.IsSecret(kind) {
		return text, err
	}
	return kube.Redact(text)
}

// errEnded is what a read of an engine answers whose Run is over.
var errEnded = errors.New("the connection to this cluster has been ended")

// Describe is what kubectl describe prints, by kubectl's own describers; it asks the server.
func (e *Engine) Describe(ctx context.Context, o *watch.Object) (string, error) {
	if e.client.Player() != nil {
		return "", fmt.Errorf("describe: %w", kube.ErrRecording)
	}
	ctx, done, err := e.beginRead(ctx)
	if err != nil {
		return "", err
	}
	cfg, err := boundConfig(ctx, e.client.Config(), e.client.HTTP())
	if err != nil {
		done()
		return "", fmt.Errorf("describe %s: %w", o.Kind.ResourceName(), err)
	}
	d, ok := describe.DescriberFor(schema.GroupKind{Group: o.Kind.Group, Kind: o.Kind.Kind}, cfg)
	if !ok {
		mapping := &meta.RESTMapping{
			Resource:         schema.GroupVersionResource{Group: o.Kind.Group, Version: o.Kind.Version, Resource: o.Kind.Resource},
			GroupVersionKind: schema.GroupVersionKind{Group: o.Kind.Group, Version: o.Kind.Version, Kind: o.Kind.Kind},
			Scope:            scopeMapping(o.Kind),
		}
		if d, ok = describe.GenericDescriberFor(mapping, cfg); !ok {
			done()
			return "", fmt.Errorf("describe %s: the cluster's configuration is not usable", o.Kind.ResourceName())
		}
	}
	type answer struct {
		text string
		err  error
	}
	// kubectl's describers take no context. Their requests are bound to ours (boundConfig), so the goroutine ends soon
	// after ctx does, and Run waits for it.
	ch := make(chan answer, 1)
	go func() {
		defer done()
		defer func() {
			if v := recover(); v != nil {
				e.cfg.Logger.Error("panic in a describer", "kind", o.Kind.String(), "panic", v, "stack", string(debug.Stack()))
				ch <- answer{err: fmt.Errorf("describe %s: kubectl's describer failed: %v", o.Kind.ResourceName(), v)}
			}
		}()
		text, err := d.Describe(o.Namespace, o.Name, describe.DescriberSettings{ShowEvents: true, ChunkSize: int64(e.cfg.PageLimit)})
		ch <- answer{text, err}
	}()
	select {
	case a := <-ch:
		return a.text, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-ch: // it is the end of the read that ended ctx
		return a.text, a.err
	default:
		return "", context.Cause(ctx)
	}
}

// beginRead makes the context of a read that Run waits for: it ends with the caller's and with Run's. done must be
// called once nothing of the read is left.
func (e *Engine) beginRead(parent context.Context) (ctx context.Context, done func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return nil, nil, errEnded
	}
	ctx, cancel := context.WithCancelCause(parent)
	stop := func() bool { return true }
	if e.runCtx != nil {
		stop = context.AfterFunc(e.runCtx, func() { cancel(errEnded) })
	}
	e.reads.Add(1)
	return ctx, func() {
		stop()
		cancel(nil)
		e.reads.Done()
	}, nil
}

// boundConfig is a configuration for clients that take no context: they send over the engine's own authenticated
// transport, and their requests end with ctx.
func boundConfig(ctx context.Context, full *rest.Config, client *http.Client) (*rest.Config, error) {
	base, _, err := rest.DefaultServerUrlFor(full)
	if err != nil {
		return nil, err
	}
	return &rest.Config{Host: base.String(), Transport: &bound{ctx: ctx, next: client.Transport}, UserAgent: full.UserAgent, QPS: -1}, nil
}

// bound sends requests under one context.
type bound struct {
	ctx  context.Context //nolint:containedctx // of the one read it is made for
	next http.RoundTripper
}

// RoundTrip also hides Retry-After: client-go would sleep that long, whatever becomes of the context.
func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(req.WithContext(b.ctx))
	if resp != nil {
		resp.Header.Del("Retry-After")
	}
	return resp, err
}

func scopeMapping(k *watch.Kind) meta.RESTScope {
	if k.Namespaced {
		return meta.RESTScopeNamespace
	}
	return meta.RESTScopeRoot
}
