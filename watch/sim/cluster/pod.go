package cluster

// Pods.

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podOwner is what controls the pods of an app other than those of its jobs.
func (r *renderer) podOwner(a *app, q *pod) ref {
	switch a.comp.role {
	case roleAgent:
		return r.ref("apps/v1", "DaemonSet", a.ns.name, a.name, a.created)
	case roleCache, roleQueue:
		return r.ref("apps/v1", "StatefulSet", a.ns.name, a.name, a.created)
	case roleDB:
		return r.ref(dbGroup+"/v1", "PostgresCluster", a.ns.name, a.name, a.created)
	}
	set := a.setOf(q)
	return r.ref("apps/v1", "ReplicaSet", a.ns.name, a.name+"-"+set.hash, set.created)
}

// setOf is the revision a pod was made from.
func (a *app) setOf(q *pod) *replicaSet {
	for i := range a.sets {
		if a.sets[i].hash == q.hash {
			return &a.sets[i]
		}
	}
	return a.current()
}

// pod renders a pod; owner is its controller, extra are labels its controller puts on it.
func (r *renderer) pod(a *app, q *pod, owner ref, extra ...string) *corev1.Pod {
	t := r.template(a, a.setOf(q))
	labels := make(map[string]string, len(t.labels)+2)
	for k, v := range t.labels {
		labels[k] = v
	}
	for i := 0; i+1 < len(extra); i += 2 {
		labels[extra[i]] = extra[i+1]
	}
	annotations := make(map[string]string, len(t.annotations)+1)
	for k, v := range t.annotations {
		annotations[k] = v
	}
	p := &corev1.Pod{TypeMeta: typeMeta("v1", "Pod"), ObjectMeta: r.meta("Pod", a.ns.name, q.name, q.created, labels)}
	p.Annotations = annotations
	p.Generation = 1
	p.OwnerReferences = owner.owner()
	if owner.kind != "StatefulSet" && owner.kind != "PostgresCluster" && len(q.name) > 5 {
		p.GenerateName = q.name[:len(q.name)-5]
	}
	t.podSpec.DeepCopyInto(&p.Spec)
	r.finishSpec(a, q, p, owner)
	if q.deleting != 0 {
		p.DeletionTimestamp = atPtr(q.deleting)
		p.DeletionGracePeriodSeconds = p.Spec.TerminationGracePeriodSeconds
		if a.problem == stuckDeleting {
			p.Finalizers = []string{"foregroundDeletion"}
		}
	}
	r.podStatus(a, q, p, t)
	r.manage(p, "pod/"+t.shape+"/"+owner.kind, a.containerName(), "kube-controller-manager", "v1", metav1.ManagedFieldsOperationUpdate, q.created)
	if q.node >= 0 {
		manageStatus(p, "kubelet", "v1", kubeletFields+p.Status.PodIP+kubeletFieldsEnd, q.changed)
	}
	return p
}

// finishSpec adds what differs between pods of one template.
func (r *renderer) finishSpec(a *app, q *pod, p *corev1.Pod, owner ref) {
	switch owner.kind {
	case "StatefulSet", "PostgresCluster":
		p.Spec.Hostname = q.name
		if owner.kind == "StatefulSet" {
			p.Spec.Subdomain = a.name + "-headless"
		}
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: a.claim(q)}}})
	}
	if q.node < 0 {
		return
	}
	n := r.node(q)
	p.Spec.NodeName = n.name
	if a.comp.role == roleAgent {
		p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{n.name}}}}}}}}
	}
}

// claim is the name of the volume claim of a stateful pod.
func (a *app) claim(q *pod) string {
	if a.comp.role == roleDB {
		return q.name
	}
	return "data-" + q.name
}

func (r *renderer) node(q *pod) *node { return (*r.nodes)[q.node] }

// podIP is the pod's address: every node has a /24 of 10.64.0.0/10.
func (r *renderer) podIP(q *pod) string {
	n := r.node(q)
	return fmt.Sprintf("10.%d.%d.%d", 64+n.index>>8&63, n.index&255, q.ip)
}

func (n *node) ip() string {
	return fmt.Sprintf("10.%d.%d.%d", 8+n.index>>14, n.index>>6&255, n.index&63*4+1)
}

// kubeletFields is what the kubelet owns of a scheduled pod; the pod's address goes between the two parts.
const kubeletFields = `{"f:status":{"f:conditions":{"k:{\"type\":\"ContainersReady\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"f:status":{},"f:type":{}},` +
	`"k:{\"type\":\"Initialized\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"f:status":{},"f:type":{}},` +
	`"k:{\"type\":\"PodReadyToStartContainers\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"f:status":{},"f:type":{}},` +
	`"k:{\"type\":\"Ready\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"f:status":{},"f:type":{}}},` +
	`"f:containerStatuses":{},"f:hostIP":{},"f:hostIPs":{},"f:observedGeneration":{},"f:phase":{},"f:podIP":{},"f:podIPs":{".":{},"k:{\"ip\":\"`
const kubeletFieldsEnd = `\"}":{".":{},"f:ip":{}}},"f:startTime":{}}}`
