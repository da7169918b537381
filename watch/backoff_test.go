package watch_test

import (
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// Test1000CleanCloses is fault 4: each is resumed at the checkpoint, without a relist and without a wait.
func Test1000CleanCloses(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = 24 * time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		for i := range 1000 {
			r.pass(1100 * time.Millisecond)
			if i%10 == 0 {
				r.touch(i % 20)
			}
			r.sim.CloseStreams()
		}
		r.pass(time.Second)
		s := w.Status()
		if s.Phase != watch.Live || s.Relists != 0 || s.Restarts != 1000 || s.Attempt != 0 {
			t.Errorf("status %+v; want Live, 1000 restarts, no relist", *s)
		}
		if r.sawPhase(podKind, watch.Backoff) {
			t.Error("a clean close led to a back-off")
		}
		if n, m := len(r.requests("watch", podKind)), len(r.lists(podKind)); n != 1001 || m != 0 {
			t.Errorf("%d watches and %d LISTs, want 1001 and 0", n, m)
		}
		r.settled(podKind)
	})
}

// TestEmptyClosesReachTheCap is fault 5: a watch that is closed at once, for ever, is asked for ever more rarely.
func TestEmptyClosesReachTheCap(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.CloseStream{}})
		r.pass(10 * time.Minute)
		waits := gaps(r.requests("watch", podKind))
		last := waits[len(waits)-1]
		if last < 15*time.Second || last > 31*time.Second {
			t.Errorf("last wait %s, want 15s to 30s; all: %v", last, waits)
		}
		if n := len(waits); n > 45 {
			t.Errorf("%d watches in 10 minutes: %v", n, waits)
		}
		if s := w.Status(); s.Reason != watch.ReasonShortWatch || s.Relists != 0 || s.Fresh(time.Now()) {
			t.Errorf("status %+v; want ShortWatch, not fresh, no relist", *s)
		}
		r.touch(3)
		r.sim.Heal()
		r.await(w, 31*time.Second, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}

func gaps(requests []sim.Request) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(requests); i++ {
		out = append(out, requests[i].At.Sub(requests[i-1].At))
	}
	return out
}

// TestBackoffGrowsAndResets follows the waits of one outage, of a second one soon after, and of a third after two
// minutes of health.
func TestBackoffGrowsAndResets(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 5)
		w := r.startLive(podKind)
		outage := func(d time.Duration) (waits []time.Duration) {
			r.mu.Lock()
			r.statuses[watch.Scope{Kind: podKind}] = nil
			r.mu.Unlock()
			r.sim.Refuse(true)
			r.pass(d)
			r.sim.Refuse(false)
			r.touch(1)
			r.await(w, 31*time.Second, "back", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
			for _, s := range r.history(podKind) {
				if s.Phase == watch.Backoff && !s.RetryAt.IsZero() {
					waits = append(waits, s.RetryAt.Sub(s.Since))
				}
			}
			return waits
		}
		// Since is that of the phase, so only first waits can be read off it.
		attempts := func() int {
			most := 0
			for _, s := range r.history(podKind) {
				most = max(most, s.Attempt)
			}
			return most
		}
		first := outage(10 * time.Minute)
		if first[0] > 800*time.Millisecond || first[0] < 400*time.Millisecond {
			t.Errorf("first wait %s, want 0.4s to 0.8s", first[0])
		}
		grown := attempts()
		if grown < 20 || grown > 50 {
			t.Errorf("%d attempts in 10 minutes, want the back-off to reach its cap of 30s", grown)
		}
		r.pass(30 * time.Second)
		again := outage(time.Second)
		if again[0] < 3*time.Second || again[0] > 5*time.Second {
			t.Errorf("first wait %s after a stream of 30s, want an eighth of that", again[0])
		}
		if attempts() <= grown {
			t.Errorf("attempt %d after 30s of health, want the back-off to go on from %d", attempts(), grown)
		}
		r.pass(3 * time.Minute)
		if fresh := outage(time.Second); fresh[0] > 800*time.Millisecond {
			t.Errorf("first wait %s after 3 minutes of health, want a new back-off", fresh[0])
		}
		r.settled(podKind)
	})
}

