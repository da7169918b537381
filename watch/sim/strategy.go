package sim

import (
	"reflect"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What the strategies of the real server do before every write, as far as clients can tell.

// prepareCreate does what every strategy of the real server does before a create: server-set metadata is the
// server's, and status is not the creator's.
func prepareCreate(sv *served, doc document) {
	doc.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	doc.SetGeneration(0)
	if sv.Status && sv.Kind != "Node" {
		clearStatus(doc)
	}
	if hasGeneration(sv, doc) {
		doc.SetGeneration(1)
	}
	switch o := doc.(type) {
	case *corev1.Pod:
		o.Status = corev1.PodStatus{Phase: corev1.PodPending, QOSClass: qualityOfService(&o.Spec)}
	case *corev1.Service:
		placeService(o, nil)
	case *batchv1.Job:
		selectJob(o)
	case *corev1.Namespace:
		o.Status.Phase = corev1.NamespaceActive
		o.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
		if o.Labels == nil {
			o.Labels = map[string]string{}
		}
		o.Labels[corev1.LabelMetadataName] = o.Name
	case *corev1.PersistentVolume:
		o.Status.Phase = corev1.VolumePending
	case *corev1.PersistentVolumeClaim:
		o.Status.Phase = corev1.ClaimPending
	case *apiextensionsv1.CustomResourceDefinition:
		establish(o)
	}
}

// prepareUpdate keeps what the endpoint may not change: server-set metadata always, status on the main
// endpoint, everything but status on the status endpoint. Generation counts changes of the spec.
func prepareUpdate(sv *served, sub string, old, doc document) document {
	if sub == "status" {
		return prepareStatus(sv, old, doc)
	}
	doc.SetUID(old.GetUID())
	doc.SetResourceVersion(old.GetResourceVersion())
	doc.SetCreationTimestamp(old.GetCreationTimestamp())
	doc.SetDeletionTimestamp(old.GetDeletionTimestamp())
	doc.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	doc.SetGeneration(old.GetGeneration())
	if sv.Status {
		copyStatus(doc, old)
	}
	switch o := doc.(type) {
	case *apiextensionsv1.CustomResourceDefinition:
		establish(o)
	case *corev1.Service:
		placeService(o, old.(*corev1.Service))
	}
	// The real server counts changes of a deployment's annotations as well.
	if sv.Kind == "Deployment" && !equality.Semantic.DeepEqual(old.GetAnnotations(), doc.GetAnnotations()) {
		doc.SetGeneration(old.GetGeneration() + 1)
	}
	if hasGeneration(sv, doc) && specChanged(old, doc) {
		doc.SetGeneration(old.GetGeneration() + 1)
	}
	return doc
}

// prepareStatus keeps everything but the status and, where the real server lets them through, some metadata.
func prepareStatus(sv *served, old, doc document) document {
	out := copyDocument(old)
	copyStatus(out, doc)
	out.SetManagedFields(doc.GetManagedFields())
	if sv.goType == nil || sv.keepsMetadata() || sv.Kind == "CustomResourceDefinition" {
		return out
	}
	out.SetAnnotations(doc.GetAnnotations())
	out.SetFinalizers(doc.GetFinalizers())
	if sv.Kind != "Deployment" {
		out.SetLabels(doc.GetLabels())
	}
	if sv.Kind != "Pod" {
		out.SetOwnerReferences(doc.GetOwnerReferences())
	}
	return out
}

// kindsWithoutGeneration have a spec whose changes the real server does not count.
var kindsWithoutGeneration = map[string]bool{"Node": true, "Namespace": true, "Service": true, "PersistentVolume": true,
	"PersistentVolumeClaim": true, "ResourceQuota": true, "LimitRange": true, "Lease": true, "APIService": true}

func hasGeneration(sv *served, doc document) bool {
	if _, ok := doc.(*unstructured.Unstructured); ok {
		return true
	}
	return !kindsWithoutGeneration[sv.Kind] && structField(doc, "Spec").IsValid()
}

func specChanged(old, doc document) bool {
	a, ok := old.(*unstructured.Unstructured)
	if !ok {
		return !equality.Semantic.DeepEqual(structField(old, "Spec").Interface(), structField(doc, "Spec").Interface())
	}
	without := func(u *unstructured.Unstructured) map[string]any {
		out := map[string]any{}
		for k, v := range u.Object {
			if k != "metadata" && k != "status" {
				out[k] = v
			}
		}
		return out
	}
	return !equality.Semantic.DeepEqual(without(a), without(doc.(*unstructured.Unstructured)))
}

func structField(doc document, name string) reflect.Value {
	return reflect.ValueOf(doc).Elem().FieldByName(name)
}

func clearStatus(doc document) {
	if u, ok := doc.(*unstructured.Unstructured); ok {
		delete(u.Object, "status")
	} else if f := structField(doc, "Status"); f.IsValid() {
		f.SetZero()
	}
}

// copyStatus gives to the status of from; both are of one kind.
func copyStatus(to, from document) {
	if u, ok := to.(*unstructured.Unstructured); ok {
		if st, ok := from.(*unstructured.Unstructured).Object["status"]; ok {
			u.Object["status"] = st
		} else {
			delete(u.Object, "status")
		}
	} else if f := structField(to, "Status"); f.IsValid() {
		f.Set(structField(from, "Status"))
	}
}
