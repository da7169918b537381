package cluster

// Deployments, ReplicaSets, StatefulSets, DaemonSets.

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// counts are what controllers report about the pods of one revision or of all.
type counts struct{ total, ready int }

// count counts the active pods of a revision; "" counts all.
func (a *app) count(hash string) (c counts) {
	for i := range a.pods {
		q := &a.pods[i]
		if !q.state.active() || q.deleting != 0 || hash != "" && q.hash != hash {
			continue
		}
		c.total++
		if q.state.ready() {
			c.ready++
		}
	}
	return c
}

// render is the template as a workload holds it, with extra labels.
func (t *podTemplate) render(extra ...string) corev1.PodTemplateSpec {
	out := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: make(map[string]string, len(t.labels)+1), Annotations: make(map[string]string, len(t.annotations))}}
	for k, v := range t.labels {
		out.Labels[k] = v
	}
	for i := 0; i+1 < len(extra); i += 2 {
		out.Labels[extra[i]] = extra[i+1]
	}
	for k, v := range t.annotations {
		out.Annotations[k] = v
	}
	t.spec.DeepCopyInto(&out.Spec)
	return out
}

// deployment renders the Deployment of a stateless app.
func (r *renderer) deployment(a *app) *appsv1.Deployment {
	cur := a.current()
	t := r.template(a, cur)
	all, updated := a.count(""), a.count(cur.hash)
	d := &appsv1.Deployment{TypeMeta: typeMeta("apps/v1", "Deployment"), ObjectMeta: r.meta("Deployment", a.ns.name, a.name, a.created, a.labels())}
	d.Generation = a.generation
	d.Annotations = a.annotations("deployment.kubernetes.io/revision", itoa(cur.revision))
	d.Spec = appsv1.DeploymentSpec{
		Replicas: ptr(int32(a.replicas)), Selector: &metav1.LabelSelector{MatchLabels: a.selector()}, Template: t.render(),
		Strategy: appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxSurge: ptr(intstr.FromString("25%")), MaxUnavailable: ptr(intstr.FromInt32(0))}},
		RevisionHistoryLimit: ptr(int32(revisionsKept)), ProgressDeadlineSeconds: ptr(int32(600)),
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: a.generation, Replicas: int32(all.total), UpdatedReplicas: int32(updated.total),
		ReadyReplicas: int32(all.ready), AvailableReplicas: int32(all.ready), UnavailableReplicas: int32(max(0, a.replicas-all.ready))}
	available := appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable",
		Message: "Deployment has minimum availability.", LastUpdateTime: at(a.changed), LastTransitionTime: at(a.changed)}
	if all.ready < a.replicas {
		available.Status, available.Reason, available.Message = corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
	}
	set := a.name + "-" + cur.hash
	progressing := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable",
		Message: fmt.Sprintf("ReplicaSet %q has successfully progressed.", set), LastUpdateTime: at(max(cur.created, a.changed)), LastTransitionTime: at(a.created)}
	switch {
	case a.problem == imagePull:
		progressing.Status, progressing.Reason, progressing.Message = corev1.ConditionFalse, "ProgressDeadlineExceeded", fmt.Sprintf("ReplicaSet %q has timed out progressing.", set)
		progressing.LastUpdateTime = at(cur.created + 600)
	case updated.total < a.replicas || updated.ready < updated.total:
		progressing.Reason, progressing.Message = "ReplicaSetUpdated", fmt.Sprintf("ReplicaSet %q is progressing.", set)
	}
	d.Status.Conditions = []appsv1.DeploymentCondition{available, progressing}
	r.manage(d, "deployment/"+t.shape+a.manager(), a.containerName(), a.manager(), "apps/v1", metav1.ManagedFieldsOperationApply, cur.created)
	manageStatus(d, "kube-controller-manager", "apps/v1", deploymentStatusFields, a.changed)
	return d
}

const deploymentStatusFields = `{"f:status":{"f:availableReplicas":{},"f:conditions":{".":{},"k:{\"type\":\"Available\"}":{".":{},"f:lastTransitionTime":{},"f:lastUpdateTime":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}},` +
	`"k:{\"type\":\"Progressing\"}":{".":{},"f:lastTransitionTime":{},"f:lastUpdateTime":{},"f:message":{},"f:reason":{},"f:status":{},"f:type":{}}},"f:observedGeneration":{},"f:readyReplicas":{},"f:replicas":{},"f:updatedReplicas":{}}}`

const replicaSetStatusFields = `{"f:status":{"f:availableReplicas":{},"f:fullyLabeledReplicas":{},"f:observedGeneration":{},"f:readyReplicas":{},"f:replicas":{}}}`

// revisionsKept is the revisionHistoryLimit of Deployments: old ReplicaSets beside the current one.
const revisionsKept = 3

func (r *renderer) deploymentRef(a *app) ref {
	return r.ref("apps/v1", "Deployment", a.ns.name, a.name, a.created)
}

