package cluster

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var testNow = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func testConfig(n int) Config { return Config{Seed: 7, Objects: n, Now: testNow} }

type key struct{ kind, namespace, name string }

func (k key) String() string { return k.kind + " " + k.namespace + "/" + k.name }

func keyOf(o runtime.Object) key {
	m := o.(metav1.Object)
	return key{o.GetObjectKind().GroupVersionKind().Kind, m.GetNamespace(), m.GetName()}
}

// world is a store of objects that refuses what the API server would refuse.
type world struct {
	objects map[key]runtime.Object
	order   []key
	writes  []string // one line a write
}

func newWorld(objs iter.Seq[runtime.Object]) *world {
	w := &world{objects: map[key]runtime.Object{}}
	for o := range objs {
		k := keyOf(o)
		w.objects[k] = o
		w.order = append(w.order, k)
	}
	return w
}

func (w *world) log(verb string, k key) { w.writes = append(w.writes, verb+" "+k.String()) }

func (w *world) Create(o runtime.Object) error {
	k := keyOf(o)
	w.log("create", k)
	if _, ok := w.objects[k]; ok {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: k.kind}, k.name)
	}
	w.objects[k] = o
	return nil
}

func (w *world) Update(o runtime.Object) error {
	k := keyOf(o)
	w.log("update", k)
	cur, ok := w.objects[k]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: k.kind}, k.name)
	}
	if was, is := cur.(metav1.Object).GetUID(), o.(metav1.Object).GetUID(); was != is {
		return apierrors.NewConflict(schema.GroupResource{Resource: k.kind}, k.name, fmt.Errorf("uid was %s, is %s", was, is))
	}
	w.objects[k] = o
	return nil
}

var kindsOfResources = map[string]string{"pods": "Pod", "events": "Event", "jobs": "Job", "replicasets": "ReplicaSet"}

func (w *world) Delete(gvr schema.GroupVersionResource, namespace, name string) error {
	k := key{kindsOfResources[gvr.Resource], namespace, name}
	w.log("delete", k)
	if _, ok := w.objects[k]; !ok {
		return apierrors.NewNotFound(gvr.GroupResource(), name)
	}
	delete(w.objects, k)
	return nil
}

func each[T any](w *world) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(w.objects), func(a, b key) int { return strings.Compare(a.String(), b.String()) }) {
			if o, ok := w.objects[k].(T); ok && !yield(o) {
				return
			}
		}
	}
}

func (w *world) counts() map[string]int {
	out := map[string]int{}
	for k := range w.objects {
		out[k.kind]++
	}
	return out
}

