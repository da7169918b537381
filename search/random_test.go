package search

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"orka/shard"
	"orka/watch"
)

// Kinds as a cluster serves them.
var (
	pods        = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Pod"}, Resource: "pods", Singular: "pod", ShortNames: []string{"po"}, Namespaced: true}
	services    = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Service"}, Resource: "services", Singular: "service", ShortNames: []string{"svc"}, Namespaced: true}
	configMaps  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "ConfigMap"}, Resource: "configmaps", Singular: "configmap", ShortNames: []string{"cm"}, Namespaced: true}
	secrets     = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Secret"}, Resource: "secrets", Singular: "secret", Namespaced: true}
	nodes       = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Node"}, Resource: "nodes", Singular: "node", ShortNames: []string{"no"}}
	namespaces  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Namespace"}, Resource: "namespaces", Singular: "namespace", ShortNames: []string{"ns"}}
	deployments = &watch.Kind{GVK: watch.GVK{Group: "apps", Version: "v1", Kind: "Deployment"}, Resource: "deployments", Singular: "deployment", ShortNames: []string{"deploy"}, Namespaced: true}
	replicaSets = &watch.Kind{GVK: watch.GVK{Group: "apps", Version: "v1", Kind: "ReplicaSet"}, Resource: "replicasets", Singular: "replicaset", ShortNames: []string{"rs"}, Namespaced: true}
	ingresses   = &watch.Kind{GVK: watch.GVK{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}, Resource: "ingresses", Singular: "ingress", ShortNames: []string{"ing"}, Namespaced: true}
	roles       = &watch.Kind{GVK: watch.GVK{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}, Resource: "clusterroles", Singular: "clusterrole"}
	unicodeKind = &watch.Kind{GVK: watch.GVK{Group: "beispiel.de", Version: "v1", Kind: "Größe"}, Resource: "größen", Namespaced: true}
)

var testKinds = []*watch.Kind{pods, services, configMaps, secrets, nodes, namespaces, deployments, replicaSets, ingresses, roles, unicodeKind}

// now is the present of all tests.
var now = time.Unix(1_780_000_000, 0)

// planners are the ways to cut a World; no result may depend on them.
var planners = map[string]shard.Planner{
	"modulo 1": shard.Modulo(1), "modulo 4": shard.Modulo(4), "modulo 16": shard.Modulo(16), "exact": shard.ExactNamespace(),
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// randomName is a name that is like others, in part or but for letter case.
func randomName(r *rand.Rand) string {
	stems := []string{"api", "checkout", "web", "nginx", "pod", "a", "ab", "aab", "prod", "system:node", "Web", "k", "über", "K\u212aelvin", "x.y"}
	var b strings.Builder
	for n := range 1 + r.IntN(3) {
		if n > 0 {
			b.WriteString(pick(r, []string{"-", "-", ".", "_", ":"}))
		}
		b.WriteString(pick(r, stems[:len(stems)-r.IntN(5)*2]))
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "-%05x", r.IntN(1<<20))
	}
	if r.IntN(300) == 0 {
		b.WriteString(strings.Repeat("-long", 60))
	}
	return b.String()
}

func randomObject(r *rand.Rand, n int) *watch.Object {
	kind := pick(r, testKinds)
	o := &watch.Object{
		Kind: kind, Name: randomName(r), UID: fmt.Sprintf("uid-%06d", n), ResourceVersion: fmt.Sprint(n + 1),
		Status: pick(r, []string{"", "Running", "CrashLoopBackOff", "3/3", "Größer"}),
		Health: watch.Health(r.IntN(4)), //nolint:gosec // below 4
	}
	if kind.Namespaced {
		o.Namespace = pick(r, []string{"prod", "prod-eu", "team-a", "default", "kube-system", "über", "Web"})
	}
	if r.IntN(8) > 0 {
		o.Created = now.Unix() - r.Int64N(20*24*3600)
	}
	if r.IntN(10) == 0 {
		o.Deleted = now.Unix()
	}
	fields := map[string]string{}
	for range r.IntN(6) {
		fields[pick(r, []string{"spec.nodeName", "status.phase", "spec.replicas", "status.podIP", "spec.image"})] =
			pick(r, []string{"node-1", "node-12", "Running", "3", "500m", "2Gi", "10.244.1.17", "10.244.11.7", "docker.io/nginx:1.25", "", "Ärger", "a=b", "NodePort"})
	}
	o.Fields = watch.PackPairs(fields)
	o.Labels = randomPairs(r, []string{"app", "tier", "app.kubernetes.io/name"}, []string{"web", "api", "", "Nginx"})
	o.Annos = randomPairs(r, []string{"owner", "note", "checksum/config"}, []string{"me", "a b", "x=y", "team-a"})
	return o
}

