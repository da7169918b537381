package watch_test

import (
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestKindWithFewEvents: a kind that has an event now and then, in a cluster in which others have many, has caught up with an
// outage when two of them have come, with bookmarks and without. It is not probed at each event from then on, but once a minute at most.
func TestKindWithFewEvents(t *testing.T) {
	for _, every := range []int{12, 15, 20, 30, 45, 58, 70, 85} {
		for _, marked := range []bool{true, false} {
			t.Run(fmt.Sprintf("every %d s, bookmarks %v", every, marked), func(t *testing.T) {
				inRig(t, sim.Config{}, func(r *rig) {
					r.cfg.RelistEvery = time.Hour
					r.pods(0, 20)
					r.must(r.sim.Create(configMap(1, 1)))
					w := r.startLive(podKind)
					if !marked {
						r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
					}
					w.Suspend()
					r.sim.ResetRequests()
					const minutes = 30
					stale := 0
					for i := range minutes * 60 {
						if i == 150 {
							if n := len(r.requests("list", podKind)); n > 5 {
								t.Errorf("%d probes to catch up", n)
							}
						}
						r.must(r.sim.Update(configMap(1, i)))
						if i%every == every-1 {
							r.touch(i % 20)
						}
						r.pass(time.Millisecond)
						r.must(r.sim.Update(configMap(1, -i)))
						r.pass(time.Second - time.Millisecond)
						if i > 3*60 && !w.Status().Fresh(time.Now()) {
							stale++
						}
					}
					if stale > 0 {
						t.Errorf("not fresh for %d s of %d minutes: %+v", stale, minutes, *w.Status())
					}
					if n := len(r.requests("list", podKind)); n > minutes*3/2 { // checks for being late, about one a minute
						t.Errorf("%d probes", n)
					}
					if n := len(r.requests("watch", podKind)); n > minutes+10 {
						t.Errorf("%d streams in %d minutes", n, minutes)
					}
					r.settled(podKind)
				})
			})
		}
	}
}

// TestBookmarksThatStandStill: some servers' bookmarks of a kind in which nothing happens stay at its last event, so that it
// never comes to where the server is. The end of a short stream confirms it.
func TestBookmarksThatStandStill(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.must(r.sim.Create(configMap(1, 1)))
		last := ""
		src := &edited{Source: r.client, edit: func(_ watch.WatchQuery, events []watch.Event) []watch.Event {
			for i := range events {
				if events[i].Type == watch.EventBookmark && !events[i].InitialEnd {
					events[i].ResourceVersion = last
				} else {
					last = events[i].ResourceVersion
				}
			}
			return events
		}}
		w := r.startOver(podKind, src)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.sim.ResetRequests()
		w.Suspend()
		for i := range 20 * 60 {
			r.must(r.sim.Update(configMap(1, i)))
			r.pass(time.Second)
			if s := w.Status(); i > 160 && !s.Fresh(time.Now()) {
				t.Fatalf("not fresh after %d s: %+v", i, *s)
			}
		}
		if n := len(r.requestsOf(sim.Match{})); n > 30 { // streams of about a minute
			t.Errorf("%d requests in 20 minutes", n)
		}
		r.settled(podKind)
	})
}
