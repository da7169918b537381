package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// The scale subresource: an autoscaling/v1 Scale that reads and writes spec.replicas of its parent.

var scaleKind = autoscalingv1.SchemeGroupVersion.WithKind("Scale")

// scaleTypes is the schema of a Scale, which has no apply configuration.
var scaleTypes = func() managedfields.TypeConverter {
	models := map[string]*spec.Schema{}
	err := json.Unmarshal([]byte(`{"scale": {"type": "object", "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
"metadata": {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
"spec": {"type": "object", "properties": {"replicas": {"type": "integer", "format": "int32"}}},
"status": {"type": "object", "properties": {"replicas": {"type": "integer", "format": "int32"}, "selector": {"type": "string"}}}},
"x-kubernetes-group-version-kind": [{"group": "autoscaling", "kind": "Scale", "version": "v1"}]}}`), &models)
	if err != nil {
		panic(err) // a constant of ours: every test sees it
	}
	types, err := managedfields.NewTypeConverter(withMetaModels(models), false)
	if err != nil {
		panic(err)
	}
	return types
}()

// scaled says whether the resource has a scale subresource.
func (sv *served) scaled() bool {
	if sv.custom != nil {
		return sv.custom.scale != nil
	}
	return sv.builtin && sv.replicasPath() != nil
}

// replicasPath is where the wanted number is; nil without a scale subresource.
func (sv *served) replicasPath() []string {
	switch {
	case sv.custom != nil && sv.custom.scale != nil:
		return strings.Split(strings.TrimPrefix(sv.custom.scale.SpecReplicasPath, "."), ".")
	case sv.goType == nil:
		return nil
	}
	switch sv.Kind {
	case "Deployment", "ReplicaSet", "StatefulSet", "ReplicationController":
		return []string{"spec", "replicas"}
	}
	return nil
}

// scaleResource is the resource that requests to the subresource see.
func (sv *served) scaleResource() *served {
	return &served{Resource: &Resource{Group: scaleKind.Group, Version: scaleKind.Version, Kind: scaleKind.Kind, Plural: sv.Plural,
		Namespaced: sv.Namespaced, goType: reflect.TypeFor[autoscalingv1.Scale](), builtin: true}, coll: sv.coll}
}

// serveScale answers get, update and patch of the subresource.
func (s *Server) serveScale(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, true)
	if err != nil {
		return err
	}
	wr, err := s.writing(w, q, sv)
	if err != nil {
		return err
	}
	doc, err := wr.scale()
	if err != nil {
		return err
	}
	scale, err := wr.scaleOf(doc)
	if err != nil {
		return err
	}
	wr.sendWarnings(w)
	s.write(w, e, http.StatusOK, scale)
	return nil
}

// scale changes the parent, unless the request only reads, and returns it.
func (wr *writing) scale() (document, error) {
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	cur, old, err := wr.current()
	if err != nil || wr.q.verb == "get" {
		return old, err
	}
	doc, err := wr.rescale(old)
	if err != nil {
		return nil, err
	}
	o, err := wr.replace(cur, old, doc)
	if err != nil {
		return nil, err
	}
	body, err := wr.s.reader().body(o)
	if err != nil {
		return nil, err
	}
	return wr.sv.decode(o.version, body)
}

// rescale is a copy of the parent with the number of replicas that the request wants.
func (wr *writing) rescale(old document) (document, error) {
	gv := wr.sv.GroupVersion()
	handler := managedfields.NewScaleHandler(old.GetManagedFields(), gv, wr.sv.replicasPaths())
	fields, err := handler.ToSubresource()
	if err != nil {
		return nil, err
	}
	before, err := wr.scaleOf(old)
	if err != nil {
		return nil, err
	}
	before.SetManagedFields(fields)
	sub := &writing{s: wr.s, q: wr.q, sv: wr.sv.scaleResource(), body: wr.body}
	after, err := sub.wantedScale(before)
	wr.warnings = append(wr.warnings, sub.warnings...)
	if err != nil {
		return nil, err
	}
	scale := after.(*autoscalingv1.Scale)
	if errs := validation.ValidateNonnegativeField(int64(scale.Spec.Replicas), specPath.Child("replicas")); len(errs) > 0 {
		return nil, apierrors.NewInvalid(schema.GroupKind{Group: scaleKind.Group, Kind: scaleKind.Kind}, old.GetName(), errs)
	}
	doc := copyDocument(old)
	doc.SetResourceVersion(scale.ResourceVersion)
	if scale.UID != "" {
		doc.SetUID(scale.UID)
	}
	if err := wr.sv.setReplicas(doc, scale.Spec.Replicas); err != nil {
		return nil, err
	}
	if fields, err = handler.ToParent(scale.ManagedFields); err != nil {
		return nil, err
	}
	doc.SetManagedFields(fields)
	return doc, nil
}