// TestServerDownTenMinutes is fault 19: recovery is spread, and all agree.
func TestServerDownTenMinutes(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		var kinds []*watch.Kind
		var watchers []*watch.Watcher
		for i := range 200 {
			k := widgets(t, r, fmt.Sprintf("Widget%03d", i))
			kinds = append(kinds, k)
			watchers = append(watchers, r.start(k))
		}
		r.pass(20 * time.Second)
		r.sim.Refuse(true)
		r.pass(10 * time.Minute)
		for i, k := range kinds {
			w := watchers[i].Status()
			if w.Phase != watch.Backoff || !w.Complete || w.Fresh(time.Now()) {
				t.Errorf("%s during the outage: %+v", k, *w)
			}
		}
		for _, k := range kinds {
			if err := r.sim.Create(widget(k, "late")); err != nil {
				t.Fatal(err)
			}
		}
		r.sim.ResetRequests()
		r.sim.Refuse(false)
		start := time.Now()
		r.pass(32 * time.Second)
		var busiest int
		perSecond := map[int]int{}
		for _, q := range r.requestsOf(sim.Match{}) {
			s := int(q.At.Sub(start) / time.Second)
			perSecond[s]++
			busiest = max(busiest, perSecond[s])
		}
		if busiest > 40 { // of 200, spread over 15 s and more
			t.Errorf("%d requests in one second of the recovery: %v", busiest, perSecond)
		}
		for i, k := range kinds {
			if s := watchers[i].Status(); !s.Fresh(time.Now()) {
				t.Errorf("%s after the outage: %+v", k, *s)
			}
			r.agrees(k)
		}
	})
}

// TestRetryAfterIsHonoured is fault 18: no request before the time named, and at most four LISTs at once.
func TestRetryAfterIsHonoured(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 10)
		src := &counting{Source: pagesOnly{r.client}}
		kinds := []*watch.Kind{podKind, configKind, nodeKind}
		for i := range 20 {
			kinds = append(kinds, widgets(t, r, fmt.Sprintf("Widget%02d", i)))
		}
		r.sim.Inject(sim.Fault{Action: sim.Status{Code: 429, RetryAfter: 7 * time.Second}})
		var watchers []*watch.Watcher
		for _, k := range kinds {
			watchers = append(watchers, r.startOver(k, src))
		}
		r.pass(40 * time.Second)
		throttled := r.requestsOf(sim.Match{})
		if len(throttled) < 5 {
			t.Errorf("%d requests in 40s, want at least one every 9s", len(throttled))
		}
		for i, q := range throttled {
			for _, before := range throttled[:i] {
				// What was on its way when the answer came could not know of it.
				if d := q.At.Sub(before.At); d > 10*time.Millisecond && d < 7*time.Second {
					t.Errorf("request %s after a 429 with Retry-After: 7", d)
				}
			}
		}
		r.sim.Heal()
		for _, w := range watchers {
			r.await(w, time.Minute, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		}
		if src.peak() > watch.MaxLists {
			t.Errorf("%d LISTs at once, want at most %d", src.peak(), watch.MaxLists)
		}
		for _, k := range kinds {
			r.agrees(k)
		}
	})
}

// TestRelistJitterAndSingleFlight watches two hours of periodic relists of a slow server.
func TestRelistJitterAndSingleFlight(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 10)
		src := &counting{Source: r.client}
		w := r.startOver(podKind, src)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Delay{For: 2 * time.Second}})
		r.pass(2 * time.Hour)
		var lists []sim.Request
		for _, q := range r.requests("watch", podKind) {
			if hasInitial(q) {
				lists = append(lists, q)
			}
		}
		distinct := map[time.Duration]bool{}
		for _, g := range gaps(lists) {
			distinct[g.Round(time.Second)] = true
			if g < 270*time.Second || g > 335*time.Second {
				t.Errorf("relist after %s, want 300s ±10%%", g)
			}
		}
		if len(lists) < 20 || len(distinct) < 10 {
			t.Errorf("%d lists with %d different periods in two hours", len(lists), len(distinct))
		}
		if src.peak() != 1 {
			t.Errorf("%d lists in flight at once", src.peak())
		}
		if s := w.Status(); s.Relists != uint64(len(lists)-1) {
			t.Errorf("%d relists counted, %d made", s.Relists, len(lists)-1)
		}
		r.settled(podKind)
	})
}
