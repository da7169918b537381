package watch_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"orka/shard"
	"orka/watch"
	"orka/watch/sim"
)

var (
	seedFlag  = flag.Uint64("watch.seed", 0, "run the random tests with this seed alone; with -watch.seeds, from it on")
	seedsFlag = flag.Int("watch.seeds", 0, "run the random tests with so many seeds")
)

// seeds are those the flags ask for, or few of them and the committed ones.
func seeds(few int, committed ...uint64) []uint64 {
	first, n := max(*seedFlag, 1), *seedsFlag
	switch {
	case *seedFlag == 0 && n == 0:
		n = few
	case n == 0:
		return []uint64{*seedFlag}
	default:
		committed = nil
	}
	for i := range n {
		if seed := first + uint64(i); !slices.Contains(committed, seed) {
			committed = append(committed, seed)
		}
	}
	return committed
}

// TestRandomFaults composes every fault that the simulated server knows with changes at random, checks at every step what
// must hold then (I2, I3, I5, I6), heals, and checks that the store agrees with the server (I1, I4, I7). A failing seed
// prints how to run it again, which gives the same run, and what was done.
func TestRandomFaults(t *testing.T) {
	var committed []uint64
	for _, c := range scheduleCases {
		committed = append(committed, c.seed)
	}
	for _, seed := range seeds(12, committed...) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			runSchedule(t, seed)
		})
	}
}

// TestScheduleReplays runs seeds twice: a seed that is printed must give the run that failed.
func TestScheduleReplays(t *testing.T) {
	for _, seed := range seeds(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			first, second := runSchedule(t, seed), runSchedule(t, seed)
			for i := range min(len(first), len(second)) {
				if first[i] != second[i] {
					t.Fatalf("the runs part at line %d of %d and %d:\n%s\n%s", i, len(first), len(second), strings.Join(first[max(0, i-3):i+1], "\n"), second[i])
				}
			}
			if len(first) != len(second) {
				t.Errorf("runs of %d and %d lines", len(first), len(second))
			}
		})
	}
}

// schedule is one run. Its random decisions are made by the test's own goroutine alone.
type schedule struct {
	*rig
	seed      uint64
	rng       *rand.Rand
	began     time.Time
	targets   []*target
	links     *links
	memoryCap uint64
	aimed     bool // no fault concerns the bystander
	lasting   []lasting
	giants    bool // objects above what is decoded: rarely, as they take their time
	quiet     bool
	notes     []string
}

// lasting is a fault that is taken back after a while.
type lasting struct {
	until time.Time
	end   func()
}

// runSchedule runs one seed and returns its log: every request and, at its end, every status.
func runSchedule(t *testing.T, seed uint64) (log []string) {
	s := &schedule{seed: seed, rng: rand.New(rand.NewPCG(seed, 1))}
	s.aimed = s.rng.IntN(3) == 0
	cfg := sim.Config{Seed: seed, TLS: s.rng.IntN(3) == 0, History: []int{40, 10_000}[s.rng.IntN(2)], OnSend: s.heard}
	store := shard.Config{
		KeepBodies: true, Workers: 2, Planner: shard.Modulo(1 + s.rng.IntN(4)),
		QueueCap: []int{16, 0}[s.rng.IntN(2)], MaxRawBytes: []uint64{0, 0, 4 << 10}[s.rng.IntN(3)],
	}
	s.memoryCap = store.MaxRawBytes
	defer func() {
		if t.Failed() {
			t.Logf("seed %d; to run it again:\n  go test ./watch -run '^TestRandomFaults$' -watch.seed %d\nwhat was done:\n  %s", seed, seed, strings.Join(s.notes, "\n  "))
		}
	}()
	inRigOf(t, cfg, store, func(r *rig) {
		s.rig, s.began = r, time.Now()
		s.run()
		log = s.log()
	})
	return log
}

