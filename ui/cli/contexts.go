package cli

import (
	"context"
	"errors"
	"sort"
	"sync"

	"orka/ui"
	"orka/watch"
)

// contexts lists the kubeconfig's contexts and moves the terminal UI from one to another. It owns the session on screen.
type contexts struct {
	app  *app
	ctx  context.Context         //nolint:containedctx // of the program: an engine outlives the call that starts it
	fail context.CancelCauseFunc // ends the program: an engine failed

	// guarded by mu
	mu      sync.Mutex
	current *session
	closed  bool
}

func newContexts(ctx context.Context, a *app, fail context.CancelCauseFunc, first *session) *contexts {
	c := &contexts{app: a, ctx: ctx, fail: fail, current: first}
	c.follow(first)
	return c
}

// follow ends the program when an engine ends for another reason than being closed.
func (c *contexts) follow(s *session) {
	go func() {
		<-s.done
		if s.err != nil {
			c.fail(s.err)
		}
	}()
}

// close ends the session on screen; a switch that is under way comes too late.
func (c *contexts) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.current.close()
}

func (c *contexts) List() ([]ui.Context, error) {
	raw, err := c.app.kube.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, kubeconfigError(err)
	}
	c.mu.Lock()
	current := c.current.source.info.Context
	c.mu.Unlock()
	out := make([]ui.Context, 0, len(raw.Contexts))
	for name, entry := range raw.Contexts {
		row := ui.Context{
			Name:      name,
			User:      watch.Sanitize(entry.AuthInfo),
			Namespace: watch.Sanitize(entry.Namespace),
			Current:   watch.Sanitize(name) == current,
		}
		if cluster := raw.Clusters[entry.Cluster]; cluster != nil {
			row.Cluster = watch.Sanitize(cluster.Server)
		}
		out = append(out, row)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out, nil
}

// Switch connects to another context, ends the engine before and starts one there: two at a time would take twice the
// memory and the same metrics address. When the new one can't be had, the old one goes on.
func (c *contexts) Switch(ctx context.Context, name string) (ui.Engine, ui.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ui.Info{}, errors.New("orka is ending")
	}
	src, err := c.app.open(c.ctx, name)
	if err != nil {
		return nil, ui.Info{}, err
	}
	next, err := c.app.newSession(src, nil)
	if err == nil {
		err = context.Cause(ctx) // nobody wants it any more
	}
	if err != nil {
		src.close()
		return nil, ui.Info{}, err
	}
	if err := c.current.close(); err != nil {
		c.app.cfg.Logger.Warn("engine of the context before ended badly", "err", err)
	}
	next.run(c.ctx)
	c.current = next
	c.follow(next)
	return next, src.info, nil
}
