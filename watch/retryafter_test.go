package watch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// busiest is the most requests within any tenth of a second.
func busiest(requests []sim.Request) int {
	most := 0
	for i := range requests {
		n := 0
		for _, q := range requests[i:] {
			if q.At.Sub(requests[i].At) < 100*time.Millisecond {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// TestRecoveryFromRetryAfterIsSpread: when the time that a server named has come, its watchers don't ask in one instant,
// neither those that were answered nor those that kept away because of it.
func TestRecoveryFromRetryAfterIsSpread(t *testing.T) {
	for name, match := range map[string]sim.Match{"all were answered": {}, "one was answered": {Resource: "pods"}} {
		t.Run(name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				watchers := []*watch.Watcher{r.startLive(podKind)}
				for i := range 40 {
					watchers = append(watchers, r.start(widgets(t, r, fmt.Sprintf("Widget%02d", i))))
				}
				r.pass(5 * time.Second)
				r.sim.ResetRequests()
				r.sim.Inject(sim.Fault{Match: match, Action: sim.Status{Code: 429, RetryAfter: 7 * time.Second}})
				answered := time.Now()
				if match.Resource != "" {
					watchers[0].Retry()
					r.pass(10 * time.Millisecond)
				}
				r.sim.CloseStreams()
				r.pass(3 * time.Second)
				r.sim.Heal()
				r.sim.ResetRequests()
				r.pass(20 * time.Second)
				for _, w := range watchers {
					if s := w.Status(); s.Phase != watch.Live && s.Phase != watch.Unconfirmed {
						t.Errorf("after the Retry-After: %+v", *s)
					}
				}
				requests := r.requestsOf(sim.Match{})
				if n := busiest(requests); n > 12 || len(requests) < len(watchers) {
					t.Errorf("%d of %d requests within a tenth of a second", n, len(requests))
				}
				for _, q := range requests {
					if d := q.At.Sub(answered); d < 7*time.Second {
						t.Errorf("a request %s after a 429 with Retry-After: 7", d)
					}
				}
			})
		})
	}
}

// TestRetryAfterOfAnAggregatedAPI: what a 503 asks for holds for the group that it came from, which another server stands
// behind; the others go on.
func TestRetryAfterOfAnAggregatedAPI(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		gadget := widgets(t, r, "Gadget")
		w, broken := r.startLive(podKind), r.startLive(gadget)
		r.sim.Inject(sim.Fault{Match: sim.Match{Resource: gadget.ResourceName()}, Action: sim.Status{Code: 503, RetryAfter: 5 * time.Minute}})
		r.pass(2 * time.Second)
		r.sim.CloseStreams()
		r.await(broken, 2*time.Second, "Unavailable", func(s *watch.Status) bool { return s.Phase == watch.Unavailable })
		r.pass(time.Second)
		r.sim.ResetRequests()
		r.sim.CloseStreams()
		r.touch(3)
		r.await(w, time.Second, "events over a new stream", func(s *watch.Status) bool {
			return s.Phase == watch.Live && len(r.requests("watch", podKind)) == 1
		})
		r.pass(4 * time.Minute)
		if n := len(r.requestsOf(sim.Match{Resource: gadget.ResourceName()})); n != 0 {
			t.Errorf("%d requests before the time that the group named", n)
		}
		if s := w.Status(); !s.Fresh(time.Now()) {
			t.Errorf("another kind suffers: %+v", *s)
		}
		r.sim.Heal()
		r.await(broken, 2*time.Minute, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live || s.Phase == watch.Unconfirmed })
		r.settled(podKind)
		r.settled(gadget)
	})
}

