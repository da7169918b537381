package watch_test

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"orka/watch/sim"
)

// act is one thing that a schedule can do to a kind, or to all of them.
type act struct {
	name string
	// wide acts concern the whole server: none is done in a schedule with a bystander.
	wide bool
	do   func(s *schedule, t *target)
}

// act does one of the acts, to a kind that faults may concern.
func (s *schedule) act() {
	a := &acts[s.rng.IntN(len(acts))]
	t := s.targets[s.rng.IntN(len(s.targets))]
	if a.wide && s.aimed || t.bystander {
		return
	}
	a.do(s, t)
}

// acts is the alphabet of faults, and what people and time do in between.
var acts = []act{
	{"HTTP error", false, func(s *schedule, t *target) {
		codes := []int{400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504}
		a := sim.Status{Code: codes[s.rng.IntN(len(codes))]}
		// What a server asks for with these holds for all that it serves.
		if alone := t.kind.Group != "" && a.Code != 429; a.Code == 429 && s.aimed {
			a.Code = 409
		} else if !s.aimed || alone {
			a.RetryAfter = time.Duration(s.rng.IntN(20)) * time.Second
		}
		s.inject(t, s.verb(), a)
	}},
	{"error in the stream", false, func(s *schedule, t *target) {
		codes := []int{400, 401, 403, 404, 409, 410, 410, 410, 422, 429, 500, 503, 504}
		s.inject(t, "watch", sim.StreamError{Code: codes[s.rng.IntN(len(codes))], After: s.rng.IntN(4)})
	}},
	{"answer of something else", false, func(s *schedule, t *target) {
		s.inject(t, s.verb(), sim.RawBody{Code: []int{200, 200, 502}[s.rng.IntN(3)], ContentType: []string{"text/html", "application/json"}[s.rng.IntN(2)], Body: "<h1>Sign in</h1>"})
	}},
	{"clean close", false, func(s *schedule, t *target) { s.inject(t, "watch", sim.CloseStream{After: s.rng.IntN(5)}) }},
	{"reset between frames", false, func(s *schedule, t *target) { s.inject(t, "watch", sim.CutStream{After: s.rng.IntN(5)}) }},
	{"reset within a frame", false, func(s *schedule, t *target) { s.inject(t, "watch", sim.TruncateFrame{}) }},
	{"reset before an answer", false, func(s *schedule, t *target) { s.inject(t, s.verb(), sim.Reset{}) }},
	{"truncated answer", false, func(s *schedule, t *target) { s.inject(t, s.verb(), sim.Truncate{After: s.rng.IntN(8000)}) }},
	{"trickle", false, func(s *schedule, t *target) {
		s.inject(t, s.verb(), sim.Trickle{BytesPerSecond: 1 << s.rng.IntN(12)})
	}},
	{"delay", false, func(s *schedule, t *target) { s.inject(t, s.verb(), sim.Delay{For: s.some(40 * time.Second)}) }},
	{"no answer", false, func(s *schedule, t *target) { s.inject(t, s.verb(), sim.Hang{}) }},
	{"stall", false, func(s *schedule, t *target) { s.inject(t, "watch", sim.Stall{After: s.rng.IntN(4)}) }},
	{"half-open connection", false, func(s *schedule, t *target) {
		a := sim.HalfOpen{After: s.some(20 * time.Second)}
		if s.aimed { // later on, the connection may be another kind's
			a.After = 0
		}
		if !s.aimed || s.sim.Host()[:5] == "http:" {
			s.inject(t, "watch", a)
		}
	}},
	{"no bookmarks", false, func(s *schedule, t *target) { s.injectFor(t, "watch", 0, sim.StopBookmarks{}) }},
	{"no end bookmark", false, func(s *schedule, t *target) { s.inject(t, "watch", sim.DropInitialEnd{}) }},
	{"lost events", false, func(s *schedule, t *target) {
		typ := []string{"", "ADDED", "MODIFIED", "DELETED"}[s.rng.IntN(4)]
		s.inject(t, "watch", sim.DropEvent{Type: typ})
	}},
	{"duplicated events", false, func(s *schedule, t *target) { s.injectFor(t, "watch", 0, sim.DuplicateEvent{}) }},
	{"reordered events", false, func(s *schedule, t *target) { s.injectFor(t, "watch", 0, sim.ReorderEvent{}) }},
	{"expired continue token", false, func(s *schedule, t *target) { s.inject(t, "list", sim.ExpireContinue{}) }},
	{"inconsistent pages", false, func(s *schedule, t *target) {
		s.inject(t, "list", sim.StalePages{Behind: uint64(1 + s.rng.IntN(60))})
	}},
	{"lagging replica", false, func(s *schedule, t *target) { s.inject(t, s.verb(), sim.TooLarge{}) }},
	{"permission revoked", false, func(s *schedule, t *target) {
		s.injectFor(t, s.verb(), 0, sim.Forbid{})
		if s.rng.IntN(2) == 0 {
			s.inject(t, "watch", sim.CloseStream{})
		}
	}},
	{"conversion fails", false, func(s *schedule, t *target) {
		if t.kind.Group != "" {
			s.injectFor(t, "", 0, sim.FailConversion{})
		}
	}},
	{"undecodable objects", false, func(s *schedule, t *target) {
		a := sim.Undecodable{}
		if s.rng.IntN(3) > 0 {
			_, a.Name = t.name(s.rng.IntN(objectsPerKind))
		}
		s.injectFor(t, s.verb(), 0, a)
	}},
	{"giant object", false, func(s *schedule, _ *target) {
		if t := s.targets[1]; s.giants {
			i := s.rng.IntN(objectsPerKind)
			if !t.alive[i] {
				s.create(t, i)
			}
			c := t.make(i, 0).(*corev1.ConfigMap)
			c.Data["huge"] = strings.Repeat("x", 17<<20)
			s.note("%s is giant", c.Name)
			t.history.write(func() { s.must(s.sim.Update(c)) }, c)
		}
	}},
	{"slow store", false, func(s *schedule, t *target) {
		d := s.some(2 * time.Second)
		s.note("%s: the store takes %s", t.kind, d)
		s.ailing(func() { t.door.set(func(r *door) { r.slow = d }) }, func() { t.door.set(func(r *door) { r.slow = 0 }) })
	}},
	{"full store", false, func(s *schedule, t *target) {
		s.note("%s: the store drops", t.kind)
		t.excuse(6)
		t.door.set(func(r *door) { r.drops = 1 + s.rng.IntN(3) })
	}},
	{"store that refuses", false, func(s *schedule, t *target) {
		s.note("%s: the store refuses", t.kind)
		t.excuse(6)
		t.door.set(func(r *door) { r.refuses = 1 + s.rng.IntN(3) })
	}},
	{"store that panics", false, func(s *schedule, t *target) {
		s.note("%s: the store panics", t.kind)
		t.excuse(3)
		t.door.set(func(r *door) { r.panics = 1 })
	}},
	{"decoder that panics", false, func(s *schedule, t *target) {
		s.note("%s: the decoder panics", t.kind)
		t.excuse(6)
		t.link.set(func(l *link) { l.panics = 1 + s.rng.IntN(2) })
	}},
	{"burst", false, func(s *schedule, t *target) {
		s.note("%s: a burst", t.kind)
		for range 100 + s.rng.IntN(300) {
			s.churn(t)
		}
	}},
	{"retry now", false, func(s *schedule, t *target) {
		if t.running() {
			s.note("%s: retry now", t.kind)
			t.excuse(1)
			t.watcher.Retry()
		}
	}},
	{"stop and start", false, func(s *schedule, t *target) {
		if t.running() && s.rng.IntN(2) == 0 {
			forget := s.rng.IntN(3) == 0
			s.note("%s: stopped, forgotten: %v", t.kind, forget)
			s.stopTarget(t, forget)
			return
		}
		s.note("%s: started", t.kind)
		s.startTarget(t)
	}},
	{"clean close of all", true, func(s *schedule, _ *target) {
		s.note("all streams are closed")
		s.excuseAll(1)
		s.sim.CloseStreams()
	}},
	{"connections cut", true, func(s *schedule, _ *target) {
		s.note("all connections are cut")
		s.excuseAll(2)
		s.sim.DropConnections()
	}},
	{"connections half-open", true, func(s *schedule, _ *target) {
		s.note("all connections are half-open")
		s.excuseAll(2)
		s.sim.StallConnections()
	}},
	{"server away", true, func(s *schedule, _ *target) {
		s.note("the server is away")
		s.excuseAll(2)
		s.ailing(func() { s.sim.Refuse(true) }, func() { s.sim.Refuse(false) })
	}},
	{"compaction", true, func(s *schedule, _ *target) {
		s.note("compacted at %d", s.sim.Revision())
		s.excuseAll(2)
		s.must(s.sim.Compact(s.sim.Revision()))
	}},
	{"rewind", true, (*schedule).rewind},
	{"sleep", true, (*schedule).sleep},
}

