package sim

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

var deploymentsGVR = appsv1.SchemeGroupVersion.WithResource("deployments")

func testDeployment(replicas int32, image string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Labels: map[string]string{"app": "web"}},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}}}},
		Status: appsv1.DeploymentStatus{Replicas: replicas},
	}
}

// owners is who owns what, one line an entry.
func owners(o metav1.Object) []string {
	var out []string
	for _, e := range o.GetManagedFields() {
		out = append(out, fmt.Sprintf("%s %s %s %s", e.Operation, e.Manager, e.Subresource, e.FieldsV1.Raw))
	}
	sort.Strings(out)
	return out
}

// TestDirectOwners: objects of the direct API have owners when somebody asks, and an apply conflicts with them.
func TestDirectOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		client := typedClient(t, protobufConfig(s)).AppsV1().Deployments("default")
		mustCreate(t, s, testDeployment(1, "example.test/web:1"))
		start := time.Now()
		time.Sleep(time.Minute)

		got, err := client.Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			`Update kube-controller-manager  {"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},` +
				`"f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{},"f:name":{},"f:resources":{}}}}}}}`,
			`Update kube-controller-manager status {"f:status":{"f:replicas":{}}}`,
		}
		if diff := cmp.Diff(want, owners(got)); diff != "" {
			t.Errorf("owners of a new object (-want +got):\n%s", diff)
		}
		if at := got.ManagedFields[0].Time.Time; !at.Equal(start) {
			t.Errorf("dated %v, want %v", at, start)
		}

		// A client takes the image; then a controller changes replicas and status, and nothing is lost.
		body := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example.test/web:2"}]}}}}`
		if _, err := client.Patch(ctx, "web", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "orka"}); !apierrors.IsConflict(err) ||
			!strings.Contains(err.Error(), `conflict with "kube-controller-manager" using apps/v1`) {
			t.Fatalf("apply of another's field: %v, want a conflict", err)
		}
		force := true
		if _, err := client.Patch(ctx, "web", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "orka", Force: &force}); err != nil {
			t.Fatal(err)
		}
		o, err := s.Get(deploymentsGVR, "default", "web")
		if err != nil {
			t.Fatal(err)
		}
		d := o.(*appsv1.Deployment)
		three := int32(3)
		d.Spec.Replicas, d.Status.Replicas, d.ManagedFields = &three, 3, nil
		if err := s.Update(d); err != nil {
			t.Fatal(err)
		}
		if got, err = client.Get(ctx, "web", metav1.GetOptions{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"orka", "kube-controller-manager", "kube-controller-manager"}, managers(got)); diff != "" {
			t.Errorf("managers (-want +got):\n%s", diff)
		}
		if _, err := client.Patch(ctx, "web", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "orka"}); err != nil {
			t.Errorf("apply of the own field: %v", err)
		}

		// A controller overwrites what the client owns.
		d.Spec.Template.Spec.Containers[0].Image, d.ResourceVersion = "example.test/web:9", ""
		if err := s.Update(d); err != nil {
			t.Fatal(err)
		}
		_, err = client.Patch(ctx, "web", types.ApplyPatchType, []byte(body), metav1.PatchOptions{FieldManager: "orka"})
		var status apierrors.APIStatus
		if !errors.As(err, &status) {
			t.Fatalf("apply of what a controller took: %v, want a conflict", err)
		}
		if causes := status.Status().Details.Causes; len(causes) != 1 || causes[0].Field != `.spec.template.spec.containers[name="main"].image` {
			t.Errorf("causes %v, want the image alone", causes)
		}
	})
}

func managers(o metav1.Object) []string {
	var out []string
	for _, e := range o.GetManagedFields() {
		out = append(out, e.Manager)
	}
	return out
}

// TestDeclaredOwners: a loader or a churn that writes managedFields is believed, until a client writes.
func TestDeclaredOwners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		client := typedClient(t, protobufConfig(s)).AppsV1().Deployments("default")
		declared := func(fields string) []metav1.ManagedFieldsEntry {
			at := metav1.NewTime(time.Now().UTC().Truncate(time.Second))
			return []metav1.ManagedFieldsEntry{{Manager: "helm", Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", Time: &at,
				FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(fields)}}}
		}
		all := `{"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:image":{}}}}}}}`
		d := testDeployment(1, "example.test/web:1")
		d.ManagedFields = declared(all)
		if _, err := s.Load(func(yield func(runtime.Object) bool) { yield(d) }); err != nil {
			t.Fatal(err)
		}
		check := func(step string, want ...string) {
			t.Helper()
			got, err := client.Get(ctx, "web", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, owners(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step, diff)
			}
		}
		check("loaded", "Apply helm  "+all)

		time.Sleep(time.Minute)
		d = testDeployment(2, "example.test/web:2")
		d.ManagedFields = declared(all)
		if err := s.Update(d); err != nil {
			t.Fatal(err)
		}
		check("declared anew", "Apply helm  "+all)

		// Get, modify, update: the change is the controller's.
		o, err := s.Get(deploymentsGVR, "default", "web")
		if err != nil {
			t.Fatal(err)
		}
		five := int32(5)
		o.(*appsv1.Deployment).Spec.Replicas = &five
		o.(*appsv1.Deployment).Status.Replicas = 5
		if err := s.Update(o); err != nil {
			t.Fatal(err)
		}
		rest := `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:image":{}}}}}}}`
		changed := []string{"Apply helm  " + rest, `Update kube-controller-manager  {"f:spec":{"f:replicas":{}}}`,
			`Update kube-controller-manager status {"f:status":{"f:replicas":{}}}`}
		check("changed", changed...)

		// A client writes; from now on what the churn declares does not take its fields away.
		if _, err := client.Patch(ctx, "web", types.ApplyPatchType, []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","annotations":{"note":"x"}}}`),
			metav1.PatchOptions{FieldManager: "orka"}); err != nil {
			t.Fatal(err)
		}
		mine := `Apply orka  {"f:metadata":{"f:annotations":{"f:note":{}}}}`
		check("written by a client", append([]string{changed[0], mine}, changed[1:]...)...)
		d = testDeployment(5, "example.test/web:2")
		d.Annotations = map[string]string{"note": "x"}
		d.Status.Replicas = 5
		d.ManagedFields = declared(all)
		if err := s.Update(d); err != nil {
			t.Fatal(err)
		}
		check("churned over", append([]string{changed[0], mine}, changed[1:]...)...)
	})
}

// TestEveryKindHasASchema: field ownership works for each built-in kind; those without a schema of their own are named.
func TestEveryKindHasASchema(t *testing.T) {
	s := newServer(t, Config{})
	var deduced []string
	for gvk, sv := range s.kinds {
		if sv.review || sv.goType == nil || !sv.can("patch") {
			continue
		}
		for _, sub := range []string{"", "status"} {
			if sub != "" && !sv.Status {
				continue
			}
			if _, err := sv.fieldManager(sub); err != nil {
				t.Errorf("%s: %v", gvk, err)
			}
		}
		odd := &unstructured.Unstructured{Object: map[string]any{"no such field": 1}}
		odd.SetGroupVersionKind(gvk)
		if _, err := builtinTypes(gvk).ObjectToTyped(odd); err == nil { // a deduced schema takes anything
			deduced = append(deduced, gvk.Kind)
		}
	}
	sort.Strings(deduced)
	if diff := cmp.Diff([]string(nil), deduced); diff != "" {
		t.Errorf("kinds whose schema is only deduced (-want +got):\n%s", diff)
	}
}
