package watch_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

var seedFlag = flag.Uint64("watch.seed", 0, "replay TestRandomFaults with this seed alone")

// TestRandomFaults changes objects at random under random faults, heals, and checks that the store agrees (I1), that
// nothing was called fresh wrongly (I2), and that requests stayed within bounds (I5). A failing seed is replayed with
// -watch.seed.
func TestRandomFaults(t *testing.T) {
	seeds := []uint64{1, 2, 3, 4, 5, 6, 7, 8}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	} else if !testing.Short() {
		for range 8 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Logf("seed %d", seed)
			inRig(t, sim.Config{Seed: seed, TLS: seed%3 == 0}, func(r *rig) { r.random(rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func (r *rig) random(rng *rand.Rand) {
	r.cfg.PageLimit = 20 + rng.IntN(100)
	gadget := widgets(r.t, r, "Gadget")
	kinds := []*watch.Kind{podKind, configKind, gadget}
	alive := map[int]bool{}
	step := func() {
		i := rng.IntN(150)
		switch {
		case !alive[i]:
			r.pods(i, i+1)
			r.must(r.sim.Create(configMap(i, 0)))
			r.must(r.sim.Create(widget(gadget, fmt.Sprintf("gadget-%d", i))))
			alive[i] = true
		case rng.IntN(3) == 0:
			r.delete(i)
			r.must(r.sim.Delete(configsGVR, "default", fmt.Sprintf("config-%04d", i)))
			alive[i] = rng.IntN(2) == 0
			if alive[i] {
				r.pods(i, i+1)
				r.must(r.sim.Create(configMap(i, rng.IntN(9))))
			} else {
				r.must(r.sim.Delete(gvrOf(gadget), "default", fmt.Sprintf("gadget-%d", i)))
			}
		default:
			r.touch(i)
			r.must(r.sim.Update(configMap(i, rng.IntN(1000))))
		}
	}
	for range 200 {
		step()
	}
	var watchers []*watch.Watcher
	for i, k := range kinds {
		var src watch.Source = r.client
		if rng.IntN(3) == i {
			src = pagesOnly{r.client}
		}
		watchers = append(watchers, r.startOver(k, src))
	}
	for range 60 {
		r.fault(rng)
		for range rng.IntN(20) {
			step()
			if rng.IntN(4) == 0 {
				r.pass(time.Duration(rng.IntN(2000)) * time.Millisecond)
			}
		}
		r.pass(time.Duration(rng.IntN(40)) * time.Second)
		for i, w := range watchers {
			s := w.Status()
			if s.Fresh(time.Now()) && time.Since(s.ConfirmedAt) > watch.ConfirmWithin {
				r.t.Errorf("%s is called fresh %s after its confirmation", kinds[i], time.Since(s.ConfirmedAt))
			}
		}
	}
	r.sim.Refuse(false)
	r.sim.Heal()
	// A lost event is repaired by the relist that follows; a back-off may come before it.
	r.pass(7 * time.Minute)
	for i, k := range kinds {
		if s := watchers[i].Status(); !s.Fresh(time.Now()) {
			r.t.Errorf("%s has not recovered: %+v", k, *s)
		}
		r.settled(k)
		neverFreshUnheard(r, k)
	}
	if n, minutes := len(r.requestsOf(sim.Match{})), 25; n > 3*30*minutes {
		r.t.Errorf("%d requests in some %d minutes of faults", n, minutes)
	}
}

// fault injects one fault at random, or heals.
func (r *rig) fault(rng *rand.Rand) {
	verb := []string{"", "list", "watch"}[rng.IntN(3)]
	times := 1 + rng.IntN(3)
	inject := func(a sim.Action) {
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: verb}, Skip: rng.IntN(3), Times: times, Action: a})
	}
	switch rng.IntN(19) {
	case 0:
		r.sim.Heal()
	case 1:
		inject(sim.StreamError{Code: 410})
	case 2:
		inject(sim.Status{Code: []int{401, 410, 429, 500, 503, 504}[rng.IntN(6)], RetryAfter: time.Duration(rng.IntN(5)) * time.Second})
	case 3:
		inject(sim.CloseStream{After: rng.IntN(5)})
	case 4:
		inject(sim.CutStream{After: rng.IntN(5)})
	case 5:
		inject(sim.TruncateFrame{})
	case 6:
		inject(sim.DuplicateEvent{})
	case 7:
		inject(sim.DropEvent{})
	case 8:
		inject(sim.ExpireContinue{})
	case 9:
		inject(sim.Delay{For: time.Duration(rng.IntN(20)) * time.Second})
	case 10:
		inject(sim.Truncate{After: rng.IntN(30_000)})
	case 11:
		r.sim.DropConnections()
	case 12:
		r.sim.StallConnections()
	case 13:
		r.sim.CloseStreams()
	case 14:
		r.must(r.sim.Compact(r.sim.Revision()))
	case 15:
		r.sim.Refuse(true)
		r.pass(time.Duration(rng.IntN(60)) * time.Second)
		r.sim.Refuse(false)
	case 16:
		inject(sim.Stall{After: rng.IntN(3)})
	case 17:
		inject(sim.Reset{})
	case 18:
		inject(sim.Hang{})
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
