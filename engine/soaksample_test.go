//go:build integration

package engine

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sampleEvery is the period of the samples.
const sampleEvery = 10 * time.Second

// profileEvery is how many samples lie between two heap profiles, which tell what has grown if something has.
const profileEvery = 12

// sample is what one moment of a soak is like.
type sample struct {
	at                       time.Duration // since the start
	heap, rss                uint64        // bytes; the heap after a collection
	goroutines               int
	objects, fresh, watchers int
	changes                  int64
	connections              int64
	relists, restarts        float64
	dropped                  uint64
}

// sampler writes samples.csv and keeps what the figures at the end are made of.
type sampler struct {
	s       *soak
	file    *os.File
	csv     *csv.Writer
	samples []sample

	// By metric, kind and reason. A kind that went away has its series dropped, so that what they reached is added up.
	last, total map[[3]string]float64
}

func (s *soak) sampler() *sampler {
	dir := filepath.Dir(s.events.Name())
	f := createFile(s.t, filepath.Join(dir, "samples.csv"))
	p := &sampler{s: s, file: f, csv: csv.NewWriter(f), last: map[[3]string]float64{}, total: map[[3]string]float64{}}
	_ = p.csv.Write([]string{"seconds", "heap_bytes", "rss_bytes", "goroutines", "objects", "fresh", "watchers", "changes", "connections", "relists", "restarts", "dropped"})
	p.count() // what came before, the first lists, is left out
	clear(p.total)
	return p
}

// run samples until done is closed.
func (p *sampler) run(done <-chan struct{}) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	counts := time.NewTicker(time.Second)
	defer counts.Stop()
	for {
		select {
		case <-done:
			p.take()
			return
		case <-counts.C:
			p.count()
		case <-tick.C:
			p.take()
		}
	}
}

// count adds up what the engine's counters have grown by.
func (p *sampler) count() {
	families, err := p.s.engine.metrics.registry.Gather()
	if err != nil {
		p.s.lie("metrics: %v", err)
		return
	}
	now := map[[3]string]float64{}
	for _, f := range families {
		if f.GetName() != "orka_relist_total" && f.GetName() != "orka_watch_restarts_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			key := [3]string{f.GetName()}
			for _, l := range m.GetLabel() {
				if l.GetName() == "kind" {
					key[1] = l.GetValue()
				} else {
					key[2] = l.GetValue()
				}
			}
			now[key] = m.GetCounter().GetValue()
		}
	}
	for key, n := range now {
		if was := p.last[key]; n >= was {
			p.total[key] += n - was
		} else {
			p.total[key] += n
		}
	}
	p.last = now
}

func (p *sampler) take() {
	p.count()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if len(p.samples)%profileEvery == 0 {
		p.profile()
	}
	v := p.s.engine.View()
	stats := p.s.engine.store.Stats()
	x := sample{
		at: time.Since(p.s.started), heap: m.HeapAlloc, rss: residentBytes(), goroutines: runtime.NumGoroutine(),
		objects: stats.Objects, dropped: stats.Dropped, watchers: len(v.Health.Watchers),
		changes: p.s.load.changes(), connections: p.s.proxy.Accepted(),
	}
	for _, st := range v.Health.Watchers {
		if calm(st, time.Now()) {
			x.fresh++
		}
	}
	for key, n := range p.total {
		if key[0] == "orka_relist_total" {
			x.relists += n
		} else {
			x.restarts += n
		}
	}
	p.samples = append(p.samples, x)
	u := strconv.FormatUint
	n := func(i int) string { return strconv.Itoa(i) }
	_ = p.csv.Write([]string{
		strconv.FormatFloat(x.at.Seconds(), 'f', 1, 64), u(x.heap, 10), u(x.rss, 10), n(x.goroutines), n(x.objects), n(x.fresh), n(x.watchers),
		strconv.FormatInt(x.changes, 10), strconv.FormatInt(x.connections, 10), n(int(x.relists)), n(int(x.restarts)), u(x.dropped, 10),
	})
	p.csv.Flush()
}

func (p *sampler) profile() {
	f := createFile(p.s.t, filepath.Join(filepath.Dir(p.file.Name()), fmt.Sprintf("heap-%03d.pprof", len(p.samples)/profileEvery)))
	if err := pprof.Lookup("heap").WriteTo(f, 0); err != nil {
		p.s.note("heap profile: %v", err)
	}
}

// report prints the figures and fails when heap or goroutines have grown.
func (p *sampler) report(t *testing.T, faults map[string]int) {
	t.Helper()
	l := p.s.load
	end := p.samples[len(p.samples)-1]
	t.Logf("%d changes in %s, %.0f a second, outages included (%d creates, %d updates, %d deletes; %d writes not answered, %d refused), %d objects in %d watched scopes at the end",
		l.changes(), *soakDuration, float64(l.changes())/soakDuration.Seconds(), l.creates.Load(), l.updates.Load(), l.deletes.Load(), l.unanswered.Load(), l.refused.Load(), end.objects, end.watchers)
	names := slices.Sorted(maps.Keys(faults))
	n := 0
	for i, name := range names {
		n += faults[name]
		names[i] = fmt.Sprintf("%s %d", name, faults[name])
	}
	t.Logf("%d faults: %s", n, strings.Join(names, ", "))
	t.Logf("relists: %s", p.byReason("orka_relist_total"))
	t.Logf("streams started again: %s", p.byReason("orka_watch_restarts_total"))
	t.Logf("%d connections, %d changes dropped by a full store", end.connections, end.dropped)
	calm := 0
	for _, x := range p.samples {
		if x.fresh == x.watchers {
			calm++
		}
	}
	t.Logf("%d samples, in %d of them everything was fresh", len(p.samples), calm)
	quarter := len(p.samples) / 4
	if quarter < 10 {
		t.Logf("too short to judge growth: heap %.1f MB, %d goroutines at the end", mb(end.heap), end.goroutines)
		return
	}
	first, last := p.samples[:quarter], p.samples[len(p.samples)-quarter:]
	heap := func(x sample) uint64 { return x.heap }
	rss := func(x sample) uint64 { return x.rss }
	goroutines := func(x sample) int { return x.goroutines }
	t.Logf("median of the first and of the last quarter: heap %.1f and %.1f MB, RSS %.1f and %.1f MB, goroutines %d and %d",
		mb(median(first, heap)), mb(median(last, heap)), mb(median(first, rss)), mb(median(last, rss)), median(first, goroutines), median(last, goroutines))
	if a, b := median(first, heap), median(last, heap); float64(b) > float64(a)*1.15+4e6 {
		t.Errorf("the heap grew from %.1f to %.1f MB", mb(a), mb(b))
	}
	if a, b := median(first, goroutines), median(last, goroutines); b > a+a/5+20 {
		t.Errorf("goroutines grew from %d to %d", a, b)
	}
}

func (p *sampler) byReason(metric string) string {
	sums := map[string]float64{}
	for key, n := range p.total {
		if key[0] == metric {
			sums[key[2]] += n
		}
	}
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, fmt.Sprintf("%s %.0f", reason, sums[reason]))
	}
	return strings.Join(out, ", ")
}

func mb(n uint64) float64 { return float64(n) / 1e6 }

func median[T cmp.Ordered](samples []sample, of func(sample) T) T {
	values := make([]T, len(samples))
	for i, x := range samples {
		values[i] = of(x)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
