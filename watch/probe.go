package watch

import (
	"context"
	"time"
)

// probeWithin bounds a probe once it goes out.
const probeWithin = 30 * time.Second

// probe asks the server for its present resourceVersion, by a LIST of one object.
type probe struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine ends
	// heldUntil is when it may ask.
	heldUntil time.Time

	// Written by the goroutine before it ends.
	began time.Time
	rv    string
	err   error
}

func startProbe(ctx context.Context, w *Watcher) *probe {
	ctx, cancel := context.WithCancel(ctx)
	p := &probe{cancel: cancel, ended: make(chan struct{}), heldUntil: w.heldUntil}
	go func() {
		defer close(p.ended)
		defer func() {
			if v := recover(); v != nil {
				p.err = &PanicError{Value: v}
			}
		}()
		p.rv, p.err = p.ask(ctx, w)
	}()
	return p
}

func (p *probe) ask(ctx context.Context, w *Watcher) (string, error) {
	if err := sleep(ctx, time.Until(p.heldUntil)); err != nil {
		return "", err
	}
	leave, err := w.cfg.Slots.enter(ctx, w.scope.Kind.Group, w.cfg.Rand)
	if err != nil {
		return "", err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	p.began = time.Now()
	e, err := w.src.List(ctx, w.scope, ListQuery{Limit: 1}, func([]Delta) error { return nil })
	return e.ResourceVersion, err
}

// answered is closed when there is an answer; nil, which waits for ever, when nothing was asked.
func (p *probe) answered() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.ended
}

// stop ends the probe and waits for it. A nil probe is none.
func (p *probe) stop() {
	if p != nil {
		p.cancel()
		<-p.ended
	}
}
