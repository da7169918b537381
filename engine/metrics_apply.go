package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// applyMetrics count what became of changes.
type applyMetrics struct {
	attempts, ok, err, dryOK, stale prometheus.Counter
	latency                         *prometheus.HistogramVec
	put, get                        prometheus.Histogram
}

// The steps that apply_latency_ms tells apart.
const (
	stepDryRun = "dry-run"
	stepCommit = "commit"
)

func newApplyMetrics() applyMetrics {
	m := applyMetrics{
		attempts: counter("apply_attempts", "Commits begun."),
		ok:       counter("apply_ok", "Commits that the server took."),
		err:      counter("apply_err", "Commits that were refused, failed, or whose outcome is unknown."),
		dryOK:    counter("apply_dry_ok", "Dry-runs that the server answered."),
		stale:    counter("apply_stale_blocked_total", "Commits held back because the view or the object was out of date."),
		latency:  histogramVec("apply_latency_ms", "Time of a dry-run or a commit, all of its requests.", msBuckets, "step"),
		put:      histogram("history_put_ms", "Time to write a record of the history durably."),
		get:      histogram("history_get_ms", "Time to read from the history."),
	}
	for _, step := range []string{stepDryRun, stepCommit} {
		m.latency.WithLabelValues(step) // there from the start, at zero
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "orka", Name: name, Help: help})
}

func (m *applyMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.attempts, m.ok, m.err, m.dryOK, m.stale, m.latency, m.put, m.get}
}

func (m *applyMetrics) observe(step string, took time.Duration) {
	m.latency.WithLabelValues(step).Observe(ms(took))
}

// history takes the time of one operation of the history: "put" or "get".
func (m *applyMetrics) history(op string, took time.Duration) {
	if op == "put" {
		m.put.Observe(ms(took))
		return
	}
	m.get.Observe(ms(took))
}
