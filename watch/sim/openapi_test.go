package sim

import (
	"encoding/json"
	"testing"
	"testing/synctest"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/spec3"
	"sigs.k8s.io/yaml"
)

// TestOpenAPISchemaOfDefinition: a client can build a type converter out of what is published, and kinds of lists
// come out of it as they were defined.
func TestOpenAPISchemaOfDefinition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {
      port: {x-kubernetes-int-or-string: true},
      parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, required: [id], properties: {id: {type: string}}}}}}}}}
`), &crd); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, &crd)
		raw, err := typedClient(t, restConfig(s)).Discovery().RESTClient().Get().AbsPath("/openapi/v3/apis/example.test/v1").DoRaw(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		var doc spec3.OpenAPI
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		types, err := managedfields.NewTypeConverter(doc.Components.Schemas, false)
		if err != nil {
			t.Fatal(err)
		}
		typed, err := types.ObjectToTyped(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.test/v1", "kind": "Widget",
			"metadata": map[string]any{"name": "w", "finalizers": []any{"f"}},
			"spec":     map[string]any{"port": "http", "parts": []any{map[string]any{"id": "a"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		set, err := typed.ToFieldSet()
		if err != nil {
			t.Fatal(err)
		}
		got, err := set.ToJSON()
		if err != nil {
			t.Fatal(err)
		}
		const want = `{"f:apiVersion":{},"f:kind":{},"f:metadata":{"f:finalizers":{"v:\"f\"":{}},"f:name":{}},` +
			`"f:spec":{"f:parts":{"k:{\"id\":\"a\"}":{".":{},"f:id":{}}},"f:port":{}}}`
		if string(got) != want {
			t.Errorf("fields %s, want %s", got, want)
		}
		if _, err := types.ObjectToTyped(&unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.test/v1", "kind": "Widget",
			"spec": map[string]any{"nonsense": 1}}}); err == nil {
			t.Error("a field that the definition does not have was taken")
		}
	})
}
