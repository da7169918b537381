package engine

import (
	"slices"
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

// Covering makes the function that finds the status of the watcher which answers for an object: that of its namespace
// or of all. A refused one answers only where no other does; nil means that nobody follows the object any more.
func (h *Health) Covering() func(*watch.Object) *watch.Status {
	byScope := make(map[watch.Scope]*watch.Status, len(h.Watchers))
	for _, s := range h.Watchers {
		byScope[s.Scope] = s
	}
	return func(o *watch.Object) *watch.Status {
		wide := byScope[watch.Scope{Kind: o.Kind}]
		if o.Namespace == "" || (wide != nil && wide.Phase != watch.Forbidden) {
			return wide
		}
		if own := byScope[watch.Scope{Kind: o.Kind, Namespace: o.Namespace}]; own != nil {
			return own
		}
		return wide
	}
}

// Limits is what permissions keep from the view of a set of kinds.
type Limits struct {
	// Partial are kinds that are watched in some namespaces only, Refused those that are watched nowhere.
	Partial, Refused []*watch.Kind
	// Namespaces are those in which any of Partial is watched, in order.
	Namespaces []string
	// Even is set when all of Partial are watched in the same Namespaces.
	Even bool
}

// None reports whether nothing is kept from the view.
func (l *Limits) None() bool { return len(l.Partial)+len(l.Refused) == 0 }

// Limits says which of the kinds the user may not list everywhere; no kinds means all that are watched.
func (h *Health) Limits(kinds ...*watch.Kind) Limits {
	refused := map[*watch.Kind]bool{}
	seen := map[*watch.Kind][]string{}
	var order []*watch.Kind
	for _, s := range h.Watchers {
		k := s.Scope.Kind
		if len(kinds) > 0 && !containsKind(kinds, k) {
			continue
		}
		if s.Phase == watch.Forbidden {
			if !refused[k] {
				order = append(order, k)
			}
			refused[k] = true
		} else if s.Scope.Namespace != "" {
			seen[k] = append(seen[k], s.Scope.Namespace)
		}
	}
	l := Limits{Even: true}
	for _, k := range order {
		if len(seen[k]) == 0 {
			l.Refused = append(l.Refused, k)
			continue
		}
		l.Partial = append(l.Partial, k)
		l.Namespaces = append(l.Namespaces, seen[k]...)
	}
	slices.Sort(l.Namespaces)
	l.Namespaces = slices.Compact(l.Namespaces)
	for _, k := range l.Partial {
		l.Even = l.Even && len(seen[k]) == len(l.Namespaces)
	}
	return l
}

func containsKind(kinds []*watch.Kind, k *watch.Kind) bool {
	for _, c := range kinds {
		if c == k {
			return true
		}
	}
	return false
}
