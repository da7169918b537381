package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"orka/shard"
	"orka/watch"
	"orka/watch/kube"
)

const (
	// restrictEvery is how often permissions of a restricted user are looked at without a sign of change,
	// restrictFailed when the last look failed.
	restrictEvery  = 5 * time.Minute
	restrictFailed = 30 * time.Second
	// restrictDebounce lets the refusals of one start-up arrive together.
	restrictDebounce = 200 * time.Millisecond
	// restrictTimeout bounds one pass: while it lasts, commands of a restricted user wait.
	restrictTimeout = 30 * time.Second
	// restrictNamespaces bounds the reviews of one pass: one request per namespace.
	restrictNamespaces = 500
	// restrictParallel is how many reviews are in flight.
	restrictParallel = 4
)

// restrictLoop keeps per-namespace watchers for kinds whose cluster-wide list is forbidden, in the namespaces
// where a SelfSubjectRulesReview permits a list, and ends them once the wide list works.
func (e *Engine) restrictLoop(ctx context.Context) error {
	wait := restrictEvery
	for {
		timer := time.NewTimer(wait)
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
		wait = restrictEvery
		if !e.narrow(ctx) {
			wait = restrictFailed
		}
	}
}

// narrow is one pass of restrictLoop; false means that the server did not answer all that was asked.
func (e *Engine) narrow(parent context.Context) (ok bool) {
	if e.cfg.Namespace != "" {
		return true // one namespace was asked for; there is nothing narrower
	}
	ctx, cancel := context.WithTimeout(parent, restrictTimeout)
	defer cancel()
	wide := e.wideScopes()
	e.widen(wide.listed)
	if len(wide.forbidden) == 0 {
		return true
	}
	if p := e.client.Player(); p != nil {
		e.recordedScopes(p.File(), wide.forbidden)
		return true
	}
	ok = e.revoke(ctx, wide.revoked)
	namespaces, known := e.candidateNamespaces(ctx)
	permitted, unanswered := e.permitted(ctx, wide.forbidden, namespaces)
	regained := e.regained(ctx, wide.forbidden, namespaces, permitted)
	if parent.Err() != nil {
		return true
	}
	ended := e.stop(func(s watch.Scope) bool {
		_, failed := unanswered[s.Namespace]
		asked := !failed && (known || slices.Contains(namespaces, s.Namespace))
		return s.Namespace != "" && asked && slices.Contains(wide.forbidden, s.Kind) && !permitted[s]
	})
	for _, scope := range ended {
		// What was seen there can't be confirmed any more, so it goes.
		if err := e.store.Sweep(ctx, scope, watch.NextGeneration()); err != nil && ctx.Err() == nil {
			e.cfg.Logger.Error("sweep", "scope", scope.String(), "err", err)
		}
	}
	e.startPermitted(permitted, wide.forbidden, regained)
	return ok && known && len(unanswered) == 0
}

// startPermitted follows forbidden kinds where they may be listed; those that may be listed everywhere again try at once.
func (e *Engine) startPermitted(permitted map[watch.Scope]bool, forbidden, regained []*watch.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for scope := range permitted {
		// The kind may have gone, or become listable, while the server was asked.
		w := e.watchers[watch.Scope{Kind: scope.Kind}]
		if w != nil && w.status().Phase == watch.Forbidden && !slices.Contains(regained, scope.Kind) {
			e.start(scope)
		}
	}
	for _, k := range regained {
		if w := e.watchers[watch.Scope{Kind: k}]; w != nil && w.last == nil {
			w.watcher.Retry()
		}
	}
	e.reviewed = make(map[*watch.Kind]bool, len(forbidden))
	for _, k := range forbidden {
		e.reviewed[k] = true
	}
	post(e.dirty)
}

// widen ends the per-namespace watchers of kinds whose cluster-wide list works, and relists those kinds: an object that
// a narrow list has seen last would not take the wide stream's events, whose generation is older.
func (e *Engine) widen(listed []*watch.Kind) {
	ended := e.stop(func(s watch.Scope) bool { return s.Namespace != "" && slices.Contains(listed, s.Kind) })
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range ended {
		if w := e.watchers[watch.Scope{Kind: s.Kind}]; w != nil {
			w.watcher.Relist() // a mailbox: several namespaces of a kind cost one list
		}
	}
}

// revoke lets go of kinds that had been listed cluster-wide and are refused now, once the server confirms that
// listing is denied: nobody confirms those rows any more, and some may not be seen at all. They begin anew as kinds
// that were refused from the start do. False means that the server did not answer.
func (e *Engine) revoke(ctx context.Context, kinds []*watch.Kind) (ok bool) {
	ok = true
	for _, k := range kinds {
		denied, err := deniedEverywhere(ctx, e.client, k)
		if err != nil {
			e.cfg.Logger.Warn("permission unknown", "kind", k.String(), "err", err)
			ok = false
		}
		if !denied {
			continue
		}
		e.stopKinds(ctx, []*watch.Kind{k})
		e.mu.Lock()
		if slices.Contains(e.served.Kinds, k) {
			e.start(watch.Scope{Kind: k})
		}
		e.mu.Unlock()
	}
	return ok
}

