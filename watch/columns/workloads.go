package columns

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
)

// templateImages is the projected path of the images in a pod template.
const templateImages = "spec.template.spec.containers.image"

var (
	imagesField  = textField(templateImages, "images of the pod template, joined by commas")
	desiredField = numberField("spec.replicas", "replicas asked for")
	readyField   = numberField("status.readyReplicas", "replicas that are ready")
)

var workloads = family{
	inGroup("apps", "v1", "Deployment"): typed(projectDeployment,
		withTemplate(nameColumn, text("READY"), number("UP-TO-DATE"), number("AVAILABLE"), ageColumn),
		desiredField,
		textField("spec.strategy.type", "RollingUpdate, Recreate"),
		imagesField,
		numberField("status.availableReplicas", "replicas that have been ready for long enough"),
		readyField,
		numberField("status.updatedReplicas", "replicas of the current template"),
	),
	inGroup("apps", "v1", "ReplicaSet"): typed(projectReplicaSet, replicaColumns, desiredField, imagesField, readyField),
	core("ReplicationController"):       typed(projectReplicationController, replicaColumns, desiredField, imagesField, readyField),
	inGroup("apps", "v1", "StatefulSet"): typed(projectStatefulSet,
		cols(nameColumn, text("READY"), ageColumn, wide(text("CONTAINERS")), wide(text("IMAGES"))),
		desiredField,
		textField("spec.serviceName", "governing service"),
		imagesField,
		readyField,
		numberField("status.updatedReplicas", "replicas of the current template"),
	),
	inGroup("apps", "v1", "DaemonSet"): typed(projectDaemonSet,
		withTemplate(nameColumn, number("DESIRED"), number("CURRENT"), number("READY"), number("UP-TO-DATE"), number("AVAILABLE"),
			text("NODE SELECTOR"), ageColumn),
		imagesField,
		numberField("status.desiredNumberScheduled", "nodes that should run a pod of it"),
		numberField("status.numberAvailable", "nodes whose pod has been ready for long enough"),
		numberField("status.numberReady", "nodes whose pod is ready"),
	),
	inGroup("apps", "v1", "ControllerRevision"): typed(projectControllerRevision,
		cols(nameColumn, text("CONTROLLER"), number("REVISION"), ageColumn),
		numberField("revision", "number of the revision"),
	),
}

var replicaColumns = withTemplate(nameColumn, number("DESIRED"), number("CURRENT"), number("READY"), ageColumn)

func projectDeployment(d *appsv1.Deployment, r *row) {
	desired, s := deref(d.Spec.Replicas), &d.Status
	r.name()
	r.ratio(int64(s.ReadyReplicas), int64(desired))
	r.int(int64(s.UpdatedReplicas))
	r.int(int64(s.AvailableReplicas))
	r.age()
	r.containers(d.Spec.Template.Spec.Containers)
	r.selector(d.Spec.Selector, "", "<invalid>")

	r.setRatio(int64(s.ReadyReplicas), int64(desired))
	r.health = deploymentHealth(d, desired)

	r.fieldInt("spec.replicas", int64(desired))
	r.field("spec.strategy.type", string(d.Spec.Strategy.Type))
	fieldJoin(r, templateImages, d.Spec.Template.Spec.Containers, containerImage)
	r.fieldInt("status.availableReplicas", int64(s.AvailableReplicas))
	r.fieldInt("status.readyReplicas", int64(s.ReadyReplicas))
	r.fieldInt("status.updatedReplicas", int64(s.UpdatedReplicas))
}

// deploymentHealth is bad when the roll-out gave up (ProgressDeadlineExceeded), when pods can't be made,
// and when a deployment that had come up has too few replicas left.
func deploymentHealth(d *appsv1.Deployment, desired int32) watch.Health {
	s := &d.Status
	rolledOut, available := false, true
	for i := range s.Conditions {
		c := &s.Conditions[i]
		switch c.Type {
		case appsv1.DeploymentProgressing:
			if c.Status == corev1.ConditionFalse {
				return watch.HealthBad
			}
			rolledOut = c.Reason == "NewReplicaSetAvailable"
		case appsv1.DeploymentReplicaFailure:
			if c.Status == corev1.ConditionTrue {
				return watch.HealthBad
			}
		case appsv1.DeploymentAvailable:
			available = c.Status != corev1.ConditionFalse
		}
	}
	settled := s.ObservedGeneration >= d.Generation && s.UpdatedReplicas >= desired && s.AvailableReplicas >= desired && s.Replicas <= s.UpdatedReplicas
	switch {
	case settled:
		return watch.HealthOK
	case !available && rolledOut && s.ObservedGeneration >= d.Generation:
		return watch.HealthBad
	}
	return watch.HealthProgressing
}

func projectReplicaSet(rs *appsv1.ReplicaSet, r *row) {
	desired := deref(rs.Spec.Replicas)
	failed := false
	for i := range rs.Status.Conditions {
		c := &rs.Status.Conditions[i]
		failed = failed || c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue
	}
	r.replicas(desired, rs.Status.Replicas, rs.Status.ReadyReplicas, failed)
	r.containers(rs.Spec.Template.Spec.Containers)
	r.selector(rs.Spec.Selector, none, "<error>")
	r.replicaFields(desired, rs.Spec.Template.Spec.Containers, rs.Status.ReadyReplicas)
}

