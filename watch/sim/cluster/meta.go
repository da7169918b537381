package cluster

// The renderer and the metadata all objects share.

import (
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// renderer makes objects of a plan. Objects are collected in out, unit by unit.
type renderer struct {
	seed       uint64
	nodes      *[]*node
	out        []runtime.Object
	fieldSets  map[string]*fieldSet
	quantities map[string]resource.Quantity

	// The template of the app rendered last: pods of one revision come in a row.
	tmplApp  *app
	tmplHash string
	tmpl     *podTemplate
}

func newRenderer(seed uint64, nodes *[]*node) *renderer {
	return &renderer{seed: seed, nodes: nodes, fieldSets: map[string]*fieldSet{}, quantities: map[string]resource.Quantity{}}
}

func (r *renderer) add(objs ...runtime.Object) { r.out = append(r.out, objs...) }

// hash is the start of everything derived for one object.
func (r *renderer) hash(kind, namespace, name string) hash128 {
	return newHash(r.seed).str(kind).str(namespace).str(name)
}

func (r *renderer) uid(kind, namespace, name string, created int64) types.UID {
	return r.hash(kind, namespace, name).num(uint64(created)).uid()
}

func (r *renderer) ref(apiVersion, kind, namespace, name string, created int64) ref {
	return ref{apiVersion, kind, namespace, name, r.uid(kind, namespace, name, created)}
}

// meta is the metadata every object has; kind only goes into the uid.
func (r *renderer) meta(kind, namespace, name string, created int64, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:              name,
		Namespace:         namespace,
		UID:               r.uid(kind, namespace, name, created),
		CreationTimestamp: at(created),
		Labels:            labels,
	}
}

func typeMeta(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

// at is a time of the plan as the API writes it: UTC, whole seconds.
func at(unix int64) metav1.Time { return metav1.Time{Time: time.Unix(unix, 0).UTC()} }

func atPtr(unix int64) *metav1.Time { t := at(unix); return &t }

func micro(unix int64) metav1.MicroTime {
	return metav1.MicroTime{Time: time.Unix(unix, unix*7919%1e6*1000).UTC()}
}

func (f ref) owner() []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: f.apiVersion, Kind: f.kind, Name: f.name, UID: f.uid, Controller: ptr(true), BlockOwnerDeletion: ptr(true)}}
}

// q parses a quantity once and copies it from then on.
func (r *renderer) q(s string) resource.Quantity {
	v, ok := r.quantities[s]
	if !ok {
		v = resource.MustParse(s)
		_ = v.String() // fills its cache, which copies keep
		r.quantities[s] = v
	}
	return v
}

// labels are the recommended labels plus the company's own.
func (a *app) labels() map[string]string {
	m := make(map[string]string, 12)
	m["app.kubernetes.io/name"] = a.name
	m["app.kubernetes.io/instance"] = a.instance()
	m["app.kubernetes.io/component"] = a.comp.role.String()
	m["app.kubernetes.io/part-of"] = a.ns.team.name
	m["app.kubernetes.io/version"] = a.current().tag
	if a.helm {
		m["app.kubernetes.io/managed-by"] = "Helm"
		m["helm.sh/chart"] = a.comp.name + "-1.4.2"
	} else {
		m["app.kubernetes.io/managed-by"] = "kustomize-controller"
	}
	m[domain+"/team"] = a.ns.team.name
	m[domain+"/cost-center"] = a.ns.team.costCenter
	m[domain+"/environment"] = a.ns.env
	return m
}

func (a *app) instance() string { return a.name + "-" + a.ns.env }

// selector is what the app's Service and controller select its pods by.
func (a *app) selector() map[string]string {
	return map[string]string{"app.kubernetes.io/name": a.name, "app.kubernetes.io/instance": a.instance()}
}

func (a *app) annotations(extra ...string) map[string]string {
	m := make(map[string]string, 4+len(extra)/2)
	if a.helm {
		m["meta.helm.sh/release-name"] = a.name
		m["meta.helm.sh/release-namespace"] = a.ns.name
	}
	for i := 0; i+1 < len(extra); i += 2 {
		m[extra[i]] = extra[i+1]
	}
	return m
}

// manager is the field manager that installed the app.
func (a *app) manager() string {
	if a.helm {
		return "helm"
	}
	return "kustomize-controller"
}

func itoa(n int) string { return strconv.Itoa(n) }
