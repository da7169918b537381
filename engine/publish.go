package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"orka/watch"
)

// viewEvery is the shortest time between two Views: 20 a second is more than a person can read and leaves
// the screen's own frames most of a core.
const viewEvery = 50 * time.Millisecond

// viewLoop follows the store's Worlds with the index and publishes Views. It sleeps while nothing changes.
func (e *Engine) viewLoop(ctx context.Context) error {
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.dirty:
		case <-e.store.Changed():
		}
		if wait := viewEvery - time.Since(last); wait > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
		}
		last = time.Now()
		e.publish()
	}
}

// publish makes the next View of what is known now. Statuses are read before the World: a status that says
// "complete" is then never beside a World that isn't.
func (e *Engine) publish() {
	prev := e.view.Load()
	v := &View{Seq: prev.Seq + 1, At: time.Now()}
	e.mu.Lock()
	v.Health = Health{Server: e.server, Served: e.served, Discovery: e.failures, Watchers: e.statuses()}
	v.Health.Reviewing = e.reviewing(v.Health.Watchers)
	e.mu.Unlock()
	v.World = e.store.World()
	v.Index = prev.Index
	if v.World != prev.World {
		v.Index = prev.Index.Advance(v.World)
		e.followTypes(v.Health.Kinds, prev.World, v.World)
		e.followNamespaces(v.Health, prev.World, v.World)
	}
	v.Health.Memory = *e.memory.Load()
	v.Health.Store = e.store.Stats()
	v.Health.Shards = v.Health.Store.Shards
	e.view.Store(v)

	e.mu.Lock()
	close(e.next)
	e.next = make(chan struct{})
	e.mu.Unlock()
}

// statuses lists the watchers' statuses by kind and namespace. e.mu is held.
func (e *Engine) statuses() []*watch.Status {
	out := make([]*watch.Status, 0, len(e.watchers))
	for _, r := range e.watchers {
		out = append(out, e.asPlayed(r.status()))
	}
	slices.SortFunc(out, func(a, b *watch.Status) int {
		if c := a.Scope.Kind.Compare(b.Scope.Kind.GVK); c != 0 {
			return c
		}
		return strings.Compare(a.Scope.Namespace, b.Scope.Namespace)
	})
	return out
}
