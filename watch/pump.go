package watch

import (
	"context"
	"runtime/debug"
	"time"
)

// batch is what the pump hands over: the news that the stream is open, events, an error, or the last two.
type batch struct {
	opened bool
	events []Event
	err    error
	at     time.Time // when the events had been read
}

// pump opens a stream and reads it in a goroutine of its own, so that the loop can wait for frames and
// timers at once and frames are decoded while the sink works. At most one batch waits to be taken: a slow
// sink is felt by the server, not by our memory.
type pump struct {
	batches chan batch
	cancel  context.CancelFunc
	done    chan struct{}
}

func startPump(ctx context.Context, src Source, scope Scope, q WatchQuery) *pump {
	ctx, cancel := context.WithCancel(ctx)
	p := &pump{batches: make(chan batch), cancel: cancel, done: make(chan struct{})}
	go p.run(ctx, src, scope, q)
	return p
}

// stop ends the stream and waits for the goroutine.
func (p *pump) stop() {
	p.cancel()
	<-p.done
}

func (p *pump) run(ctx context.Context, src Source, scope Scope, q WatchQuery) {
	defer close(p.done)
	defer func() {
		if v := recover(); v != nil {
			p.send(ctx, batch{err: &PanicError{Value: v, Stack: debug.Stack()}})
		}
	}()
	stream, err := src.Watch(ctx, scope, q)
	if err != nil {
		p.send(ctx, batch{err: err})
		return
	}
	defer stream.Close()
	if !p.send(ctx, batch{opened: true, at: time.Now()}) {
		return
	}
	for {
		events, err := stream.Next()
		if !p.send(ctx, batch{events: events, err: err, at: time.Now()}) || err != nil {
			return
		}
	}
}

func (p *pump) send(ctx context.Context, b batch) bool {
	select {
	case p.batches <- b:
		return true
	case <-ctx.Done():
		return false
	}
}