// verb is what a fault concerns.
func (s *schedule) verb() string { return []string{"", "list", "watch", "watch"}[s.rng.IntN(4)] }

// inject puts a fault to work, for one to three hits or without end, and takes it back after a while.
func (s *schedule) inject(t *target, verb string, a sim.Action) {
	times := s.rng.IntN(4)
	if c, ok := a.(sim.CloseStream); ok && c.After > 0 { // a clean close after an event is answered at once, whenever it comes
		times = max(times, 1)
	}
	s.injectFor(t, verb, times, a)
}

func (s *schedule) injectFor(t *target, verb string, times int, a sim.Action) {
	all := !s.aimed && s.rng.IntN(5) == 0
	skip, d := s.rng.IntN(3), s.some(90*time.Second)
	for _, other := range s.targets {
		if other != t && !all {
			continue
		}
		other.excuse(max(times, 3))
		i := s.sim.Inject(sim.Fault{Match: sim.Match{Verb: verb, Resource: other.kind.ResourceName()}, Skip: skip, Times: times, Action: a})
		s.note("%s %s: %T%+v, skipping %d, times %d, for %s", verb, other.kind, a, a, skip, times, d)
		s.lasting = append(s.lasting, lasting{time.Now().Add(d), i.Remove})
		if lies(a) {
			other.history.lie(1)
			s.lasting = append(s.lasting, lasting{time.Now().Add(d), func() {
				other.history.lie(-1)
				if _, ok := a.(sim.Trickle); ok {
					other.history.slow = other.history.since
				}
			}})
		}
		s.moment()
	}
}

