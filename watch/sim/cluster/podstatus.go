package cluster

// The status of pods, as kubelet and scheduler write it.

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// Messages as the kubelet, the scheduler and the container runtime word them.
const (
	msgCrashLoop = "back-off 5m0s restarting failed container=%s pod=%s_%s(%s)"
	msgPull      = "Back-off pulling image %q: ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found"
	msgNoRoom    = "0/%d nodes are available: %d node(s) had untolerated taint(s), %d Insufficient memory. no new claims to deallocate, preemption: 0/%d nodes are available: %d No preemption victims found for incoming pod."
	msgNoVolume  = "running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded: pod has unbound immediate PersistentVolumeClaims"
	msgEvicted   = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61412Ki. Container %s was using 1193284Ki, request is 512Mi, has larger consumption of memory."
)

// condition is a pod condition in short form.
func condition(t corev1.PodConditionType, ok bool, since int64, reason, message string) corev1.PodCondition {
	c := corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: at(since), Reason: reason, Message: message, ObservedGeneration: 1}
	if !ok {
		c.Status = corev1.ConditionFalse
	}
	return c
}

func (r *renderer) podStatus(a *app, q *pod, p *corev1.Pod, t *podTemplate) {
	s := &p.Status
	s.ObservedGeneration = 1
	s.QOSClass = corev1.PodQOSBurstable
	if q.node < 0 {
		message := msgNoVolume
		if a.problem != volumePending {
			n := len(*r.nodes)
			message = fmt.Sprintf(msgNoRoom, n, controlNodes, n-controlNodes, n, n)
		}
		s.Phase = corev1.PodPending
		s.Conditions = []corev1.PodCondition{condition(corev1.PodScheduled, false, q.created, corev1.PodReasonUnschedulable, message)}
		return
	}
	n := r.node(q)
	s.HostIP = n.ip()
	s.HostIPs = []corev1.HostIP{{IP: s.HostIP}}
	s.StartTime = atPtr(q.created + 1)
	ready := q.state.ready()
	waiting := q.state == podStarting || q.state == podImagePull
	if q.state != podStarting {
		s.PodIP = r.podIP(q)
		if p.Spec.HostNetwork {
			s.PodIP = s.HostIP
		}
		s.PodIPs = []corev1.PodIP{{IP: s.PodIP}}
	}
	switch q.state {
	case podSucceeded:
		s.Phase = corev1.PodSucceeded
	case podFailed:
		s.Phase = corev1.PodFailed
	case podEvicted:
		s.Phase, s.Reason = corev1.PodFailed, "Evicted"
		s.Message = fmt.Sprintf(msgEvicted, a.containerName())
	case podStarting, podImagePull:
		s.Phase = corev1.PodPending
	default:
		s.Phase = corev1.PodRunning
	}
	why, message := "", ""
	switch {
	case q.state == podSucceeded:
		why = "PodCompleted"
	case q.state == podFailed || q.state == podEvicted:
		why = "PodFailed"
	case !ready:
		why, message = "ContainersNotReady", "containers with unready status: ["+a.containerName()+"]"
	}
	s.Conditions = []corev1.PodCondition{
		condition(corev1.PodReadyToStartContainers, q.state != podStarting && q.state.active(), q.created+3, "", ""),
		condition(corev1.PodInitialized, true, q.created+1, "", ""),
		condition(corev1.PodReady, ready, q.changed, why, message),
		condition(corev1.ContainersReady, ready, q.changed, why, message),
		condition(corev1.PodScheduled, true, q.created, "", ""),
	}
	if q.state == podEvicted {
		s.Conditions = append(s.Conditions, condition(corev1.DisruptionTarget, true, q.changed, "TerminationByKubelet", s.Message))
		return
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		cs := corev1.ContainerStatus{Name: c.Name, Image: c.Image, RestartCount: q.restarts}
		if i > 0 { // the side-car is never what is wrong
			cs.RestartCount = 0
			cs.Ready = !waiting && q.state.active()
			cs.State = r.sidecarState(q)
		} else {
			cs.Ready = ready
			r.mainState(a, q, p, c, &cs)
		}
		cs.Started = ptr(cs.State.Running != nil)
		if cs.State.Waiting == nil || q.restarts > 0 {
			cs.ImageID = c.Image[:tagStart(c.Image)] + "@" + t.images[i]
			cs.ContainerID = r.containerID(p, c.Name, q.restarts)
		}
		if cs.Resources == nil && cs.State.Running != nil {
			cs.Resources = c.Resources.DeepCopy()
		}
		s.ContainerStatuses = append(s.ContainerStatuses, cs)
	}
}

