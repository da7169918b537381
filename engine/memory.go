package engine

import (
	"context"
	"math"
	"os"
	"runtime/debug"
	gometrics "runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"time"

	"orka/watch"
)

// gaugeEvery is the period of the memory gauges.
const gaugeEvery = time.Second

// The stages, by share of the budget.
const (
	stageOK       = "ok"
	stageSoft     = "soft"     // 70%
	stageHard     = "hard"     // 85%
	stageCritical = "critical" // 95%
)

const (
	// calmPercent is below what share of the budget a stage may be left, once it has stayed there for calmFor: shedding
	// and filling must not alternate.
	calmPercent = 60
	calmFor     = 30 * time.Second
)

// bodiesEvery is how often bodies that nobody looked at for DropRawTTL are let go.
const bodiesEvery = 10 * time.Second

// gaugeLoop reads the gauges once a second and has a View published only when a person would see a difference.
// Under pressure all bodies go at once: nothing but the detail screens needs them, and those fetch live.
func (e *Engine) gaugeLoop(ctx context.Context) error {
	tick := time.NewTicker(gaugeEvery)
	defer tick.Stop()
	swept := time.Now()
	synced := false
	shown := e.memory.Load()
	p := pressure{stage: stageOK}
	for {
		if !synced && e.settled() {
			synced = true
			debug.FreeOSMemory() // the first lists leave garbage of several times what is kept
		}
		m := e.readMemory(&p)
		old := e.memory.Swap(m)
		if m.Stage != old.Stage {
			e.cfg.Logger.Warn("memory stage", "stage", m.Stage, "was", old.Stage, "rss", m.RSS, "budget", m.Budget)
		}
		if m.Stage != stageOK || time.Since(swept) >= bodiesEvery {
			swept = time.Now()
			e.dropBodies(swept, m.Stage != stageOK)
		}
		if stageRank(m.Stage) > stageRank(old.Stage) {
			debug.FreeOSMemory() // what was let go counts against the budget until it is given back
		}
		if visibly(shown, m) {
			shown = m
			post(e.dirty)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// settled reports whether every watcher is past its first list, or can't have one now.
func (e *Engine) settled() bool {
	v := e.View()
	for _, s := range v.Health.Watchers {
		if !s.Complete && (s.Phase == watch.Queued || s.Phase == watch.Listing) {
			return false
		}
	}
	return len(v.Health.Watchers) > 0
}

// dropBodies lets go of bodies that nobody looked at for the knob's time, or of all under pressure.
func (e *Engine) dropBodies(now time.Time, pressure bool) {
	keep := uint64(math.MaxUint64)
	switch {
	case pressure:
		keep = 0
	case e.cfg.MaxRawBytes > 0:
		keep = e.cfg.MaxRawBytes
	}
	if n := e.store.DropBodies(now.Add(-e.cfg.DropRawTTL), keep); n > 0 {
		e.cfg.Logger.Info("bodies dropped", "count", n, "pressure", pressure)
	}
}

// visibly reports whether a gauge moved by a hundredth of the budget, or the stage changed.
func visibly(old, now *Memory) bool {
	step := now.Budget / 100
	diff := max(old.RSS, now.RSS) - min(old.RSS, now.RSS)
	return diff > step || old.Stage != now.Stage
}

func (e *Engine) readMemory(p *pressure) *Memory {
	v, st := e.View(), e.store.Stats()
	m := &Memory{
		RSS:    residentBytes(),
		Heap:   heapBytes(),
		Budget: e.cfg.MaxRSS,
		Classes: []MemoryClass{
			{Name: "snapshot", Bytes: st.SnapshotBytes},
			{Name: "index", Bytes: uint64(max(v.Index.Bytes(), 0))}, //nolint:gosec // not negative
			{Name: "bodies", Bytes: st.RawBytes, Cap: e.cfg.MaxRawBytes},
		},
	}
	used := m.RSS
	if used == 0 {
		used = m.Heap
	}
	m.Stage = p.next(used, m.Budget, time.Now())
	return m
}

// pressure is the stage in force. It rises at once and falls only after calmFor below calmPercent.
type pressure struct {
	stage string
	calm  time.Time // since when it is below calmPercent; zero when it isn't
}

// next takes a reading and returns the stage in force.
func (p *pressure) next(used, budget uint64, now time.Time) string {
	is := stageOf(used, budget)
	switch {
	case stageRank(is) >= stageRank(p.stage):
		p.stage, p.calm = is, time.Time{}
	case percentOf(used, budget) >= calmPercent:
		p.calm = time.Time{}
	case p.calm.IsZero():
		p.calm = now
	case now.Sub(p.calm) >= calmFor:
		p.stage, p.calm = is, time.Time{}
	}
	return p.stage
}

func stageRank(stage string) int {
	return slices.Index([]string{stageOK, stageSoft, stageHard, stageCritical}, stage)
}

// percentOf is used as a share of the budget.
func percentOf(used, budget uint64) uint64 {
	return uint64(float64(used) * 100 / float64(max(budget, 1)))
}

func stageOf(used, budget uint64) string {
	switch percent := percentOf(used, budget); {
	case percent >= 95:
		return stageCritical
	case percent >= 85:
		return stageHard
	case percent >= 70:
		return stageSoft
	default:
		return stageOK
	}
}

// residentBytes is the resident set from /proc/self/statm; 0 on platforms without it.
func residentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize()) //nolint:gosec // a page size is positive
}

func heapBytes() uint64 {
	sample := []gometrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	gometrics.Read(sample)
	if sample[0].Value.Kind() != gometrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