func randomPairs(r *rand.Rand, keys, values []string) watch.Pairs {
	m := map[string]string{}
	for range r.IntN(4) {
		m[pick(r, keys)] = pick(r, values)
	}
	return watch.PackPairs(m)
}

// randomObjects are n objects at most, each key once.
func randomObjects(r *rand.Rand, n int) []*watch.Object {
	seen := map[string]bool{}
	var out []*watch.Object
	for i := range n {
		o := randomObject(r, i)
		if id := o.Kind.GVK.String() + " " + o.NamespacedName(); !seen[id] {
			seen[id] = true
			out = append(out, o)
		}
	}
	return out
}

// randomQuery is a line of the query language, without syntax errors.
func randomQuery(r *rand.Rand, objects []*watch.Object) string {
	var terms []string
	for range 1 + r.IntN(3) {
		term := randomText(r, objects)
		if r.IntN(5) < 2 {
			term = pick(r, []string{
				"ns:prod", "ns:prod*", "ns:team-a,default", `ns:""`, "k:pod", "k:deploy,svc", "k:*set", "g:apps", "g:core", "g:*.io", "name:web*",
				"name:*api*", "label:app", "label:app=web", "label:app=web,api", "label:app!=web", `label:app=""`, "label:app*=nginx", "anno:owner", "anno:owner=me",
				"anno:owner!=me", `anno:note="a b"`, "anno:owner,note", "field:spec.nodeName=node-1", "field:spec.nodeName=node-*", "field:spec.nodeName!=node-1",
				"field:spec.replicas>2", "field:*.replicas<=500m", "field:spec.replicas>=2Gi", "field:status.phase", "field:*=running",
				"is:unhealthy", "is:terminating,stale", "is:marked", "age:<7d", "age:>1w", "age:>=1d12h",
			})
		}
		if r.IntN(6) == 0 {
			term = "-" + term
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " ")
}

// randomText is a text term that may well match.
func randomText(r *rand.Rand, objects []*watch.Object) string {
	o := pick(r, objects)
	source := pick(r, []string{o.Name, o.Namespace, o.NamespacedName(), o.Kind.Kind + " " + o.NamespacedName(), o.Status, o.Kind.Resource, "nodeport", "10.244.1.7", "running"})
	for _, v := range o.Fields.All() {
		if r.IntN(4) == 0 {
			source = v
		}
	}
	runes := []rune(source)
	if len(runes) == 0 {
		runes = []rune("ap")
	}
	switch r.IntN(4) {
	case 0: // a piece of it
		from := r.IntN(len(runes))
		runes = runes[from : from+1+r.IntN(len(runes)-from)]
	case 1: // a few of its characters
		var some []rune
		for _, c := range runes {
			if r.IntN(4) == 0 {
				some = append(some, c)
			}
		}
		if len(some) > 0 {
			runes = some
		}
	case 2:
		runes = runes[:1+r.IntN(min(3, len(runes)))]
	}
	if r.IntN(3) == 0 {
		runes = []rune(strings.ToUpper(string(runes)))
	}
	if r.IntN(20) == 0 {
		runes = append(runes, 'z')
	}
	runes = runes[:min(len(runes), 39)] // the library overflows beyond
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(string(runes)) + `"`
}

// onOneProcessor runs f with one worker.
func onOneProcessor[T any](f func() (T, error)) (T, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return f()
}