// tagStart is where the tag of an image reference begins.
func tagStart(image string) int {
	for i := len(image) - 1; i >= 0 && image[i] != '/'; i-- {
		if image[i] == ':' {
			return i
		}
	}
	return len(image)
}

func (r *renderer) containerID(p *corev1.Pod, container string, restarts int32) string {
	return "containerd://" + newHash(r.seed).str(string(p.UID)).str(container).num(uint64(restarts)).hex64()
}

func running(since int64) corev1.ContainerState {
	return corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(since)}}
}

func waitingFor(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func (r *renderer) sidecarState(q *pod) corev1.ContainerState {
	switch q.state {
	case podStarting, podImagePull:
		return waitingFor("ContainerCreating", "")
	case podSucceeded, podFailed:
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: at(q.created + 2), FinishedAt: at(q.changed)}}
	}
	return running(q.created + 3)
}

// mainState fills the state of the main container and of its last run.
func (r *renderer) mainState(a *app, q *pod, p *corev1.Pod, c *corev1.Container, cs *corev1.ContainerStatus) {
	ended := func(code int32, reason, message string, started, finished int64) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, StartedAt: at(started), FinishedAt: at(finished),
			ContainerID: r.containerID(p, c.Name, max(q.restarts-1, 0))}
	}
	switch q.state {
	case podStarting:
		cs.State = waitingFor("ContainerCreating", "")
	case podImagePull:
		ref := c.Image
		cs.State = waitingFor("ImagePullBackOff", fmt.Sprintf(msgPull, ref, ref, ref, ref))
	case podCrashLoop:
		cs.State = waitingFor("CrashLoopBackOff", fmt.Sprintf(msgCrashLoop, c.Name, p.Name, p.Namespace, p.UID))
		cs.LastTerminationState.Terminated = ended(1, "Error", crashLogs[a.id%len(crashLogs)], q.changed-4, q.changed)
	case podOOM:
		cs.State = running(q.changed)
		cs.LastTerminationState.Terminated = ended(137, "OOMKilled", "", q.changed-1900, q.changed-2)
	case podSucceeded:
		cs.State.Terminated = ended(0, "Completed", "", q.created+3, q.changed)
	case podFailed:
		cs.State.Terminated = ended(2, "Error", "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.run(...)\n", q.created+3, q.changed)
	case podNotReady:
		cs.State = running(q.created + 4)
		if q.restarts > 0 {
			cs.LastTerminationState.Terminated = ended(143, "Error", "", q.created+1, q.created+3)
		}
	default:
		cs.State = running(q.changed - 1)
		if q.restarts > 0 {
			cs.LastTerminationState.Terminated = ended(143, "Error", "", q.created+4, q.changed-3)
		}
	}
}

// crashLogs are last words of programs that exit at once.
var crashLogs = []string{
	"{\"level\":\"fatal\",\"ts\":\"2026-05-02T09:13:44Z\",\"msg\":\"cannot reach database\",\"err\":\"dial tcp 10.96.14.3:5432: connect: connection refused\"}\n",
	"Error: required environment variable STRIPE_WEBHOOK_SECRET is not set\n",
	"java.lang.IllegalStateException: Flyway migration V042__add_index.sql failed\n\tat org.flywaydb.core.internal.command.DbMigrate.doMigrateGroup(DbMigrate.java:371)\n",
}
