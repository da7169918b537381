package columns

import (
	"strconv"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
)

// policy are the kinds that say how many pods there are to be.
var policy = family{
	inGroup("autoscaling", "v2", "HorizontalPodAutoscaler"): typed(projectHorizontalPodAutoscaler,
		cols(nameColumn, text("REFERENCE"), text("TARGETS"), number("MINPODS"), number("MAXPODS"), number("REPLICAS"), ageColumn),
		numberField("spec.maxReplicas", "most replicas"),
		numberField("spec.minReplicas", "fewest replicas"),
		textField("spec.scaleTargetRef", "what it scales, as Kind/name"),
		numberField("status.currentReplicas", "replicas there are"),
		numberField("status.desiredReplicas", "replicas it wants"),
	),
	inGroup("policy", "v1", "PodDisruptionBudget"): typed(projectPodDisruptionBudget,
		cols(nameColumn, text("MIN AVAILABLE"), text("MAX UNAVAILABLE"), number("ALLOWED DISRUPTIONS"), ageColumn),
		textField("spec.maxUnavailable", "most pods that may be missing: number or percentage"),
		textField("spec.minAvailable", "fewest pods that must be there: number or percentage"),
		numberField("status.currentHealthy", "healthy pods"),
		numberField("status.desiredHealthy", "healthy pods there must be"),
		numberField("status.disruptionsAllowed", "pods that may be evicted now"),
	),
}

func projectHorizontalPodAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler, r *row) {
	target := h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name
	r.name()
	r.text(target)
	r.text(scalingTargets(h.Spec.Metrics, h.Status.CurrentMetrics))
	if h.Spec.MinReplicas == nil {
		r.text(unset)
	} else {
		r.int(int64(*h.Spec.MinReplicas))
	}
	r.int(int64(h.Spec.MaxReplicas))
	r.int(int64(h.Status.CurrentReplicas))
	r.age()

	r.setRatio(int64(h.Status.CurrentReplicas), int64(h.Status.DesiredReplicas))
	failed := false
	for i := range h.Status.Conditions {
		switch c := &h.Status.Conditions[i]; c.Type {
		case autoscalingv2.AbleToScale, autoscalingv2.ScalingActive:
			// Scaling is switched off while the target has no replicas: that is somebody's wish.
			failed = failed || c.Status == corev1.ConditionFalse && c.Reason != "ScalingDisabled"
		}
	}
	r.health = reached(failed, h.Status.CurrentReplicas == h.Status.DesiredReplicas)

	r.fieldInt("spec.maxReplicas", int64(h.Spec.MaxReplicas))
	if h.Spec.MinReplicas != nil {
		r.fieldInt("spec.minReplicas", int64(*h.Spec.MinReplicas))
	}
	r.field("spec.scaleTargetRef", target)
	r.fieldInt("status.currentReplicas", int64(h.Status.CurrentReplicas))
	r.fieldInt("status.desiredReplicas", int64(h.Status.DesiredReplicas))
}

// scalingTargets is kubectl's TARGETS: current/target of the first two metrics. The status of a metric is
// found by its index, and only believed when it is of the same type.
func scalingTargets(specs []autoscalingv2.MetricSpec, statuses []autoscalingv2.MetricStatus) string {
	const shown = 2
	if len(specs) == 0 {
		return none
	}
	var parts []string
	for i := range specs[:min(shown, len(specs))] {
		var status autoscalingv2.MetricStatus
		if i < len(statuses) {
			status = statuses[i]
		}
		parts = append(parts, scalingTarget(&specs[i], &status))
	}
	s := strings.Join(parts, ", ")
	if more := len(specs) - shown; more > 0 {
		s += " + " + strconv.Itoa(more) + " more..."
	}
	return s
}

