package shard

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"orka/watch"
)

func TestMain(m *testing.M) {
	if err := os.Setenv("ORKA_CHECK", "1"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

var (
	pods  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Pod"}, Resource: "pods", Namespaced: true}
	nodes = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Node"}, Resource: "nodes"}
	roles = &watch.Kind{GVK: watch.GVK{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, Resource: "roles", Namespaced: true}
)

// eachSeed runs f for n seeds. ORKA_SEED=… runs that one alone.
func eachSeed(t *testing.T, n int, f func(t *testing.T, seed uint64, r *rand.Rand)) {
	t.Helper()
	if s := os.Getenv("ORKA_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("ORKA_SEED=%q: %v", s, err)
		}
		f(t, seed, rand.New(rand.NewPCG(seed, 0)))
		return
	}
	for range n {
		seed := rand.Uint64()
		f(t, seed, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Logf("replay with ORKA_SEED=%d", seed)
			return
		}
	}
}

// tiny is an object of little content, a pure function of its arguments: the same uid and version are the same
// object wherever they are made.
func tiny(kind *watch.Kind, ns, name string, uid, rv int) *watch.Object {
	phases := []string{"Running", "Pending", "Failed", "Größe"}
	return &watch.Object{
		Kind: kind, Namespace: ns, Name: name, UID: "uid-" + strconv.Itoa(uid), ResourceVersion: strconv.Itoa(rv),
		Status: phases[rv%len(phases)],
		Labels: watch.PackPairs(map[string]string{"app": strconv.Itoa(uid % 3), "rev": strconv.Itoa(rv % 17)}),
		Cells:  watch.PackCells("", phases[rv%len(phases)], strconv.Itoa(rv)),
		Fields: watch.PackPairs(map[string]string{"status.phase": phases[rv%len(phases)]}),
	}
}

func applied(o *watch.Object, generation uint64) watch.Delta {
	return watch.Delta{Op: watch.Applied, Object: o, Generation: generation}
}

func deleted(o *watch.Object, generation uint64) watch.Delta {
	return watch.Delta{Op: watch.Deleted, Object: o, Generation: generation}
}

// pod makes what a decoder keeps of a pod: eight columns, five fields, four labels shared by its deployment.
func pod(r *rand.Rand, i, rv int) *watch.Object {
	app := i / 20
	ns := fmt.Sprintf("team-%03d", app%97)
	hash := fmt.Sprintf("%08x", uint32(app)*2654435761)
	node := fmt.Sprintf("ip-10-%d-%d-%d.eu-central-1.compute.internal", i%7, i%251, i%13)
	ip := fmt.Sprintf("10.%d.%d.%d", i%31, i/256%256, i%256)
	phase := []string{"Running", "Running", "Running", "Pending", "CrashLoopBackOff"}[r.IntN(5)]
	return &watch.Object{
		Kind: pods, Namespace: ns, Name: fmt.Sprintf("service-%05d-%s-%05x", app, hash, uint32(i)*40503%0xfffff),
		UID: fmt.Sprintf("%08x-7d1f-4c9a-9e0e-%012x", uint32(i)*2654435761, i), ResourceVersion: strconv.Itoa(rv),
		Created: 1767225600 + int64(i),
		Owners:  []watch.Owner{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "service-" + hash, UID: hash, Controller: true}},
		Labels: watch.PackPairs(map[string]string{
			"app.kubernetes.io/name": fmt.Sprintf("service-%05d", app), "app.kubernetes.io/part-of": ns,
			"pod-template-hash": hash, "tier": "backend",
		}),
		Annos:  watch.PackPairs(map[string]string{"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}),
		Status: phase,
		Cells:  watch.PackCells("", "1/1", phase, watch.CountSinceCell(i%4, time.Unix(1767225600+int64(i), 0)), "", ip, node, "<none>", "<none>"),
		Fields: watch.PackPairs(map[string]string{
			"spec.nodeName": node, "status.podIP": ip, "status.phase": phase, "spec.serviceAccountName": "default",
			"status.qosClass": "Burstable",
		}),
		Health: watch.HealthOK,
	}
}

// somePods are n pods in list order.
func somePods(n int) []*watch.Object {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]*watch.Object, n)
	for i := range out {
		out[i] = pod(r, i, 1000+i)
	}
	sortByKey(out)
	return out
}

// model is the reference: one plain map, no pages, no queues.
type model struct {
	objects map[modelKey]modelObject
	dead    map[string]uint64
	floors  map[watch.Scope]uint64
}

type modelKey struct {
	kind     *watch.Kind
	ns, name string
}

type modelObject struct {
	object     *watch.Object
	generation uint64
}

func newModel() *model {
	return &model{map[modelKey]modelObject{}, map[string]uint64{}, map[watch.Scope]uint64{}}
}

func (m *model) apply(d watch.Delta) {
	o := d.Object
	if d.Generation < max(m.floors[watch.Scope{Kind: o.Kind}], m.floors[watch.Scope{Kind: o.Kind, Namespace: o.Namespace}]) {
		return
	}
	key := modelKey{o.Kind, o.Namespace, o.Name}
	have, ok := m.objects[key]
	if d.Op == watch.Deleted {
		m.dead[o.UID] = max(m.dead[o.UID], d.Generation)
		if ok && have.object.UID == o.UID && d.Generation >= have.generation {
			delete(m.objects, key)
		}
		return
	}
	if g, gone := m.dead[o.UID]; gone && d.Generation <= g {
		return
	}
	version := func(o *watch.Object) int { n, _ := strconv.Atoi(o.ResourceVersion); return n }
	switch {
	case !ok, d.Generation > have.generation:
	case d.Generation < have.generation, version(o) < version(have.object):
		return
	}
	m.objects[key] = modelObject{o, d.Generation}
}

func (m *model) sweep(scope watch.Scope, generation uint64) {
	m.floors[scope] = max(m.floors[scope], generation)
	for k, v := range m.objects {
		if k.kind == scope.Kind && (scope.Namespace == "" || k.ns == scope.Namespace) && v.generation < generation {
			delete(m.objects, k)
		}
	}
}

// contents lists a World as the model lists itself.
func contents(w *World) map[string]string {
	out := map[string]string{}
	for o := range w.All() {
		out[o.Kind.Kind+" "+o.NamespacedName()] = o.UID + "@" + o.ResourceVersion
	}
	return out
}

func (m *model) contents() map[string]string {
	out := map[string]string{}
	for k, v := range m.objects {
		out[k.kind.Kind+" "+v.object.NamespacedName()] = v.object.UID + "@" + v.object.ResourceVersion
	}
	return out
}

// step is a delta or, without one, a sweep.
type step struct {
	delta      watch.Delta
	scope      watch.Scope
	generation uint64
}

// chaos is a stream without sense or order: any uid, version and generation under few keys.
func chaos(r *rand.Rand, n int) []step {
	kinds := []*watch.Kind{pods, nodes, roles}
	generation := 5
	var out []step
	for range n {
		kind := kinds[r.IntN(len(kinds))]
		ns := ""
		if kind.Namespaced {
			ns = "ns" + strconv.Itoa(r.IntN(6))
		}
		if r.IntN(40) == 0 {
			generation++
		}
		if r.IntN(150) == 0 {
			scope := watch.Scope{Kind: kind}
			if r.IntN(2) == 0 {
				scope.Namespace = ns
			}
			out = append(out, step{scope: scope, generation: uint64(generation - r.IntN(3))})
			continue
		}
		name := r.IntN(40)
		uid := (name*8+r.IntN(2)+len(kind.Kind)*1000)*10 + len(ns) // a uid has one place
		if ns != "" {
			uid = uid*10 + int(ns[2]-'0')
		}
		o := tiny(kind, ns, "n"+strconv.Itoa(name), uid, 1+r.IntN(60))
		d := applied(o, uint64(generation-r.IntN(3)))
		if r.IntN(4) == 0 {
			d.Op = watch.Deleted
		}
		out = append(out, step{delta: d})
	}
	return out
}
