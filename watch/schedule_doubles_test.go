package watch_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"orka/watch"
)

// links is what the links of one schedule have in common.
type links struct {
	mu   sync.Mutex
	now  int // LISTs in flight
	held map[string]time.Time
	odd  []string // what must not be
}

func (l *links) enter(n int) {
	l.now += n
	if l.now > watch.MaxLists {
		l.odd = append(l.odd, fmt.Sprintf("%d LISTs in flight at once", l.now))
	}
}

// link is the way of one watcher to the server: some time long, with a decoder that may panic. It watches what goes out.
type link struct {
	watch.Source
	all       *links
	delay     time.Duration
	pagesOnly bool

	// Guarded by all.mu.
	now    int // LISTs in flight
	panics int // of the next objects or events
}

func (l *link) set(change func(*link)) {
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	change(l)
}

// list books the beginning (1) or the end (-1) of a LIST.
func (l *link) list(scope watch.Scope, n int) {
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	l.all.enter(n)
	if l.now += n; l.now > 1 {
		l.all.odd = append(l.all.odd, fmt.Sprintf("%s: %d LISTs of one watcher", scope, l.now))
	}
}

// out books a request.
func (l *link) out(scope watch.Scope) {
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	for _, whom := range []string{"", scope.Kind.Group, scope.String()} {
		if until := l.all.held[whom]; time.Now().Before(until) {
			l.all.odd = append(l.all.odd, fmt.Sprintf("%s: a request %s before the time that the server named", scope, time.Until(until)))
		}
	}
}

// answer books an answer, unless nobody waits for it any more.
func (l *link) answer(ctx context.Context, scope watch.Scope, err error) {
	var api *watch.APIError
	if !errors.As(err, &api) || api.RetryAfter == 0 || ctx.Err() != nil {
		return
	}
	whom := scope.String()
	switch api.Code {
	case 429:
		whom = "" // all of the server
	case 503:
		whom = scope.Kind.Group // behind which another server may stand
	case 404:
		return // the watcher has ended; the next one knows nothing of it
	}
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	if until := time.Now().Add(api.RetryAfter); until.After(l.all.held[whom]) {
		l.all.held[whom] = until
	}
}

func (l *link) decode() {
	l.all.mu.Lock()
	boom := l.panics > 0
	if boom {
		l.panics--
	}
	l.all.mu.Unlock()
	if boom {
		panic("the decoder broke")
	}
}

func (l *link) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	if q.Limit != 1 { // a probe is no LIST, and has slots of its own
		l.list(scope, 1)
		defer l.list(scope, -1)
	}
	l.out(scope)
	if err := waitFor(ctx, l.delay); err != nil {
		return watch.ListEnd{}, err
	}
	end, err := l.Source.List(ctx, scope, q, func(page []watch.Delta) error {
		l.decode()
		return emit(page)
	})
	if err != nil { // when a connection breaks, the lists over it give their slots back after its streams have ended
		_ = waitFor(ctx, l.delay)
	}
	l.answer(ctx, scope, err)
	return end, err
}

func (l *link) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	src := l.Source
	if l.pagesOnly {
		src = pagesOnly{src}
	}
	s := &linkStream{ctx: ctx, l: l, scope: scope, once: &sync.Once{}, initial: q.Initial}
	if q.Initial {
		l.list(scope, 1)
	} else {
		s.once.Do(func() {})
	}
	l.out(scope)
	err := waitFor(ctx, l.delay)
	if err != nil {
		s.end()
		return nil, err
	}
	if s.Stream, err = src.Watch(ctx, scope, q); err != nil {
		if q.Initial { // as in List
			_ = waitFor(ctx, l.delay)
		}
		l.answer(ctx, scope, err)
		s.end()
		return nil, err
	}
	return s, nil
}

// linkStream is a LIST until its initial events end.
type linkStream struct {
	watch.Stream
	ctx     context.Context //nolint:containedctx // that of the request, which is the stream's
	l       *link
	scope   watch.Scope
	once    *sync.Once
	initial bool // owned by the reader
}

func (s *linkStream) end() { s.once.Do(func() { s.l.list(s.scope, -1) }) }

func (s *linkStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	if len(events) > 0 {
		s.l.decode()
	}
	for _, e := range events {
		if e.InitialEnd {
			s.initial = false
			s.end()
		}
	}
	if err != nil && s.initial { // as in List
		_ = waitFor(s.ctx, s.l.delay)
	}
	s.l.answer(s.ctx, s.scope, err)
	return events, err
}

func (s *linkStream) Close() error {
	s.end()
	return s.Stream.Close()
}

// door stands before the store: it can be slow, refuse, lose half and panic.
type door struct {
	watch.Sink
	history *history

	mu      sync.Mutex
	slow    time.Duration // each call takes so long
	drops   int           // of the next Offers
	refuses int           // of the next Puts and Sweeps
	panics  int           // of the next calls
	dropped uint64        // generation of the last event that was lost
}

// open ends what ails it.
func (d *door) open() { d.set(func(d *door) { d.slow, d.drops, d.refuses, d.panics = 0, 0, 0, 0 }) }

func (d *door) set(change func(*door)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *door) droppedIn() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dropped
}

// take lets one of a number of faults happen.
func (d *door) take(n *int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *n == 0 {
		return false
	}
	*n--
	return true
}

func (d *door) call(ctx context.Context) error {
	d.mu.Lock()
	slow := d.slow
	d.mu.Unlock()
	if d.take(&d.panics) {
		panic("the store broke")
	}
	return waitFor(ctx, slow)
}

var errRefused = errors.New("the store refuses")

func (d *door) Put(ctx context.Context, kind *watch.Kind, page []watch.Delta) error {
	if err := d.call(ctx); err != nil {
		return err
	}
	if d.take(&d.refuses) {
		return errRefused
	}
	return d.Sink.Put(ctx, kind, page)
}

func (d *door) Offer(ctx context.Context, kind *watch.Kind, events []watch.Delta) (int, error) {
	if err := d.call(ctx); err != nil {
		return len(events), err
	}
	if !d.take(&d.drops) {
		return d.Sink.Offer(ctx, kind, events)
	}
	d.set(func(d *door) { d.dropped = events[0].Generation })
	kept := len(events) / 2
	dropped, err := d.Sink.Offer(ctx, kind, events[:kept])
	return dropped + len(events) - kept, err
}

func (d *door) Sweep(ctx context.Context, scope watch.Scope, generation uint64) error {
	if err := d.call(ctx); err != nil {
		return err
	}
	if d.take(&d.refuses) {
		return errRefused
	}
	if err := d.Sink.Sweep(ctx, scope, generation); err != nil {
		return err
	}
	d.history.complete(generation)
	return nil
}
