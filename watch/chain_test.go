package watch_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// The tests of this file are about chains of short streams, of which each is believed because the one before ended in form.

// narrow is a line that is stopped until a time and then carries an event each so often; a server ends a stream at its deadline in
// form with what the line has not taken unsent.
type narrow struct {
	watch.Source
	mu    sync.Mutex
	until time.Time
	each  time.Duration
	begun time.Time
	asked time.Duration
}

func (l *narrow) freeze(d, each time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.each = time.Now().Add(d), each
}

func (l *narrow) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := l.Source.Watch(ctx, scope, q)
	if err != nil || q.Initial {
		return s, err
	}
	l.mu.Lock()
	l.begun, l.asked = time.Now(), q.Timeout
	l.mu.Unlock()
	n := &narrowStream{Stream: s, line: l, in: make(chan watch.Event, 100000), end: make(chan struct{}), ctx: ctx}
	go func() {
		for {
			ev, err := s.Next()
			for _, e := range ev {
				n.in <- e
			}
			if err != nil {
				n.err = err
				close(n.end)
				return
			}
		}
	}()
	return n, nil
}

type narrowStream struct {
	watch.Stream
	line *narrow
	in   chan watch.Event
	end  chan struct{}
	err  error
	ctx  context.Context
}

func (n *narrowStream) Next() ([]watch.Event, error) {
	n.line.mu.Lock()
	wait, each := time.Until(n.line.until), n.line.each
	n.line.mu.Unlock()
	if wait <= 0 {
		wait = each
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-n.end:
			return nil, n.err
		case <-n.ctx.Done():
			return nil, n.ctx.Err()
		}
	}
	select {
	case e := <-n.in:
		return []watch.Event{e}, nil
	default:
	}
	select {
	case e := <-n.in:
		n.line.mu.Lock()
		wait := time.Until(n.line.until)
		n.line.mu.Unlock()
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-n.end:
				return nil, n.err
			case <-n.ctx.Done():
				return nil, n.ctx.Err()
			}
		}
		return []watch.Event{e}, nil
	case <-n.end:
		return nil, n.err
	case <-n.ctx.Done():
		return nil, n.ctx.Err()
	}
}

// chain brings a kind without bookmarks to short streams.
func (r *rig) chain(src watch.Source) *watch.Watcher {
	r.t.Helper()
	r.pods(0, 20)
	r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
	w := r.startOver(podKind, src)
	r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
	r.must(r.sim.Create(configMap(1, 1)))
	r.await(w, 10*time.Minute, "short streams", func(s *watch.Status) bool { return s.Restarts >= 5 })
	return w
}

// TestStallInChain: a line that stalls within a chain and thaws shortly before the end of a stream has more to say than it can. What
// that end confirmed is taken back when the rest comes.
func TestStallInChain(t *testing.T) {
	for _, before := range []time.Duration{3 * time.Second, 8 * time.Second} {
		t.Run(before.String(), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				l := &narrow{Source: r.client}
				w := r.chain(l)
				r.pass(time.Second)
				l.freeze(time.Until(l.begun.Add(l.asked))-before, 100*time.Millisecond)
				for n := range 1500 {
					r.touch(n % 10)
				}
				changed := map[string]change{}
				for i := 10; i < 20; i++ {
					r.touch(i)
					changed[pod(i).Name] = change{time.Now(), r.sim.Revision()}
				}
				r.freshOnlyWhenTrue(w, 6*time.Minute, changed)
				l.freeze(0, 0)
				r.settled(podKind)
			})
		})
	}
}

// TestChainAfterOutage: a kind without bookmarks is fresh again soon after a server can be reached, also when it has missed events.
func TestChainAfterOutage(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		w := r.chain(r.client)
		r.sim.Refuse(true)
		r.sim.DropConnections()
		r.changeAll()
		r.must(r.sim.Create(configMap(2, 1)))
		r.pass(10 * time.Minute)
		r.sim.Refuse(false)
		healed := time.Now()
		for i := 0; !w.Status().Fresh(time.Now()); i++ {
			r.must(r.sim.Update(configMap(2, i)))
			r.pass(time.Second)
			if took := time.Since(healed); took > 80*time.Second { // up to 30 s of back-off among it
				t.Fatalf("not fresh after %s: %+v", took, *w.Status())
			}
		}
		r.settled(podKind)
	})
}

// cutter is a proxy that cuts what is idle for so long.
type cutter struct {
	watch.Source
	after time.Duration
}
type cutterStream struct {
	watch.Stream
	after  time.Duration
	cancel context.CancelFunc
}

func (c *cutter) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s, err := c.Source.Watch(ctx, scope, q)
	if err != nil {
		cancel()
		return nil, err
	}
	return &cutterStream{s, c.after, cancel}, nil
}

func (s *cutterStream) Next() ([]watch.Event, error) {
	t := time.AfterFunc(s.after, s.cancel)
	defer t.Stop()
	ev, err := s.Stream.Next()
	if err != nil && !errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return ev, err
}
func (s *cutterStream) Close() error { s.cancel(); return s.Stream.Close() }

// TestRewindBehindCutter: where a proxy cuts what is idle, streams are short as well, and a server that was rewound is noticed.
func TestRewindBehindCutter(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		for i := range 100 {
			r.must(r.sim.Create(configMap(100+i, 1)))
		}
		w := r.startOver(podKind, &cutter{r.client, 50 * time.Second})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.pass(8 * time.Minute)
		n := w.Status().Restarts
		r.await(w, 5*time.Minute, "end", func(s *watch.Status) bool { return s.Restarts > n })
		generation := w.Status().Generation
		r.pass(2 * time.Second)
		r.replace(sim.New(sim.Config{Seed: 1}))
		r.pods(0, 10)
		r.await(w, 3*time.Minute, "new generation", func(s *watch.Status) bool { return s.Generation > generation && s.Phase == watch.Live })
		r.settled(podKind)
	})
}
