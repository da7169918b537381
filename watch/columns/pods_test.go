package columns

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

var podKind = watch.GVK{Version: "v1", Kind: "Pod"}

// now is when the tests render; times in fixtures are given as ages.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

type podOption func(*corev1.Pod)

func pod(options ...podOption) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", CreationTimestamp: ago(time.Hour)}}
	for _, o := range options {
		o(p)
	}
	return p
}

func phase(phase corev1.PodPhase, reason string) podOption {
	return func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = phase, reason }
}

func deleting(p *corev1.Pod) { t := ago(time.Minute); p.DeletionTimestamp = &t }

func with(t corev1.PodConditionType, status corev1.ConditionStatus, reason string) podOption {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: status, Reason: reason})
	}
}

func container(s corev1.ContainerStatus) podOption {
	return func(p *corev1.Pod) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: s.Name})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, s)
	}
}

func initContainer(s corev1.ContainerStatus) podOption {
	return func(p *corev1.Pod) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: s.Name})
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s)
	}
}

func sidecar(s corev1.ContainerStatus) podOption {
	return func(p *corev1.Pod) {
		always := corev1.ContainerRestartPolicyAlways
		p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: s.Name, RestartPolicy: &always})
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s)
	}
}

func running(ready bool) corev1.ContainerStatus {
	started := true
	return corev1.ContainerStatus{Name: "run", Ready: ready, Started: &started, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func waiting(reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "wait", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
}

func ended(code, signal int32, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "end", State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Signal: signal, Reason: reason}}}
}

func restarted(s corev1.ContainerStatus, times int32, last time.Duration) corev1.ContainerStatus {
	s.RestartCount = times
	if last != 0 {
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: ago(last)}
	}
	return s
}

