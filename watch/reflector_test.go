package watch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"orka/watch/sim"
)

// TestAgreesWithReflector runs client-go's Reflector beside the watcher, through the same changes and faults, and
// compares what both hold in the end. Faults that a Reflector never recovers from (events that the server loses) are
// left out.
func TestAgreesWithReflector(t *testing.T) {
	// apimachinery's error handlers sleep by a global clock that virtual time confuses, and log to stderr.
	handlers := utilruntime.ErrorHandlers
	utilruntime.ErrorHandlers = nil
	t.Cleanup(func() { utilruntime.ErrorHandlers = handlers })
	for _, seed := range []uint64{1, 2, 3, 4} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inRig(t, sim.Config{Seed: seed}, func(r *rig) { r.besideReflector(rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func (r *rig) besideReflector(rng *rand.Rand) {
	clientset, err := kubernetes.NewForConfig(&rest.Config{Host: r.sim.Host(), Dial: r.dial, UserAgent: checkerAgent})
	r.must(err)
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	pods := cache.NewListWatchFromClient(clientset.CoreV1().RESTClient(), "pods", "", fields.Everything())
	reflector := cache.NewReflector(pods, &corev1.Pod{}, store, 0)
	r.wg.Go(func() { reflector.RunWithContext(r.ctx) })
	alive := map[int]bool{}
	step := func() {
		i := rng.IntN(120)
		switch {
		case !alive[i]:
			r.pods(i, i+1)
			alive[i] = true
		case rng.IntN(3) == 0:
			r.delete(i)
			alive[i] = false
		default:
			r.touch(i)
		}
	}
	for range 150 {
		step()
	}
	r.startLive(podKind)
	for range 30 {
		switch verb := []string{"list", "watch"}[rng.IntN(2)]; rng.IntN(7) {
		case 0:
			r.sim.Inject(sim.Fault{Match: sim.Match{Verb: verb}, Times: 2, Action: sim.Status{Code: []int{410, 429, 500, 503}[rng.IntN(4)]}})
		case 1:
			r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 2, Action: sim.StreamError{Code: 410}})
		case 2:
			r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 2, Action: sim.CutStream{After: rng.IntN(4)}})
		case 3:
			r.sim.DropConnections()
		case 4:
			r.sim.CloseStreams()
		case 5:
			r.must(r.sim.Compact(r.sim.Revision()))
		case 6:
			r.sim.Refuse(true)
			r.pass(time.Duration(rng.IntN(30)) * time.Second)
			r.sim.Refuse(false)
		}
		for range rng.IntN(15) {
			step()
		}
		r.pass(time.Duration(rng.IntN(20)) * time.Second)
	}
	r.sim.Heal()
	r.pass(3 * time.Minute)
	r.agrees(podKind)
	r.must(r.store.Sync(r.ctx))
	want, got := map[string]sim.Identity{}, map[string]sim.Identity{}
	for _, o := range store.List() {
		p := o.(*corev1.Pod)
		want[p.Namespace+"/"+p.Name] = sim.Identity{UID: string(p.UID), ResourceVersion: p.ResourceVersion}
	}
	for o := range r.store.World().All() {
		got[o.NamespacedName()] = sim.Identity{UID: o.UID, ResourceVersion: o.ResourceVersion}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		r.t.Errorf("%d pods; Reflector (-), orka (+):\n%s", len(want), diff)
	}
}
