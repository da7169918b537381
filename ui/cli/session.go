package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"orka/apply"
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
	done   chan struct{} // closed when Run has ended
	err    error         // of Run; read after done
	closed sync.Once
}

// start runs an engine over the chosen source, with cfg bent by adjust.
func (a *app) start(ctx context.Context, adjust func(*engine.Config, *source)) (*session, error) {
	src, err := a.open(ctx, "")
	if err != nil {
		return nil, err
	}
	s, err := a.newSession(src, adjust)
	if err != nil {
		src.close()
		return nil, err
	}
	s.run(ctx)
	return s, nil
}

// newSession wires an engine to a source; run starts it.
func (a *app) newSession(src *source, adjust func(*engine.Config, *source)) (*session, error) {
	cfg := a.cfg
	cfg.HomeNamespaces = []string{src.namespace}
	cfg.ReadOnly = src.info.ReadOnly
	cfg.Identity = apply.Identity{Cluster: src.info.Cluster, Context: src.info.Context, User: src.info.User, Impersonating: src.info.Impersonating}
	if cfg.DBPath == "" {
		cfg.DBPath = a.historyPath()
	}
	if adjust != nil {
		adjust(&cfg, src)
	}
	if p := src.client.Player(); p != nil {
		recorded(&cfg, p.File())
	}
	e, err := engine.New(cfg, src.client)
	if err != nil {
		return nil, err
	}
	return &session{Engine: e, source: src, cancel: func() {}, done: make(chan struct{})}, nil
}

// run starts the engine; it works until close, or until ctx ends.
func (s *session) run(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.done)
		s.err = s.Run(ctx)
	}()
}

// close ends the engine and the source, waits for both, and returns why the engine ended, if not for that. It may be
// called more than once.
func (s *session) close() error {
	s.closed.Do(func() {
		s.cancel()
		<-s.done
		s.source.close()
	})
	return s.err
}

// closeWith closes the session and keeps the first error; it is deferred.
func (s *session) closeWith(err *error) {
	if cerr := s.close(); *err == nil {
		*err = cerr
	}
}

// connected waits until the server has answered discovery. Unlike the terminal UI, a command does not wait for
// a server that can't be reached.
func (a *app) connected(ctx context.Context, s *session) (*engine.View, error) {
	stop := a.progress(ctx, s)
	defer stop()
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
		case <-s.done:
			if s.err != nil {
				cancel(s.err)
			}
		case <-ctx.Done():
		}
	}()
	return s.Await(ctx, ok)
}

// complete is listed; of a recording it waits for the end, and returns the View that has all of it.
func (a *app) complete(ctx context.Context, s *session) (*engine.View, error) {
	v, lacks := a.listed(ctx, s)
	if v == nil {
		return nil, lacks
	}
	stop := a.progress(ctx, s)
	defer stop()
	v, err := s.played(ctx, v)
	if err != nil {
		return nil, err
	}
	return v, partial(missingLists(v))
}

// listed waits until every watched kind has its first list, or can't have it, and returns the View and, as an
// error, which lists are missing from it. Progress is shown on a terminal.
func (a *app) listed(ctx context.Context, s *session) (*engine.View, error) {
	stop := a.progress(ctx, s)
	defer stop()
	v, err := s.await(ctx, func(v *engine.View) bool {
		return v.Health.Server.Connected && !v.Health.Reviewing && pending(v) == nil
	})
	if err != nil {
		if st := pending(v); st != nil {
			err = fmt.Errorf("%w; still waiting for %s: %s", err, st.Scope, stateText(st))
		}
		return nil, err
	}
	return v, partial(missingLists(v))
}

// pending is a watcher that a command waits for; nil when there is none.
func pending(v *engine.View) *watch.Status {
	for _, st := range v.Health.Watchers {
		if !settled(st) {
			return st
		}
	}
	return nil
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

// missingLists names the lists a View lacks.
func missingLists(v *engine.View) []string {
	var lacks []string
	for _, s := range v.Health.Watchers {
		if !s.Complete {
			lacks = append(lacks, s.Scope.String()+": "+stateText(s))
		}
	}
	return lacks
}

// missingGroups names the API groups whose kinds are not known.
func missingGroups(v *engine.View) []string {
	var lacks []string
	for _, f := range v.Health.Discovery {
		lacks = append(lacks, f.GroupVersion+": "+f.Err)
	}
	return lacks
}

// partial is the error of an answer that lacks something; nil when nothing is missing.
func partial(lacks []string) error {
	if len(lacks) == 0 {
		return nil
	}
	return &partialError{missing: lacks}
}

// stateText says how a watcher stands, with its last error if there is one.
func stateText(s *watch.Status) string {
	if s.Err != "" {
		return s.Err
	}
	return s.Phase.String()
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
				fmt.Fprint(a.errOut, "\r\x1b[K"+cut(progressLine(s.View()), terminalWidth(a.errOut)-1))
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

// terminalWidth is the width of a terminal in columns; 80 where it doesn't say.
func terminalWidth(w any) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 { //nolint:gosec // a file descriptor fits
			return width
		}
	}
	return 80
}

// cut shortens a line to so many characters: one that wraps can't be taken back.
func cut(line string, width int) string {
	r := []rune(line)
	return string(r[:min(len(r), max(width, 0))])
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
	return nil, usagef("the cluster serves no kind %q%s%s; `orka discover` lists all kinds",
		cutName(name), didYouMean(strings.ToLower(name), names), notAnswering(v))
}

// notAnswering names the API groups whose kinds are not known: what was asked for may be among them.
func notAnswering(v *engine.View) string {
	var b strings.Builder
	for _, f := range v.Health.Discovery {
		fmt.Fprintf(&b, " (%s does not answer: %s)", f.GroupVersion, f.Err)
	}
	return b.String()
}

// oneShot bends the configuration of a command that answers and ends: it serves no metrics, as the address belongs to
// the orka that stays.
func oneShot(adjust func(*engine.Config, *source)) func(*engine.Config, *source) {
	return func(c *engine.Config, src *source) {
		c.MetricsAddr = ""
		adjust(c, src)
	}
}
