package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"orka/shard"
	"orka/watch"
	"orka/watch/kube"
)

const (
	// rediscoverEvery repairs what no event told us: groups served by aggregated APIs come and go silently.
	rediscoverEvery = 5 * time.Minute
	// rediscoverFailed is the period while some group doesn't answer.
	rediscoverFailed = 30 * time.Second
	// rediscoverDebounce lets a burst of CRDs (an operator being installed) cost one discovery.
	rediscoverDebounce = 500 * time.Millisecond
)

// running is a watcher with the means to end it.
type running struct {
	watcher *watch.Watcher
	cancel  context.CancelFunc
	done    chan struct{}
}

// discoverLoop asks the server which kinds it serves, at start, when types change, and on a period; while it
// doesn't answer it tries again with back-off and says so in Health.Server.
func (e *Engine) discoverLoop(ctx context.Context) error {
	failures := 0
	for {
		d, err := e.client.Discover(ctx)
		if ctx.Err() != nil {
			return nil
		}
		wait := rediscoverEvery
		if err != nil {
			failures++
			wait = watch.BackoffWait(failures, e.cfg.BackoffMax, rand.Float64())
			e.discoveryFailed(err, time.Now().Add(wait))
		} else {
			failures = 0
			if len(d.Failed) > 0 {
				wait = rediscoverFailed
			}
			e.reconcile(ctx, d)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-e.rediscover:
			timer.Stop()
			if !sleep(ctx, rediscoverDebounce) {
				return nil
			}
		}
	}
}

// discoveryFailed records why the server can't be asked; what is known of it stays.
func (e *Engine) discoveryFailed(err error, retryAt time.Time) {
	e.cfg.Logger.Warn("discovery failed", "err", err, "retryAt", retryAt)
	e.mu.Lock()
	e.server.Err, e.server.RetryAt = watch.Sanitize(connectionText(err)), retryAt
	e.mu.Unlock()
	post(e.dirty)
}

// connectionText says why a server can't be asked, in the words of the layer that failed.
func connectionText(err error) string {
	var request *url.Error
	switch {
	case apierrors.IsUnauthorized(err):
		return "the credentials were refused (401 Unauthorized); they may have expired: log in again"
	case errors.As(err, &request):
		return request.Err.Error()
	default:
		return err.Error()
	}
}

// reconcile starts watchers for kinds that appeared and stops those of kinds that are gone. Kinds of a group
// that does not answer now are kept as they are.
func (e *Engine) reconcile(ctx context.Context, d kube.Discovery) {
	version, err := e.client.Version(ctx)
	if err != nil {
		version = ""
	}
	e.mu.Lock()
	failures := make([]DiscoveryFailure, 0, len(d.Failed))
	failed := map[string]bool{}
	for _, f := range d.Failed {
		failed[f.GroupVersion] = true
		failures = append(failures, DiscoveryFailure{GroupVersion: f.GroupVersion, Err: watch.Sanitize(f.Err.Error())})
	}
	kinds := slices.Clone(d.Kinds)
	for _, old := range e.served.Kinds {
		if failed[old.GroupVersion()] && !slices.Contains(kinds, old) {
			kinds = append(kinds, old)
		}
	}
	slices.SortFunc(kinds, func(a, b *watch.Kind) int { return a.Compare(b.GVK) })
	gone := subtract(e.served.Kinds, kinds)
	e.served, e.failures = Served{Kinds: kinds, Aliases: d.Aliases}, failures
	e.server = Server{Connected: true, Version: watch.Sanitize(version)}
	watched := e.selected(e.served)
	// Started in the order they are wanted: the first few get a list slot at once.
	slices.SortStableFunc(watched, func(a, b *watch.Kind) int { return e.priority(a) - e.priority(b) })
	for _, k := range watched {
		e.start(e.scopeOf(k))
	}
	e.mu.Unlock()
	for _, k := range gone {
		e.stopKind(ctx, k)
	}
	post(e.dirty)
	post(e.restrict)
}

