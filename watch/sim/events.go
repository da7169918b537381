package sim

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// aliasEvents serves events.k8s.io/v1 from the objects of core/v1 events: the same objects under two names,
// as in the real server.
func (s *Server) aliasEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	alias := s.resources[eventsv1.SchemeGroupVersion.WithResource("events")]
	alias.coll = s.resources[corev1.SchemeGroupVersion.WithResource("events")].coll
	alias.convert = func(in runtime.Object) (runtime.Object, error) {
		e, ok := in.(*corev1.Event)
		if !ok {
			return nil, fmt.Errorf("sim: %T is not an event", in)
		}
		out := &eventsv1.Event{ObjectMeta: e.ObjectMeta, EventTime: e.EventTime, ReportingController: e.ReportingController,
			ReportingInstance: e.ReportingInstance, Action: e.Action, Reason: e.Reason, Regarding: e.InvolvedObject, Related: e.Related,
			Note: e.Message, Type: e.Type, DeprecatedSource: e.Source, DeprecatedFirstTimestamp: e.FirstTimestamp,
			DeprecatedLastTimestamp: e.LastTimestamp, DeprecatedCount: e.Count}
		if e.Series != nil {
			out.Series = &eventsv1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
		}
		return out, nil
	}
	alias.revert = func(in runtime.Object) (runtime.Object, error) {
		e, ok := in.(*eventsv1.Event)
		if !ok {
			return nil, fmt.Errorf("sim: %T is not an event", in)
		}
		out := &corev1.Event{ObjectMeta: e.ObjectMeta, EventTime: e.EventTime, ReportingController: e.ReportingController,
			ReportingInstance: e.ReportingInstance, Action: e.Action, Reason: e.Reason, InvolvedObject: e.Regarding, Related: e.Related,
			Message: e.Note, Type: e.Type, Source: e.DeprecatedSource, FirstTimestamp: e.DeprecatedFirstTimestamp,
			LastTimestamp: e.DeprecatedLastTimestamp, Count: e.DeprecatedCount}
		if e.Series != nil {
			out.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
		}
		return out, nil
	}
}
