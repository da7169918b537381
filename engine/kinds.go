package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
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
	// discoverTimeout bounds one discovery, as client-go's own does: a server that accepts a connection and never
	// answers is then named, too.
	discoverTimeout = 32 * time.Second
)

var errDiscoverTimeout = fmt.Errorf("the server accepts connections but did not answer discovery within %s", discoverTimeout)

// running is a watcher with the means to end it.
type running struct {
	watcher *watch.Watcher
	cancel  context.CancelFunc
	done    chan struct{}

	// guarded by Engine.mu
	last    *watch.Status // once the server has answered 404 and the watcher ended; its rows are kept until discovery decides
	gone    int           // 404s in a row, this one included
	retryAt time.Time     // when it may be started anew, if the kind is still served; zero while it runs
}

// status is the watcher's, or how it ended. e.mu is held.
func (r *running) status() *watch.Status {
	if r.last != nil {
		return r.last
	}
	return r.watcher.Status()
}

// discoverLoop asks the server which kinds it serves, at start, when types change, and on a period; while it
// doesn't answer it tries again with back-off and says so in Health.Server.
func (e *Engine) discoverLoop(ctx context.Context) error {
	failures := 0
	for {
		d, version, err := e.discover(ctx)
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
			e.reconcile(ctx, d, version)
			wait = e.untilGoneRetry(wait)
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

// discover asks for the served kinds and the server's version, "" when it doesn't say, within discoverTimeout.
func (e *Engine) discover(parent context.Context) (kube.Discovery, string, error) {
	ctx, cancel := context.WithTimeoutCause(parent, discoverTimeout, errDiscoverTimeout)
	defer cancel()
	d, err := e.client.Discover(ctx)
	if err != nil {
		if errors.Is(context.Cause(ctx), errDiscoverTimeout) {
			err = errDiscoverTimeout
		}
		return d, "", err
	}
	version, err := e.client.Version(ctx)
	if err != nil {
		e.cfg.Logger.Debug("server version unknown", "err", err)
	}
	return d, version, nil
}

// untilGoneRetry is wait, or less when a watcher that met a 404 is to be tried sooner.
func (e *Engine) untilGoneRetry(wait time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.watchers {
		if !r.retryAt.IsZero() {
			wait = min(wait, max(time.Until(r.retryAt), 0))
		}
	}
	return wait
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

// reconcile stops watchers of kinds that are gone and starts those of kinds that appeared. Kinds of a group that does
// not answer now are kept as they are. What is gone goes first, so that two versions of a type are never side by side.
func (e *Engine) reconcile(ctx context.Context, d kube.Discovery, version string) {
	failures := make([]DiscoveryFailure, 0, len(d.Failed))
	failed := map[string]bool{}
	for _, f := range d.Failed {
		failed[f.GroupVersion] = true
		failures = append(failures, DiscoveryFailure{GroupVersion: f.GroupVersion, Err: watch.Sanitize(f.Err.Error())})
	}
	e.mu.Lock()
	kinds := keepFailed(d.Kinds, e.served.Kinds, failed)
	gone := subtract(e.served.Kinds, kinds)
	e.served.Kinds = subtract(e.served.Kinds, gone)
	e.mu.Unlock()

	e.stopKinds(ctx, gone)

	e.mu.Lock()
	if version == "" {
		version = e.server.Version
	}
	// What is served and who watches it change together: a View with a kind but no watcher would say that there is none of it.
	e.served, e.failures = Served{Kinds: kinds, Aliases: d.Aliases}, failures
	e.server = Server{Connected: true, Version: watch.Sanitize(version)}
	watched := e.selected(e.served)
	// Started in the order they are wanted: the first few get a list slot at once.
	slices.SortStableFunc(watched, func(a, b *watch.Kind) int { return e.priority(a) - e.priority(b) })
	for _, k := range watched {
		e.start(e.scopeOf(k))
	}
	e.mu.Unlock()
	post(e.dirty)
	post(e.restrict)
}

// keepFailed is what is served now, in GVK order: the kinds just found and, of group-versions that failed to answer, the
// kinds known from before. Where another version of the group took such a kind's place for the while, the known one stays.
func keepFailed(found, known []*watch.Kind, failed map[string]bool) []*watch.Kind {
	kinds := slices.Clone(found)
	for _, old := range known {
		if !failed[old.GroupVersion()] || slices.Contains(kinds, old) {
			continue
		}
		kinds = slices.DeleteFunc(kinds, func(k *watch.Kind) bool { return k.Group == old.Group && k.Resource == old.Resource })
		kinds = append(kinds, old)
	}
	slices.SortFunc(kinds, func(a, b *watch.Kind) int { return a.Compare(b.GVK) })
	return kinds
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

// start runs a watcher for scope unless one runs, or met a 404 too recently. e.mu is held.
func (e *Engine) start(scope watch.Scope) {
	gone := 0
	if was := e.watchers[scope]; was != nil {
		if was.retryAt.IsZero() || time.Now().Before(was.retryAt) {
			return
		}
		gone = was.gone
	}
	if e.runCtx.Err() != nil {
		return
	}
	cfg := watch.DefaultConfig()
	cfg.RelistEvery, cfg.BackoffMax, cfg.PageLimit = e.cfg.RelistEvery, e.cfg.BackoffMax, e.cfg.PageLimit
	cfg.Slots, cfg.Logger = e.slots, e.cfg.Logger
	cfg.OnStatus = e.onStatus()
	ctx, cancel := context.WithCancel(e.runCtx)
	r := &running{watcher: watch.New(cfg, scope, e.client, e.store), cancel: cancel, done: make(chan struct{}), gone: gone}
	r.watcher.SetPriority(e.priority(scope.Kind))
	e.watchers[scope] = r
	e.group.Go(func() error {
		defer close(r.done)
		defer cancel()
		err := r.watcher.Run(ctx)
		if !errors.Is(err, watch.ErrGone) {
			return err
		}
		e.cfg.Logger.Info("resource is gone", "scope", scope.String())
		e.noteGone(r, err)
		return nil
	})
}

// noteGone keeps the end of a watcher whose resource answers 404 in view, its rows marked with it, and asks discovery
// whether the kind is gone. Where discovery still names it, as broken aggregated APIs do, it is tried again at once,
// then after a while, then on discovery's own period.
func (e *Engine) noteGone(r *running, err error) {
	now := time.Now()
	e.mu.Lock()
	last := *r.watcher.Status()
	if last.Complete {
		r.gone = 0 // it had answered since
	}
	r.gone++
	switch r.gone {
	case 1:
		r.retryAt = now
	case 2:
		r.retryAt = now.Add(rediscoverFailed)
	default:
		r.retryAt = now.Add(rediscoverEvery)
	}
	if last.Phase != watch.Unavailable {
		last.Phase, last.Since = watch.Unavailable, now
	}
	last.Reason, last.Err, last.RetryAt = watch.ReasonNotFound, watch.Sanitize(err.Error()), r.retryAt
	r.last = &last
	e.mu.Unlock()
	post(e.rediscover)
	post(e.dirty)
}

// stopKinds ends all watchers of some kinds and forgets their objects.
func (e *Engine) stopKinds(ctx context.Context, kinds []*watch.Kind) {
	if len(kinds) == 0 {
		return
	}
	e.stop(func(s watch.Scope) bool { return slices.Contains(kinds, s.Kind) })
	var g errgroup.Group // each Forget waits for a publication: one for all
	for _, k := range kinds {
		g.Go(func() error {
			if err := e.store.Forget(ctx, k); err != nil && ctx.Err() == nil {
				e.cfg.Logger.Error("forget kind", "kind", k.String(), "err", err)
			}
			e.metrics.forget(k, e.cfg.Shards)
			return nil
		})
	}
	_ = g.Wait() // no function fails
}

// stop ends the watchers whose scope matches, waits for them, and returns their scopes.
func (e *Engine) stop(match func(watch.Scope) bool) (scopes []watch.Scope) {
	var ended []*running
	e.mu.Lock()
	for scope, r := range e.watchers {
		if match(scope) {
			ended, scopes = append(ended, r), append(scopes, scope)
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
	return scopes
}

// onStatus makes the callback of one watcher: it counts what changed since its last status, tells the view
// loop, and has permissions looked at when a list is refused or allowed again.
func (e *Engine) onStatus() func(*watch.Status) {
	var prev *watch.Status // owned by the watcher's goroutine
	return func(s *watch.Status) {
		e.metrics.onStatus(prev, s)
		if e.cfg.Namespace == "" && s.Scope.Kind.Namespaced {
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
func (e *Engine) followTypes(kinds []*watch.Kind, old, now *shard.World) {
	if slices.ContainsFunc(kinds, func(k *watch.Kind) bool { return definesTypes(k) && differs(old, now, k) }) {
		post(e.rediscover)
	}
}

// differs reports whether objects of a kind changed between two Worlds.
func differs(old, now *shard.World, kind *watch.Kind) bool {
	for range shard.Diff(old, now, kind) {
		return true
	}
	return false
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
