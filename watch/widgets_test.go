package watch_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
	"orka/watch/columns"
	"orka/watch/sim"
)

const widgetGroup = "example.com"

func hasInitial(q sim.Request) bool { return strings.Contains(q.Query, "sendInitialEvents=true") }

// widgets serves a kind without a Go type, which travels as JSON. verbs are all, unless given.
func widgets(t *testing.T, r *rig, kind string, verbs ...string) *watch.Kind {
	t.Helper()
	k := &watch.Kind{
		GVK:      watch.GVK{Group: widgetGroup, Version: "v1", Kind: kind},
		Resource: strings.ToLower(kind) + "s", Namespaced: true,
	}
	k.Columns = columns.For(k.GVK)
	res := sim.Resource{Group: k.Group, Version: k.Version, Kind: kind, Plural: k.Resource, Namespaced: true, Verbs: verbs}
	k.Verbs = watch.VerbGet | watch.VerbList | watch.VerbWatch
	if verbs != nil {
		k.Verbs = watch.ParseVerbs(verbs)
	}
	if err := r.sim.AddResource(res); err != nil {
		t.Fatal(err)
	}
	return k
}

func widget(k *watch.Kind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"size": int64(3)}}}
	u.SetAPIVersion(k.GroupVersion())
	u.SetKind(k.Kind)
	u.SetNamespace("default")
	u.SetName(name)
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "test", Operation: "Update", APIVersion: k.GroupVersion(), FieldsType: "FieldsV1"}})
	return u
}

func gvrOf(k *watch.Kind) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: k.Resource}
}
