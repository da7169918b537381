package engine

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"orka/watch/sim"
)

var (
	seedFlag  = flag.Uint64("engine.seed", 0, "run the random tests with this seed alone; with -engine.seeds, from it on")
	seedsFlag = flag.Int("engine.seeds", 0, "run the random tests with so many seeds")
)

// eachSeed runs a script for a few seeds, or for those the flags ask for. A failing one prints how to run it again: that
// gives the same script, though not each wait of the engine, whose jitter is drawn anew.
func eachSeed(t *testing.T, few int, run func(t *testing.T, s *script)) {
	first, n := max(*seedFlag, 1), *seedsFlag
	if n == 0 {
		n = few
		if *seedFlag != 0 {
			n = 1
		}
	}
	for i := range n {
		seed := first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := &script{rng: rand.New(rand.NewPCG(seed, 3)), t: t}
			defer func() {
				if t.Failed() {
					t.Logf("to run it again:\n  go test ./engine -run '^%s$' -engine.seed %d\nwhat was done:\n  %s",
						strings.Split(t.Name(), "/")[0], seed, strings.Join(s.notes, "\n  "))
				}
			}()
			run(t, s)
		})
	}
}

// script is a random run of an engine.
type script struct {
	rng    *rand.Rand
	t      *testing.T
	server *sim.Server
	engine *Engine
	began  time.Time
	notes  []string
	undo   []lasting
	always func() // is checked at every step
}

type lasting struct {
	at time.Time
	do func()
}

func (s *script) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf("%8.3fs ", time.Since(s.began).Seconds())+fmt.Sprintf(format, args...))
}

// pass lets virtual time pass, a few seconds at a time.
func (s *script) pass(d time.Duration) {
	for d > 0 {
		slice := min(d, 5*time.Second)
		time.Sleep(slice)
		d -= slice
		s.undo = slices.DeleteFunc(s.undo, func(l lasting) bool {
			due := !time.Now().Before(l.at)
			if due {
				l.do()
			}
			return due
		})
		synctest.Wait()
		s.always()
	}
}

func (s *script) some(d time.Duration) time.Duration {
	return time.Duration(1 + s.rng.Int64N(int64(d)))
}

// for a while injects a fault.
func (s *script) forAWhile(f sim.Fault) {
	d := s.some(90 * time.Second)
	s.note("%T%+v of %+v for %s", f.Action, f.Action, f.Match, d)
	s.undo = append(s.undo, lasting{time.Now().Add(d), s.server.Inject(f).Remove})
}

func (s *script) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run does acts at random, then ends what ails the server and lets everything come to rest.
func (s *script) run(acts []func()) {
	for range 40 {
		for range s.rng.IntN(3) {
			acts[s.rng.IntN(len(acts))]()
			time.Sleep(time.Millisecond)
		}
		s.pass(s.some(30 * time.Second))
	}
	s.note("healed")
	for _, l := range s.undo {
		l.do()
	}
	s.undo = nil
	s.server.Heal()
	s.server.Refuse(false)
	s.pass(20 * time.Minute) // discovery, permissions and relists have had their period, after any back-off
}
