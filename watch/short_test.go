package watch_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// The tests of this file are about the short streams of kinds of which no bookmark came when one was due: their ends, in form and in
// time, confirm.

// TestEventsWithoutBookmarks: an API server has no watch cache of Events, and sends no bookmarks of them. They are never in doubt
// for that, and the server is not asked for much.
func TestEventsWithoutBookmarks(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "events"}, Action: sim.StopBookmarks{}})
		w := r.startLive(builtin("", "v1", "Event", "events", true))
		for i := range 15 * 60 {
			r.touch(i % 20) // no probe proves anything
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) || s.Relists > 0 {
				t.Fatalf("not fresh after %d s: %+v", i, *s)
			}
		}
		if n := len(r.requestsOf(sim.Match{Resource: "events"})); n > 2*15 {
			t.Errorf("%d requests in 15 minutes of silence, want at most two a minute", n)
		}
	})
}

// unnotified is a server whose etcd tells it of no progress: what is known of a kind in which nothing happens is as of the last
// list, and a bookmark that would say no more than the one before, or the watch's own version, is not sent.
type unnotified struct {
	watch.Source
	mu      sync.Mutex
	version string
}

func (u *unnotified) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	e, err := u.Source.List(ctx, scope, q, emit)
	if err == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.version = e.ResourceVersion
	}
	return e, err
}

func (u *unnotified) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	said := q.ResourceVersion
	e := &edited{Source: u.Source, edit: func(_ watch.WatchQuery, events []watch.Event) []watch.Event {
		u.mu.Lock()
		defer u.mu.Unlock()
		return slices.DeleteFunc(events, func(e watch.Event) bool {
			if e.Type != watch.EventBookmark || e.InitialEnd {
				u.version, said = e.ResourceVersion, e.ResourceVersion
				return false
			}
			silent := u.version == said
			said = u.version
			return silent
		})
	}}
	return e.Watch(ctx, scope, q)
}

// TestQuietServerWithoutProgress: the kinds of a server that has nothing to say of them are fresh all the same, by what it says
// when it is asked, and it is not asked for much.
func TestQuietServerWithoutProgress(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.must(r.sim.Create(configMap(1, 1)))
		w := r.startOver(podKind, &unnotified{Source: r.client})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		const minutes = 30
		for i := range minutes * 60 {
			r.must(r.sim.Update(configMap(1, i)))
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) && s.Phase != watch.Listing {
				t.Fatalf("not fresh after %d s: %+v", i, *s)
			}
		}
		if n := len(r.requestsOf(sim.Match{})); n > 3*minutes {
			t.Errorf("%d requests in %d minutes", n, minutes)
		}
		r.settled(podKind)
	})
}

// TestLongListWithoutBookmarks: the streams of a kind without bookmarks are short, but not those that list. Cut short, a long list
// would look like one of a proxy that swallows its end.
func TestLongListWithoutBookmarks(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 600)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
		w := r.startLive(podKind)
		r.must(r.sim.Create(configMap(1, 1)))
		r.await(w, 5*time.Minute, "short streams", func(s *watch.Status) bool { return s.Restarts >= 3 })
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Trickle{BytesPerSecond: 1700}})
		for n := range uint64(2) {
			w.Retry()
			took := r.await(w, 3*time.Minute, "relist", func(s *watch.Status) bool { return s.Relists > n && s.Phase == watch.Live })
			if lists := r.lists(podKind); len(lists) > 0 || took < time.Minute {
				t.Errorf("relisted in %s, by %d LISTs; want a streamed list of more than a minute", took, len(lists))
			}
		}
		r.sim.Heal()
		r.settled(podKind)
	})
}

// TestRewindWithoutBookmarks: streams of a kind without bookmarks end in form also on a server that filters all they would say.
// The server asks that connections be closed before it goes, and is back at once.
func TestRewindWithoutBookmarks(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("clean=%t", clean), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 30)
				for i := range 100 {
					r.touch(i % 30)
				}
				r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
				w := r.startLive(podKind)
				r.must(r.sim.Create(configMap(1, 1)))
				r.await(w, 5*time.Minute, "short streams", func(s *watch.Status) bool { return s.Restarts >= 3 })
				r.pass(5 * time.Second) // confirmed as lately as that
				generation := w.Status().Generation

				backup := sim.New(sim.Config{Seed: 1})
				backup.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
				if clean {
					r.sim.CloseStreams()
				}
				r.replace(backup)
				r.pods(0, 20)
				r.await(w, 3*time.Minute, "new generation", func(s *watch.Status) bool {
					return s.Generation > generation && s.Phase == watch.Live
				})
				r.settled(podKind)
			})
		})
	}
}

// TestRewindBehindSlowProbes is the same for a kind whose bookmarks stay away because the server was rewound, and which was confirmed
// so lately that the first stream is believed. The end of a stream that has not been proven says nothing, however long the proof takes.
func TestRewindBehindSlowProbes(t *testing.T) {
	for name, fault := range map[string]sim.Action{
		"6s": sim.Delay{For: 6 * time.Second}, "10s": sim.Delay{For: 10 * time.Second}, "500": sim.Status{Code: 500}, "503": sim.Status{Code: 503},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 30)
				for i := range 100 {
					r.touch(i % 30)
				}
				w := r.startLive(podKind)
				r.pass(150 * time.Second)
				r.touch(1)
				r.pass(time.Second)
				generation := w.Status().Generation
				backup := sim.New(sim.Config{Seed: 1})
				backup.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: fault})
				r.replace(backup)
				r.pods(0, 20)
				for i := range 4 * 60 {
					r.pass(time.Second)
					if s := w.Status(); i > 77 && s.Generation == generation && s.Fresh(time.Now()) {
						t.Fatalf("fresh %d s after, by a server that filters all it would say: %+v", i, *s)
					}
				}
				r.sim.Heal()
				r.await(w, 2*time.Minute, "new generation", func(s *watch.Status) bool { return s.Generation > generation && s.Phase == watch.Live })
				r.settled(podKind)
			})
		})
	}
}

