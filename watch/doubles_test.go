package watch_test

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"orka/watch"
)

// pagesOnly is a server that refuses sendInitialEvents, as one before WatchList does.
type pagesOnly struct{ watch.Source }

func (p pagesOnly) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	if q.Initial {
		return nil, &watch.APIError{Verb: "watch", Resource: scope.Kind.ResourceName(), Code: 422, Reason: "Invalid",
			Message: "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"}
	}
	return p.Source.Watch(ctx, scope, q)
}

// stopped is a sink in which Offer waits until a time: the watcher does nothing meanwhile, as when the process was stopped.
type stopped struct {
	watch.Sink
	until atomic.Pointer[time.Time]
}

func (s *stopped) stop(d time.Duration) {
	until := time.Now().Add(d)
	s.until.Store(&until)
}

func (s *stopped) Offer(ctx context.Context, kind *watch.Kind, events []watch.Delta) (int, error) {
	if until := s.until.Load(); until != nil {
		if err := waitFor(ctx, time.Until(*until)); err != nil {
			return 0, err
		}
	}
	return s.Sink.Offer(ctx, kind, events)
}

// gate is a sink whose Put can be made to wait, whose Offer to drop, and either to panic.
type gate struct {
	watch.Sink

	mu     sync.Mutex
	shut   chan struct{} // Put waits for it to close; nil is open
	drops  int           // of the next Offers
	panics int           // of the next Offers
	sweeps int
}

func (g *gate) Put(ctx context.Context, kind *watch.Kind, page []watch.Delta) error {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		select {
		case <-shut:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g.Sink.Put(ctx, kind, page)
}

func (g *gate) Offer(ctx context.Context, kind *watch.Kind, events []watch.Delta) (int, error) {
	g.mu.Lock()
	drop, boom := g.drops > 0, g.panics > 0
	if drop {
		g.drops--
	}
	if boom {
		g.panics--
	}
	g.mu.Unlock()
	if boom {
		panic("the sink broke")
	}
	if drop {
		return len(events), nil
	}
	return g.Sink.Offer(ctx, kind, events)
}

func (g *gate) Sweep(ctx context.Context, scope watch.Scope, generation uint64) error {
	g.mu.Lock()
	g.sweeps++
	g.mu.Unlock()
	return g.Sink.Sweep(ctx, scope, generation)
}

func (g *gate) set(change func(*gate)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(g)
}

// counting counts lists in flight per scope: LISTs, and watches until their initial events end.
type counting struct {
	watch.Source

	mu   sync.Mutex
	now  int
	most int
}

func (c *counting) enter(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

func (c *counting) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	c.enter(1)
	defer c.enter(-1)
	return c.Source.List(ctx, scope, q, emit)
}

func (c *counting) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	if !q.Initial {
		return c.Source.Watch(ctx, scope, q)
	}
	c.enter(1)
	s, err := c.Source.Watch(ctx, scope, q)
	if err != nil {
		c.enter(-1)
		return nil, err
	}
	return &countedStream{Stream: s, c: c}, nil
}

type countedStream struct {
	watch.Stream
	c    *counting
	once sync.Once
}

func (s *countedStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	for _, e := range events {
		if e.InitialEnd {
			s.end()
		}
	}
	return events, err
}

func (s *countedStream) Close() error {
	s.end()
	return s.Stream.Close()
}

func (s *countedStream) end() { s.once.Do(func() { s.c.enter(-1) }) }

func (c *counting) peak() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}
