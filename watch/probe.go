package watch

import (
	"context"
	"errors"
	"time"
)

// probeWithin bounds a probe once it goes out.
const probeWithin = 30 * time.Second

// errUnanswered says that a check was not answered, and neither was a request that costs the server nothing.
var errUnanswered = errors.New("the server answers nothing")

// purpose is what a probe is for.
type purpose uint8

const (
	forTarget   purpose = iota // of a stream that is behind
	forLateness                // of one that is believed
	forReading                 // whether the server is able to read
)

// probe asks the server for its present resourceVersion, by a LIST of one object.
type probe struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine ends
	// heldUntil is when it may ask.
	heldUntil time.Time
	purpose   purpose

	// Written by the goroutine before it ends.
	began time.Time
	rv    string
	err   error
}

func startProbe(ctx context.Context, w *Watcher, why purpose) *probe {
	ctx, cancel := context.WithCancel(ctx)
	p := &probe{cancel: cancel, ended: make(chan struct{}), heldUntil: w.heldUntil, purpose: why}
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

// check reports whether no stream waits for the answer.
func (p *probe) check() bool { return p.purpose != forTarget }

func (p *probe) ask(ctx context.Context, w *Watcher) (string, error) {
	if err := sleep(ctx, time.Until(p.heldUntil)); err != nil {
		return "", err
	}
	lane, within := w.cfg.Slots.probes, probeWithin
	if p.check() {
		lane, within = w.cfg.Slots.checks, promptWithin
	}
	queued := time.Now()
	leave, err := w.cfg.Slots.enter(ctx, lane, w.scope.Kind.Group, w.cfg.Rand)
	if err != nil {
		return "", err
	}
	defer leave()
	if p.check() && w.cfg.Slots.unansweredSince(queued) {
		return "", errUnanswered
	}
	if p.purpose == forReading && w.cfg.Slots.readSince(w.scope.Kind.Group, queued) {
		return "", nil
	}
	p.began = time.Now()
	rv, err := version(ctx, w, within)
	w.cfg.Slots.readEnded(w.scope.Kind.Group, p.began, err)
	var answer *APIError
	if err == nil || !p.check() || errors.As(err, &answer) {
		return rv, err
	}
	// A list may take long, or fail, for what the server does. It is the line that is in question.
	ping, cancel := context.WithTimeout(ctx, promptWithin)
	defer cancel()
	if w.src.Ping(ping) != nil && ping.Err() != nil && ctx.Err() == nil {
		err = errUnanswered
		w.cfg.Slots.foundUnanswered(time.Now())
	}
	return "", err
}

// version asks for the server's present resourceVersion.
func version(ctx context.Context, w *Watcher, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
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
