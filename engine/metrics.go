package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"orka/shard"
	"orka/watch"
)

// metrics are the counters and histograms that only grow where things happen; gauges are read from the View
// when scraped (viewCollector). No label carries an object's or a namespace's name.
type metrics struct {
	registry    *prometheus.Registry
	restarts    *prometheus.CounterVec
	relists     *prometheus.CounterVec
	backoff     prometheus.Histogram
	batch       *prometheus.HistogramVec
	build       *prometheus.HistogramVec
	merge, swap prometheus.Histogram
	lag         prometheus.Histogram
	candidates  prometheus.Histogram
	eval        prometheus.Histogram
	partial     prometheus.Counter
	applied     applyMetrics
}

// msBuckets spans a page swap (tens of microseconds) to a stuck build (seconds), in milliseconds.
var msBuckets = prometheus.ExponentialBuckets(0.05, 2.5, 14)

func newMetrics() *metrics {
	m := &metrics{
		registry:   prometheus.NewRegistry(),
		restarts:   counterVec("watch_restarts_total", "Watch streams started again, by kind and reason.", "kind", "reason"),
		relists:    counterVec("relist_total", "Lists after the first, by kind and reason.", "kind", "reason"),
		backoff:    histogram("watch_backoff_ms", "Pauses between attempts of a watcher."),
		batch:      histogramVec("ingest_batch_size", "Distinct objects per build.", prometheus.ExponentialBuckets(1, 4, 8), "shard"),
		build:      histogramVec("shard_build_ms", "Time to build a shard's next version.", msBuckets, "shard"),
		merge:      histogram("shard_merge_ms", "Time to compose a World of its shards."),
		swap:       histogram("snapshot_swap_ms", "Time from the first dirty shard of a batch to the published World."),
		lag:        histogram("ingest_lag_ms", "Time from a delta's arrival to the World that holds it."),
		candidates: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "orka", Name: "search_candidates", Help: "Documents that passed the masks and filters, per search.", Buckets: prometheus.ExponentialBuckets(1, 8, 8)}),
		eval:       histogram("search_eval_ms", "Time of one search."),
		partial:    counter("search_partial_total", "Searches answered with a partial result."),
		applied:    newApplyMetrics(),
	}
	m.registry.MustRegister(m.restarts, m.relists, m.backoff, m.batch, m.build, m.merge, m.swap, m.lag, m.candidates, m.eval, m.partial,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.applied.collectors()...)
	return m
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "orka", Name: name, Help: help}, labels)
}

func histogram(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "orka", Name: name, Help: help, Buckets: msBuckets})
}

func histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "orka", Name: name, Help: help, Buckets: buckets}, labels)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// shardLabel is "pods/3": resource and bucket. Under the exact-namespace planner the bucket is the same for
// all, so the label never carries a namespace.
func shardLabel(k shard.Key) string {
	return k.Kind.ResourceName() + "/" + strconv.Itoa(int(k.Bucket))
}

func (m *metrics) onBuild(s shard.BuildStats) {
	m.batch.WithLabelValues(shardLabel(s.Key)).Observe(float64(s.Batch))
	m.build.WithLabelValues(shardLabel(s.Key)).Observe(ms(s.Took))
}

func (m *metrics) onPublish(s shard.PublishStats) {
	m.merge.Observe(ms(s.Merge))
	m.swap.Observe(ms(s.Swap))
	m.lag.Observe(ms(s.Lag))
}

// onStatus counts what happened between two statuses of one watcher; prev is nil for the first.
func (m *metrics) onStatus(prev, s *watch.Status) {
	if prev == nil {
		prev = &watch.Status{}
	}
	kind, reason := s.Scope.Kind.ResourceName(), string(s.Reason)
	if n := s.Restarts - prev.Restarts; s.Restarts > prev.Restarts {
		m.restarts.WithLabelValues(kind, reason).Add(float64(n))
	}
	if n := s.Relists - prev.Relists; s.Relists > prev.Relists {
		m.relists.WithLabelValues(kind, reason).Add(float64(n))
	}
	if s.Phase == watch.Backoff && !s.RetryAt.Equal(prev.RetryAt) {
		m.backoff.Observe(ms(s.RetryAt.Sub(s.Since)))
	}
}

// ObserveSearch records one search, from wherever it was made.
func (e *Engine) ObserveSearch(candidates int, took time.Duration, partial bool) {
	e.metrics.candidates.Observe(float64(candidates))
	e.metrics.eval.Observe(ms(took))
	if partial {
		e.metrics.partial.Inc()
	}
}

// forget drops the series of a kind that is gone: types that come and go must not add up.
func (m *metrics) forget(kind *watch.Kind, buckets int) {
	labels := prometheus.Labels{"kind": kind.ResourceName()}
	m.restarts.DeletePartialMatch(labels)
	m.relists.DeletePartialMatch(labels)
	for b := range buckets {
		label := shardLabel(shard.Key{Kind: kind, Bucket: uint16(b)}) //nolint:gosec // buckets are at most 1024
		m.batch.DeleteLabelValues(label)
		m.build.DeleteLabelValues(label)
	}
}

// handler serves the registry in Prometheus's text format.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// listenMetrics opens the metrics address; nil when metrics are off.
func (e *Engine) listenMetrics(ctx context.Context) (net.Listener, error) {
	if e.cfg.MetricsAddr == "" {
		return nil, nil //nolint:nilnil // off is no error
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", e.cfg.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("metrics endpoint %s: %w; choose another ORKA_METRICS_ADDR or leave it empty", e.cfg.MetricsAddr, err)
	}
	return l, nil
}

// serveMetrics serves /metrics until ctx ends.
func (e *Engine) serveMetrics(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.Handle("/metrics", e.metrics.handler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics endpoint %s: %w", e.cfg.MetricsAddr, err)
	}
	return nil
}