// lies reports whether a client can be told what is wrong, or older than it seems, without a sign of it.
func lies(a sim.Action) bool {
	switch a.(type) {
	case sim.DropEvent, sim.StalePages, sim.Trickle:
		return true
	case sim.ReorderEvent: // when the stream is cut between the two, the watch resumes behind the one that was late
		return true
	case sim.Stall: // of the events that were missed some may be delivered, and the others not
		return true
	}
	return false
}

// ailing does something and, after a while, its opposite.
func (s *schedule) ailing(do, undo func()) {
	do()
	s.lasting = append(s.lasting, lasting{time.Now().Add(s.some(60 * time.Second)), undo})
}

func (s *schedule) excuseAll(n int) {
	for _, t := range s.targets {
		t.excuse(n)
	}
}

// rewind takes the server back by some revisions, as an etcd that is restored from a backup.
// What is done again afterwards may be the same changes with another outcome, under the same versions.
func (s *schedule) rewind(t *target) {
	var again []int
	to := s.sim.Revision()
	if s.rng.IntN(2) == 0 {
		for i := range t.alive {
			if t.alive[i] && len(again) < 5 {
				again = append(again, i)
				s.update(t, i)
			}
		}
		s.pass(s.some(3 * time.Second))
	} else {
		to -= min(to, uint64(s.rng.IntN(40)))
	}
	for _, t := range s.targets {
		t.history.lie(1)
	}
	err := s.sim.Rewind(to)
	s.note("rewound to %d: %v", to, err)
	for _, t := range s.targets {
		if err == nil {
			s.rewound(t)
		}
		t.history.lie(-1)
		t.excuse(3)
	}
	for _, i := range again {
		if t.alive[i] {
			s.update(t, i)
		}
	}
}

// sleep is a machine that sleeps: its connections may be dead when it wakes, and the server's history gone.
func (s *schedule) sleep(*target) {
	dead, compacted := s.rng.IntN(2) == 0, s.rng.IntN(3) == 0
	s.note("slept; connections dead: %v, compacted: %v", dead, compacted)
	if dead {
		s.sim.StallConnections()
	}
	s.moment()
	for _, t := range s.targets {
		for range s.rng.IntN(5) {
			s.churn(t)
		}
	}
	s.moment()
	if compacted {
		s.must(s.sim.Compact(s.sim.Revision()))
	}
	s.moment()
	for _, t := range s.targets {
		t.excuse(2)
		t.history.mu.Lock()
		t.history.slept = time.Now()
		t.history.mu.Unlock()
		if t.running() {
			t.watcher.Suspend()
		}
	}
	s.client.CloseIdle()
	s.moment()
	s.check()
}
