package sim

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// widgets is a definition with two versions, v1 stored.
func widgets() *apiextensionsv1.CustomResourceDefinition {
	version := func(name string, storage bool) apiextensionsv1.CustomResourceDefinitionVersion {
		return apiextensionsv1.CustomResourceDefinitionVersion{Name: name, Served: true, Storage: storage,
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object",
				XPreserveUnknownFields: new(true)}},
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
			AdditionalPrinterColumns: []apiextensionsv1.CustomResourceColumnDefinition{
				{Name: "Size", Type: "integer", JSONPath: ".spec.size"},
				{Name: "Ready", Type: "string", JSONPath: `.status.conditions[?(@.type=="Ready")].status`}}}
	}
	return &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.test"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{Group: "example.test", Scope: apiextensionsv1.NamespaceScoped,
			Names:    apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Kind: "Widget", ShortNames: []string{"wd"}, Categories: []string{"all"}},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{version("v1", true), version("v1beta1", false)}},
	}
}

func widget(version, name string, size int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.test/" + version, "kind": "Widget",
		"metadata": map[string]any{"namespace": "default", "name": name}, "spec": map[string]any{"size": size}}}
}

func TestCustomResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		// Asking for protobuf must be answered in JSON for custom resources.
		c := dynamicClient(t, protobufConfig(s))
		crds := c.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
		v1 := c.Resource(schema.GroupVersionResource{Group: "example.test", Version: "v1", Resource: "widgets"})
		beta := c.Resource(schema.GroupVersionResource{Group: "example.test", Version: "v1beta1", Resource: "widgets"})
		if _, err := v1.List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
			t.Fatalf("before the definition: %v, want NotFound", err)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(widgets())
		if err != nil {
			t.Fatal(err)
		}
		made, err := crds.Create(ctx, &unstructured.Unstructured{Object: content}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		conditions, _, _ := unstructured.NestedSlice(made.Object, "status", "conditions")
		if len(conditions) != 2 {
			t.Errorf("conditions %v, want NamesAccepted and Established", conditions)
		}
		w, err := v1.Watch(ctx, metav1.ListOptions{ResourceVersion: made.GetResourceVersion()})
		if err != nil {
			t.Fatal(err)
		}
		a, err := v1.Namespace("default").Create(ctx, widget("v1", "a", 1), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if a.GetGeneration() != 1 {
			t.Errorf("generation %d, want 1", a.GetGeneration())
		}
		if _, err := beta.Namespace("default").Create(ctx, widget("v1beta1", "b", 2), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for version, list := range map[string]func() (*unstructured.UnstructuredList, error){
			"example.test/v1":      func() (*unstructured.UnstructuredList, error) { return v1.List(ctx, metav1.ListOptions{}) },
			"example.test/v1beta1": func() (*unstructured.UnstructuredList, error) { return beta.List(ctx, metav1.ListOptions{}) },
		} {
			l, err := list()
			if err != nil {
				t.Fatal(err)
			}
			if len(l.Items) != 2 {
				t.Fatalf("%s: %d items, want 2", version, len(l.Items))
			}
			for _, i := range l.Items {
				if i.GetAPIVersion() != version || i.GetKind() != "Widget" {
					t.Errorf("%s: item %s is %s %s", version, i.GetName(), i.GetAPIVersion(), i.GetKind())
				}
			}
		}
		// Status goes by its own endpoint and leaves the generation alone; a spec counts.
		if a, err = v1.Namespace("default").Patch(ctx, "a", types.MergePatchType, []byte(`{"spec":{"size":5},"status":{"phase":"lost"}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if phase, ok, _ := unstructured.NestedString(a.Object, "status", "phase"); ok || a.GetGeneration() != 2 {
			t.Errorf("after a patch of spec and status: phase %q, generation %d; want none, 2", phase, a.GetGeneration())
		}
		if a, err = v1.Namespace("default").Patch(ctx, "a", types.MergePatchType, []byte(`{"spec":{"size":9},"status":{"phase":"Up"}}`), metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
		size, _, _ := unstructured.NestedInt64(a.Object, "spec", "size")
		if phase, _, _ := unstructured.NestedString(a.Object, "status", "phase"); phase != "Up" || size != 5 || a.GetGeneration() != 2 {
			t.Errorf("after a patch of the status endpoint: phase %q, size %d, generation %d; want Up, 5, 2", phase, size, a.GetGeneration())
		}
		if _, err := v1.Namespace("default").Patch(ctx, "a", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{}); !apierrors.IsUnsupportedMediaType(err) {
			t.Errorf("strategic merge patch: %v, want 415", err)
		}
		// A finalizer holds the object until it is taken away.
		if _, err = v1.Namespace("default").Patch(ctx, "a", types.MergePatchType, []byte(`{"metadata":{"finalizers":["example.test/hold"]}}`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := v1.Namespace("default").Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if a, err = v1.Namespace("default").Get(ctx, "a", metav1.GetOptions{}); err != nil || a.GetDeletionTimestamp() == nil {
			t.Fatalf("with a finalizer: %v, deletionTimestamp %v; want it marked", err, a.GetDeletionTimestamp())
		}
		if _, err := v1.Namespace("default").Patch(ctx, "a", types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := crds.Delete(ctx, "widgets.example.test", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		want := []string{"ADDED a", "ADDED b", "MODIFIED a", "MODIFIED a", "MODIFIED a", "MODIFIED a", "MODIFIED a", "DELETED a", "DELETED b", "end"}
		if diff := cmp.Diff(want, drain(w)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if _, err := v1.List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("after the definition: %v, want NotFound", err)
		}
	})
}

// TestDefinitionChanges drops a version: it is no longer served, the objects stay, watches end.
func TestDefinitionChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		mustCreate(t, s, widgets(), widget("v1beta1", "a", 1))
		c := dynamicClient(t, restConfig(s))
		beta := schema.GroupVersionResource{Group: "example.test", Version: "v1beta1", Resource: "widgets"}
		v2 := schema.GroupVersionResource{Group: "example.test", Version: "v2", Resource: "widgets"}
		w, err := c.Resource(beta).Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		crd := widgets()
		crd.Spec.Versions[1].Name = "v2"
		crd.Spec.Versions[1].Storage, crd.Spec.Versions[0].Storage = true, false
		if err := s.Update(crd); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"end"}, drain(w)); diff != "" {
			t.Errorf("watch of the dropped version (-want +got):\n%s", diff)
		}
		if _, err := c.Resource(beta).List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("dropped version: %v, want NotFound", err)
		}
		l, err := c.Resource(v2).List(ctx, metav1.ListOptions{})
		if err != nil || len(l.Items) != 1 || l.Items[0].GetAPIVersion() != "example.test/v2" {
			t.Errorf("new version: %v, %v", l, err)
		}
	})
}
