package watch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// slowLists take 25 s to begin.
type slowLists struct{ watch.Source }

func (s slowLists) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	if q.Initial {
		if err := waitFor(ctx, 25*time.Second); err != nil {
			return nil, err
		}
	}
	return s.Source.Watch(ctx, scope, q)
}

// TestShortStreamsKeepTheirPlace: where lists are slow, the queue for them is longer than a short stream lives. A kind of which
// streams are short is listed anew all the same.
func TestShortStreamsKeepTheirPlace(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.must(r.sim.Create(configMap(1, 1)))
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Action: sim.StopBookmarks{}})
		w := r.startOver(podKind, slowLists{r.client})
		r.pass(30 * time.Second)
		for i := range 96 { // of 4 slots: 600 s of lists each 300 s
			r.startOver(widgets(t, r, fmt.Sprintf("Widget%03d", i)), slowLists{r.client})
		}
		const minutes = 40
		for i := range minutes * 60 {
			if i%10 == 0 {
				r.must(r.sim.Update(configMap(1, i)))
			}
			r.pass(time.Second)
		}
		if n := w.Status().Relists; n < 2 {
			t.Errorf("%d relists in %d minutes", n, minutes)
		}
	})
}
