package columns

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

func ptr[T any](v T) *T { return &v }

func deployment(desired, updated, available int32, conditions ...appsv1.DeploymentCondition) *appsv1.Deployment {
	return &appsv1.Deployment{
		Spec:   appsv1.DeploymentSpec{Replicas: &desired},
		Status: appsv1.DeploymentStatus{Replicas: updated, UpdatedReplicas: updated, ReadyReplicas: available, AvailableReplicas: available, Conditions: conditions},
	}
}

func deploymentCondition(t appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string) appsv1.DeploymentCondition {
	return appsv1.DeploymentCondition{Type: t, Status: status, Reason: reason}
}

func TestStatusAndHealth(t *testing.T) {
	unavailable := deploymentCondition(appsv1.DeploymentAvailable, "False", "MinimumReplicasUnavailable")
	rolledOut := deploymentCondition(appsv1.DeploymentProgressing, "True", "NewReplicaSetAvailable")
	stale := deployment(3, 3, 3)
	stale.Generation = 2
	deleted := metav1.Now()

	apps := func(kind string) watch.GVK { return inGroup("apps", "v1", kind) }
	tests := []struct {
		name   string
		kind   watch.GVK
		object any
		status string
		health watch.Health
	}{
		{"deployment up", apps("Deployment"), deployment(3, 3, 3, rolledOut), "3/3", watch.HealthOK},
		{"deployment of none", apps("Deployment"), deployment(0, 0, 0), "0/0", watch.HealthOK},
		{"deployment not seen by its controller", apps("Deployment"), stale, "3/3", watch.HealthProgressing},
		{"first roll-out", apps("Deployment"), deployment(3, 3, 1, unavailable, deploymentCondition(appsv1.DeploymentProgressing, "True", "ReplicaSetUpdated")), "1/3", watch.HealthProgressing},
		{"deadline exceeded", apps("Deployment"), deployment(3, 1, 2, deploymentCondition(appsv1.DeploymentProgressing, "False", "ProgressDeadlineExceeded")), "2/3", watch.HealthBad},
		{"went down after roll-out", apps("Deployment"), deployment(3, 3, 0, rolledOut, unavailable), "0/3", watch.HealthBad},
		{"quota", apps("Deployment"), deployment(3, 3, 0, deploymentCondition(appsv1.DeploymentReplicaFailure, "True", "FailedCreate")), "0/3", watch.HealthBad},
		{"deployment being deleted", apps("Deployment"), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted}}, "Terminating", watch.HealthProgressing},
		{"replica set", apps("ReplicaSet"), &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: ptr(int32(2))}, Status: appsv1.ReplicaSetStatus{Replicas: 2, ReadyReplicas: 1}}, "1/2", watch.HealthProgressing},
		{"stateful set", apps("StatefulSet"), &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: ptr(int32(2))}, Status: appsv1.StatefulSetStatus{ReadyReplicas: 2}}, "2/2", watch.HealthOK},
		{"stateful set behind its partition", apps("StatefulSet"), &appsv1.StatefulSet{
			Spec:   appsv1.StatefulSetSpec{Replicas: ptr(int32(3)), UpdateStrategy: appsv1.StatefulSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr(int32(2))}}},
			Status: appsv1.StatefulSetStatus{ReadyReplicas: 3, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "b"}}, "3/3", watch.HealthOK},
		{"daemon set rolling", apps("DaemonSet"), &appsv1.DaemonSet{Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: 2, NumberReady: 2, NumberAvailable: 2, UpdatedNumberScheduled: 1}}, "2/2", watch.HealthProgressing},
		{"job failed", inGroup("batch", "v1", "Job"), &batchv1.Job{Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: "True"}}}}, "Failed", watch.HealthBad},
		{"job runs", inGroup("batch", "v1", "Job"), &batchv1.Job{}, "Running", watch.HealthProgressing},
		{"cron job suspended", inGroup("batch", "v1", "CronJob"), &batchv1.CronJob{Spec: batchv1.CronJobSpec{Suspend: ptr(true)}}, "Suspended", watch.HealthOK},
		{"node", core("Node"), node("True"), "Ready", watch.HealthOK},
		{"node not ready", core("Node"), node("Unknown"), "NotReady", watch.HealthBad},
		{"node under pressure", core("Node"), node("True", corev1.NodeCondition{Type: corev1.NodeDiskPressure, Status: "True"}), "Ready", watch.HealthBad},
		{"node that is new", core("Node"), &corev1.Node{Spec: corev1.NodeSpec{Unschedulable: true}}, "Unknown,SchedulingDisabled", watch.HealthProgressing},
		{"namespace that can't go", core("Namespace"), &corev1.Namespace{Status: corev1.NamespaceStatus{Phase: "Terminating", Conditions: []corev1.NamespaceCondition{{Type: corev1.NamespaceDeletionDiscoveryFailure, Status: "True"}}}}, "Terminating", watch.HealthBad},
		{"claim", core("PersistentVolumeClaim"), &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: "Bound"}}, "Bound", watch.HealthOK},
		{"claim lost", core("PersistentVolumeClaim"), &corev1.PersistentVolumeClaim{Status: corev1.PersistentVolumeClaimStatus{Phase: "Lost"}}, "Lost", watch.HealthBad},
		{"volume failed", core("PersistentVolume"), &corev1.PersistentVolume{Status: corev1.PersistentVolumeStatus{Phase: "Failed"}}, "Failed", watch.HealthBad},
		{"attachment error", inGroup("storage.k8s.io", "v1", "VolumeAttachment"), &storagev1.VolumeAttachment{Status: storagev1.VolumeAttachmentStatus{AttachError: &storagev1.VolumeError{}}}, "Error", watch.HealthBad},
		{"default class", inGroup("storage.k8s.io", "v1", "StorageClass"), &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}}}, "default", watch.HealthUnknown},
		{"balancer pending", core("Service"), &corev1.Service{Spec: corev1.ServiceSpec{Type: "LoadBalancer"}}, "Pending", watch.HealthProgressing},
		{"cluster address", core("Service"), &corev1.Service{Spec: corev1.ServiceSpec{Type: "ClusterIP"}}, "ClusterIP", watch.HealthUnknown},
		{"warning", core("Event"), &corev1.Event{Type: "Warning", Reason: "FailedMount"}, "FailedMount", watch.HealthBad},
		{"normal event", core("Event"), &corev1.Event{Type: "Normal", Reason: "Pulled"}, "Pulled", watch.HealthUnknown},
		{"autoscaler without metrics", inGroup("autoscaling", "v2", "HorizontalPodAutoscaler"), &autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{
			Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.ScalingActive, Status: "False", Reason: "FailedGetResourceMetric"}}}}, "0/0", watch.HealthBad},
		{"budget", inGroup("policy", "v1", "PodDisruptionBudget"), &policyv1.PodDisruptionBudget{Status: policyv1.PodDisruptionBudgetStatus{CurrentHealthy: 1, DesiredHealthy: 2}}, "1/2", watch.HealthProgressing},
		{"definition whose names clash", inGroup("apiextensions.k8s.io", "v1", "CustomResourceDefinition"), &apiextensionsv1.CustomResourceDefinition{Status: apiextensionsv1.CustomResourceDefinitionStatus{
			Conditions: []apiextensionsv1.CustomResourceDefinitionCondition{{Type: "NamesAccepted", Status: "False"}, {Type: "Established", Status: "False", Reason: "NotAccepted"}}}}, "NotEstablished: NotAccepted", watch.HealthBad},
		{"config map", core("ConfigMap"), &corev1.ConfigMap{}, "", watch.HealthUnknown},
		{"secret", core("Secret"), &corev1.Secret{Type: "Opaque"}, "Opaque", watch.HealthUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if p := Project(tt.kind, tt.object, nil); p.Status != tt.status || p.Health != tt.health {
				t.Errorf("status %q, %v; want %q, %v", p.Status, p.Health, tt.status, tt.health)
			}
		})
	}
}

func node(ready corev1.ConditionStatus, more ...corev1.NodeCondition) *corev1.Node {
	return &corev1.Node{Status: corev1.NodeStatus{Conditions: append([]corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}, more...)}}
}

// TestEventMessage holds what kubectl makes of text of several lines.
func TestEventMessage(t *testing.T) {
	p := Project(core("Event"), &corev1.Event{Message: " Back-off\x1b[31m restarting\nfailed container "}, nil)
	if got, want := p.Cells.At(6), `Back-off\x1b[31m restarting...`; got != want {
		t.Errorf("cell %q, want %q", got, want)
	}
	if got, _ := p.Fields.Get("message"); got != `Back-off\x1b[31m restarting\nfailed container` {
		t.Errorf("field %q", got)
	}
}