// TestRewindOfManyKinds is the same where the probes of all kinds wait for each other.
func TestRewindOfManyKinds(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		var kinds []*watch.Kind
		var watchers []*watch.Watcher
		for i := range 100 {
			k := widgets(t, r, fmt.Sprintf("Widget%03d", i))
			kinds = append(kinds, k)
			watchers = append(watchers, r.start(k))
		}
		r.pass(150 * time.Second)
		r.pods(0, 100)
		for _, k := range kinds {
			r.must(r.sim.Create(widget(k, "lost")))
		}
		r.pass(time.Second)
		generations := map[*watch.Watcher]uint64{}
		for _, w := range watchers {
			generations[w] = w.Status().Generation
		}
		old, backup := r.sim, sim.New(sim.Config{Seed: 1})
		r.sim = backup
		for i := range 100 {
			widgets(t, r, fmt.Sprintf("Widget%03d", i))
		}
		r.sim = old
		backup.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Delay{For: time.Second}})
		r.replace(backup)
		r.pass(10 * time.Minute)
		for _, w := range watchers {
			if s := w.Status(); s.Generation == generations[w] {
				t.Errorf("the rows are still those of the former server, fresh: %t: %+v", s.Fresh(time.Now()), *s)
			}
		}
	})
}

// TestEndWithMoreToSay: at its deadline a server ends a stream in form also when the line has not taken all it had to say.
func TestEndWithMoreToSay(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.pass(121 * time.Second) // two bookmarks, the second a second ago
		dead := r.sim.Inject(sim.Fault{Action: sim.HalfOpen{}})
		r.sim.StallConnections()
		for n := range 2500 {
			r.touch(n % 10)
		}
		changed := map[string]change{}
		for i := 10; i < 20; i++ {
			r.touch(i)
			changed[pod(i).Name] = change{time.Now(), r.sim.Revision()}
		}
		r.pass(67 * time.Second)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Trickle{BytesPerSecond: 40000}})
		dead.Remove()
		r.sim.DropConnections()
		r.freshOnlyWhenTrue(w, 4*time.Minute, changed)
		r.sim.Heal()
		r.settled(podKind)
	})
}

// offEnd is a server whose streams end by so much too late, or too early.
type offEnd struct {
	watch.Source
	by time.Duration
}

func (o *offEnd) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	q.Timeout += min(o.by, 0)
	s, err := o.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	return &offEndStream{s, ctx, o.by}, nil
}

type offEndStream struct {
	watch.Stream
	ctx context.Context
	by  time.Duration
}

func (s *offEndStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	if err == io.EOF { //nolint:errorlint // as it is
		_ = waitFor(s.ctx, s.by)
	}
	return events, err
}

// TestEndsOutOfTime: where the ends of streams confirm nothing, the streams get longer, so that they don't cost more for it.
func TestEndsOutOfTime(t *testing.T) {
	for _, by := range []time.Duration{-3 * time.Second, 3 * time.Second, 6 * time.Second} {
		t.Run(by.String(), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.pods(0, 20)
				r.must(r.sim.Create(configMap(1, 1)))
				r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
				w := r.startOver(podKind, &offEnd{r.client, by})
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.sim.ResetRequests()
				const minutes = 20
				for i := range minutes * 60 {
					r.must(r.sim.Update(configMap(1, i)))
					r.pass(time.Second)
				}
				if n := len(r.requestsOf(sim.Match{})); n > 4*minutes {
					t.Errorf("%d requests in %d minutes", n, minutes)
				}
			})
		})
	}
}

// TestServerThatAcceptsNothing: the status says so, and not what went wrong before.
func TestServerThatAcceptsNothing(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Action: sim.Hang{}})
		r.sim.DropConnections()
		r.pass(5 * time.Minute)
		if s := w.Status(); s.Phase != watch.Unconfirmed || !strings.Contains(s.Err, "sent nothing for too long") {
			t.Errorf("%+v", *s)
		}
		r.sim.Heal()
		r.await(w, 2*time.Minute, "fresh", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}

// TestStreamsThatEndAfterAnEvent: a server that ends each stream in form once it has said something is not asked for one as often as
// things happen.
func TestStreamsThatEndAfterAnEvent(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startOver(podKind, oneEach{r.client})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.sim.CloseStreams()
		r.pass(5 * time.Second)
		r.sim.ResetRequests()
		for i := range 600 {
			r.touch(i % 20)
			r.pass(100 * time.Millisecond)
		}
		if n := len(r.requests("watch", podKind)); n > 60 {
			t.Errorf("%d watches in a minute: %+v", n, *w.Status())
		}
		r.settled(podKind)
	})
}

type oneEach struct{ watch.Source }

func (o oneEach) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := o.Source.Watch(ctx, scope, q)
	if err != nil || q.Initial {
		return s, err
	}
	return &oneStream{Stream: s}, nil
}

type oneStream struct {
	watch.Stream
	had bool
}

func (s *oneStream) Next() ([]watch.Event, error) {
	if s.had {
		return nil, io.EOF
	}
	s.had = true
	return s.Stream.Next()
}
