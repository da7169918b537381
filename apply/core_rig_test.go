package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/structured-merge-diff/v6/value"
	"sigs.k8s.io/yaml"

	"orka/watch"
)

func coreKind(group, version, kind, resource string) *watch.Kind {
	return &watch.Kind{GVK: watch.GVK{Group: group, Version: version, Kind: kind}, Resource: resource, Namespaced: true}
}

var (
	deployments = coreKind("apps", "v1", "Deployment", "deployments")
	pods        = coreKind("", "v1", "Pod", "pods")
	services    = coreKind("", "v1", "Service", "services")
	configMaps  = coreKind("", "v1", "ConfigMap", "configmaps")
	secrets     = coreKind("", "v1", "Secret", "secrets")
	widgets     = coreKind("example.dev", "v1", "Widget", "widgets")
	looses      = coreKind("example.dev", "v1", "Loose", "looses")
)

// openAPI answers like a server that publishes a CRD's schema and nothing of the built-in kinds.
var openAPI = map[string]string{
	"/openapi/v3": `{"paths":{"apis/example.dev/v1":{"serverRelativeURL":"/openapi/v3/apis/example.dev/v1?hash=x"}}}`,
	"/openapi/v3/apis/example.dev/v1?hash=x": `{"openapi":"3.0.0","info":{"title":"x","version":"1"},"paths":{},"components":{"schemas":{
		"dev.example.v1.Widget":{"type":"object","x-kubernetes-group-version-kind":[{"group":"example.dev","version":"v1","kind":"Widget"}],
			"properties":{"apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object"},
			"spec":{"type":"object","properties":{
				"size":{"type":"integer"},"ratio":{"type":"number"},"name":{"type":"string"},"on":{"type":"boolean"},
				"port":{"x-kubernetes-int-or-string":true},
				"limit":{"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]},
				"free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
				"selector":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
				"words":{"type":"object","additionalProperties":{"type":"string"}},
				"named":{"type":"object","additionalProperties":{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}},
				"empty":{"type":"object","properties":{"a":{"type":"string"}}},
				"tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
				"matrix":{"type":"array","items":{"type":"array","items":{"type":"integer"}}},
				"parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],
					"properties":{"name":{"type":"string"},"size":{"type":"integer"},"labels":{"type":"object","additionalProperties":{"type":"string"}}}}},
				"ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["port","protocol"],"items":{"type":"object",
					"properties":{"port":{"type":"integer"},"protocol":{"type":"string","default":"TCP"},"name":{"type":"string"}}}},
				"template":{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true}
			}},
			"status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}}`,
}

func fetchOpenAPI(_ context.Context, path string) ([]byte, error) {
	text, ok := openAPI[path]
	if !ok {
		return nil, fmt.Errorf("nothing at %s", path)
	}
	return []byte(text), nil
}

func typerOf(t testing.TB, kind *watch.Kind) *typer {
	t.Helper()
	types, err := newSchemas(fetchOpenAPI).of(t.Context(), kind)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// cluster is one object under the server's own merge, with its managedFields.
type cluster struct {
	t        testing.TB
	kind     *watch.Kind
	types    *typer
	object   map[string]any
	managers fieldpath.ManagedFields
	version  int
}

func newCluster(t testing.TB, kind *watch.Kind, manifest string) *cluster {
	t.Helper()
	c := &cluster{t: t, kind: kind, types: typerOf(t, kind), managers: fieldpath.ManagedFields{}}
	c.object = map[string]any{"apiVersion": kind.GroupVersion(), "kind": kind.Kind}
	c.update("creator", parsed(t, manifest))
	return c
}

func parsed(t testing.TB, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text2, _ := json.Marshal(out)
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(text2); err != nil {
		// Manifests of tests need no kind.
		if err := json.Unmarshal(text2, &out); err != nil {
			t.Fatal(err)
		}
		return integers(out).(map[string]any)
	}
	return u.Object
}

func integers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = integers(x)
		}
	case []any:
		for n, x := range v {
			v[n] = integers(x)
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return v
}

func (c *cluster) typed(o map[string]any, opts ...typed.ValidationOptions) *typed.TypedValue {
	c.t.Helper()
	v, err := typed.AsTyped(value.NewValueInterface(o), c.types.schema, c.types.ref, opts...)
	if err != nil {
		c.t.Fatalf("%v\n%v", err, o)
	}
	return v
}

func (c *cluster) updater() *merge.Updater {
	return (&merge.UpdaterBuilder{Converter: sameVersion{}, ReturnInputOnNoop: true,
		IgnoreFilter: map[fieldpath.APIVersion]fieldpath.Filter{fieldpath.APIVersion(c.kind.GroupVersion()): fieldpath.NewExcludeSetFilter(fieldpath.NewSet(
			names("apiVersion"), names("kind"), names("metadata", "name"), names("metadata", "namespace"),
			names("metadata", "uid"), names("metadata", "resourceVersion"), names("status")))}}).BuildUpdater()
}

