package watch_test

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// lateLine delivers all the time, and ever later, as one does that carries less than is sent and has large buffers.
type lateLine struct {
	watch.Source
	began  time.Time
	grows  float64 // seconds a second
	atMost time.Duration
	bursts time.Duration // delivers only at multiples of it
	lists  bool          // and pings are late, too
	mute   time.Time     // until when no request is answered
}

func (l *lateLine) late(at time.Time) time.Duration {
	return max(0, min(time.Duration(l.grows*float64(at.Sub(l.began))), l.atMost))
}

func (l *lateLine) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	e, err := l.Source.List(ctx, scope, q, emit)
	if late := l.request(ctx); late != nil {
		return watch.ListEnd{}, late
	}
	return e, err
}

func (l *lateLine) Ping(ctx context.Context) error {
	return cmp.Or(l.Source.Ping(ctx), l.request(ctx))
}

func (l *lateLine) request(ctx context.Context) error {
	wait := time.Until(l.mute)
	if l.lists {
		wait = max(wait, l.late(time.Now()))
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lateLine) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := l.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	late := &lateStream{Stream: s, line: l, done: ctx.Done(), buffer: make(chan sent, 10000)}
	go func() {
		for ctx.Err() == nil {
			events, err := s.Next()
			late.buffer <- sent{events, err, time.Now()}
			if err != nil {
				return
			}
		}
	}()
	return late, nil
}

type lateStream struct {
	watch.Stream
	line   *lateLine
	done   <-chan struct{}
	buffer chan sent
}

type sent struct {
	events []watch.Event
	err    error
	at     time.Time
}

func (s *lateStream) Next() ([]watch.Event, error) {
	var b sent
	select {
	case b = <-s.buffer:
	case <-s.done:
		return nil, context.Canceled
	}
	at := b.at.Add(s.line.late(b.at))
	if each := s.line.bursts; each > 0 {
		at = at.Add((each - at.Sub(s.line.began)%each) % each)
	}
	select {
	case <-time.After(time.Until(at)):
	case <-s.done:
	}
	return b.events, b.err
}

// oldest changes a pod each so often, and returns the greatest age of a change that the store didn't have while the kind was called
// fresh, and for how long it was not.
func (r *rig) oldest(w *watch.Watcher, d, every time.Duration) (worst, unfresh time.Duration) {
	r.t.Helper()
	changed := map[string][]change{} // those that are still to come
	n := 0
	for began := time.Now(); time.Since(began) < d; r.pass(time.Second) {
		if time.Since(began) >= time.Duration(n)*every {
			r.touch(n % 20)
			name := pod(n % 20).Name
			changed[name] = append(changed[name], change{time.Now(), r.sim.Revision()})
			n++
		}
		fresh := w.Status().Fresh(time.Now())
		if !fresh {
			unfresh += time.Second
		}
		r.must(r.store.Sync(r.ctx)) // what has been taken in is shown a blink later
		for name, all := range changed {
			has := number(r.store.World().Get(podKind, "default", name))
			for len(all) > 0 && all[0].version <= has {
				all = all[1:]
			}
			changed[name] = all
			if len(all) > 0 && fresh {
				worst = max(worst, time.Since(all[0].at))
			}
		}
	}
	return worst, unfresh
}

// TestLateLine: a line that never pauses, and falls ever further behind, is not believed once it is too late, however fast
// that happens, however often the kind changes, and whether the server can be asked in time or not.
func TestLateLine(t *testing.T) {
	const second = time.Second
	for _, test := range []struct {
		grows  float64
		every  time.Duration
		bursts time.Duration
		lists  bool
		short  bool // streams, as those of a kind without bookmarks
	}{
		{grows: 0.2, every: second},
		{grows: 1, every: second},
		{grows: 4, every: second},
		{grows: 0.2, every: 9 * second},
		{grows: 0.2, every: 30 * second},
		{grows: 0.2, every: second, bursts: 12 * second},
		{grows: 0.2, every: second, lists: true},
		{grows: 0.7, every: second, lists: true},
		{grows: 4, every: second, lists: true},
		{grows: 9, every: second, lists: true},
		{grows: 0.2, every: second, short: true},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				l := &lateLine{Source: r.client, began: time.Now()}
				w := r.startOver(podKind, l)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				if test.short {
					r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
					r.sim.CloseStreams()
					r.await(w, 5*time.Minute, "short streams", func(s *watch.Status) bool { return s.Restarts >= 3 })
				}
				l.began, l.grows, l.atMost, l.bursts, l.lists = time.Now(), test.grows, 3*time.Minute, test.bursts, test.lists
				worst, unfresh := r.oldest(w, 20*time.Minute, test.every)
				if worst > watch.ConfirmWithin+time.Second {
					r.t.Errorf("called fresh without a change of %s ago", worst)
				}
				if unfresh == 0 {
					r.t.Error("the line was never so late that it showed")
				}
				if s := w.Status(); s.Relists > 0 {
					r.t.Errorf("relists: %+v", *s)
				}
			})
		})
	}
}