// TestPodStatus holds kubectl's STATUS, READY and RESTARTS. What is wanted was read off
// kubernetes/pkg/printers/internalversion/printers.go (v1.36); TestPrinters has its own output.
func TestPodStatus(t *testing.T) {
	ready := with(corev1.PodReady, corev1.ConditionTrue, "")
	initialized := with(corev1.PodInitialized, corev1.ConditionTrue, "")
	tests := []struct {
		name                    string
		pod                     *corev1.Pod
		ready, status, restarts string
		health                  watch.Health
	}{
		{"running", pod(phase("Running", ""), container(running(true)), ready), "1/1", "Running", "0", watch.HealthOK},
		{"not ready yet", pod(phase("Running", ""), container(running(false))), "0/1", "Running", "0", watch.HealthProgressing},
		{"not ready after a restart", pod(phase("Running", ""), container(restarted(running(false), 3, 10*time.Minute))), "0/1", "Running", "3 (10m ago)", watch.HealthBad},
		{"restarted long ago", pod(phase("Running", ""), container(restarted(running(true), 3, 50*time.Hour)), ready), "1/1", "Running", "3 (2d2h ago)", watch.HealthOK},
		{"restart without a time", pod(phase("Running", ""), container(restarted(running(true), 3, 0)), ready), "1/1", "Running", "3", watch.HealthOK},
		{"pending", pod(phase("Pending", "")), "0/0", "Pending", "0", watch.HealthProgressing},
		{"unschedulable", pod(phase("Pending", ""), with(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable")), "0/0", "Pending", "0", watch.HealthBad},
		{"held back", pod(phase("Pending", ""), with(corev1.PodScheduled, corev1.ConditionFalse, "SchedulingGated")), "0/0", "SchedulingGated", "0", watch.HealthProgressing},
		{"creating", pod(phase("Pending", ""), container(waiting("ContainerCreating"))), "0/1", "ContainerCreating", "0", watch.HealthProgressing},
		{"image", pod(phase("Pending", ""), container(waiting("ImagePullBackOff"))), "0/1", "ImagePullBackOff", "0", watch.HealthBad},
		{"config", pod(phase("Pending", ""), container(waiting("CreateContainerConfigError"))), "0/1", "CreateContainerConfigError", "0", watch.HealthBad},
		{"crash loop", pod(phase("Running", ""), container(restarted(waiting("CrashLoopBackOff"), 7, 3*time.Minute+5*time.Second))), "0/1", "CrashLoopBackOff", "7 (3m5s ago)", watch.HealthBad},
		{"first container's reason stands", pod(phase("Running", ""), container(waiting("CrashLoopBackOff")), container(ended(1, 0, "Error"))), "0/2", "CrashLoopBackOff", "0", watch.HealthBad},
		{"completed", pod(phase("Succeeded", ""), container(ended(0, 0, "Completed"))), "0/1", "Completed", "0", watch.HealthOK},
		{"error", pod(phase("Failed", ""), container(ended(1, 0, "Error"))), "0/1", "Error", "0", watch.HealthBad},
		{"exit code", pod(phase("Failed", ""), container(ended(3, 0, ""))), "0/1", "ExitCode:3", "0", watch.HealthBad},
		{"signal", pod(phase("Failed", ""), container(ended(137, 9, ""))), "0/1", "Signal:9", "0", watch.HealthBad},
		{"evicted", pod(phase("Failed", "Evicted")), "0/0", "Evicted", "0", watch.HealthBad},
		{"one done, one runs, ready", pod(phase("Running", ""), container(ended(0, 0, "Completed")), container(running(true)), ready), "1/2", "Running", "0", watch.HealthOK},
		{"one done, one runs, not ready", pod(phase("Running", ""), container(ended(0, 0, "Completed")), container(running(true))), "1/2", "NotReady", "0", watch.HealthProgressing},
		{"one done, one failed", pod(phase("Running", ""), container(ended(0, 0, "Completed")), container(ended(2, 0, ""))), "0/2", "ExitCode:2", "0", watch.HealthBad},
		{"one failed behind one that runs", pod(phase("Running", ""), container(ended(0, 0, "Completed")), container(running(true)), container(ended(1, 0, "Error"))), "1/3", "Error", "0", watch.HealthBad},
		{"terminating", pod(phase("Running", ""), container(running(true)), ready, deleting), "1/1", "Terminating", "0", watch.HealthProgressing},
		{"done and being deleted", pod(phase("Succeeded", ""), container(ended(0, 0, "Completed")), deleting), "0/1", "Completed", "0", watch.HealthOK},
		{"node lost", pod(phase("Running", "NodeLost"), container(running(true)), deleting), "1/1", "Unknown", "0", watch.HealthBad},
		{"node lost, not deleted", pod(phase("Running", "NodeLost"), container(running(true)), ready), "1/1", "NodeLost", "0", watch.HealthOK},
		{"init waits", pod(phase("Pending", ""), initContainer(waiting("")), initContainer(waiting("PodInitializing")), container(waiting("PodInitializing"))), "0/1", "Init:0/2", "0", watch.HealthProgressing},
		{"second init runs", pod(phase("Pending", ""), initContainer(ended(0, 0, "Completed")), initContainer(running(false)), container(waiting("PodInitializing"))), "0/1", "Init:1/2", "0", watch.HealthProgressing},
		{"init crash loop", pod(phase("Pending", ""), initContainer(restarted(waiting("CrashLoopBackOff"), 4, time.Minute)), container(waiting("PodInitializing"))), "0/1", "Init:CrashLoopBackOff", "4 (60s ago)", watch.HealthBad},
		{"init error", pod(phase("Pending", ""), initContainer(ended(1, 0, "Error")), container(waiting("PodInitializing"))), "0/1", "Init:Error", "0", watch.HealthBad},
		{"init exit code", pod(phase("Pending", ""), initContainer(ended(5, 0, "")), container(waiting("PodInitializing"))), "0/1", "Init:ExitCode:5", "0", watch.HealthBad},
		{"init signal", pod(phase("Pending", ""), initContainer(ended(5, 15, "")), container(waiting("PodInitializing"))), "0/1", "Init:Signal:15", "0", watch.HealthBad},
		{"init done", pod(phase("Pending", ""), initContainer(ended(0, 0, "Completed")), container(waiting("PodInitializing"))), "0/1", "PodInitializing", "0", watch.HealthProgressing},
		{"init restarts don't count once running", pod(phase("Running", ""), initContainer(restarted(ended(0, 0, ""), 3, time.Hour)), container(restarted(running(true), 1, time.Minute*2)), ready), "1/1", "Running", "1 (2m ago)", watch.HealthOK},
		{"sidecar runs", pod(phase("Running", ""), sidecar(running(true)), container(running(true)), ready), "2/2", "Running", "0", watch.HealthOK},
		{"sidecar restarts count", pod(phase("Running", ""), sidecar(restarted(running(true), 2, time.Hour)), initContainer(ended(0, 0, "")), container(restarted(running(true), 1, 2*time.Hour)), ready), "2/2", "Running", "3 (60m ago)", watch.HealthOK},
		{"sidecar starts", pod(phase("Pending", ""), sidecar(waiting("")), container(waiting("PodInitializing"))), "0/2", "Init:0/1", "0", watch.HealthProgressing},
		{"sidecar crashes once initialized", pod(phase("Running", ""), initialized, sidecar(restarted(waiting("CrashLoopBackOff"), 5, time.Minute)), container(running(true))), "1/2", "Init:CrashLoopBackOff", "5 (60s ago)", watch.HealthBad},
		{"main done, sidecar runs", pod(phase("Running", ""), sidecar(running(true)), container(ended(0, 0, "Completed"))), "1/2", "Completed", "0", watch.HealthProgressing},
		{"no status", pod(), "0/0", "", "0", watch.HealthProgressing},
	}
	columns := For(podKind)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Project(podKind, tt.pod, nil)
			o := &watch.Object{Name: "p", Created: ago(time.Hour).Unix(), Cells: p.Cells}
			got := []string{Render(columns[1], 1, o, now), Render(columns[2], 2, o, now), Render(columns[3], 3, o, now)}
			if diff := cmp.Diff([]string{tt.ready, tt.status, tt.restarts}, got); diff != "" {
				t.Errorf("READY, STATUS, RESTARTS: -want +got\n%s", diff)
			}
			if p.Status != tt.status || p.Health != tt.health {
				t.Errorf("status %q, %v; want %q, %v", p.Status, p.Health, tt.status, tt.health)
			}
		})
	}
}

