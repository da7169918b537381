package watch

import (
	"context"
	"time"
)

// pass waits while the server wants no requests, and shows that it does. A list slot is not kept meanwhile.
func (w *Watcher) pass(ctx context.Context) error {
	group := w.scope.Kind.Group
	for {
		until := w.cfg.Slots.heldUntil(group)
		if w.heldUntil.After(until) {
			until = w.heldUntil
		}
		if !time.Now().Before(until) {
			return ctx.Err()
		}
		w.leaveSlot()
		if err := w.wait(ctx, until); err != nil {
			return err
		}
		if !w.needList {
			return nil
		}
		select {
		case <-w.queue().granted:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait is the wait of pass.
func (w *Watcher) wait(ctx context.Context, until time.Time) error {
	was := w.now.Phase
	w.update(func(s *Status) { s.Phase, s.Reason, s.RetryAt = Backoff, ReasonThrottled, until })
	defer w.update(func(s *Status) {
		s.RetryAt = time.Time{}
		if was == Listing || was == Queued {
			s.Phase = was
		}
	})
	if err := sleep(ctx, time.Until(w.heldUntil)); err != nil {
		return err
	}
	return w.cfg.Slots.pass(ctx, w.scope.Kind.Group, w.cfg.Rand)
}
