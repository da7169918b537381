package watch_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// edited is a server behind a proxy that changes what streams say.
type edited struct {
	watch.Source
	edit func(q watch.WatchQuery, events []watch.Event) []watch.Event
}

func (e *edited) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := e.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	return &editedStream{Stream: s, query: q, edit: e.edit}, nil
}

type editedStream struct {
	watch.Stream
	query watch.WatchQuery
	edit  func(watch.WatchQuery, []watch.Event) []watch.Event
}

func (s *editedStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	return s.edit(s.query, events), err
}

// TestBookmarkWithinTheInitialEvents: only the bookmark that says so ends a streamed list.
func TestBookmarkWithinTheInitialEvents(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 600)
		var once atomic.Bool
		src := &edited{Source: r.client, edit: func(q watch.WatchQuery, events []watch.Event) []watch.Event {
			if q.Initial && len(events) > 0 && once.CompareAndSwap(false, true) {
				events = slices.Insert(events, 1, watch.Event{Type: watch.EventBookmark, ResourceVersion: events[0].ResourceVersion})
			}
			return events
		}}
		w := r.startOver(podKind, src)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		for _, s := range r.history(podKind) {
			if s.Complete && s.Listed != 600 {
				t.Fatalf("complete with %d of 600 pods", s.Listed)
			}
		}
		r.settled(podKind)
	})
}

// TestBookmarkOfThePast: a bookmark below the checkpoint is a server that was restored from a backup. It confirms nothing.
func TestBookmarkOfThePast(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		var once atomic.Bool
		src := &edited{Source: r.client, edit: func(q watch.WatchQuery, events []watch.Event) []watch.Event {
			if !q.Initial && len(events) > 0 && once.CompareAndSwap(false, true) {
				return []watch.Event{{Type: watch.EventBookmark, ResourceVersion: "2"}}
			}
			return events
		}}
		w := r.startOver(podKind, src)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.pass(2 * time.Second)
		r.sim.CloseStreams() // the stream of the list goes on after it; the next one is edited
		r.pass(time.Second)
		r.touch(3)
		r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
		if !slices.ContainsFunc(r.history(podKind), func(s watch.Status) bool {
			return s.Phase == watch.Diverged && s.Reason == watch.ReasonRewound
		}) {
			t.Error("never Diverged for being rewound")
		}
		r.settled(podKind)
	})
}

// untimed is a server that does not keep the deadlines of watches.
type untimed struct{ watch.Source }

func (u untimed) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	q.Timeout = time.Hour
	return u.Source.Watch(ctx, scope, q)
}

// TestProbeOfAChangedServerProvesNothing: without bookmarks, and without an end, a server that has moved on may have had changes
// that were not told to us.
func TestProbeOfAChangedServerProvesNothing(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
		w := r.startOver(podKind, untimed{r.client})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.must(r.sim.Create(configMap(1, 1)))
		r.sim.ResetRequests()
		r.pass(80 * time.Second)
		if n := len(r.requests("list", podKind)); n != 1 {
			t.Fatalf("%d probes, want 1", n)
		}
		if s := w.Status(); s.Phase != watch.Unconfirmed || s.Fresh(time.Now()) {
			t.Errorf("called fresh on no evidence: %+v", *s)
		}
		neverFreshUnheard(r, podKind)
	})
}

// TestCheckpointNeverGoesBack: of two events out of order the newer one is where the watch resumes.
func TestCheckpointNeverGoesBack(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.ReorderEvent{Name: "pod-0003"}})
		r.touch(3)
		r.touch(4)
		want := r.store.World().Get(podKind, "default", "pod-0004").ResourceVersion
		r.pass(time.Second)
		newest := r.store.World().Get(podKind, "default", "pod-0004").ResourceVersion
		if newest == want {
			t.Fatal("the events did not arrive")
		}
		if got := w.Status().Checkpoint; got != newest {
			t.Errorf("checkpoint %s, want %s, the newest version seen", got, newest)
		}
		r.settled(podKind)
	})
}
