package watch_test

import (
	"context"
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
}

type sent struct {
	events []watch.Event
	err    error
	at     time.Time
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

func (s *lateStream) Next() ([]watch.Event, error) {
	var b sent
	select {
	case b = <-s.buffer:
	case <-s.done:
		return nil, context.Canceled
	}
	late := min(time.Duration(s.line.grows*float64(b.at.Sub(s.line.began))), s.line.atMost)
	select {
	case <-time.After(time.Until(b.at.Add(late))):
	case <-s.done:
	}
	return b.events, b.err
}

// TestLateLine: a line that never pauses, and falls ever further behind, is not believed once it is too late.
func TestLateLine(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		l := &lateLine{Source: r.client, began: time.Now(), grows: 0.2, atMost: 2 * time.Minute}
		w := r.startOver(podKind, l)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		changed := map[string][]change{} // those that are still to come
		unfresh := 0
		for i := range 20 * 60 {
			r.touch(i % 20)
			name := pod(i % 20).Name
			changed[name] = append(changed[name], change{time.Now(), r.sim.Revision()})
			r.pass(time.Second)
			fresh := w.Status().Fresh(time.Now())
			if !fresh {
				unfresh++
			}
			r.must(r.store.Sync(r.ctx))
			for name, all := range changed {
				has := number(r.store.World().Get(podKind, "default", name))
				for len(all) > 0 && all[0].version <= has {
					all = all[1:]
				}
				changed[name] = all
				if len(all) > 0 && fresh && time.Since(all[0].at) > watch.ConfirmWithin+time.Second {
					r.t.Fatalf("after %d s called fresh without a change of %s ago: %+v", i, time.Since(all[0].at), *w.Status())
				}
			}
		}
		if unfresh == 0 {
			r.t.Error("the line was never so late that it showed")
		}
		if s := w.Status(); s.Relists > 0 {
			r.t.Errorf("relists: %+v", *s)
		}
	})
}

// TestLineInTime: a stream that flows and keeps up is probed now and then, and is fresh all the time.
func TestLineInTime(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		const minutes = 20
		for i := range minutes * 60 {
			r.touch(i % 20)
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) || time.Since(s.ConfirmedAt) > 5*time.Second {
				r.t.Fatalf("after %d s: %+v", i, *s)
			}
		}
		if n := len(r.requests("list", podKind)); n < minutes/2 || n > minutes {
			r.t.Errorf("%d probes in %d minutes", n, minutes)
		}
		r.settled(podKind)
	})
}
