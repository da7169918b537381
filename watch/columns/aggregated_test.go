package columns_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
	"orka/watch/columns"
)

// TestCustomResourceDefinitionFromJSON: a definition comes as JSON, and shows what the typed one shows.
func TestCustomResourceDefinitionFromJSON(t *testing.T) {
	gvk := watch.GVK{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.dev", CreationTimestamp: metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.dev", Scope: "Namespaced", Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: "Widget"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{
				{Name: "v1", Served: true, Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}}},
				{Name: "v1alpha1"},
			},
		},
		Status: apiextensionsv1.CustomResourceDefinitionStatus{Conditions: []apiextensionsv1.CustomResourceDefinitionCondition{{Type: "Established", Status: "True"}}},
	}
	raw, err := json.Marshal(crd)
	if err != nil {
		t.Fatal(err)
	}
	kind := &watch.Kind{GVK: gvk, Resource: "customresourcedefinitions", Columns: columns.For(gvk)}
	got, err := columns.ProjectJSON(kind, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(columns.Project(gvk, crd, nil), got); d != "" {
		t.Error(d)
	}
	if got.Cells.At(1) != "2026-01-02T03:04:05Z" || got.Status != "Established" {
		t.Errorf("CREATED AT %q, status %q", got.Cells.At(1), got.Status)
	}
}
