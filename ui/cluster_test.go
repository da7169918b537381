package ui

import (
	"fmt"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"orka/watch"
	"orka/watch/columns"
)

// cluster makes objects from a seed.
type cluster struct {
	rnd *rand.Rand
	in  watch.Interner
	uid int
	out []*watch.Object
}

func newCluster(seed uint64) *cluster {
	return &cluster{rnd: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // the same objects in every run
}

var (
	teams = []string{"payments", "checkout", "search", "identity", "platform-observability", "team-a", "kube-system"}
	apps  = []string{"api", "web", "worker", "billing-reconciler", "cache", "ingest", "scheduler", "gateway"}
)

func (c *cluster) meta(namespace, name string, age time.Duration, labels map[string]string) metav1.ObjectMeta {
	c.uid++
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x", c.uid*7919, c.uid)),
		ResourceVersion: fmt.Sprint(100000 + c.uid), CreationTimestamp: metav1.NewTime(testNow.Add(-age).Truncate(time.Second)), Labels: labels,
	}
}

// add projects a typed object as the watch does.
func (c *cluster) add(kind *watch.Kind, meta metav1.ObjectMeta, typed any) *watch.Object {
	p := columns.Project(kind.GVK, typed, &c.in)
	o := &watch.Object{
		Kind: kind, Namespace: watch.Sanitize(meta.Namespace), Name: watch.Sanitize(meta.Name), UID: string(meta.UID), ResourceVersion: meta.ResourceVersion,
		Created: meta.CreationTimestamp.Unix(), Labels: watch.PackPairs(meta.Labels), Annos: watch.PackPairs(meta.Annotations),
		Status: p.Status, Cells: p.Cells, Fields: p.Fields, Health: p.Health,
	}
	if meta.DeletionTimestamp != nil {
		o.Deleted = meta.DeletionTimestamp.Unix()
	}
	for _, w := range meta.OwnerReferences {
		o.Owners = append(o.Owners, watch.Owner{APIVersion: w.APIVersion, Kind: w.Kind, Name: w.Name, UID: string(w.UID), Controller: true})
	}
	c.out = append(c.out, o)
	return o
}

const suffixLetters = "bcdfghjklmnpqrstvwxz2456789"

func (c *cluster) suffix(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = suffixLetters[c.rnd.IntN(len(suffixLetters))]
	}
	return string(b)
}

func (c *cluster) pod(namespace, name, app string) *watch.Object {
	age := time.Duration(c.rnd.IntN(40*24)) * time.Hour
	m := c.meta(namespace, name, age, map[string]string{"app": app, "pod-template-hash": c.suffix(10), "tier": "backend"})
	m.Annotations = map[string]string{"prometheus.io/scrape": "true"}
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-7d9f8c6b5", UID: "owner"}}
	status := corev1.ContainerStatus{Name: app, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	phase := corev1.PodRunning
	switch c.rnd.IntN(40) {
	case 0:
		status.Ready, status.RestartCount = false, int32(12+c.rnd.IntN(300)) //nolint:gosec // small
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(testNow.Add(-3 * time.Minute)), ExitCode: 137, Reason: "OOMKilled"}
	case 1:
		status.Ready = false
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
		phase = corev1.PodPending
		m.CreationTimestamp = metav1.NewTime(testNow.Add(-42 * time.Second))
	case 2:
		at := metav1.NewTime(testNow.Add(-20 * time.Second))
		m.DeletionTimestamp = &at
	}
	p := &corev1.Pod{
		ObjectMeta: m,
		Spec:       corev1.PodSpec{NodeName: fmt.Sprintf("node-%02d", c.rnd.IntN(24)), ServiceAccountName: app, Containers: []corev1.Container{{Name: app, Image: "registry.local/" + app + ":1.2.3"}}},
		Status: corev1.PodStatus{Phase: phase, PodIP: fmt.Sprintf("10.1.%d.%d", c.rnd.IntN(255), c.rnd.IntN(255)), ContainerStatuses: []corev1.ContainerStatus{status},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: condition(status.Ready)}, {Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}},
	}
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	return c.add(kindPod, m, p)
}

func condition(ok bool) corev1.ConditionStatus {
	if ok {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}

func (c *cluster) event(about *watch.Object, reason, message string, ago time.Duration) {
	m := c.meta(about.Namespace, about.Name+"."+c.suffix(16), ago, nil)
	c.add(kindEvent, m, &corev1.Event{
		ObjectMeta:     m,
		InvolvedObject: corev1.ObjectReference{Kind: about.Kind.Kind, Namespace: about.Namespace, Name: about.Name, UID: types.UID(about.UID)},
		Type:           "Warning", Reason: reason, Message: message, Count: 12, LastTimestamp: metav1.NewTime(testNow.Add(-ago)),
		Source: corev1.EventSource{Component: "kubelet"},
	})
}

// fill makes about n objects of all kinds.
func (c *cluster) fill(n int) []*watch.Object {
	for i := range 24 {
		m := c.meta("", fmt.Sprintf("node-%02d", i), 90*24*time.Hour, map[string]string{"topology.kubernetes.io/zone": "b"})
		c.add(kindNode, m, &corev1.Node{ObjectMeta: m, Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: condition(i != 7)}},
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.36.1"}, Capacity: corev1.ResourceList{"cpu": resource.MustParse("16")},
		}})
	}
	for _, ns := range teams {
		m := c.meta("", ns, 200*24*time.Hour, nil)
		c.add(kindNamespace, m, &corev1.Namespace{ObjectMeta: m, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}})
		for _, app := range apps {
			m := c.meta(ns, app, 30*24*time.Hour, map[string]string{"app": app})
			three := int32(3)
			ready := three - int32(c.rnd.IntN(20)/19) //nolint:gosec // 0 or 1
			c.add(kindDeployment, m, &appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{Replicas: &three}, Status: appsv1.DeploymentStatus{
				Replicas: 3, ReadyReplicas: ready, UpdatedReplicas: 3, AvailableReplicas: ready,
			}})
			c.add(kindService, m, &corev1.Service{ObjectMeta: m, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.4.17", Ports: []corev1.ServicePort{{Port: 8080, Protocol: "TCP"}}}})
			c.add(kindConfigMap, m, &corev1.ConfigMap{ObjectMeta: m, Data: map[string]string{"config.yaml": "x"}})
		}
	}
	for len(c.out) < n {
		app := apps[c.rnd.IntN(len(apps))]
		p := c.pod(teams[c.rnd.IntN(len(teams))], app+"-"+c.suffix(9)+"-"+c.suffix(5), app)
		if p.Health == watch.HealthBad {
			c.event(p, "BackOff", "Back-off restarting failed container "+app+" in pod "+p.Name, 3*time.Minute)
			c.event(p, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 4*time.Minute)
		}
	}
	return c.out
}