// replicaSet renders one revision of a stateless app.
func (r *renderer) replicaSet(a *app, set *replicaSet) *appsv1.ReplicaSet {
	t := r.template(a, set)
	labels := a.labels()
	labels["app.kubernetes.io/version"] = set.tag
	labels["pod-template-hash"] = set.hash
	s := &appsv1.ReplicaSet{TypeMeta: typeMeta("apps/v1", "ReplicaSet"), ObjectMeta: r.meta("ReplicaSet", a.ns.name, a.name+"-"+set.hash, set.created, labels)}
	s.Generation = int64(1 + set.want)
	s.Annotations = a.annotations("deployment.kubernetes.io/revision", itoa(set.revision),
		"deployment.kubernetes.io/desired-replicas", itoa(a.replicas), "deployment.kubernetes.io/max-replicas", itoa(a.replicas+(a.replicas+3)/4))
	s.OwnerReferences = r.deploymentRef(a).owner()
	selector := a.selector()
	selector["pod-template-hash"] = set.hash
	c := a.count(set.hash)
	s.Spec = appsv1.ReplicaSetSpec{Replicas: ptr(int32(set.want)), Selector: &metav1.LabelSelector{MatchLabels: selector}, Template: t.render("pod-template-hash", set.hash)}
	s.Status = appsv1.ReplicaSetStatus{Replicas: int32(c.total), FullyLabeledReplicas: int32(c.total), ReadyReplicas: int32(c.ready), AvailableReplicas: int32(c.ready), ObservedGeneration: s.Generation}
	r.manage(s, "replicaset/"+t.shape+a.manager(), a.containerName(), "kube-controller-manager", "apps/v1", metav1.ManagedFieldsOperationUpdate, set.created)
	manageStatus(s, "kube-controller-manager", "apps/v1", replicaSetStatusFields, max(set.created, a.changed))
	return s
}

// statefulSet renders the StatefulSet of a cache or queue.
func (r *renderer) statefulSet(a *app) *appsv1.StatefulSet {
	set := a.current()
	t := r.template(a, set)
	c := a.count("")
	s := &appsv1.StatefulSet{TypeMeta: typeMeta("apps/v1", "StatefulSet"), ObjectMeta: r.meta("StatefulSet", a.ns.name, a.name, a.created, a.labels())}
	s.Generation = a.generation
	s.Annotations = a.annotations()
	s.Spec = appsv1.StatefulSetSpec{
		Replicas: ptr(int32(a.replicas)), Selector: &metav1.LabelSelector{MatchLabels: a.selector()}, Template: t.render(), ServiceName: a.name + "-headless",
		PodManagementPolicy: appsv1.OrderedReadyPodManagement, RevisionHistoryLimit: ptr(int32(10)),
		UpdateStrategy:                       appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr(int32(0))}},
		PersistentVolumeClaimRetentionPolicy: &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: appsv1.RetainPersistentVolumeClaimRetentionPolicyType, WhenScaled: appsv1.RetainPersistentVolumeClaimRetentionPolicyType},
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{TypeMeta: typeMeta("v1", "PersistentVolumeClaim"), ObjectMeta: metav1.ObjectMeta{Name: "data"},
			Spec: r.claimSpec(a), Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}}},
	}
	s.Status = appsv1.StatefulSetStatus{ObservedGeneration: a.generation, Replicas: int32(c.total), ReadyReplicas: int32(c.ready), AvailableReplicas: int32(c.ready),
		CurrentReplicas: int32(c.total), UpdatedReplicas: int32(c.total), CurrentRevision: set.hash, UpdateRevision: set.hash, CollisionCount: ptr(int32(0))}
	r.manage(s, "statefulset/"+t.shape+a.manager(), a.containerName(), a.manager(), "apps/v1", metav1.ManagedFieldsOperationApply, set.created)
	return s
}

// daemonSet renders the DaemonSet of an agent.
func (r *renderer) daemonSet(a *app) *appsv1.DaemonSet {
	set := a.current()
	t := r.template(a, set)
	c := a.count("")
	d := &appsv1.DaemonSet{TypeMeta: typeMeta("apps/v1", "DaemonSet"), ObjectMeta: r.meta("DaemonSet", a.ns.name, a.name, a.created, a.labels())}
	d.Generation = a.generation
	d.Annotations = a.annotations("deprecated.daemonset.template.generation", itoa(int(a.generation)))
	d.Spec = appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: a.selector()}, Template: t.render(), RevisionHistoryLimit: ptr(int32(10)),
		UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: ptr(intstr.FromInt32(1)), MaxSurge: ptr(intstr.FromInt32(0))}}}
	d.Status = appsv1.DaemonSetStatus{ObservedGeneration: a.generation, CurrentNumberScheduled: int32(c.total), DesiredNumberScheduled: int32(a.replicas),
		NumberReady: int32(c.ready), NumberAvailable: int32(c.ready), UpdatedNumberScheduled: int32(c.total), NumberUnavailable: int32(a.replicas - c.ready)}
	r.manage(d, "daemonset/"+t.shape, a.containerName(), a.manager(), "apps/v1", metav1.ManagedFieldsOperationApply, set.created)
	return d
}

// controllerRevision renders the stored template of a StatefulSet or DaemonSet.
func (r *renderer) controllerRevision(a *app, owner ref) *appsv1.ControllerRevision {
	set := a.current()
	name := set.hash
	if a.comp.role == roleAgent {
		name = a.name + "-" + set.hash
	}
	labels := a.selector()
	labels["controller-revision-hash"] = set.hash
	c := &appsv1.ControllerRevision{TypeMeta: typeMeta("apps/v1", "ControllerRevision"), ObjectMeta: r.meta("ControllerRevision", a.ns.name, name, set.created, labels)}
	c.OwnerReferences = owner.owner()
	c.Revision = int64(set.revision)
	c.Data = runtime.RawExtension{Raw: []byte(`{"spec":{"template":{"$patch":"replace","spec":{"containers":[{"name":"` + a.containerName() + `","image":"` + a.image(set) + `"}]}}}}`)}
	return c
}
