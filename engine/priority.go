package engine

import (
	"slices"
	"time"

	"orka/watch"
)

// The order in which kinds get a list slot: what is wanted now, then what people look at first, then the rest,
// then the noisy ones.
const (
	priorityWanted = iota
	priorityTypes  // namespaces and type definitions: pickers and discovery stand on them
	priorityCommon
	priorityRest
	priorityNoisy
)

var commonKinds = []string{"Pod", "Deployment", "Node", "Service", "StatefulSet", "DaemonSet", "ReplicaSet", "Ingress", "Job", "CronJob"}

var noisyKinds = []string{"Event", "Lease", "EndpointSlice", "Endpoints"}

// priority is the place of a kind in the queue for list slots: the lower, the sooner. e.mu is held.
func (e *Engine) priority(k *watch.Kind) int {
	switch {
	case e.wanted[k]:
		return priorityWanted
	case k.Kind == "Namespace" && k.Group == "", definesTypes(k):
		return priorityTypes
	case slices.Contains(commonKinds, k.Kind): // whatever their group
		return priorityCommon
	case slices.Contains(noisyKinds, k.Kind):
		return priorityNoisy
	default:
		return priorityRest
	}
}

// Want says which kinds somebody waits for now; their lists go first. It replaces what was wanted before.
func (e *Engine) Want(kinds ...*watch.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.wanted)
	for _, k := range kinds {
		e.wanted[k] = true
	}
	for scope, r := range e.watchers {
		r.watcher.SetPriority(e.priority(scope.Kind))
	}
}

// Retry makes the watchers of the kinds try again at once: a retry under back-off, a relist otherwise. No
// kinds means all, and discovery too.
func (e *Engine) Retry(kinds ...*watch.Kind) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for scope, r := range e.watchers {
		if len(kinds) > 0 && !slices.Contains(kinds, scope.Kind) {
			continue
		}
		if r.last != nil { // it ended with a 404: discovery starts it anew
			r.retryAt = time.Now()
			post(e.rediscover)
			continue
		}
		r.watcher.Retry()
	}
	if len(kinds) == 0 {
		post(e.rediscover)
		post(e.restrict)
	}
}
