package cluster

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestKinds(t *testing.T) {
	got := newWorld(Generate(testConfig(DefaultObjects))).counts()
	for _, kind := range strings.Fields(`Namespace Node Pod Deployment ReplicaSet StatefulSet DaemonSet ControllerRevision Job CronJob Service EndpointSlice Ingress
		IngressClass NetworkPolicy ConfigMap Secret ServiceAccount PersistentVolume PersistentVolumeClaim StorageClass VolumeAttachment CSIDriver
		HorizontalPodAutoscaler PodDisruptionBudget Role RoleBinding ClusterRole ClusterRoleBinding Lease PriorityClass ResourceQuota LimitRange
		Event CustomResourceDefinition Certificate ClusterIssuer Kustomization PostgresCluster`) {
		if got[kind] == 0 {
			t.Errorf("a cluster of the default size has no %s", kind)
		}
	}
	if got["Pod"] < DefaultObjects/5 {
		t.Errorf("only %d pods", got["Pod"])
	}
}

// TestPodSize holds that pods are as large as real ones, which is what memory and speed are measured with.
func TestPodSize(t *testing.T) {
	var sizes []int
	for o := range Generate(testConfig(8000)) {
		if p, ok := o.(*corev1.Pod); ok {
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, len(b))
		}
	}
	slices.Sort(sizes)
	median := sizes[len(sizes)/2]
	t.Logf("%d pods, median %d bytes, 95th percentile %d", len(sizes), median, sizes[len(sizes)*95/100])
	if median < 7000 || median > 12000 {
		t.Errorf("median pod is %d bytes of JSON", median)
	}
}

func TestUnhealthyWorkloads(t *testing.T) {
	c, err := New(testConfig(12000))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(c.Objects())
	sick, all := 0, 0
	seen := map[problem]bool{}
	for i, a := range c.apps {
		if a.comp.role == roleAgent {
			continue
		}
		all++
		if a.problem != healthy {
			sick++
			if i < 100 {
				seen[a.problem] = true
			}
		}
	}
	if share := float64(sick) / float64(all); share < 0.05 || share > 0.08 {
		t.Errorf("%d of %d workloads are unhealthy: %.1f%%", sick, all, 100*share)
	}
	if len(seen) < 6 {
		t.Errorf("the first 100 apps show only %d kinds of problems: %v", len(seen), seen)
	}
	reasons := map[string]int{}
	for p := range each[*corev1.Pod](w) {
		for _, c := range p.Status.ContainerStatuses {
			if c.State.Waiting != nil {
				reasons[c.State.Waiting.Reason]++
			}
			if l := c.LastTerminationState.Terminated; l != nil {
				reasons[l.Reason]++
			}
		}
		if p.DeletionTimestamp != nil {
			reasons["deleting"]++
		}
		reasons[p.Status.Reason]++
		for _, c := range p.Status.Conditions {
			reasons[c.Reason]++
		}
	}
	for e := range each[*corev1.Event](w) {
		reasons[e.Reason]++
	}
	for n := range each[*corev1.Namespace](w) {
		reasons[string(n.Status.Phase)]++
	}
	for d := range each[*appsv1.Deployment](w) {
		for _, c := range d.Status.Conditions {
			reasons[c.Reason]++
		}
	}
	for _, want := range strings.Fields("CrashLoopBackOff ImagePullBackOff OOMKilled Unschedulable FailedScheduling Evicted BackoffLimitExceeded NodeNotReady ProvisioningFailed deleting Terminating ProgressDeadlineExceeded") {
		if reasons[want] == 0 {
			t.Errorf("nothing in the cluster shows %s", want)
		}
	}
}

func TestAwkwardObjects(t *testing.T) {
	w := newWorld(Generate(testConfig(DefaultObjects)))
	longest, mostLabels := 0, 0
	var annotations strings.Builder
	for k, o := range w.objects {
		if k.namespace != "conformance-lab" {
			continue
		}
		longest = max(longest, len(k.name))
		mostLabels = max(mostLabels, len(o.(metav1.Object).GetLabels()))
		for _, v := range o.(metav1.Object).GetAnnotations() {
			annotations.WriteString(v)
		}
	}
	if longest != 253 || mostLabels < 60 {
		t.Errorf("longest name %d, most labels %d", longest, mostLabels)
	}
	for _, want := range []string{"\x1b[", "\x00", "\u202e", "\u2066", "\u200b", "\u2028", "👩‍👩‍👧‍👦", "日本語", "\r", "\x7f", "\u009b"} {
		if !strings.Contains(annotations.String(), want) {
			t.Errorf("no annotation holds %q", want)
		}
	}
}
