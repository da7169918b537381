package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"orka/watch"
)

// schemas gives the type of each kind, from the server's own OpenAPI document where it says enough, so that lists are
// keyed, atomic or sets exactly as the server merges them. Documents are read once per group and version.
type schemas struct {
	fetch func(ctx context.Context, path string) ([]byte, error)

	mu     sync.Mutex
	groups map[string]*groupTypes // by "apis/apps/v1", as in the server's index
}

// groupTypes are the types of one group and version.
type groupTypes struct {
	mu      sync.Mutex // held while the document is read, so that it is read once
	read    bool
	types   managedfields.TypeConverter // nil where the server has no document
	numbers *integerTypes               // of the same document
	problem string                      // why there is none
}

// newSchemas reads documents by fetch, which takes a path with its query below the server's address.
func newSchemas(fetch func(ctx context.Context, path string) ([]byte, error)) *schemas {
	return &schemas{fetch: fetch, groups: map[string]*groupTypes{}}
}

// of is the type of a kind. An error is a transport's: a server that publishes nothing, or not to this user, is answered
// by the types this program was built with, and for kinds it doesn't know by deducing them from the values.
func (s *schemas) of(ctx context.Context, kind *watch.Kind) (*typer, error) {
	key := "apis/" + kind.GroupVersion()
	if kind.Group == "" {
		key = "api/" + kind.Version
	}
	s.mu.Lock()
	g := s.groups[key]
	if g == nil {
		g = &groupTypes{}
		s.groups[key] = g
	}
	s.mu.Unlock()

	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.read {
		types, numbers, problem, err := s.document(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", kind.ResourceName(), err)
		}
		g.types, g.numbers, g.problem, g.read = types, numbers, problem, true
	}
	if g.types != nil {
		if t := typeOf(g.types, kind.GVK); t != nil && t.says() {
			t.numbers = func() (*integerTypes, *integerType) { return g.numbers, g.numbers.of(kind.GVK) }
			return t, nil
		}
	}
	if t := typeOf(builtinTypes(), kind.GVK); t != nil {
		t.numbers = func() (*integerTypes, *integerType) {
			types := builtinIntegers(kind.GVK)
			return types, types.of(kind.GVK)
		}
		return t, nil
	}
	t := deducedTyper()
	if g.problem != "" {
		t.notice = g.problem
	} else {
		t.notice = fmt.Sprintf("the server publishes no schema of %s: lists are compared as a whole and field names are not checked", kind.ResourceName())
	}
	return t, nil
}

// builtinTypes are the types this program was built with.
func builtinTypes() managedfields.TypeConverter {
	return applyconfigurations.NewTypeConverter(scheme.Scheme)
}

// document reads the types of one group and version.
func (s *schemas) document(ctx context.Context, key string) (types managedfields.TypeConverter, numbers *integerTypes, problem string, err error) {
	text, err := s.fetch(ctx, "/openapi/v3")
	if err != nil {
		problem, err = unpublished(err)
		return nil, nil, problem, err
	}
	var index struct {
		Paths map[string]struct {
			ServerRelativeURL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, nil, "the server's list of schemas can't be read: lists of its own kinds are compared as a whole", nil
	}
	entry, ok := index.Paths[key]
	if !ok {
		return nil, nil, "", nil
	}
	if text, err = s.fetch(ctx, entry.ServerRelativeURL); err != nil {
		problem, err = unpublished(err)
		return nil, nil, problem, err
	}
	var doc spec3.OpenAPI
	if err := json.Unmarshal(text, &doc); err != nil || doc.Components == nil {
		return nil, nil, "the server's schemas can't be read: lists of its own kinds are compared as a whole", nil
	}
	models := make(map[string]*spec.Schema, len(doc.Components.Schemas))
	for name, model := range doc.Components.Schemas {
		if model != nil {
			models[name] = model
		}
	}
	types, err = managedfields.NewTypeConverter(models, false)
	if err != nil {
		return nil, nil, "the server's schemas are not structural: lists of its own kinds are compared as a whole", nil
	}
	return types, publishedIntegers(models), "", nil
}

// unpublished tells a server that gives no schemas from one that could not be asked.
func unpublished(err error) (problem string, _ error) {
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		switch status.Status().Code {
		case http.StatusNotFound:
			return "", nil
		case http.StatusForbidden, http.StatusUnauthorized, http.StatusNotAcceptable:
			return "the server does not show you its schemas: lists of its own kinds are compared as a whole", nil
		}
	}
	return "", err
}

// typer is the type of one kind: the schema that smd works with, and where in it the kind is.
type typer struct {
	schema *schema.Schema
	ref    schema.TypeRef
	// numbers tells where whole numbers are; nil where that is not known.
	numbers func() (*integerTypes, *integerType)
	// notice says what the type lacks, "" for one from the server.
	notice string
	// deduced types have no list keys and know no fields.
	deduced bool
}

// typeOf takes a kind's type out of a converter; nil where it has none.
func typeOf(c managedfields.TypeConverter, gvk watch.GVK) *typer {
	probe := &unstructured.Unstructured{Object: map[string]any{"apiVersion": gvk.GroupVersion(), "kind": gvk.Kind}}
	v, err := c.ObjectToTyped(probe)
	if err != nil {
		return nil
	}
	return &typer{schema: v.Schema(), ref: v.TypeRef()}
}

// deducedTyper takes each value for what it looks like; lists are atomic.
func deducedTyper() *typer {
	t := typed.DeducedParseableType
	return &typer{schema: t.Schema, ref: t.TypeRef, deduced: true}
}

// says reports whether the schema declares any field: a server may publish that a kind is an object and no more.
func (t *typer) says() bool {
	a, ok := t.schema.Resolve(t.ref)
	return ok && a.Map != nil && len(a.Map.Fields) > 0
}

// typed is the view of smd on an object. Duplicates in keyed lists and sets pass: servers keep them (env, ports).
func (t *typer) typed(obj *unstructured.Unstructured) (*typed.TypedValue, error) {
	return typed.AsTyped(value.NewValueInterface(obj.Object), t.schema, t.ref, typed.AllowDuplicates)
}
