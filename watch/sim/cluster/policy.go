package cluster

// Autoscalers, disruption budgets, quotas, priorities.

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// scaleBounds are what the autoscaler of an app may choose between; the churn keeps to them too.
func (a *app) scaleBounds() (lo, hi int) {
	base := len(a.ns.name)%2 + 2
	return base, base + 12 + a.id%5*6
}

// autoscaler renders the HorizontalPodAutoscaler of a Deployment.
func (r *renderer) autoscaler(a *app) *autoscalingv2.HorizontalPodAutoscaler {
	h := &autoscalingv2.HorizontalPodAutoscaler{TypeMeta: typeMeta("autoscaling/v2", "HorizontalPodAutoscaler"), ObjectMeta: r.meta("HorizontalPodAutoscaler", a.ns.name, a.name, a.created, a.labels())}
	h.Annotations = a.annotations()
	lo, hi := a.scaleBounds()
	h.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{MinReplicas: ptr(int32(lo)), MaxReplicas: int32(max(hi, a.replicas)),
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: a.name},
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU,
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr(int32(70))}}}}}
	use := int32(38 + (int64(a.id)*31+a.changed)%40)
	h.Status = autoscalingv2.HorizontalPodAutoscalerStatus{CurrentReplicas: int32(a.replicas), DesiredReplicas: int32(a.replicas), LastScaleTime: atPtr(a.changed), ObservedGeneration: ptr(int64(1)),
		CurrentMetrics: []autoscalingv2.MetricStatus{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricStatus{Name: corev1.ResourceCPU,
			Current: autoscalingv2.MetricValueStatus{AverageUtilization: ptr(use), AverageValue: ptr(r.q(itoa(int(use)*5/2) + "m"))}}}},
		Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
			{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue, Reason: "ReadyForNewScale", Message: "recommended size matches current size", LastTransitionTime: at(a.created)},
			{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionTrue, Reason: "ValidMetricFound", Message: "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)", LastTransitionTime: at(a.created + 60)},
			{Type: autoscalingv2.ScalingLimited, Status: corev1.ConditionFalse, Reason: "DesiredWithinRange", Message: "the desired count is within the acceptable range", LastTransitionTime: at(a.created + 60)}}}
	r.manage(h, "hpa/"+a.manager(), "", a.manager(), "autoscaling/v2", metav1.ManagedFieldsOperationApply, a.created)
	return h
}

// disruptionBudget renders the PodDisruptionBudget of an app with several replicas.
func (r *renderer) disruptionBudget(a *app) *policyv1.PodDisruptionBudget {
	p := &policyv1.PodDisruptionBudget{TypeMeta: typeMeta("policy/v1", "PodDisruptionBudget"), ObjectMeta: r.meta("PodDisruptionBudget", a.ns.name, a.name, a.created, a.labels())}
	p.Generation = 1
	p.Annotations = a.annotations()
	p.Spec = policyv1.PodDisruptionBudgetSpec{MaxUnavailable: ptr(intstr.FromInt32(1)), Selector: &metav1.LabelSelector{MatchLabels: a.selector()}, UnhealthyPodEvictionPolicy: ptr(policyv1.AlwaysAllow)}
	c := a.count("")
	allowed := int32(max(0, c.ready-(a.replicas-1)))
	p.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: 1, DisruptionsAllowed: allowed, CurrentHealthy: int32(c.ready), DesiredHealthy: int32(max(0, a.replicas-1)), ExpectedPods: int32(a.replicas),
		Conditions: []metav1.Condition{{Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionTrue, Reason: policyv1.SufficientPodsReason, LastTransitionTime: at(a.created), ObservedGeneration: 1}}}
	if allowed == 0 {
		p.Status.Conditions[0].Status, p.Status.Conditions[0].Reason = metav1.ConditionFalse, policyv1.InsufficientPodsReason
	}
	r.manage(p, "pdb/"+a.manager(), "", a.manager(), "policy/v1", metav1.ManagedFieldsOperationApply, a.created)
	return p
}

// quota renders the ResourceQuota of a team namespace.
func (r *renderer) quota(ns *namespace) *corev1.ResourceQuota {
	o := &corev1.ResourceQuota{TypeMeta: typeMeta("v1", "ResourceQuota"), ObjectMeta: r.meta("ResourceQuota", ns.name, "team-quota", ns.created+7, ns.labels())}
	o.Spec.Hard = corev1.ResourceList{corev1.ResourceRequestsCPU: r.q("64"), corev1.ResourceRequestsMemory: r.q("192Gi"), corev1.ResourcePods: r.q("250"), corev1.ResourcePersistentVolumeClaims: r.q("40")}
	o.Status.Hard = o.Spec.Hard
	draw := r.hash("quota", "", ns.name).rand()
	o.Status.Used = corev1.ResourceList{corev1.ResourceRequestsCPU: r.q(itoa(between(draw, 900, 41000)) + "m"), corev1.ResourceRequestsMemory: r.q(itoa(between(draw, 4, 150)) + "Gi"),
		corev1.ResourcePods: r.q(itoa(between(draw, 6, 90))), corev1.ResourcePersistentVolumeClaims: r.q(itoa(draw.IntN(9)))}
	r.manage(o, "quota", "", "kustomize-controller", "v1", metav1.ManagedFieldsOperationApply, ns.created+7)
	return o
}

// limitRange renders the defaults for containers of a team namespace.
func (r *renderer) limitRange(ns *namespace) *corev1.LimitRange {
	o := &corev1.LimitRange{TypeMeta: typeMeta("v1", "LimitRange"), ObjectMeta: r.meta("LimitRange", ns.name, "container-defaults", ns.created+8, ns.labels())}
	o.Spec.Limits = []corev1.LimitRangeItem{{Type: corev1.LimitTypeContainer,
		Default:        corev1.ResourceList{corev1.ResourceMemory: r.q("512Mi")},
		DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: r.q("100m"), corev1.ResourceMemory: r.q("256Mi")},
		Max:            corev1.ResourceList{corev1.ResourceMemory: r.q("32Gi")}}}
	r.manage(o, "limitrange", "", "kustomize-controller", "v1", metav1.ManagedFieldsOperationApply, ns.created+8)
	return o
}

// priorityClasses are the classes pods ask for.
func (r *renderer) priorityClasses(created int64) {
	for i, name := range []string{"system-cluster-critical", "system-node-critical", "stateful", "customer-facing", "batch-low"} {
		r.add(r.priorityClass(name, created+int64(i)))
	}
}

func (r *renderer) priorityClass(name string, created int64) *schedulingv1.PriorityClass {
	c := &schedulingv1.PriorityClass{TypeMeta: typeMeta("scheduling.k8s.io/v1", "PriorityClass"), ObjectMeta: r.meta("PriorityClass", "", name, created, nil)}
	c.Generation = 1
	c.Value = priorities[name]
	c.PreemptionPolicy = ptr(corev1.PreemptLowerPriority)
	c.Description = fmt.Sprintf("Pods of class %s.", name)
	return c
}
