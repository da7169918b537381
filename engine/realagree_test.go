//go:build integration

package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/kube"
	"orka/watch/watchtest"
)

// agreeWithin is how long a kind may take to equal a LIST: some kinds change by themselves, as the API server's own
// lease does every 10 s, so that one comparison may see two moments.
const agreeWithin = 10 * time.Second

// agree compares the engine with fresh LISTs of every watched kind: the same kinds, and the same objects with the same
// uid, resourceVersion and, where it is kept, body. It tries again for a while and returns how many objects there are.
func agree(ctx context.Context, e *Engine, admin *kube.Client) (objects int, err error) {
	found, err := admin.Discover(ctx)
	if err != nil {
		return 0, err
	}
	var watched []*watch.Kind
	for _, s := range e.View().Health.Watchers {
		if s.Scope.Namespace == "" {
			watched = append(watched, s.Scope.Kind)
		}
	}
	if have, want := listable(watched), listable(found.Kinds); e.cfg.Select == nil && !slices.Equal(have, want) {
		return 0, fmt.Errorf("kinds differ: orka watches %v, the server has %v", have, want)
	}
	var wrong []error
	for _, k := range watched {
		if err := agreeOn(ctx, e, admin, k); err != nil {
			wrong = append(wrong, err)
		}
		objects += e.View().World.Count(k)
	}
	if len(watched) == 0 {
		wrong = append(wrong, errors.New("orka watches nothing"))
	}
	return objects, errors.Join(wrong...)
}

// agreeOn is agree for one kind.
func agreeOn(ctx context.Context, e *Engine, admin watch.Source, k *watch.Kind) error {
	deadline := time.Now().Add(agreeWithin)
	for {
		err := watchtest.Agree(ctx, admin, k, e.store.World(), e.store.Body)
		if err == nil || time.Now().After(deadline) || !sleep(ctx, 300*time.Millisecond) {
			return err
		}
	}
}

func listable(kinds []*watch.Kind) []string {
	var out []string
	for _, k := range kinds {
		if k.Verbs.Has(watch.VerbList) {
			out = append(out, k.String())
		}
	}
	slices.Sort(out)
	return out
}

// mustAgree is agree at the end of a test.
func mustAgree(t *testing.T, e *Engine, admin *kube.Client) {
	t.Helper()
	n, err := agree(t.Context(), e, admin)
	if err = errors.Join(err, e.View().World.Check()); err != nil {
		t.Error(err)
		return
	}
	t.Logf("orka's %d objects equal a fresh LIST", n)
}

// awaitReal waits in real time for a View that is as asked.
func awaitReal(t *testing.T, e *Engine, within time.Duration, what string, ok func(*View) bool) (*View, time.Duration) {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	v, err := e.Await(ctx, ok)
	if err != nil {
		t.Fatalf("no %s within %s: server %+v\n%s", what, within, v.Health.Server, unfresh(v, time.Now()))
	}
	return v, time.Since(start)
}

// unfresh lists the watchers that are not fresh, the first of them in full.
func unfresh(v *View, now time.Time) string {
	var b strings.Builder
	n := 0
	for _, s := range v.Health.Watchers {
		if calm(s, now) {
			continue
		}
		if n++; n <= 5 {
			fmt.Fprintf(&b, "  %s: %s since %s, complete=%t suspended=%t reason=%s attempt=%d confirmed %s ago, retry in %s: %s\n", s.Scope, s.Phase, now.Sub(s.Since).Round(time.Second),
				s.Complete, s.Suspended, s.Reason, s.Attempt, now.Round(0).Sub(s.ConfirmedAt).Round(time.Second), time.Until(s.RetryAt).Round(time.Second), s.Err)
		}
	}
	fmt.Fprintf(&b, "  %d of %d are not fresh", n, len(v.Health.Watchers))
	return b.String()
}

// calm reports whether a watcher can do no better: it is fresh, or its kind can't be watched and has been listed.
func calm(s *watch.Status, now time.Time) bool {
	return s.Fresh(now) || (s.Phase == watch.Polling && s.Complete && !s.Scope.Kind.Watchable())
}

// allFresh is a View whose every kind is fresh.
func allFresh(v *View) bool {
	now := time.Now()
	return v.Health.Server.Connected && v.Health.Server.Err == "" && len(v.Health.Watchers) > 0 &&
		!slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return !calm(s, now) })
}

// freshAsOf is a View whose every kind is fresh and confirmed as of at or later, so that it shows all that was written before.
func freshAsOf(at time.Time) func(*View) bool {
	return func(v *View) bool {
		return allFresh(v) && !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool {
			return s.Scope.Kind.Watchable() && s.ConfirmedAt.Before(at.Round(0))
		})
	}
}
