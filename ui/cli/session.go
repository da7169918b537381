package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"orka/engine"
	"orka/watch"
)

const (
	// progressAfter is how long a command may stay silent on a terminal.
	progressAfter = time.Second
	// progressEvery is how often its progress line is drawn anew.
	progressEvery = 100 * time.Millisecond
)

// session is an engine at work for one command.
type session struct {
	*engine.Engine
	source *source
	cancel context.CancelFunc
	done   chan error
}

// start runs an engine over the chosen source, with cfg bent by adjust.
func (a *app) start(ctx context.Context, adjust func(*engine.Config, *source)) (*session, error) {
	src, err := a.open(ctx, "")
	if err != nil {
		return nil, err
	}
	s, err := a.startOn(ctx, src, adjust)
	if err != nil {
		src.close()
	}
	return s, err
}

func (a *app) startOn(ctx context.Context, src *source, adjust func(*engine.Config, *source)) (*session, error) {
	cfg := a.cfg
	cfg.HomeNamespaces = []string{src.namespace}
	if adjust != nil {
		adjust(&cfg, src)
	}
	e, err := engine.New(cfg, src.client)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &session{Engine: e, source: src, cancel: cancel, done: make(chan error, 1)}
	go func() { s.done <- e.Run(ctx) }()
	return s, nil
}

// close ends the engine and the source and waits for both.
func (s *session) close() error {
	s.cancel()
	err := <-s.done
	s.source.close()
	return err
}

// connected waits until the server has answered discovery. Unlike the terminal UI, a command does not wait for
// a server that can't be reached.
func (s *session) connected(ctx context.Context) (*engine.View, error) {
	v, err := s.await(ctx, func(v *engine.View) bool { return v.Health.Server.Connected || v.Health.Server.Err != "" })
	if err != nil {
		return nil, err
	}
	if !v.Health.Server.Connected {
		return nil, fmt.Errorf("cannot reach %s: %s", s.source.info.Cluster, v.Health.Server.Err)
	}
	return v, nil
}

// await is Engine.Await that also ends when the engine fails.
func (s *session) await(ctx context.Context, ok func(*engine.View) bool) (*engine.View, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case err := <-s.done:
			s.done <- err
			if err != nil {
				cancel(err)
			}
		case <-ctx.Done():
		}
	}()
	return s.Await(ctx, ok)
}

// complete waits until every watched kind has its first list, or can't have it, and returns the View and what
// is missing from it. Progress is shown on a terminal.
func (a *app) complete(ctx context.Context, s *session) (*engine.View, error) {
	stop := a.progress(ctx, s)
	defer stop()
	v, err := s.await(ctx, func(v *engine.View) bool {
		for _, st := range v.Health.Watchers {
			if !settled(st) {
				return false
			}
		}
		return v.Health.Server.Connected && !v.Health.Reviewing
	})
	if err != nil {
		return nil, err
	}
	return v, missing(v)
}

// settled reports whether waiting longer for a first list is of no use to a command.
func settled(s *watch.Status) bool {
	if s.Complete {
		return true
	}
	switch s.Phase {
	case watch.Forbidden, watch.Unavailable:
		return true
	case watch.Backoff:
		return s.Attempt >= 3
	default:
		return false
	}
}

// missing names what a View lacks; nil when it is whole.
func missing(v *engine.View) error {
	var lacks []string
	for _, f := range v.Health.Discovery {
		lacks = append(lacks, f.GroupVersion+": "+f.Err)
	}
	for _, s := range v.Health.Watchers {
		if !s.Complete {
			lacks = append(lacks, s.Scope.String()+": "+s.Err)
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return &partialError{missing: lacks}
}

// progress draws how far the lists are on stderr, once they take longer than a person likes to stare at
// nothing. The returned function ends it and clears the line.
func (a *app) progress(ctx context.Context, s *session) (stop func()) {
	if !isTerminal(a.errOut) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t := time.NewTimer(progressAfter)
		defer t.Stop()
		drawn := false
		for {
			select {
			case <-ctx.Done():
				if drawn {
					fmt.Fprint(a.errOut, "\r\x1b[K")
				}
				return
			case <-t.C:
				fmt.Fprint(a.errOut, "\r\x1b[K"+progressLine(s.View()))
				drawn = true
				t.Reset(progressEvery)
			}
		}
	}()
	return func() { cancel(); <-done }
}

func progressLine(v *engine.View) string {
	if !v.Health.Server.Connected {
		return "connecting…"
	}
	done, busiest := 0, (*watch.Status)(nil)
	for _, s := range v.Health.Watchers {
		switch {
		case s.Complete:
			done++
		case s.Phase == watch.Listing && (busiest == nil || s.Listed > busiest.Listed):
			busiest = s
		}
	}
	line := fmt.Sprintf("loading: %d of %d kinds, %d objects", done, len(v.Health.Watchers), v.World.Len())
	if busiest != nil {
		line += fmt.Sprintf(" · %s %d", busiest.Scope, busiest.Listed)
		if busiest.Remaining > 0 {
			line += fmt.Sprintf(" of about %d", busiest.Listed+busiest.Remaining)
		}
	}
	return line
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // a file descriptor fits
}

// only selects one kind by name.
func only(name string) func(engine.Served) []*watch.Kind {
	return func(served engine.Served) []*watch.Kind {
		if k := served.Kind(name); k != nil {
			return []*watch.Kind{k}
		}
		return nil
	}
}

// nothing selects no kind: for commands that ask for discovery or for one object alone.
func nothing(engine.Served) []*watch.Kind { return nil }

// resolve finds the kind a person named, or says which ones come near.
func resolve(v *engine.View, name string) (*watch.Kind, error) {
	if k := v.Health.Kind(name); k != nil {
		return k, nil
	}
	var names []string
	for _, k := range v.Health.Kinds {
		names = append(names, k.Resource, strings.ToLower(k.Kind))
		names = append(names, k.ShortNames...)
	}
	text := fmt.Sprintf("the cluster serves no kind %q%s", watch.Sanitize(name), didYouMean(strings.ToLower(name), names))
	for _, f := range v.Health.Discovery {
		text += "\n(" + f.GroupVersion + " does not answer: " + f.Err + ")"
	}
	return nil, usageError{errors.New(text + "; `orka discover` lists all kinds")}
}
