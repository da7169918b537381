package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orka/apply"
	"orka/watch"
)

// Every change of the cluster goes through here: read-only mode is held by the engine and not by a key map, and what is
// refused or done is counted. Each call is a read that Run waits for (beginRead): no write is left alone half-way.

// OpenEdit reads an object for editing: the base, and the text that the editor shows. It answers *apply.PermissionError
// where the user may not patch it.
func (e *Engine) OpenEdit(ctx context.Context, t apply.Target) (*apply.Base, []byte, error) {
	if e.cfg.ReadOnly && e.client.Player() == nil {
		return nil, nil, apply.ErrReadOnly
	}
	return applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Base, []byte, error) {
		b, err := a.Open(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		draft, err := a.Draft(b)
		return b, draft, err
	})
}

// Intent is what the draft means to change: *apply.DraftError, apply.ErrNoChange.
func (e *Engine) Intent(ctx context.Context, b *apply.Base, draft []byte) (*apply.Intent, error) {
	i, _, err := applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Intent, any, error) {
		i, err := a.Intent(ctx, b, draft)
		return i, nil, err
	})
	return i, err
}

// FileBase reads the object that a file names, or notes that there is none.
func (e *Engine) FileBase(ctx context.Context, t apply.Target) (*apply.Base, error) {
	b, _, err := applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Base, any, error) {
		b, err := a.FileBase(ctx, t)
		return b, nil, err
	})
	return b, err
}

// FileIntent is what a file means to change.
func (e *Engine) FileIntent(ctx context.Context, b *apply.Base, f *apply.File) (*apply.Intent, error) {
	i, _, err := applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Intent, any, error) {
		i, err := a.FileIntent(ctx, b, f)
		return i, nil, err
	})
	return i, err
}

// Preview has the server try an intent; nothing is written.
func (e *Engine) Preview(ctx context.Context, b *apply.Base, i *apply.Intent, c apply.Consent) (*apply.Preview, error) {
	start := time.Now()
	p, _, err := applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Preview, any, error) {
		p, err := a.Preview(ctx, b, i, c)
		return p, nil, err
	})
	if err == nil {
		e.metrics.applied.observe(stepDryRun, time.Since(start))
		e.metrics.applied.dryOK.Inc()
	}
	return p, err
}

// Checks are the conditions of the guard as they stand now; it sends nothing and never waits.
func (e *Engine) Checks(p *apply.Preview, c apply.Consent) []apply.Check {
	a, err := e.applier()
	if err != nil {
		return []apply.Check{{Condition: apply.Writable, Verdict: apply.Fails, Reason: err.Error()}}
	}
	return a.Checks(p, c)
}

// Commit writes what was previewed, if the guard lets it.
func (e *Engine) Commit(ctx context.Context, p *apply.Preview, c apply.Consent) (*apply.Result, error) {
	start := time.Now()
	e.metrics.applied.attempts.Inc()
	r, _, err := applying(e, ctx, func(ctx context.Context, a *apply.Applier) (*apply.Result, any, error) {
		r, err := a.Commit(ctx, p, c)
		return r, nil, err
	})
	e.metrics.applied.observe(stepCommit, time.Since(start))
	if err == nil {
		e.metrics.applied.ok.Inc()
		return r, nil
	}
	e.metrics.applied.err.Inc()
	if outdated(err) {
		e.metrics.applied.stale.Inc()
	}
	e.cfg.Logger.Info("not applied", "object", p.Base.String(), "err", err)
	return r, err
}

// outdated reports whether a write was held back because what it rests on may be out of date.
func outdated(err error) bool {
	var stale *apply.StaleError
	var changed *apply.ChangedError
	var moved *apply.MovedError
	var gone *apply.GoneError
	return errors.As(err, &stale) || errors.As(err, &changed) || errors.As(err, &moved) || errors.As(err, &gone)
}

// applying runs f as a read of the engine.
func applying[A, B any](e *Engine, ctx context.Context, f func(context.Context, *apply.Applier) (A, B, error)) (A, B, error) { //nolint:revive // the engine is what it is about
	var noA A
	var noB B
	if e.client.Player() != nil {
		return noA, noB, errNoServer
	}
	a, err := e.applier()
	if err != nil {
		return noA, noB, err
	}
	ctx, done, err := e.beginRead(ctx)
	if err != nil {
		return noA, noB, err
	}
	defer done()
	return f(ctx, a)
}

// applier makes the Applier at its first use: exploring alone needs none.
func (e *Engine) applier() (*apply.Applier, error) {
	e.applyOnce.Do(func() {
		e.apply, e.applyErr = apply.New(apply.Config{
			REST:           e.client.Config(),
			HTTP:           e.client.HTTP(),
			Identity:       e.cfg.Identity,
			Journal:        &e.journal,
			Look:           e.look,
			ReadOnly:       e.cfg.ReadOnly,
			MaxSnapshotAge: e.cfg.MaxSnapshotAge,
			SkipPreflight:  e.cfg.DisableApplyPreflight,
			MaxYAMLBytes:   e.cfg.MaxYAMLBytes,
			MaxYAMLNodes:   e.cfg.MaxYAMLNodes,
		})
		if e.applyErr != nil {
			e.applyErr = fmt.Errorf("applying: %w", e.applyErr)
		}
	})
	return e.apply, e.applyErr
}

// look is what the watch knows now of an object and of its kind.
func (e *Engine) look(t apply.Target) apply.Sight {
	v := e.View()
	kind := v.Health.followed(t.Kind)
	return apply.Sight{
		Status: v.Health.Covering()(&watch.Object{Kind: kind, Namespace: t.Namespace}),
		Object: v.World.Get(kind, t.Namespace, t.Name),
	}
}

// followed is the kind by which the objects of k are watched: files may name a version other than the one the server
// prefers, or an alias. The objects are the same ones, and so are their resourceVersions.
func (s *Served) followed(k *watch.Kind) *watch.Kind {
	for _, a := range s.Aliases {
		if a.Kind.Group == k.Group && a.Kind.Resource == k.Resource {
			return a.Of
		}
	}
	for _, known := range s.Kinds {
		if known.Group == k.Group && known.Resource == k.Resource {
			return known
		}
	}
	return k
}