// regained are the kinds that may be listed in every namespace asked about and, as the server confirms, cluster-wide: their
// wide watchers are to try again, which otherwise they do after minutes, and as many watchers as there are namespaces are not
// worth starting. A kind is named at most once in restrictFailed, for a server that allows it here and refuses it there.
func (e *Engine) regained(ctx context.Context, kinds []*watch.Kind, namespaces []string, permitted map[watch.Scope]bool) []*watch.Kind {
	maps.DeleteFunc(e.retried, func(_ *watch.Kind, at time.Time) bool { return time.Since(at) >= restrictFailed })
	var out []*watch.Kind
	for _, k := range kinds {
		everywhere := len(namespaces) > 1 && !slices.ContainsFunc(namespaces, func(ns string) bool { return !permitted[watch.Scope{Kind: k, Namespace: ns}] })
		if _, just := e.retried[k]; just || !everywhere {
			continue
		}
		denied, err := deniedEverywhere(ctx, e.client, k)
		if err != nil || denied {
			continue
		}
		e.retried[k] = time.Now()
		out = append(out, k)
	}
	return out
}

// followNamespaces has permissions looked at again when namespaces changed while some kind is refused cluster-wide.
func (e *Engine) followNamespaces(h Health, old, now *shard.World) {
	restricted := slices.ContainsFunc(h.Watchers, func(s *watch.Status) bool {
		return s.Phase == watch.Forbidden && s.Scope.Namespace == "" && s.Scope.Kind.Namespaced
	})
	if k := kindOf(h.Kinds, "", "Namespace"); restricted && k != nil && differs(old, now, k) {
		post(e.restrict)
	}
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

// wideScopes parts the namespaced kinds by how their cluster-wide watcher fares.
type wideScopes struct {
	forbidden []*watch.Kind // refused
	revoked   []*watch.Kind // of those: had a list before
	listed    []*watch.Kind // has a list, and is not refused
}

func (e *Engine) wideScopes() wideScopes {
	var out wideScopes
	e.mu.Lock()
	defer e.mu.Unlock()
	for scope, r := range e.watchers {
		if scope.Namespace != "" || !scope.Kind.Namespaced {
			continue
		}
		switch s := r.status(); {
		case s.Phase == watch.Forbidden && s.Complete:
			out.revoked = append(out.revoked, scope.Kind)
			fallthrough
		case s.Phase == watch.Forbidden:
			out.forbidden = append(out.forbidden, scope.Kind)
		case s.Complete:
			out.listed = append(out.listed, scope.Kind)
		}
	}
	return out
}

// candidateNamespaces are the configured home namespaces and all that the user may list; known is false when the server
// did not say which these are.
func (e *Engine) candidateNamespaces(ctx context.Context) (names []string, known bool) {
	listed, known := e.listNamespaces(ctx)
	slices.Sort(listed)
	for _, ns := range append(slices.Clone(e.cfg.HomeNamespaces), listed...) {
		if ns != "" && !slices.Contains(names, ns) {
			names = append(names, ns)
		}
	}
	if len(names) > restrictNamespaces {
		e.cfg.Logger.Warn("too many namespaces for a restricted user; the rest stays unwatched", "namespaces", len(names), "limit", restrictNamespaces)
		names = names[:restrictNamespaces]
	}
	return names, known
}

// listNamespaces takes the namespaces from the World where they are watched, else asks the server. A refusal is an
// answer: then none may be listed.
func (e *Engine) listNamespaces(ctx context.Context) (names []string, known bool) {
	e.mu.Lock()
	kind := kindOf(e.served.Kinds, "", "Namespace")
	r := e.watchers[watch.Scope{Kind: kind}]
	watched := r != nil && r.status().Complete && r.status().Phase != watch.Forbidden
	e.mu.Unlock()
	if kind == nil {
		return nil, true
	}
	if watched { // the status is read before the World: what is complete is in it
		for _, o := range e.store.World().Sorted(kind) {
			names = append(names, o.Name)
		}
		return names, true
	}
	q := watch.ListQuery{Limit: e.cfg.PageLimit}
	for {
		end, err := e.client.List(ctx, watch.Scope{Kind: kind}, q, func(page []watch.Delta) error {
			for _, d := range page {
				names = append(names, d.Object.Name)
			}
			return nil
		})
		switch {
		case kube.IsForbidden(err):
			return nil, true
		case err != nil:
			e.cfg.Logger.Warn("namespaces unknown", "err", err)
			return names, false
		case end.Continue == "":
			return names, true
		}
		q.Continue = end.Continue
	}
}

// permitted asks the server, namespace by namespace, which of the kinds may be listed. Namespaces for which it did not
// answer are unanswered.
func (e *Engine) permitted(ctx context.Context, kinds []*watch.Kind, namespaces []string) (scopes map[watch.Scope]bool, unanswered map[string]error) {
	answers := make([]map[*watch.Kind]bool, len(namespaces))
	errs := make([]error, len(namespaces))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(restrictParallel)
	for i, ns := range namespaces {
		g.Go(func() error {
			home := slices.Contains(e.cfg.HomeNamespaces, ns)
			if answers[i], errs[i] = mayList(gctx, e.client, ns, kinds, home); errs[i] != nil {
				e.cfg.Logger.Warn("permissions unknown", "namespace", ns, "err", errs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // no function fails
	scopes, unanswered = map[watch.Scope]bool{}, map[string]error{}
	for i, ns := range namespaces {
		if errs[i] != nil {
			unanswered[ns] = errs[i]
		}
		for k := range answers[i] {
			scopes[watch.Scope{Kind: k, Namespace: ns}] = true
		}
	}
	return scopes, unanswered
}

func kindOf(kinds []*watch.Kind, group, kind string) *watch.Kind {
	for _, k := range kinds {
		if k.Group == group && k.Kind == kind {
			return k
		}
	}
	return nil
}
