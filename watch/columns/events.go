package columns

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"orka/watch"
)

var events = family{
	core("Event"): typed(projectCoreEvent, eventColumns,
		numberField("count", "how often it happened"),
		textField("involvedObject.kind", "kind of the object it is about"),
		textField("involvedObject.name", "name of the object it is about"),
		textField("involvedObject.uid", "uid of the object it is about"),
		textField("message", "message"),
		textField("reason", "reason"),
		textField("source.component", "who reports it"),
		textField("type", "Normal, Warning"),
	),
	inGroup("events.k8s.io", "v1", "Event"): typed(projectEvent, eventColumns,
		numberField("count", "how often it happened"),
		textField("note", "message"),
		textField("reason", "reason"),
		textField("regarding.kind", "kind of the object it is about"),
		textField("regarding.name", "name of the object it is about"),
		textField("regarding.uid", "uid of the object it is about"),
		textField("reportingController", "who reports it"),
		textField("type", "Normal, Warning"),
	),
}

var eventColumns = cols(since("LAST SEEN"), text("TYPE"), text("REASON"), text("OBJECT"), wide(text("SUBOBJECT")), wide(text("SOURCE")),
	text("MESSAGE"), wide(since("FIRST SEEN")), wide(number("COUNT")), wide(nameColumn))

// eventData is what the two served forms of an event have in common.
type eventData struct {
	first, last, at         time.Time // at is EventTime, which replaces the other two in new events
	count                   int32
	series                  bool
	seriesLast              time.Time
	seriesCount             int32
	kind, reason, message   string
	object                  *corev1.ObjectReference
	component, host         string
	controller, instanceRef string
}

func projectCoreEvent(e *corev1.Event, r *row) {
	d := eventData{
		first: e.FirstTimestamp.Time, last: e.LastTimestamp.Time, at: e.EventTime.Time, count: e.Count,
		kind: e.Type, reason: e.Reason, message: e.Message, object: &e.InvolvedObject,
		component: e.Source.Component, host: e.Source.Host, controller: e.ReportingController, instanceRef: e.ReportingInstance,
	}
	if e.Series != nil {
		d.series, d.seriesLast, d.seriesCount = true, e.Series.LastObservedTime.Time, e.Series.Count
	}
	count := r.event(&d)
	r.fieldInt("count", count)
	r.field("involvedObject.kind", e.InvolvedObject.Kind)
	r.field("involvedObject.name", e.InvolvedObject.Name)
	r.field("involvedObject.uid", string(e.InvolvedObject.UID))
	r.field("message", strings.TrimSpace(e.Message))
	r.field("reason", e.Reason)
	r.field("source.component", firstNonEmpty(e.Source.Component, e.ReportingController))
	r.field("type", e.Type)
}

func projectEvent(e *eventsv1.Event, r *row) {
	d := eventData{
		first: e.DeprecatedFirstTimestamp.Time, last: e.DeprecatedLastTimestamp.Time, at: e.EventTime.Time, count: e.DeprecatedCount,
		kind: e.Type, reason: e.Reason, message: e.Note, object: &e.Regarding,
		component: e.DeprecatedSource.Component, host: e.DeprecatedSource.Host, controller: e.ReportingController, instanceRef: e.ReportingInstance,
	}
	if e.Series != nil {
		d.series, d.seriesLast, d.seriesCount = true, e.Series.LastObservedTime.Time, e.Series.Count
	}
	count := r.event(&d)
	r.fieldInt("count", count)
	r.field("note", strings.TrimSpace(e.Note))
	r.field("reason", e.Reason)
	r.field("regarding.kind", e.Regarding.Kind)
	r.field("regarding.name", e.Regarding.Name)
	r.field("regarding.uid", string(e.Regarding.UID))
	r.field("reportingController", firstNonEmpty(e.ReportingController, e.DeprecatedSource.Component))
	r.field("type", e.Type)
}

// event makes cells, status and health, and returns the count.
func (r *row) event(d *eventData) int64 {
	first := d.first
	if first.IsZero() {
		first = d.at
	}
	last, count := d.last, d.count
	if last.IsZero() {
		last = first
	}
	switch {
	case d.series:
		last, count = d.seriesLast, d.seriesCount
	case count == 0: // events of the new API have none when they happened once
		count = 1
	}
	source := firstNonEmpty(d.component, d.controller)
	if instance := firstNonEmpty(d.host, d.instanceRef); instance != "" {
		source += ", " + instance
	}

	r.since(last, unknown)
	r.text(d.kind)
	r.text(d.reason)
	r.cell()
	r.cells = watch.AppendSanitized(r.cells, strings.ToLower(d.object.Kind))
	if d.object.Name != "" {
		r.cells = watch.AppendSanitized(append(r.cells, '/'), d.object.Name)
	}
	r.text(d.object.FieldPath)
	r.text(source)
	r.text(strings.TrimSpace(d.message))
	r.since(first, unknown)
	r.int(int64(count))
	r.name()

	r.setStatus(d.reason)
	if d.kind == corev1.EventTypeWarning {
		r.health = watch.HealthBad
	}
	return int64(count)
}

func firstNonEmpty(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