// selected is what is to be followed of the served kinds: what can be listed, and was asked for.
func (e *Engine) selected(served Served) []*watch.Kind {
	kinds := served.Kinds
	if e.cfg.Select != nil {
		kinds = e.cfg.Select(served)
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(k *watch.Kind) bool { return !k.Verbs.Has(watch.VerbList) })
}

// scopeOf is the widest scope configured for a kind.
func (e *Engine) scopeOf(k *watch.Kind) watch.Scope {
	if k.Namespaced {
		return watch.Scope{Kind: k, Namespace: e.cfg.Namespace}
	}
	return watch.Scope{Kind: k}
}

// start runs a watcher for scope unless one runs. e.mu is held.
func (e *Engine) start(scope watch.Scope) {
	if e.watchers[scope] != nil || e.runCtx.Err() != nil {
		return
	}
	cfg := watch.DefaultConfig()
	cfg.RelistEvery, cfg.BackoffMax, cfg.PageLimit = e.cfg.RelistEvery, e.cfg.BackoffMax, e.cfg.PageLimit
	cfg.Slots, cfg.Logger = e.slots, e.cfg.Logger
	cfg.OnStatus = e.onStatus()
	ctx, cancel := context.WithCancel(e.runCtx)
	r := &running{watcher: watch.New(cfg, scope, e.client, e.store), cancel: cancel, done: make(chan struct{})}
	r.watcher.SetPriority(e.priority(scope.Kind))
	e.watchers[scope] = r
	e.group.Go(func() error {
		defer close(r.done)
		defer cancel()
		err := r.watcher.Run(ctx)
		if errors.Is(err, watch.ErrGone) {
			e.cfg.Logger.Info("resource is gone", "scope", scope.String())
			e.mu.Lock()
			delete(e.watchers, scope) // so that a rediscovery that still lists it starts anew
			e.mu.Unlock()
			post(e.rediscover)
			return nil
		}
		return err
	})
}

// stopKind ends all watchers of a kind and forgets its objects.
func (e *Engine) stopKind(ctx context.Context, k *watch.Kind) {
	e.stop(func(s watch.Scope) bool { return s.Kind == k })
	if err := e.store.Forget(ctx, k); err != nil && ctx.Err() == nil {
		e.cfg.Logger.Error("forget kind", "kind", k.String(), "err", err)
	}
}

// stop ends the watchers whose scope matches and waits for them.
func (e *Engine) stop(match func(watch.Scope) bool) {
	var ended []*running
	e.mu.Lock()
	for scope, r := range e.watchers {
		if match(scope) {
			ended = append(ended, r)
			delete(e.watchers, scope)
		}
	}
	e.mu.Unlock()
	for _, r := range ended {
		r.cancel()
	}
	for _, r := range ended {
		<-r.done
	}
}

// onStatus makes the callback of one watcher: it counts what changed since its last status, tells the view
// loop, and has permissions looked at when a list is refused or allowed again.
func (e *Engine) onStatus() func(*watch.Status) {
	var prev *watch.Status // owned by the watcher's goroutine
	return func(s *watch.Status) {
		e.metrics.onStatus(prev, s)
		if s.Scope.Namespace == e.cfg.Namespace && s.Scope.Kind.Namespaced {
			was := prev != nil && prev.Phase == watch.Forbidden
			if is := s.Phase == watch.Forbidden; is != was {
				post(e.restrict)
			}
		}
		prev = s
		post(e.dirty)
	}
}

// followTypes asks for a rediscovery when objects that define types changed between two Worlds.
func (e *Engine) followTypes(old, now *shard.World) {
	for _, k := range e.view.Load().Health.Kinds {
		if !definesTypes(k) {
			continue
		}
		for range shard.Diff(old, now, k) {
			post(e.rediscover)
			return
		}
	}
}

func definesTypes(k *watch.Kind) bool {
	return (k.Group == "apiextensions.k8s.io" && k.Kind == "CustomResourceDefinition") ||
		(k.Group == "apiregistration.k8s.io" && k.Kind == "APIService")
}

func subtract(from, what []*watch.Kind) []*watch.Kind {
	var out []*watch.Kind
	for _, k := range from {
		if !slices.Contains(what, k) {
			out = append(out, k)
		}
	}
	return out
}

// sleep waits for d and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
