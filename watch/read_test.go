package watch_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// cutOff is an API server that loses its store, to which others go on writing: its watch cache hears nothing more, its streams go
// on and end in form, its bookmarks repeat what they said, and its reads fail.
type cutOff struct {
	watch.Source
	on   atomic.Bool
	last atomic.Pointer[string] // resourceVersion
}

func (c *cutOff) read() error {
	if !c.on.Load() {
		return nil
	}
	return &watch.APIError{Verb: "list", Resource: "pods", Code: http.StatusInternalServerError, Message: "etcdserver: request timed out"}
}

func (c *cutOff) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	if err := c.read(); err != nil {
		return watch.ListEnd{}, err
	}
	return c.Source.List(ctx, scope, q, emit)
}

func (c *cutOff) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	if err := c.read(); err != nil && q.Initial {
		return nil, err
	}
	s, err := c.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	return &cutOffStream{s, c}, nil
}

type cutOffStream struct {
	watch.Stream
	server *cutOff
}

func (s *cutOffStream) Next() ([]watch.Event, error) {
	for {
		events, err := s.Stream.Next()
		if !s.server.on.Load() {
			if n := len(events); n > 0 {
				s.server.last.Store(&events[n-1].ResourceVersion)
			}
			return events, err
		}
		var repeated []watch.Event
		for _, e := range events {
			if e.Type == watch.EventBookmark {
				e.ResourceVersion = *s.server.last.Load()
				repeated = append(repeated, e)
			}
		}
		if len(repeated) > 0 || err != nil {
			return repeated, err
		}
	}
}

// TestServerCutOffFromItsStore: what such a server says of a kind is not called fresh once a read of any kind has failed.
func TestServerCutOffFromItsStore(t *testing.T) {
	for _, bookmarks := range []bool{false, true} {
		name := map[bool]string{false: "ends", true: "bookmarks"}[bookmarks]
		t.Run(name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				c := &cutOff{Source: r.client}
				r.cfg.RelistEvery = 10 * time.Second
				r.startOver(configKind, c)
				r.cfg.RelistEvery = time.Hour
				var w *watch.Watcher
				if bookmarks {
					r.pods(0, 20)
					w = r.startOver(podKind, c)
					r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
					r.pass(30 * time.Second)
					r.touch(1)
				} else {
					w = r.chain(c)
				}
				r.pass(time.Second)
				c.on.Store(true)
				r.freshOnlyWhenTrue(w, 20*time.Minute, r.changeAll())
				c.on.Store(false)
				r.touch(2)
				r.await(w, 2*time.Minute, "fresh", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
			})
		})
	}
}

// TestKindThatCantBeRead: a kind of the server's own that can't be read, for what is in it, puts no other in doubt, and costs little.
func TestKindThatCantBeRead(t *testing.T) {
	for _, bookmarks := range []bool{false, true} {
		name := map[bool]string{false: "ends", true: "bookmarks"}[bookmarks]
		t.Run(name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				r.must(r.sim.Create(configMap(1, 1)))
				r.sim.Inject(sim.Fault{Match: sim.Match{Resource: "nodes"}, Action: sim.Status{Code: http.StatusInternalServerError}})
				if !bookmarks {
					r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Action: sim.StopBookmarks{}})
				}
				r.start(nodeKind)
				w := r.startLive(podKind)
				const minutes = 30
				for i := range minutes * 60 {
					if !bookmarks {
						r.must(r.sim.Update(configMap(1, i)))
					}
					r.pass(time.Second)
					if s := w.Status(); !s.Fresh(time.Now()) {
						t.Fatalf("not fresh after %d s: %+v", i, *s)
					}
				}
				if n := len(r.requestsOf(sim.Match{Resource: "pods"})); n > 4*minutes {
					t.Errorf("%d requests in %d minutes", n, minutes)
				}
			})
		})
	}
}