func scalingTarget(spec *autoscalingv2.MetricSpec, status *autoscalingv2.MetricStatus) string {
	switch {
	case spec.Type == autoscalingv2.ExternalMetricSourceType && spec.External != nil:
		var current *autoscalingv2.MetricValueStatus
		if status.External != nil {
			current = &status.External.Current
		}
		return valueTarget(&spec.External.Target, current)
	case spec.Type == autoscalingv2.ObjectMetricSourceType && spec.Object != nil:
		var current *autoscalingv2.MetricValueStatus
		if status.Object != nil {
			current = &status.Object.Current
		}
		return valueTarget(&spec.Object.Target, current)
	case spec.Type == autoscalingv2.PodsMetricSourceType && spec.Pods != nil:
		current := unknown
		if status.Pods != nil {
			current = status.Pods.Current.AverageValue.String()
		}
		return current + "/" + spec.Pods.Target.AverageValue.String()
	case spec.Type == autoscalingv2.ResourceMetricSourceType && spec.Resource != nil:
		var current *autoscalingv2.MetricValueStatus
		if status.Resource != nil {
			current = &status.Resource.Current
		}
		return resourceTarget(spec.Resource.Name, &spec.Resource.Target, current)
	case spec.Type == autoscalingv2.ContainerResourceMetricSourceType && spec.ContainerResource != nil:
		var current *autoscalingv2.MetricValueStatus
		if status.ContainerResource != nil {
			current = &status.ContainerResource.Current
		}
		return resourceTarget(spec.ContainerResource.Name, &spec.ContainerResource.Target, current)
	}
	return "<unknown type>"
}

// valueTarget is "current/target" of a metric that is a value, or an average over the pods.
func valueTarget(target *autoscalingv2.MetricTarget, current *autoscalingv2.MetricValueStatus) string {
	if target.AverageValue != nil {
		now := unknown
		if current != nil && current.AverageValue != nil {
			now = current.AverageValue.String()
		}
		return now + "/" + target.AverageValue.String() + " (avg)"
	}
	now := unknown
	if current != nil {
		now = current.Value.String()
	}
	return now + "/" + target.Value.String()
}

// resourceTarget is "cpu: current/target" of a resource, as quantity or as percentage of what is requested.
func resourceTarget(name corev1.ResourceName, target *autoscalingv2.MetricTarget, current *autoscalingv2.MetricValueStatus) string {
	now, want := unknown, "<auto>"
	if target.AverageValue != nil {
		want = target.AverageValue.String()
		if current != nil {
			now = current.AverageValue.String() // "<nil>" without one
		}
	} else {
		if current != nil && current.AverageUtilization != nil {
			now = strconv.Itoa(int(*current.AverageUtilization)) + "%"
		}
		if target.AverageUtilization != nil {
			want = strconv.Itoa(int(*target.AverageUtilization)) + "%"
		}
	}
	return string(name) + ": " + now + "/" + want
}

func projectPodDisruptionBudget(b *policyv1.PodDisruptionBudget, r *row) {
	least, most := "", ""
	if b.Spec.MinAvailable != nil {
		least = b.Spec.MinAvailable.String()
	}
	if b.Spec.MaxUnavailable != nil {
		most = b.Spec.MaxUnavailable.String()
	}
	s := &b.Status
	r.name()
	r.textOr(least, "N/A")
	r.textOr(most, "N/A")
	r.int(int64(s.DisruptionsAllowed))
	r.age()

	r.setRatio(int64(s.CurrentHealthy), int64(s.DesiredHealthy))
	failed := false
	for i := range s.Conditions {
		c := &s.Conditions[i]
		failed = failed || c.Type == policyv1.DisruptionAllowedCondition && c.Status == "False" && c.Reason == policyv1.SyncFailedReason
	}
	r.health = reached(failed, s.CurrentHealthy >= s.DesiredHealthy)

	r.field("spec.maxUnavailable", most)
	r.field("spec.minAvailable", least)
	r.fieldInt("status.currentHealthy", int64(s.CurrentHealthy))
	r.fieldInt("status.desiredHealthy", int64(s.DesiredHealthy))
	r.fieldInt("status.disruptionsAllowed", int64(s.DisruptionsAllowed))
}
