package engine

import (
	"time"

	"orka/watch"
)

// Freshness is the verdict on a set of kinds: as fresh as the least fresh of them.
type Freshness struct {
	Fresh bool
	// Least is the status that decides: the least fresh one; nil when no watcher covers the kinds.
	Least *watch.Status
	// Loading is set while a first list of one of the kinds is not complete.
	Loading           bool
	Listed, Remaining int64 // summed over lists in progress; Remaining is -1 when unknown
	Forbidden         []*watch.Status
	// Polled counts kinds without a watch verb: as old as their last poll, which is no fault.
	Polled int
	// Stale counts statuses that are neither fresh, loading nor forbidden.
	Stale int
}

// Freshness judges the kinds at now (wall clock); no kinds means all that are watched.
func (h *Health) Freshness(now time.Time, kinds ...*watch.Kind) Freshness {
	f := Freshness{Fresh: true}
	worst := -1
	for _, s := range h.Watchers {
		if len(kinds) > 0 && !containsKind(kinds, s.Scope.Kind) {
			continue
		}
		rank := f.add(s, now)
		if rank > worst || (rank == worst && s.ConfirmedAt.Before(f.Least.ConfirmedAt)) {
			worst, f.Least = rank, s
		}
	}
	if f.Least == nil || f.Least.Phase == watch.Polling || f.Least.Phase == watch.Forbidden {
		f.Fresh = false
	}
	if f.Least == nil {
		f.Loading = !h.Server.Connected
	}
	return f
}

// add counts s in and ranks it: the higher, the less it can be believed.
func (f *Freshness) add(s *watch.Status, now time.Time) int {
	switch {
	case s.Phase == watch.Forbidden && s.Complete:
		f.Forbidden = append(f.Forbidden, s)
		f.Fresh = false // rows from before the refusal are still there
		f.Stale++
		return 4
	case s.Phase == watch.Forbidden:
		f.Forbidden = append(f.Forbidden, s)
		return 0 // what may not be seen does not age what is seen
	case s.Fresh(now):
		return 2
	case s.Phase == watch.Polling && s.Complete:
		f.Polled++
		return 1 // decides only where nothing is watched
	case !s.Complete && (s.Phase == watch.Queued || s.Phase == watch.Listing):
		f.Fresh, f.Loading = false, true
		f.Listed += s.Listed
		if s.Remaining < 0 || f.Remaining < 0 {
			f.Remaining = -1
		} else {
			f.Remaining += s.Remaining
		}
		return 3
	default:
		f.Fresh = false
		f.Stale++
		return 4
	}
}

// Of returns the statuses of the watchers of a kind: one, or one per permitted namespace.
func (h *Health) Of(kind *watch.Kind) []*watch.Status {
	var out []*watch.Status
	for _, s := range h.Watchers {
		if s.Scope.Kind == kind {
			out = append(out, s)
		}
	}
	return out
}

func containsKind(kinds []*watch.Kind, k *watch.Kind) bool {
	for _, c := range kinds {
		if c == k {
			return true
		}
	}
	return false
}