// update is a PUT by a manager; the manifest need not say which object it is.
func (c *cluster) update(manager string, manifest map[string]any) {
	c.t.Helper()
	o := runtime.DeepCopyJSON(manifest)
	c.identify(o)
	out, managers, err := c.updater().Update(c.typed(c.object, typed.AllowDuplicates), c.typed(o, typed.AllowDuplicates), fieldpath.APIVersion(c.kind.GroupVersion()), c.managers, "u "+manager)
	if err != nil {
		c.t.Fatal(err)
	}
	c.object, c.managers = runtime.DeepCopyJSON(out.AsValue().Unstructured().(map[string]any)), managers
	c.version++
}

// apply is a forced server-side apply by a manager.
func (c *cluster) apply(manager string, config map[string]any) {
	c.t.Helper()
	o := runtime.DeepCopyJSON(config)
	c.identify(o)
	if meta := o["metadata"].(map[string]any); meta["uid"] == nil {
		delete(meta, "uid")
	}
	out, managers, err := c.updater().Apply(c.typed(c.object, typed.AllowDuplicates), c.typed(o), fieldpath.APIVersion(c.kind.GroupVersion()), c.managers, "a "+manager, true)
	if err != nil {
		c.t.Fatal(err)
	}
	object := runtime.DeepCopyJSON(out.AsValue().Unstructured().(map[string]any))
	meta := object["metadata"].(map[string]any)
	delete(meta, "uid")
	delete(meta, "resourceVersion")
	c.object, c.managers = object, managers
	c.version++
}

func (c *cluster) identify(o map[string]any) {
	o["apiVersion"], o["kind"] = c.kind.GroupVersion(), c.kind.Kind
	meta, _ := o["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		o["metadata"] = meta
	}
	meta["name"], meta["namespace"] = "web", "shop"
}

// dropNulls is what a server does that keeps no nulls, but for those of before.
func dropNulls(edited, before any) {
	switch e := edited.(type) {
	case map[string]any:
		was, _ := before.(map[string]any)
		for k, v := range e {
			old, had := was[k]
			if v == nil && (!had || old != nil) {
				delete(e, k)
				continue
			}
			dropNulls(v, old)
		}
	case []any:
		was, _ := before.([]any)
		for n, v := range e {
			var old any
			if n < len(was) {
				old = was[n]
			}
			dropNulls(v, old)
		}
	}
}

// base is the object as a GET gives it.
func (c *cluster) base() *Base {
	o := &unstructured.Unstructured{Object: runtime.DeepCopyJSON(c.object)}
	dropNulls(o.Object, nil)
	o.SetUID("uid-1")
	o.SetResourceVersion(fmt.Sprint(c.version))
	o.SetCreationTimestamp(metav1.Time{})
	unstructured.SetNestedField(o.Object, "2026-01-01T00:00:00Z", "metadata", "creationTimestamp")
	var entries []any
	for _, name := range sortedManagers(c.managers) {
		set := c.managers[name]
		text, err := set.Set().ToJSON()
		if err != nil {
			c.t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			c.t.Fatal(err)
		}
		operation := "Update"
		if set.Applied() {
			operation = "Apply"
		}
		_, manager, _ := strings.Cut(name, " ")
		entries = append(entries, map[string]any{"manager": manager, "operation": operation, "apiVersion": c.kind.GroupVersion(),
			"fieldsType": "FieldsV1", "fieldsV1": fields})
	}
	o.Object["metadata"].(map[string]any)["managedFields"] = entries
	return &Base{Target: Target{Kind: c.kind, Namespace: "shop", Name: "web"}, UID: "uid-1", ResourceVersion: fmt.Sprint(c.version), Object: o}
}

func sortedManagers(m fieldpath.ManagedFields) []string {
	out := map[string]any{}
	for k := range m {
		out[k] = nil
	}
	return sortedKeys(out)
}

// edit is the intent of a draft in which edit changed something.
func (c *cluster) edit(b *Base, edit func(o map[string]any)) (*Intent, error) {
	c.t.Helper()
	text, err := draftText(b)
	if err != nil {
		c.t.Fatal(err)
	}
	o := parsed(c.t, string(text))
	edit(o)
	text, err = yaml.Marshal(o)
	if err != nil {
		c.t.Fatal(err)
	}
	d, err := parseDraft(text, 0, 0)
	if err != nil {
		return nil, err
	}
	return newIntent(c.types, b, d)
}

// at is a value in an object: names of maps, and for lists of objects "key=value".
func at(o any, path ...string) any {
	for _, name := range path {
		switch v := o.(type) {
		case map[string]any:
			o = v[name]
		case []any:
			key, want, _ := strings.Cut(name, "=")
			o = nil
			for _, item := range v {
				if fmt.Sprint(at(item, key)) == want {
					o = item
				}
			}
		default:
			return nil
		}
	}
	return o
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
