package watch_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"orka/shard"
	"orka/watch"
	"orka/watch/sim"
)

// tolerance is what the schedule's own slow stores and latencies add to an age.
const tolerance = 8 * time.Second

// heard is Config.OnSend of the server: it notes when a kind was last confirmed, by what reliability.md says confirms.
func (s *schedule) heard(m sim.Sent) {
	if strings.HasPrefix(m.Request.UserAgent, checkerAgent) {
		return
	}
	query, _ := url.ParseQuery(m.Request.Query) // the server has read it
	switch m.What {
	case sim.SentPage:
		if !m.Last && query.Get("limit") != "1" {
			return
		}
	case sim.SentEnd:
		asked, _ := strconv.Atoi(query.Get("timeoutSeconds"))
		if m.At.Sub(m.Request.At) < time.Duration(asked-3)*time.Second {
			return
		}
	case "ERROR":
		return
	}
	for _, t := range s.targets {
		if t.kind.Resource == m.Request.Resource && t.kind.Group == m.Request.Group {
			t.history.mu.Lock()
			t.history.heard = m.At
			t.history.mu.Unlock()
		}
	}
}

// check holds I2 for every kind: what is called fresh was heard of within 75 s, and no row is older than that; and of I6
// that the bystander is fresh. Nothing moves meanwhile.
func (s *schedule) check() {
	world, now := s.store.World(), time.Now()
	for _, t := range s.targets {
		if !t.running() {
			continue
		}
		st := t.watcher.Status()
		fresh := st.Fresh(now)
		if t.bystander && !fresh && st.Phase != watch.Listing && now.Sub(s.began) > 5*time.Second {
			s.accuse(t, "suffers from what does not concern it: %+v", *st)
		}
		if !fresh {
			continue
		}
		select {
		case <-t.ended:
			s.accuse(t, "is called fresh, and is not watched any more: %+v", *st)
		default:
		}
		s.truly(t, st, world, now)
	}
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	for _, odd := range s.links.odd {
		s.t.Errorf("%s: %s", time.Since(s.began), odd)
	}
	s.links.odd = nil
}

// accuse fails the test, once a kind: what follows from the first is of no interest.
func (s *schedule) accuse(t *target, format string, args ...any) {
	if t.accused.CompareAndSwap(false, true) {
		s.t.Errorf("%s: %s: %s", time.Since(s.began), t.kind, fmt.Sprintf(format, args...))
	}
}

// truly checks a kind that is called fresh.
func (s *schedule) truly(t *target, st *watch.Status, world *shard.World, now time.Time) {
	h := &t.history
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lies > 0 || h.swept <= h.slow {
		return
	}
	if age := now.Sub(h.heard); age > watch.ConfirmWithin+tolerance {
		s.accuse(t, "is called fresh, and nothing was heard of it for %s: %+v", age, *st)
	}
	if h.heard.Before(h.slept) {
		s.accuse(t, "is called fresh by what was heard before the machine slept: %+v", *st)
	}
	if !h.trusted() {
		return
	}
	limit := now.Add(-watch.ConfirmWithin - tolerance)
	for i := range t.alive {
		ns, name := t.name(i)
		if wrong := h.stale(keyOf(ns, name), world.Get(t.kind, ns, name), limit); wrong != "" {
			s.accuse(t, "is called fresh, and %s: %+v", wrong, *st)
		}
	}
}

// read reads every World as it comes, in a goroutine of its own, and holds I3 and I4: no row goes back, none goes that was
// not deleted, none comes back that was, and a World that is held does not change. The function that it returns ends it.
func (s *schedule) read() (end func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		seen := make([]view, len(s.targets))
		var held *shard.World
		var digest string
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-s.store.Changed():
			}
			for i, t := range s.targets {
				s.advance(t, &seen[i])
			}
			if n%50 == 0 {
				world := s.store.World()
				if held != nil && digestOf(held) != digest {
					s.t.Errorf("world %d changed while it was held", held.Epoch)
				}
				held, digest = world, digestOf(world)
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func digestOf(w *shard.World) string {
	var b strings.Builder
	for o := range w.All() {
		fmt.Fprintln(&b, o.NamespacedName(), o.UID, o.ResourceVersion, o.Status, o.Labels)
	}
	return b.String()
}

// view is what a reader has seen of a kind.
type view struct {
	trusted bool
	since   uint64 // as the history's: it is another one after each lie
	rows    map[string]*watch.Object
	gone    map[string]bool // uids
}

func (s *schedule) advance(t *target, v *view) {
	h := &t.history
	h.mu.Lock()
	defer h.mu.Unlock()
	world := s.store.World() // once it is known what to trust: a list that is complete by now is in it
	next := view{trusted: h.trusted(), since: h.since, rows: map[string]*watch.Object{}, gone: v.gone}
	for i := range t.alive {
		ns, name := t.name(i)
		if o := world.Get(t.kind, ns, name); o != nil {
			next.rows[keyOf(ns, name)] = o
		}
	}
	if !next.trusted || !v.trusted || next.since != v.since {
		next.gone = map[string]bool{}
		*v = next
		return
	}
	for key, was := range v.rows {
		is := next.rows[key]
		switch {
		case is == was:
		case is == nil && !h.deleted[was.UID]:
			s.accuse(t, "%s disappeared, and was not deleted", key)
		case is == nil || is.UID != was.UID:
			next.gone[was.UID] = true
		}
		if is != nil && is != was && number(is) < number(was) {
			s.accuse(t, "%s went back from version %s to %s", key, was.ResourceVersion, is.ResourceVersion)
		}
	}
	for key, is := range next.rows {
		if next.gone[is.UID] {
			s.accuse(t, "%s came back after it was deleted", key)
		}
	}
	*v = next
}

func number(o *watch.Object) uint64 {
	n, _ := strconv.ParseUint(o.ResourceVersion, 10, 64)
	return n
}

// boundedRequests holds I5: within any minute a kind is asked for no more often than its back-off and what excuses a
// request at once allow.
func (s *schedule) boundedRequests(t *target) {
	var at []time.Time
	for _, q := range s.requestsOf(sim.Match{Resource: t.kind.ResourceName()}) {
		if !strings.Contains(q.Query, "continue=") {
			at = append(at, q.At)
		}
	}
	for i, from := range at {
		n, allowed := 0, 40
		for _, q := range at[i:] {
			if q.Sub(from) < time.Minute {
				n++
			}
		}
		for _, e := range t.excuses {
			if e.After(from.Add(-time.Minute)) && e.Before(from.Add(time.Minute)) {
				allowed += 3
			}
		}
		if n > allowed {
			s.t.Errorf("%s: %d requests for %s in a minute, of which %d are allowed", from.Sub(s.began), n, t.kind, allowed)
			return
		}
	}
}