// checkOwners reports owner references that name nothing.
func (w *world) checkOwners() (bad []string) {
	for k, o := range w.objects {
		m := o.(metav1.Object)
		for _, ref := range m.GetOwnerReferences() {
			ns := k.namespace
			if ref.Kind == "Node" {
				ns = ""
			}
			owner, ok := w.objects[key{ref.Kind, ns, ref.Name}]
			if !ok {
				bad = append(bad, fmt.Sprintf("%s: its owner %s %s is not there", k, ref.Kind, ref.Name))
			} else if uid := owner.(metav1.Object).GetUID(); uid != ref.UID {
				bad = append(bad, fmt.Sprintf("%s: its owner %s %s has uid %s, not %s", k, ref.Kind, ref.Name, uid, ref.UID))
			}
		}
	}
	return bad
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func finished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// checkSettled reports what does not add up in a cluster nobody is changing: counts, endpoints, references.
func (w *world) checkSettled() (bad []string) {
	fail := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	owned := map[types.UID][]*corev1.Pod{}
	byNamespace := map[string][]*corev1.Pod{}
	for p := range each[*corev1.Pod](w) {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
		if c := metav1.GetControllerOf(p); c != nil {
			owned[c.UID] = append(owned[c.UID], p)
		}
		if p.Spec.NodeName != "" {
			if _, ok := w.objects[key{"Node", "", p.Spec.NodeName}]; !ok {
				fail("pod %s/%s: no node %s", p.Namespace, p.Name, p.Spec.NodeName)
			}
		}
		for _, v := range p.Spec.Volumes {
			if v.PersistentVolumeClaim != nil && w.objects[key{"PersistentVolumeClaim", p.Namespace, v.PersistentVolumeClaim.ClaimName}] == nil {
				fail("pod %s/%s: no claim %s", p.Namespace, p.Name, v.PersistentVolumeClaim.ClaimName)
			}
			if v.ConfigMap != nil && w.objects[key{"ConfigMap", p.Namespace, v.ConfigMap.Name}] == nil {
				fail("pod %s/%s: no config map %s", p.Namespace, p.Name, v.ConfigMap.Name)
			}
		}
	}
	replicas := func(what string, uid types.UID, sel *metav1.LabelSelector, total, ready int32) {
		n, r := int32(0), int32(0)
		s, err := metav1.LabelSelectorAsSelector(sel)
		if err != nil {
			fail("%s: %v", what, err)
			return
		}
		for _, p := range owned[uid] {
			if finished(p) || p.DeletionTimestamp != nil {
				continue
			}
			n++
			if podReady(p) {
				r++
			}
			if !s.Matches(labels.Set(p.Labels)) {
				fail("%s: does not select its pod %s", what, p.Name)
			}
		}
		if n != total || r != ready {
			fail("%s: status says %d pods, %d ready; there are %d, %d ready", what, total, ready, n, r)
		}
	}
	sets := map[types.UID]int32{}
	for s := range each[*appsv1.ReplicaSet](w) {
		replicas("replica set "+s.Namespace+"/"+s.Name, s.UID, s.Spec.Selector, s.Status.Replicas, s.Status.ReadyReplicas)
		if c := metav1.GetControllerOf(s); c != nil {
			sets[c.UID] += s.Status.Replicas
		}
	}
	for d := range each[*appsv1.Deployment](w) {
		if sets[d.UID] != d.Status.Replicas {
			fail("deployment %s/%s: status says %d pods, its replica sets have %d", d.Namespace, d.Name, d.Status.Replicas, sets[d.UID])
		}
	}
	for s := range each[*appsv1.StatefulSet](w) {
		replicas("stateful set "+s.Namespace+"/"+s.Name, s.UID, s.Spec.Selector, s.Status.Replicas, s.Status.ReadyReplicas)
	}
	for d := range each[*appsv1.DaemonSet](w) {
		replicas("daemon set "+d.Namespace+"/"+d.Name, d.UID, d.Spec.Selector, d.Status.CurrentNumberScheduled, d.Status.NumberReady)
	}
	for j := range each[*batchv1.Job](w) {
		if n := int32(len(owned[j.UID])); n != j.Status.Active+j.Status.Succeeded+j.Status.Failed {
			fail("job %s/%s: status says %d+%d+%d pods; there are %d", j.Namespace, j.Name, j.Status.Active, j.Status.Succeeded, j.Status.Failed, n)
		}
	}
	for s := range each[*discoveryv1.EndpointSlice](w) {
		svc, ok := w.objects[key{"Service", s.Namespace, s.Labels[discoveryv1.LabelServiceName]}].(*corev1.Service)
		if !ok {
			fail("endpoint slice %s/%s: no service", s.Namespace, s.Name)
			continue
		}
		want, got := map[string]bool{}, map[string]bool{}
		for _, p := range byNamespace[s.Namespace] {
			if labels.SelectorFromSet(svc.Spec.Selector).Matches(labels.Set(p.Labels)) && !finished(p) && p.Status.PodIP != "" {
				want[p.Name] = podReady(p) && p.DeletionTimestamp == nil
			}
		}
		for _, e := range s.Endpoints {
			got[e.TargetRef.Name] = *e.Conditions.Ready
			if p, ok := w.objects[key{"Pod", s.Namespace, e.TargetRef.Name}].(*corev1.Pod); ok && (p.Status.PodIP != e.Addresses[0] || p.UID != e.TargetRef.UID) {
				fail("endpoint slice %s/%s: pod %s has address %s and uid %s, not %s and %s", s.Namespace, s.Name, p.Name, p.Status.PodIP, p.UID, e.Addresses[0], e.TargetRef.UID)
			}
		}
		if !maps.Equal(want, got) {
			fail("endpoint slice %s/%s lists %v, its service selects %v", s.Namespace, s.Name, got, want)
		}
	}
	for h := range each[*autoscalingv2.HorizontalPodAutoscaler](w) {
		d, ok := w.objects[key{h.Spec.ScaleTargetRef.Kind, h.Namespace, h.Spec.ScaleTargetRef.Name}].(*appsv1.Deployment)
		switch {
		case !ok:
			fail("autoscaler %s/%s: no target", h.Namespace, h.Name)
		case *d.Spec.Replicas != h.Status.CurrentReplicas || *d.Spec.Replicas < *h.Spec.MinReplicas || *d.Spec.Replicas > h.Spec.MaxReplicas:
			fail("autoscaler %s/%s: target has %d replicas, status says %d, bounds %d to %d", h.Namespace, h.Name, *d.Spec.Replicas, h.Status.CurrentReplicas, *h.Spec.MinReplicas, h.Spec.MaxReplicas)
		}
	}
	bad = append(bad, w.checkReferences()...)
	return bad
}

// checkReferences reports names in specs that name nothing.
func (w *world) checkReferences() (bad []string) {
	need := func(from string, k key) {
		if w.objects[k] == nil {
			bad = append(bad, from+": no "+k.String())
		}
	}
	for i := range each[*networkingv1.Ingress](w) {
		from := "ingress " + i.Namespace + "/" + i.Name
		need(from, key{"Service", i.Namespace, i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name})
		need(from, key{"IngressClass", "", *i.Spec.IngressClassName})
	}
	for c := range each[*corev1.PersistentVolumeClaim](w) {
		need("claim "+c.Namespace+"/"+c.Name, key{"StorageClass", "", *c.Spec.StorageClassName})
		if c.Spec.VolumeName != "" {
			need("claim "+c.Namespace+"/"+c.Name, key{"PersistentVolume", "", c.Spec.VolumeName})
		}
	}
	for b := range each[*rbacv1.RoleBinding](w) {
		ns := b.Namespace
		if b.RoleRef.Kind == "ClusterRole" {
			ns = ""
		}
		need("role binding "+b.Namespace+"/"+b.Name, key{b.RoleRef.Kind, ns, b.RoleRef.Name})
		for _, s := range b.Subjects {
			if s.Kind == "ServiceAccount" {
				need("role binding "+b.Namespace+"/"+b.Name, key{"ServiceAccount", s.Namespace, s.Name})
			}
		}
	}
	for u := range each[*unstructured.Unstructured](w) {
		if u.GetKind() == "Kustomization" {
			target, _, _ := unstructured.NestedString(u.Object, "spec", "targetNamespace")
			need("kustomization "+u.GetName(), key{"Namespace", "", target})
		}
	}
	return bad
}

// checkEvents reports events of the generator about objects that are not there.
func (w *world) checkEvents() (bad []string) {
	for e := range each[*corev1.Event](w) {
		o, ok := w.objects[key{e.InvolvedObject.Kind, e.InvolvedObject.Namespace, e.InvolvedObject.Name}]
		if !ok || o.(metav1.Object).GetUID() != e.InvolvedObject.UID {
			bad = append(bad, fmt.Sprintf("event %s/%s is about %s %s, which is not there", e.Namespace, e.Name, e.InvolvedObject.Kind, e.InvolvedObject.Name))
		}
	}
	return bad
}
