package engine

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"orka/watch"
)

// viewCollector reads the gauges of the newest View when scraped.
type viewCollector struct{ e *Engine }

var (
	descWatchers  = desc("watchers", "Watchers by phase.", "phase")
	descConfirmed = desc("watch_confirmed_age_seconds", "Seconds since the last confirmation, by kind; the oldest of its watchers.", "kind")
	descLen       = desc("coalescer_len", "Distinct objects waiting to be built.", "shard")
	descDropped   = desc("coalescer_dropped_total", "Events refused by a full queue; each leads to a relist.", "shard")
	descEpoch     = desc("ingest_epoch", "Epoch of the published World.")
	descItems     = desc("snapshot_items", "Objects in the World.")
	descSnapshot  = desc("snapshot_bytes", "Accounted bytes of the World.")
	descDocs      = desc("docs_total", "Objects that can be searched.")
	descLabels    = desc("labels_cardinality", "Distinct label sets, summed over shards.")
	descRaw       = desc("raw_bytes", "Bytes of the compressed bodies.")
	descIndexDocs = desc("index_docs", "Documents in the index.")
	descIndex     = desc("index_bytes", "Accounted bytes of the index beside the World.")
	descMem       = desc("mem_bytes", "Bytes by class; rss and heap are of the whole process.", "class")
	descShed      = desc("shed_total", "What was let go to save memory, by class.", "class")
	descStage     = desc("mem_stage", "1 for the stage of memory pressure in force.", "stage")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("orka_"+name, help, labels, nil)
}

// Describe sends nothing: the collector is unchecked, as its label values come and go with kinds.
func (c viewCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the gauges.
func (c viewCollector) Collect(ch chan<- prometheus.Metric) {
	v := c.e.View()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	var phases [watch.Phases]int
	age := map[string]float64{}
	for _, s := range v.Health.Watchers {
		phases[s.Phase]++
		if !s.ConfirmedAt.IsZero() {
			k := s.Scope.Kind.ResourceName()
			age[k] = max(age[k], time.Since(s.ConfirmedAt).Seconds())
		}
	}
	for p, n := range phases {
		gauge(descWatchers, float64(n), watch.Phase(p).String()) //nolint:gosec // p is below watch.Phases
	}
	for k, seconds := range age {
		gauge(descConfirmed, seconds, k)
	}
	queued, dropped := map[string]float64{}, map[string]float64{} // summed: shards of several namespaces may share a label
	for _, s := range v.Health.Shards {
		queued[shardLabel(s.Key)] += float64(s.QueueLen)
		dropped[shardLabel(s.Key)] += float64(s.Dropped)
	}
	for label, n := range queued {
		gauge(descLen, n, label)
		ch <- prometheus.MustNewConstMetric(descDropped, prometheus.CounterValue, dropped[label], label)
	}
	st := v.Health.Store
	gauge(descEpoch, float64(v.World.Epoch))
	gauge(descItems, float64(v.World.Len()))
	gauge(descSnapshot, float64(st.SnapshotBytes))
	gauge(descDocs, float64(v.World.Len()))
	gauge(descLabels, float64(st.LabelSets))
	gauge(descRaw, float64(st.RawBytes))
	gauge(descIndexDocs, float64(v.Index.World().Len()))
	gauge(descIndex, float64(v.Index.Bytes()))
	gauge(descMem, float64(v.Health.Memory.RSS), "rss")
	gauge(descMem, float64(v.Health.Memory.Heap), "heap")
	for _, m := range v.Health.Memory.Classes {
		gauge(descMem, float64(m.Bytes), m.Name)
	}
	ch <- prometheus.MustNewConstMetric(descShed, prometheus.CounterValue, float64(st.BodiesDropped), "bodies")
	for _, stage := range []string{stageOK, stageSoft, stageHard, stageCritical} {
		on := 0.0
		if stage == v.Health.Memory.Stage {
			on = 1
		}
		gauge(descStage, on, stage)
	}
}