func (s *schedule) run() {
	s.cfg.PageLimit = 4 + s.rng.IntN(20)
	s.cfg.RelistEvery = time.Duration(20+s.rng.IntN(280)) * time.Second
	s.giants = s.rng.IntN(25) == 0
	s.links = &links{held: map[string]time.Time{}}
	s.makeTargets()
	s.note("aimed=%v relist every %s, pages of %d", s.aimed, s.cfg.RelistEvery, s.cfg.PageLimit)
	for _, t := range s.targets {
		for range 25 {
			s.churn(t)
		}
		s.startTarget(t)
	}
	reader := s.read()
	s.pass(5 * time.Second)
	for range 30 {
		for range []int{0, 1, 1, 2, 3}[s.rng.IntN(5)] {
			s.act()
			s.moment()
		}
		for range s.rng.IntN(12) {
			s.churn(s.targets[s.rng.IntN(len(s.targets))])
			if s.rng.IntN(3) == 0 {
				s.pass(s.some(2 * time.Second))
			}
		}
		s.moment()
		s.pass(s.some(40 * time.Second))
	}
	s.settle()
	reader()
}

// settle ends all faults, waits until every retry and relist is due, and checks what must hold then.
func (s *schedule) settle() {
	s.note("healed")
	s.quiet = true
	for _, l := range s.lasting {
		l.end()
	}
	s.lasting = nil
	s.sim.Refuse(false)
	s.sim.Heal()
	for _, t := range s.targets {
		t.door.open()
		s.startTarget(t)
	}
	s.pass(s.cfg.RelistEvery*11/10 + 7*time.Minute)
	for _, t := range s.targets {
		recovered := func(st *watch.Status) bool {
			return st.Fresh(time.Now()) || st.Phase == watch.Polling && !t.kind.Watchable()
		}
		if !recovered(t.watcher.Status()) { // a relist may be on its way
			s.rig.pass(10 * time.Second)
		}
		st := t.watcher.Status()
		if !recovered(st) {
			s.t.Errorf("%s has not recovered: %+v", t.kind, *st)
		}
		s.agrees(t.kind)
		neverFreshUnheard(s.rig, t.kind)
		s.boundedRequests(t)
		if dropped := t.door.droppedIn(); dropped >= st.Generation {
			s.t.Errorf("%s: an event of generation %d was dropped, and no list came after it", t.kind, dropped)
		}
	}
	kept := s.store.Stats().RawBytes
	for range 3 { // those of a list that has just come, in a block that is yet to be compressed, are above it for a moment
		if s.memoryCap > 0 && kept > s.memoryCap {
			s.rig.pass(5 * time.Second)
			kept = s.store.Stats().RawBytes
		}
	}
	if s.memoryCap > 0 && kept > s.memoryCap {
		s.t.Errorf("%d bytes of bodies are kept, above the cap of %d", kept, s.memoryCap)
	}
}

// pass lets virtual time pass and checks, every few seconds of it, what must hold at any time.
func (s *schedule) pass(d time.Duration) {
	step := 5 * time.Second
	if s.quiet {
		step = 20 * time.Second
	}
	for d > 0 {
		slice := min(d, step)
		s.rig.pass(slice)
		d -= slice
		now := time.Now()
		s.lasting = slices.DeleteFunc(s.lasting, func(l lasting) bool {
			if now.Before(l.until) {
				return false
			}
			l.end()
			return true
		})
		synctest.Wait()
		s.check()
	}
}

// some is a random duration up to d, no round one: nothing that the schedule does falls together with a timer.
func (s *schedule) some(d time.Duration) time.Duration {
	return time.Duration(1 + s.rng.Int64N(int64(d)))
}

// moment is a pause that keeps things apart that would otherwise happen in one instant, in any order.
func (s *schedule) moment() { s.rig.pass(137 * time.Microsecond) }

func (s *schedule) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf("%9.3fs ", time.Since(s.began).Seconds())+fmt.Sprintf(format, args...))
}

// log is the run as the server and a person saw it. What happened at one time is in no order.
func (s *schedule) log() []string {
	var lines []string
	for _, q := range s.requestsOf(sim.Match{}) {
		lines = append(lines, fmt.Sprintf("%15d %s %s %s", q.At.Sub(s.began), q.Verb, q.Path, q.Query))
	}
	slices.Sort(lines)
	for _, t := range s.targets {
		st := t.watcher.Status()
		lines = append(lines, fmt.Sprintf("%s %s %s checkpoint %s, %d restarts, %d relists, confirmed %d", t.kind, st.Phase, st.Reason, st.Checkpoint,
			st.Restarts, st.Relists, st.ConfirmedAt.Sub(s.began)))
	}
	h := fnv.New64()
	for _, o := range slices.Collect(s.store.World().All()) {
		fmt.Fprintln(h, o.NamespacedName(), o.UID, o.ResourceVersion)
	}
	return append(lines, fmt.Sprintf("world %x", h.Sum64()))
}