// TestLineThatIsNotTooLate: a stream is fresh all the time where it is in time or a little late, and the server is not asked more
// often for it than about once a minute, also where it answers slowly.
func TestLineThatIsNotTooLate(t *testing.T) {
	for _, test := range []struct{ late, answer time.Duration }{
		{}, {late: 5 * time.Second}, {late: 11 * time.Second}, {answer: 20 * time.Second}, {late: 5 * time.Second, answer: 8 * time.Second}, {answer: 40 * time.Second},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				l := &lateLine{Source: r.client, began: time.Now().Add(-time.Hour), grows: 1, atMost: test.late}
				w := r.startOver(podKind, l)
				r.await(w, 30*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Delay{For: test.answer}})
				r.sim.ResetRequests()
				const minutes = 20
				if _, unfresh := r.oldest(w, minutes*time.Minute, time.Second); unfresh > 0 {
					r.t.Errorf("not fresh for %s: %+v", unfresh, *w.Status())
				}
				if n := len(r.requests("list", podKind)); n < minutes/5 || n > minutes*3/2 {
					r.t.Errorf("%d probes in %d minutes", n, minutes)
				}
				if n := len(r.requests("watch", podKind)); n > minutes/4 {
					r.t.Errorf("%d streams", n)
				}
				r.sim.Heal()
				r.settled(podKind)
			})
		})
	}
}

// TestCheckOfALaggingReplica: a list that is behind the watch, as one out of a replica's cache, is no restore from a backup.
func TestCheckOfALaggingReplica(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		l := &laggingLists{Source: r.client}
		w := r.startOver(podKind, l)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		if _, unfresh := r.oldest(w, 10*time.Minute, time.Second); unfresh > 0 {
			r.t.Errorf("not fresh for %s: %+v", unfresh, *w.Status())
		}
		if s := w.Status(); s.Relists > 0 || l.asked.Load() < 5 {
			r.t.Errorf("%d probes: %+v", l.asked.Load(), *s)
		}
	})
}

// laggingLists answers probes with a version of some events ago.
type laggingLists struct {
	watch.Source
	asked atomic.Int64
}

func (l *laggingLists) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	e, err := l.Source.List(ctx, scope, q, emit)
	if rv, perr := strconv.Atoi(e.ResourceVersion); q.Limit == 1 && err == nil && perr == nil {
		l.asked.Add(1)
		e.ResourceVersion = strconv.Itoa(rv - 3)
	}
	return e, err
}

// TestLateLineOfManyKinds: it is one line under all kinds, and when the check of one finds it late, the others need not find out one
// after the other.
func TestLateLineOfManyKinds(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		l := &lateLine{Source: r.client, began: time.Now()}
		const n = 24
		kinds, watchers, pending := make([]*watch.Kind, n), make([]*watch.Watcher, n), make([][]change, n)
		for i := range n {
			kinds[i] = widgets(t, r, fmt.Sprintf("Widget%03d", i))
			r.must(r.sim.Create(widget(kinds[i], "one")))
			watchers[i] = r.startOver(kinds[i], l)
		}
		r.pass(10 * time.Second)
		l.began, l.grows, l.atMost, l.lists = time.Now(), 0.7, 5*time.Minute, true
		var worst time.Duration
		for i := range 5 * 60 {
			for j, k := range kinds {
				u := widget(k, "one")
				u.SetLabels(map[string]string{"n": strconv.Itoa(i)})
				r.must(r.sim.Update(u))
				pending[j] = append(pending[j], change{time.Now(), r.sim.Revision()})
			}
			r.pass(time.Second)
			r.must(r.store.Sync(r.ctx))
			for j, k := range kinds {
				has := number(r.store.World().Get(k, "default", "one"))
				for len(pending[j]) > 0 && pending[j][0].version <= has {
					pending[j] = pending[j][1:]
				}
				if len(pending[j]) > 0 && watchers[j].Status().Fresh(time.Now()) {
					worst = max(worst, time.Since(pending[j][0].at))
				}
			}
		}
		if worst > watch.ConfirmWithin+time.Second {
			t.Errorf("called fresh without a change of %s ago", worst)
		}
	})
}
