package sim

import (
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What the strategies of the real server do before every write, as far as clients can tell.

// prepareCreate does what every strategy of the real server does before a create: server-set metadata is the
// server's, and status is not the creator's.
func prepareCreate(sv *served, doc document) {
	doc.SetUID("")
	doc.SetResourceVersion("")
	doc.SetCreationTimestamp(metav1.NewTime(time.Now().Truncate(time.Second)))
	doc.SetDeletionTimestamp(nil)
	doc.SetDeletionGracePeriodSeconds(nil)
	doc.SetManagedFields(nil)
	doc.SetGeneration(0)
	if sv.Status && sv.Kind != "Node" {
		clearStatus(doc)
	}
	if hasGeneration(sv, doc) {
		doc.SetGeneration(1)
	}
	switch o := doc.(type) {
	case *corev1.Pod:
		o.Status.Phase = corev1.PodPending
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
	case *corev1.Secret:
		for k, v := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[k] = []byte(v)
		}
		o.StringData = nil
		if o.Type == "" {
			o.Type = corev1.SecretTypeOpaque
		}
	case *apiextensionsv1.CustomResourceDefinition:
		establish(o)
	}
}

// prepareUpdate keeps what the endpoint may not change: server-set metadata always, status on the main
// endpoint, everything but status on the status endpoint. Generation counts changes of the spec.
func prepareUpdate(sv *served, sub string, old, doc document) document {
	if sub == "status" {
		out := copyDocument(old)
		copyStatus(out, doc)
		return out
	}
	doc.SetUID(old.GetUID())
	doc.SetResourceVersion(old.GetResourceVersion())
	doc.SetCreationTimestamp(old.GetCreationTimestamp())
	doc.SetDeletionTimestamp(old.GetDeletionTimestamp())
	doc.SetDeletionGracePeriodSeconds(old.GetDeletionGracePeriodSeconds())
	doc.SetGeneration(old.GetGeneration())
	doc.SetManagedFields(old.GetManagedFields())
	if sv.Status {
		copyStatus(doc, old)
	}
	switch o := doc.(type) {
	case *corev1.Secret:
		for k, v := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[k] = []byte(v)
		}
		o.StringData = nil
	case *apiextensionsv1.CustomResourceDefinition:
		establish(o)
	}
	if hasGeneration(sv, doc) && specChanged(old, doc) {
		doc.SetGeneration(old.GetGeneration() + 1)
	}
	return doc
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

// checkName refuses names that the real server refuses.
func checkName(sv *served, doc document) error {
	path := field.NewPath("metadata")
	var errs field.ErrorList
	if doc.GetName() == "" {
		errs = append(errs, field.Required(path.Child("name"), "name or generateName is required"))
	} else {
		check := validation.NameIsDNSSubdomain
		if sv.Group == "rbac.authorization.k8s.io" {
			check = func(name string, _ bool) []string {
				if strings.ContainsAny(name, "/%") || name == "." || name == ".." {
					return []string{"may not contain '/' or '%', and not be '.' or '..'"}
				}
				return nil
			}
		}
		for _, msg := range check(doc.GetName(), false) {
			errs = append(errs, field.Invalid(path.Child("name"), doc.GetName(), msg))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(sv.gvk().GroupKind(), doc.GetName(), errs)
}
