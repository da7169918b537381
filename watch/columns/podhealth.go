package columns

import (
	corev1 "k8s.io/api/core/v1"

	"orka/watch"
)

// benignWait reports whether a waiting container will go on by itself. Every other reason (CrashLoopBackOff,
// ImagePullBackOff, CreateContainerConfigError, …) names something that failed.
func benignWait(reason string) bool {
	return reason == "ContainerCreating" || reason == "PodInitializing"
}

// podHealth is bad for a pod that failed, can't be scheduled, or has a container that is stuck or that
// restarted and isn't ready again.
func podHealth(p *corev1.Pod, s *podSummary) watch.Health {
	switch p.Status.Phase {
	case corev1.PodSucceeded:
		return watch.HealthOK
	case corev1.PodFailed, corev1.PodUnknown:
		return watch.HealthBad
	}
	if p.DeletionTimestamp != nil {
		if p.Status.Reason == nodeLost {
			return watch.HealthBad
		}
		return watch.HealthProgressing
	}
	if s.stuck {
		return watch.HealthBad
	}
	if p.Status.Phase == corev1.PodRunning {
		ready := podCondition(p, corev1.PodReady)
		switch {
		case ready == corev1.ConditionTrue || ready == "" && s.ready == s.total:
			return watch.HealthOK
		case s.restarts > 0 && s.ready < s.total:
			return watch.HealthBad
		}
		return watch.HealthProgressing
	}
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return watch.HealthBad
		}
	}
	return watch.HealthProgressing
}
