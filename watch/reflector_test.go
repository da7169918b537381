package watch_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"orka/watch"
	"orka/watch/sim"
)

// TestAgreesWithReflector runs client-go's Reflector beside the watcher, through the same random changes and faults, and
// compares what both hold in the end. Left out are faults that a Reflector never recovers from: events that the server
// loses, a server that goes back, pages of two versions, and requests and streams that fall silent.
func TestAgreesWithReflector(t *testing.T) {
	// apimachinery's error handlers sleep by a global clock that virtual time confuses, and log to stderr.
	handlers := utilruntime.ErrorHandlers
	utilruntime.ErrorHandlers = nil
	t.Cleanup(func() { utilruntime.ErrorHandlers = handlers })
	for _, seed := range seeds(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			d := &duel{rng: rng}
			defer func() {
				if t.Failed() {
					t.Logf("to run it again:\n  go test ./watch -run '^TestAgreesWithReflector$' -watch.seed %d\nwhat was done:\n  %s", seed, strings.Join(d.notes, "\n  "))
				}
			}()
			cfg := sim.Config{Seed: seed, TLS: rng.IntN(3) == 0, History: []int{60, 10_000}[rng.IntN(2)]}
			inRig(t, cfg, func(r *rig) {
				d.rig = r
				d.run()
			})
		})
	}
}

// duel is one script that a Reflector and a watcher go through.
type duel struct {
	*rig
	rng   *rand.Rand
	alive [120]bool
	notes []string
}

func (d *duel) run() {
	// Many calls a second, so that client-go's own limit does not add to the waits.
	clientset, err := kubernetes.NewForConfig(&rest.Config{Host: d.sim.Host(), Dial: d.exchange.dial, UserAgent: checkerAgent, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: d.sim.CA()}})
	d.must(err)
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	pods := cache.NewListWatchFromClient(clientset.CoreV1().RESTClient(), "pods", "", fields.Everything())
	reflector := cache.NewReflector(pods, &corev1.Pod{}, store, 0)
	reflector.WatchListPageSize = 20
	d.cfg.PageLimit = 20
	for range 150 {
		d.change()
	}
	d.wg.Go(func() { reflector.RunWithContext(d.ctx) })
	d.startLive(podKind)
	for range 30 {
		for range d.rng.IntN(3) {
			d.fault()
		}
		for range d.rng.IntN(15) {
			d.change()
		}
		d.pass(time.Duration(d.rng.IntN(20_000)) * time.Millisecond)
		if d.rng.IntN(3) == 0 {
			d.sim.Heal()
		}
	}
	d.sim.Heal()
	d.sim.Refuse(false)
	d.pass(12 * time.Minute) // a Reflector may sit out the whole of a stream
	d.agrees(podKind)
	d.must(d.store.Sync(d.ctx))
	type row struct{ UID, ResourceVersion, Labels string }
	want, got := map[string]row{}, map[string]row{}
	for _, o := range store.List() {
		p := o.(*corev1.Pod)
		want[p.Namespace+"/"+p.Name] = row{string(p.UID), p.ResourceVersion, string(watch.PackPairs(p.Labels))}
	}
	for o := range d.store.World().All() {
		got[o.NamespacedName()] = row{o.UID, o.ResourceVersion, string(o.Labels)}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		d.t.Errorf("%d pods; Reflector (-), orka (+):\n%s", len(want), diff)
	}
	d.client.CloseIdle()
	clientset.CoreV1().RESTClient().(*rest.RESTClient).Client.CloseIdleConnections()
}

func (d *duel) change() {
	i := d.rng.IntN(len(d.alive))
	switch {
	case !d.alive[i]:
		d.pods(i, i+1)
		d.alive[i] = true
	case d.rng.IntN(3) == 0:
		d.delete(i)
		if d.alive[i] = d.rng.IntN(2) == 0; d.alive[i] {
			d.pods(i, i+1)
		}
	default:
		d.touch(i)
	}
}

// fault does one thing that both recover from.
func (d *duel) fault() {
	verb := []string{"list", "watch", ""}[d.rng.IntN(3)]
	inject := func(verb string, a sim.Action) {
		f := sim.Fault{Match: sim.Match{Verb: verb, Resource: "pods"}, Skip: d.rng.IntN(2), Times: 1 + d.rng.IntN(3), Action: a}
		d.notes = append(d.notes, fmt.Sprintf("%s: %T%+v, skipping %d, times %d", verb, a, a, f.Skip, f.Times))
		d.sim.Inject(f)
	}
	do := func(what string, f func()) {
		d.notes = append(d.notes, what)
		f()
	}
	switch d.rng.IntN(16) {
	case 0:
		inject(verb, sim.Status{Code: []int{401, 403, 409, 410, 429, 500, 502, 503, 504}[d.rng.IntN(9)], RetryAfter: time.Duration(d.rng.IntN(4)) * time.Second})
	case 1:
		inject("watch", sim.StreamError{Code: []int{403, 410, 410, 429, 500, 503}[d.rng.IntN(6)], After: d.rng.IntN(3)})
	case 2:
		inject("watch", sim.CutStream{After: d.rng.IntN(4)})
	case 3:
		inject("watch", sim.CloseStream{After: d.rng.IntN(4)})
	case 4:
		inject("watch", sim.TruncateFrame{})
	case 5:
		inject(verb, sim.Truncate{After: d.rng.IntN(9000)})
	case 6:
		inject(verb, sim.Reset{})
	case 7:
		inject(verb, sim.Delay{For: time.Duration(d.rng.IntN(20_000)) * time.Millisecond})
	case 8:
		inject("watch", sim.DuplicateEvent{})
	case 9:
		inject("list", sim.ExpireContinue{})
	case 10:
		inject(verb, sim.TooLarge{})
	case 11:
		inject(verb, sim.Forbid{})
	case 12:
		do("connections are cut", d.sim.DropConnections)
	case 13:
		do("streams are closed", d.sim.CloseStreams)
	case 14:
		do("compacted", func() { d.must(d.sim.Compact(d.sim.Revision())) })
	case 15:
		do("the server is away", func() {
			d.sim.Refuse(true)
			d.pass(time.Duration(d.rng.IntN(30_000)) * time.Millisecond)
			d.sim.Refuse(false)
		})
	}
}