// TestRetryAfterOfEveryRequest: the time that a server names is kept to whatever was asked: a streamed list that is
// followed by pages, a page that is followed by the first page again, a probe.
func TestRetryAfterOfEveryRequest(t *testing.T) {
	for _, test := range []struct {
		name   string
		paged  bool
		fault  sim.Fault
		silent bool // only a stream that says nothing is probed
	}{
		{"streamed list", false, sim.Fault{Match: sim.Match{Verb: "watch", Query: "sendInitialEvents"}, Times: 1, Action: sim.Status{Code: 403, RetryAfter: 20 * time.Second}}, false},
		{"page", true, sim.Fault{Match: sim.Match{Verb: "list", Query: "continue="}, Times: 1, Action: sim.Status{Code: 410, RetryAfter: 20 * time.Second}}, false},
		{"probe", false, sim.Fault{Match: sim.Match{Verb: "list"}, Times: 1, Action: sim.Status{Code: 503, RetryAfter: 40 * time.Second}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery, r.cfg.PageLimit = time.Hour, 5
				r.pods(0, 12)
				var src watch.Source = r.client
				if test.paged {
					src = pagesOnly{r.client}
				}
				w := r.startOver(podKind, src)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.sim.ResetRequests()
				hit := r.sim.Inject(test.fault)
				if test.silent {
					r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
				} else {
					w.Retry()
				}
				r.pass(2 * time.Minute)
				if hit.Hits() != 1 {
					t.Fatalf("%d hits", hit.Hits())
				}
				after := test.fault.Action.(sim.Status).RetryAfter
				requests := r.requestsOf(sim.Match{})
				for i, q := range requests {
					if q.Verb != test.fault.Match.Verb || !strings.Contains(q.Query, test.fault.Match.Query) {
						continue
					}
					if len(requests) < i+2 {
						t.Fatalf("%d requests", len(requests))
					}
					if d := requests[i+1].At.Sub(q.At); d < after {
						t.Errorf("the next request came %s after an answer with Retry-After %s", d, after)
					}
					break
				}
				r.sim.Heal()
				r.settled(podKind)
			})
		})
	}
}

// TestRetryAfterOfOneRequest: the time that an answer other than 429 and 503 names, as the 504 of a replica that has not
// caught up does, holds for what was asked, also when a person asks for a retry. Other kinds don't wait for it.
func TestRetryAfterOfOneRequest(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w, other := r.startLive(podKind), r.startLive(nodeKind)
		r.pass(2 * time.Second)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Resource: "pods"}, Times: 1, Action: sim.Status{Code: 504, RetryAfter: 30 * time.Second}})
		r.sim.CloseStreams()
		r.await(w, time.Second, "the answer", func(s *watch.Status) bool { return s.Phase == watch.Unavailable })
		w.Retry()
		other.Retry()
		r.await(other, time.Second, "a relist of another kind", func(s *watch.Status) bool { return s.Relists == 1 && s.Fresh(time.Now()) })
		r.pass(29 * time.Second)
		if n := len(r.requests("watch", podKind)); n != 1 {
			t.Errorf("%d requests for pods before the time that the server named", n)
		}
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestHeldGroupHoldsNoSlots: kinds of a group that wants no requests for minutes don't keep those of others from listing,
// whether they were to begin a list or are between two pages of one.
func TestHeldGroupHoldsNoSlots(t *testing.T) {
	for _, paged := range []bool{false, true} {
		t.Run(fmt.Sprintf("paged %v", paged), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery, r.cfg.PageLimit = time.Hour, 2
				r.pods(0, 20)
				w := r.startLive(podKind)
				var broken []*watch.Watcher
				for i := range 3 * watch.MaxLists {
					k := widgets(t, r, fmt.Sprintf("Widget%02d", i))
					var src watch.Source = r.client
					if paged {
						src = pagesOnly{src}
						for j := range 5 {
							r.must(r.sim.Create(widget(k, fmt.Sprintf("widget-%d", j))))
						}
					}
					b := r.startOver(k, src)
					r.await(b, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
					broken = append(broken, b)
					m := sim.Match{Resource: k.ResourceName()}
					if paged && i > 0 {
						r.sim.Inject(sim.Fault{Match: m, Times: 1, Action: sim.Delay{For: 100 * time.Millisecond}})
						continue
					}
					r.sim.Inject(sim.Fault{Match: m, Action: sim.Status{Code: 503, RetryAfter: 5 * time.Minute}})
				}
				for _, b := range broken {
					b.Retry()
				}
				r.pass(3 * time.Second)
				w.Retry()
				r.await(w, time.Second, "a relist of another group", func(s *watch.Status) bool { return s.Relists == 1 && s.Fresh(time.Now()) })
				r.sim.Heal()
				r.pass(6 * time.Minute)
				for _, b := range broken {
					if s := b.Status(); s.Phase != watch.Live && s.Phase != watch.Unconfirmed {
						t.Errorf("after the time that the group named: %+v", *s)
					}
				}
			})
		})
	}
}
