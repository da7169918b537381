package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// newChurn is a whole cluster in a strict store, and its churn.
func newChurn(t *testing.T, objects int, seed uint64) (*Churn, *world) {
	t.Helper()
	c, err := New(whole(t, objects))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(c.Objects())
	ch, err := NewChurn(c, seed, w)
	if err != nil {
		t.Fatal(err)
	}
	return ch, w
}

// drain lets the stories that are under way end, and starts no new ones.
func (ch *Churn) drain(t *testing.T) {
	t.Helper()
	for len(ch.stories) > 0 {
		s := ch.stories[0]
		if len(s.steps) == 0 {
			ch.end(s)
			continue
		}
		st := s.steps[0]
		s.steps = s.steps[1:]
		if _, err := st(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestChurnKeepsTheClusterWhole(t *testing.T) {
	for _, seed := range []uint64{1, 2} {
		ch, w := newChurn(t, 2000, seed)
		before := len(w.objects)
		now := testNow
		for i := range 3000 {
			now = now.Add(200 * time.Millisecond)
			writes := len(w.writes)
			if err := ch.Step(now); err != nil {
				t.Fatalf("seed %d, step %d: %v", seed, i, err)
			}
			if got := len(w.writes) - writes; got != 1 {
				t.Fatalf("seed %d, step %d made %d writes: %v", seed, i, got, w.writes[writes:])
			}
			if i%50 == 0 {
				if bad := w.checkOwners(); len(bad) > 0 {
					t.Fatalf("seed %d, step %d (%s): %s", seed, i, w.writes[len(w.writes)-1], strings.Join(bad, "\n"))
				}
			}
		}
		ch.drain(t)
		for _, bad := range slices.Concat(w.checkOwners(), w.checkSettled()) {
			t.Errorf("seed %d: %s", seed, bad)
		}
		if after := len(w.objects); after < before*95/100 || after > before*115/100 {
			t.Errorf("seed %d: the cluster had %d objects and has %d", seed, before, after)
		}
		kinds := map[string]int{}
		for _, line := range w.writes {
			f := strings.Fields(line)
			kinds[f[0]+" "+f[1]]++
		}
		for _, want := range []string{"create Pod", "delete Pod", "update Pod", "create ReplicaSet", "update Deployment", "update StatefulSet", "update DaemonSet", "create Job", "delete Job", "update CronJob",
			"create Event", "delete Event", "update Lease", "update Node", "update EndpointSlice", "update ConfigMap", "update Kustomization", "update Certificate", "update PostgresCluster", "update HorizontalPodAutoscaler", "delete ReplicaSet"} {
			if kinds[want] == 0 {
				t.Errorf("seed %d: 3000 steps and no %q: %v", seed, want, kinds)
			}
		}
	}
}

// TestChurnStaysBounded churns a small cluster for long.
func TestChurnStaysBounded(t *testing.T) {
	ch, w := newChurn(t, 700, 5)
	before := w.counts()
	now := testNow
	for range 8000 {
		now = now.Add(100 * time.Millisecond)
		if err := ch.Step(now); err != nil {
			t.Fatal(err)
		}
	}
	ch.drain(t)
	after := w.counts()
	for kind, n := range after {
		limit := before[kind]*13/10 + 10
		switch kind {
		case "Event":
			limit = before[kind] + 60
		case "ReplicaSet": // up to the history limit of every Deployment
			limit = after["Deployment"] * (revisionsKept + 1)
		}
		if n > limit {
			t.Errorf("%d %ss have become %d", before[kind], kind, n)
		}
	}
	for _, bad := range slices.Concat(w.checkOwners(), w.checkSettled()) {
		t.Error(bad)
	}
}

func TestChurnIsDeterministic(t *testing.T) {
	run := func(seed uint64) []string {
		ch, w := newChurn(t, 1000, seed)
		for i := range 1000 {
			if err := ch.Step(testNow.Add(time.Duration(i) * time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		return w.writes
	}
	if diff := cmp.Diff(run(1), run(1)); diff != "" {
		t.Errorf("one seed, two histories: %s", diff)
	}
	if slices.Equal(run(1), run(2)) {
		t.Error("two seeds, one history")
	}
}

func TestChurnRunKeepsItsRate(t *testing.T) {
	for _, rate := range []float64{2, 50, 1000} {
		synctest.Test(t, func(t *testing.T) {
			cfg := testConfig(800)
			cfg.Now = time.Now()
			c, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(c.Objects())
			ch, err := NewChurn(c, 1, w)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
			defer cancel()
			if err := ch.Run(ctx, rate); err != nil {
				t.Fatal(err)
			}
			if got, want := float64(len(w.writes)), 10*rate; got < want*0.98-1 || got > want*1.02+1 {
				t.Errorf("rate %v: %v writes in 10 s", rate, got)
			}
		})
	}
}

// forgetful is a store somebody else deletes from.
type forgetful struct {
	*world
	n int
}

func (f *forgetful) Update(o runtime.Object) error {
	if f.n++; f.n%5 == 0 {
		delete(f.objects, keyOf(o))
	}
	return f.world.Update(o)
}

func TestChurnHealsWhatOthersDelete(t *testing.T) {
	c, err := New(testConfig(1000))
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{world: newWorld(c.Objects())}
	ch, err := NewChurn(c, 3, f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := ch.Step(testNow.Add(time.Duration(i) * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
}

type broken struct{ *world }

func (broken) Update(runtime.Object) error {
	return apierrors.NewInternalError(errors.New("disk full"))
}

func (broken) Delete(schema.GroupVersionResource, string, string) error {
	return apierrors.NewInternalError(errors.New("disk full"))
}

func TestChurnReportsTheWritersError(t *testing.T) {
	c, err := New(testConfig(500))
	if err != nil {
		t.Fatal(err)
	}
	ch, err := NewChurn(c, 1, broken{newWorld(c.Objects())})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err = ch.Step(testNow); err != nil {
			break
		}
	}
	if !apierrors.IsInternalError(err) {
		t.Fatalf("got %v", err)
	}
	if err := ch.Run(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "rate 0") {
		t.Errorf("rate 0: %v", err)
	}
}

func TestChurnOfAnInterruptedCluster(t *testing.T) {
	c, err := New(testConfig(500))
	if err != nil {
		t.Fatal(err)
	}
	for range c.Objects() {
		break
	}
	if _, err := NewChurn(c, 1, newWorld(func(func(runtime.Object) bool) {})); err == nil {
		t.Fatal("a churn of a cluster that was cut off")
	}
}

func TestChurnOfTinyClusters(t *testing.T) {
	for _, n := range []int{1, 5, 40, 120} {
		c, err := New(testConfig(n))
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(c.Objects())
		ch, err := NewChurn(c, 1, w)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 200 {
			if err := ch.Step(testNow.Add(time.Duration(i) * time.Second)); err != nil {
				t.Fatalf("%d objects, step %d: %v", n, i, err)
			}
		}
		if len(w.objects) > n+60 {
			t.Errorf("%d objects have become %d", n, len(w.objects))
		}
	}
}
