package engine

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"orka/watch"
)

const (
	// restrictEvery is how often permissions of a restricted user are looked at without a sign of change.
	restrictEvery = 5 * time.Minute
	// restrictDebounce lets the refusals of one start-up arrive together.
	restrictDebounce = 200 * time.Millisecond
	// restrictNamespaces bounds the reviews of one pass: one request per namespace.
	restrictNamespaces = 500
	// restrictParallel is how many reviews are in flight.
	restrictParallel = 4
)

// restrictLoop keeps per-namespace watchers for kinds whose cluster-wide list is forbidden, in the namespaces
// where a SelfSubjectRulesReview permits list and watch, and ends them once the wide list works.
func (e *Engine) restrictLoop(ctx context.Context) error {
	for {
		timer := time.NewTimer(restrictEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-e.restrict:
			timer.Stop()
			if !sleep(ctx, restrictDebounce) {
				return nil
			}
		}
		e.narrow(ctx)
	}
}

// narrow is one pass of restrictLoop.
func (e *Engine) narrow(ctx context.Context) {
	if e.cfg.Namespace != "" {
		return // one namespace was asked for; there is nothing narrower
	}
	forbidden, wide := e.wideScopes()
	e.stop(func(s watch.Scope) bool { return s.Namespace != "" && slices.Contains(wide, s.Kind) })
	if len(forbidden) == 0 {
		return
	}
	permitted := e.permitted(ctx, forbidden, e.candidateNamespaces())
	if ctx.Err() != nil {
		return
	}
	e.stop(func(s watch.Scope) bool { return s.Namespace != "" && !permitted[s] })
	e.mu.Lock()
	for scope := range permitted {
		e.start(scope)
	}
	e.reviewed = make(map[*watch.Kind]bool, len(forbidden))
	for _, k := range forbidden {
		e.reviewed[k] = true
	}
	e.mu.Unlock()
	post(e.dirty)
}

// reviewing reports whether a kind was refused cluster-wide and its namespaces are not known yet. e.mu is held.
func (e *Engine) reviewing(statuses []*watch.Status) bool {
	if e.cfg.Namespace != "" {
		return false
	}
	for _, s := range statuses {
		if s.Phase == watch.Forbidden && s.Scope.Kind.Namespaced && s.Scope.Namespace == "" && !e.reviewed[s.Scope.Kind] {
			return true
		}
	}
	return false
}

// wideScopes parts the namespaced kinds by whether their cluster-wide watcher is refused or has a list.
func (e *Engine) wideScopes() (forbidden, wide []*watch.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for scope, r := range e.watchers {
		if scope.Namespace != "" || !scope.Kind.Namespaced {
			continue
		}
		switch s := r.watcher.Status(); {
		case s.Phase == watch.Forbidden:
			forbidden = append(forbidden, scope.Kind)
		case s.Complete:
			wide = append(wide, scope.Kind)
		}
	}
	return forbidden, wide
}

// candidateNamespaces are those the user may list, else the configured home namespaces.
func (e *Engine) candidateNamespaces() []string {
	names := slices.Clone(e.cfg.HomeNamespaces)
	if k := kindOf(e.View().Health.Kinds, "", "Namespace"); k != nil {
		for s := range e.store.World().Find(k) {
			for _, p := range s.Pages {
				for _, o := range p.Objects {
					names = append(names, o.Name)
				}
			}
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > restrictNamespaces {
		e.cfg.Logger.Warn("too many namespaces for a restricted user; the rest stays unwatched", "namespaces", len(names), "limit", restrictNamespaces)
		names = names[:restrictNamespaces]
	}
	return names
}

// permitted asks the server, namespace by namespace, which of the kinds may be listed and watched.
func (e *Engine) permitted(ctx context.Context, kinds []*watch.Kind, namespaces []string) map[watch.Scope]bool {
	answers := make([]map[*watch.Kind]bool, len(namespaces))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(restrictParallel)
	for i, ns := range namespaces {
		g.Go(func() error {
			allowed, err := mayListWatch(gctx, e.client, ns, kinds)
			if err != nil {
				e.cfg.Logger.Warn("permissions unknown", "namespace", ns, "err", err)
			}
			answers[i] = allowed
			return nil
		})
	}
	_ = g.Wait() // no function fails
	out := map[watch.Scope]bool{}
	for i, ns := range namespaces {
		for k := range answers[i] {
			out[watch.Scope{Kind: k, Namespace: ns}] = true
		}
	}
	return out
}

func kindOf(kinds []*watch.Kind, group, kind string) *watch.Kind {
	for _, k := range kinds {
		if k.Group == group && k.Kind == kind {
			return k
		}
	}
	return nil
}
