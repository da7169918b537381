package ui

import (
	"slices"
	"time"

	"orka/engine"
)

// The lengths of what the meter remembers: searches for their percentiles, and one memory sample a second for the
// sparkline.
const (
	meterSearches = 256
	meterSamples  = 120
)

// meter measures what only the screen can: how long its searches took, and how memory moved while it watched.
type meter struct {
	searches []time.Duration // ring
	next     int
	total    int
	partial  int
	rss      []uint64 // oldest first
}

func (t *meter) search(d time.Duration, partial bool) {
	if len(t.searches) < meterSearches {
		t.searches = append(t.searches, d)
	} else {
		t.searches[t.next] = d
	}
	t.next = (t.next + 1) % meterSearches
	t.total++
	if partial {
		t.partial++
	}
}

// percentile is the p-th percentile of the searches remembered, 0 when there were none.
func (t *meter) percentile(p int) time.Duration {
	if len(t.searches) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.searches))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

func (t *meter) sample(v *engine.View) {
	t.rss = append(t.rss, used(v.Health.Memory))
	if extra := len(t.rss) - meterSamples; extra > 0 {
		t.rss = slices.Delete(t.rss, 0, extra)
	}
}

// used is the memory held against the budget: resident where the platform says, else the heap.
func used(m engine.Memory) uint64 {
	if m.RSS > 0 {
		return m.RSS
	}
	return m.Heap
}

// sparkline draws samples in at most w cells, the newest at the right, on a scale from 0 to the largest.
func sparkline(samples []uint64, w int, ascii bool) string {
	steps := []rune("▁▂▃▄▅▆▇█")
	if ascii {
		steps = []rune("_.-=+*#@")
	}
	if len(samples) > w {
		samples = samples[len(samples)-w:]
	}
	if len(samples) == 0 {
		return ""
	}
	top := max(1, slices.Max(samples))
	out := make([]rune, len(samples))
	for i, s := range samples {
		out[i] = steps[min(len(steps)-1, int(s*uint64(len(steps))/(top+1)))] //nolint:gosec // below len(steps)
	}
	return string(out)
}

// gauge draws a bar of w cells for value against limit.
func gauge(th *theme, value, limit uint64, w int) string {
	n := 0
	if limit > 0 {
		n = min(w, int((value*uint64(w)+limit-1)/limit)) //nolint:gosec // small
	}
	bar := make([]byte, 0, w*3)
	for i := range w {
		if i < n {
			bar = append(bar, th.glyph.full...)
		} else {
			bar = append(bar, th.glyph.empty...)
		}
	}
	return string(bar)
}