func projectReplicationController(rc *corev1.ReplicationController, r *row) {
	desired := deref(rc.Spec.Replicas)
	failed := false
	for i := range rc.Status.Conditions {
		c := &rc.Status.Conditions[i]
		failed = failed || c.Type == corev1.ReplicationControllerReplicaFailure && c.Status == corev1.ConditionTrue
	}
	var containers []corev1.Container
	if rc.Spec.Template != nil {
		containers = rc.Spec.Template.Spec.Containers
	}
	r.replicas(desired, rc.Status.Replicas, rc.Status.ReadyReplicas, failed)
	r.containers(containers)
	r.labels(rc.Spec.Selector)
	r.replicaFields(desired, containers, rc.Status.ReadyReplicas)
}

// replicas are the cells, status and health that ReplicaSet and ReplicationController have in common.
func (r *row) replicas(desired, current, ready int32, failed bool) {
	r.name()
	r.int(int64(desired))
	r.int(int64(current))
	r.int(int64(ready))
	r.age()
	r.setRatio(int64(ready), int64(desired))
	r.health = reached(failed, ready >= desired && current == desired)
}

func (r *row) replicaFields(desired int32, containers []corev1.Container, ready int32) {
	r.fieldInt("spec.replicas", int64(desired))
	fieldJoin(r, templateImages, containers, containerImage)
	r.fieldInt("status.readyReplicas", int64(ready))
}

// reached is the verdict on something that either failed, is where it should be, or is on its way.
func reached(failed, there bool) watch.Health {
	switch {
	case failed:
		return watch.HealthBad
	case there:
		return watch.HealthOK
	}
	return watch.HealthProgressing
}

func projectStatefulSet(ss *appsv1.StatefulSet, r *row) {
	desired, s := deref(ss.Spec.Replicas), &ss.Status
	r.name()
	r.ratio(int64(s.ReadyReplicas), int64(desired))
	r.age()
	r.containers(ss.Spec.Template.Spec.Containers)

	r.setRatio(int64(s.ReadyReplicas), int64(desired))
	r.health = reached(false, s.ReadyReplicas >= desired && s.ObservedGeneration >= ss.Generation && statefulSetUpdated(ss, desired))

	r.fieldInt("spec.replicas", int64(desired))
	r.field("spec.serviceName", ss.Spec.ServiceName)
	fieldJoin(r, templateImages, ss.Spec.Template.Spec.Containers, containerImage)
	r.fieldInt("status.readyReplicas", int64(s.ReadyReplicas))
	r.fieldInt("status.updatedReplicas", int64(s.UpdatedReplicas))
}

// statefulSetUpdated reports whether no roll-out is under way; replicas below the partition and those of
// OnDelete are meant to stay as they are.
func statefulSetUpdated(ss *appsv1.StatefulSet, desired int32) bool {
	strategy := ss.Spec.UpdateStrategy
	if strategy.Type == appsv1.OnDeleteStatefulSetStrategyType || ss.Status.UpdateRevision == ss.Status.CurrentRevision {
		return true
	}
	if strategy.RollingUpdate != nil {
		desired -= deref(strategy.RollingUpdate.Partition)
	}
	return ss.Status.UpdatedReplicas >= desired
}

func projectDaemonSet(ds *appsv1.DaemonSet, r *row) {
	s := &ds.Status
	r.name()
	r.int(int64(s.DesiredNumberScheduled))
	r.int(int64(s.CurrentNumberScheduled))
	r.int(int64(s.NumberReady))
	r.int(int64(s.UpdatedNumberScheduled))
	r.int(int64(s.NumberAvailable))
	r.labels(ds.Spec.Template.Spec.NodeSelector)
	r.age()
	r.containers(ds.Spec.Template.Spec.Containers)
	r.selector(ds.Spec.Selector, none, "<error>")

	r.setRatio(int64(s.NumberReady), int64(s.DesiredNumberScheduled))
	updated := ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType || s.UpdatedNumberScheduled >= s.DesiredNumberScheduled
	r.health = reached(false, updated && s.NumberAvailable >= s.DesiredNumberScheduled && s.ObservedGeneration >= ds.Generation)

	fieldJoin(r, templateImages, ds.Spec.Template.Spec.Containers, containerImage)
	r.fieldInt("status.desiredNumberScheduled", int64(s.DesiredNumberScheduled))
	r.fieldInt("status.numberAvailable", int64(s.NumberAvailable))
	r.fieldInt("status.numberReady", int64(s.NumberReady))
}

func projectControllerRevision(c *appsv1.ControllerRevision, r *row) {
	r.name()
	controller := none
	if owner := metav1.GetControllerOfNoCopy(c); owner != nil {
		controller = owner.Name
		if kind := schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind(); !kind.Empty() {
			controller = strings.ToLower(kind.String()) + "/" + owner.Name
		}
	}
	r.text(controller)
	r.int(c.Revision)
	r.age()
	r.fieldInt("revision", c.Revision)
}