func TestPodWideCellsAndFields(t *testing.T) {
	p := pod(phase("Running", ""), container(running(true)), with("example.org/gate", corev1.ConditionTrue, ""), with("example.org/other", corev1.ConditionFalse, ""))
	p.Spec.Containers = []corev1.Container{{Image: "registry.example.org/web:1"}, {Image: "proxy:2"}}
	p.Spec.NodeName, p.Spec.ServiceAccountName, p.Spec.PriorityClassName = "node-1", "default", "high"
	p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.org/gate"}, {ConditionType: "example.org/other"}, {ConditionType: "absent"}}
	p.Status.PodIP, p.Status.PodIPs = "10.0.0.7", []corev1.PodIP{{IP: "10.0.0.7"}, {IP: "fd00::7"}}
	p.Status.QOSClass = corev1.PodQOSBurstable
	got := Project(podKind, p, nil)
	if want := watch.PackCells("", "1/2", "Running", "0", "", "10.0.0.7", "node-1", "<none>", "1/3"); got.Cells != want {
		t.Errorf("cells %q, want %q", got.Cells, want)
	}
	want := watch.PackPairs(map[string]string{
		"spec.containers.image": "registry.example.org/web:1,proxy:2", "spec.nodeName": "node-1", "spec.priorityClassName": "high",
		"spec.serviceAccountName": "default", "status.phase": "Running", "status.podIP": "10.0.0.7", "status.qosClass": "Burstable", "status.restarts": "0",
	})
	if got.Fields != want {
		t.Errorf("fields %q, want %q", got.Fields, want)
	}
}

func BenchmarkProjectPod(b *testing.B) {
	p := pod(phase("Running", ""), container(restarted(running(true), 2, time.Hour)), container(running(true)), initContainer(ended(0, 0, "Completed")),
		with(corev1.PodScheduled, corev1.ConditionTrue, ""), with(corev1.PodReady, corev1.ConditionTrue, ""))
	p.Spec.Containers[0].Image, p.Spec.Containers[1].Image = "registry.example.org/team/web:v1.2.3", "registry.example.org/mesh/proxy:v1.20"
	p.Spec.NodeName, p.Spec.ServiceAccountName = "ip-10-0-17-4.eu-west-1.compute.internal", "web"
	p.Status.PodIP, p.Status.PodIPs = "10.0.17.93", []corev1.PodIP{{IP: "10.0.17.93"}}
	in := &watch.Interner{}
	b.ReportAllocs()
	for b.Loop() {
		Project(podKind, p, in)
	}
}