// wantedScale is what the request makes of the present scale, owners included.
func (wr *writing) wantedScale(before *autoscalingv1.Scale) (document, error) {
	var doc document
	var err error
	switch media := types.PatchType(wr.q.mediaType()); {
	case wr.q.verb == "update":
		if doc, err = wr.decode(wr.body, wr.q.Header.Get("Content-Type")); err != nil {
			return nil, err
		}
		if err := wr.place(doc, wr.q.name); err != nil {
			return nil, err
		}
	case media == types.ApplyYAMLPatchType:
		if doc, err = wr.merge(before); err != nil {
			return nil, err
		}
		return doc, wr.placePatched(doc)
	default:
		patch, err := wr.patcher(media)
		if err != nil {
			return nil, err
		}
		if doc, err = patch(before); err != nil {
			return nil, err
		}
	}
	return wr.manage(copyDocument(before), doc)
}

// replicasPaths says for every version of the parent where the number is.
func (sv *served) replicasPaths() managedfields.ResourcePathMappings {
	path := fieldpath.Path{}
	for _, f := range sv.replicasPath() {
		path = append(path, fieldpath.PathElement{FieldName: &f})
	}
	out := managedfields.ResourcePathMappings{sv.GroupVersion().String(): path}
	if sv.custom != nil {
		for _, v := range sv.custom.versions {
			out[sv.Group+"/"+v] = path
		}
	}
	return out
}

// scaleOf is the parent as its subresource shows it.
func (wr *writing) scaleOf(doc document) (*autoscalingv1.Scale, error) {
	out := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: doc.GetName(), Namespace: doc.GetNamespace(), UID: doc.GetUID(),
		ResourceVersion: doc.GetResourceVersion(), CreationTimestamp: doc.GetCreationTimestamp()}}
	out.SetGroupVersionKind(scaleKind)
	var selector *metav1.LabelSelector
	switch o := doc.(type) {
	case *appsv1.Deployment:
		out.Spec.Replicas, out.Status.Replicas, selector = value(o.Spec.Replicas), o.Status.Replicas, o.Spec.Selector
	case *appsv1.ReplicaSet:
		out.Spec.Replicas, out.Status.Replicas, selector = value(o.Spec.Replicas), o.Status.Replicas, o.Spec.Selector
	case *appsv1.StatefulSet:
		out.Spec.Replicas, out.Status.Replicas, selector = value(o.Spec.Replicas), o.Status.Replicas, o.Spec.Selector
	case *corev1.ReplicationController:
		out.Spec.Replicas, out.Status.Replicas = value(o.Spec.Replicas), o.Status.Replicas
		out.Status.Selector = labels.Set(o.Spec.Selector).String()
	case *unstructured.Unstructured:
		return out, wr.customScale(o, out)
	default:
		return nil, fmt.Errorf("sim: %T has no scale", doc)
	}
	if selector != nil {
		sel, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			return nil, err
		}
		out.Status.Selector = sel.String()
	}
	return out, nil
}

func (wr *writing) customScale(u *unstructured.Unstructured, out *autoscalingv1.Scale) error {
	c := wr.sv.custom.scale
	at := func(path string) []string { return strings.Split(strings.TrimPrefix(path, "."), ".") }
	n, ok, err := unstructured.NestedInt64(u.Object, at(c.SpecReplicasPath)...)
	if err != nil {
		return err
	}
	if !ok && wr.q.verb == "get" {
		return apierrors.NewInternalError(fmt.Errorf("the spec replicas field %q does not exist", c.SpecReplicasPath))
	}
	out.Spec.Replicas = int32(n)
	if n, _, err = unstructured.NestedInt64(u.Object, at(c.StatusReplicasPath)...); err != nil {
		return err
	}
	out.Status.Replicas = int32(n)
	if c.LabelSelectorPath != nil {
		out.Status.Selector, _, err = unstructured.NestedString(u.Object, at(*c.LabelSelectorPath)...)
	}
	return err
}

func value(n *int32) int32 {
	if n == nil {
		return 0
	}
	return *n
}

func (sv *served) setReplicas(doc document, n int32) error {
	switch o := doc.(type) {
	case *appsv1.Deployment:
		o.Spec.Replicas = &n
	case *appsv1.ReplicaSet:
		o.Spec.Replicas = &n
	case *appsv1.StatefulSet:
		o.Spec.Replicas = &n
	case *corev1.ReplicationController:
		o.Spec.Replicas = &n
	case *unstructured.Unstructured:
		return unstructured.SetNestedField(o.Object, int64(n), sv.replicasPath()...)
	}
	return nil
}
