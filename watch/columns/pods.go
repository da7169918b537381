package columns

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"orka/watch"
)

var pods = family{
	core("Pod"): typed(projectPod,
		cols(nameColumn, text("READY"), text("STATUS"), watch.Column{Name: "RESTARTS", Type: watch.ColumnCountSince}, ageColumn,
			wide(text("IP")), wide(text("NODE")), wide(text("NOMINATED NODE")), wide(text("READINESS GATES"))),
		textField("spec.containers.image", "images of the containers, joined by commas"),
		textField("spec.nodeName", "node it is bound to"),
		textField("spec.priorityClassName", "priority class"),
		textField("spec.serviceAccountName", "service account"),
		textField("status.phase", "Pending, Running, Succeeded, Failed, Unknown"),
		textField("status.podIP", "first address of the pod"),
		textField("status.qosClass", "Guaranteed, Burstable, BestEffort"),
		numberField("status.restarts", "restarts of its containers, as in the RESTARTS column"),
	),
	core("PodTemplate"): typed(projectPodTemplate,
		cols(nameColumn, text("CONTAINERS"), text("IMAGES"), text("POD LABELS")),
		textField("template.spec.containers.image", "images of the containers, joined by commas"),
	),
}

func projectPod(p *corev1.Pod, r *row) {
	s := summarize(p, r)
	r.name()
	r.ratio(int64(s.ready), int64(s.total))
	r.cell()
	r.cells = append(r.cells, r.status...)
	r.cell()
	r.cells = strconv.AppendInt(r.cells, int64(s.restarts), 10)
	if s.restarts != 0 && !s.restarted.IsZero() {
		r.cells = strconv.AppendInt(append(r.cells, '@'), s.restarted.Unix(), 10)
	}
	r.age()
	ip := ""
	if len(p.Status.PodIPs) > 0 {
		ip = p.Status.PodIPs[0].IP
	}
	r.textOr(ip, none)
	r.textOr(p.Spec.NodeName, none)
	r.textOr(p.Status.NominatedNodeName, none)
	if len(p.Spec.ReadinessGates) == 0 {
		r.text(none)
	} else {
		r.ratio(passedGates(p), int64(len(p.Spec.ReadinessGates)))
	}

	r.ownStatus = true
	r.health = podHealth(p, &s)

	fieldJoin(r, "spec.containers.image", p.Spec.Containers, containerImage)
	r.field("spec.nodeName", p.Spec.NodeName)
	r.field("spec.priorityClassName", p.Spec.PriorityClassName)
	r.field("spec.serviceAccountName", p.Spec.ServiceAccountName)
	r.field("status.phase", string(p.Status.Phase))
	r.field("status.podIP", p.Status.PodIP)
	r.field("status.qosClass", string(p.Status.QOSClass))
	r.fieldInt("status.restarts", int64(s.restarts))
}

func projectPodTemplate(t *corev1.PodTemplate, r *row) {
	r.name()
	r.containers(t.Template.Spec.Containers)
	r.labels(t.Template.Labels)
	fieldJoin(r, "template.spec.containers.image", t.Template.Spec.Containers, containerImage)
}

// containers are the cells CONTAINERS and IMAGES.
func (r *row) containers(cs []corev1.Container) {
	r.cell()
	for i := range cs {
		if i > 0 {
			r.cells = append(r.cells, ',')
		}
		r.cells = watch.AppendSanitized(r.cells, cs[i].Name)
	}
	r.cell()
	for i := range cs {
		if i > 0 {
			r.cells = append(r.cells, ',')
		}
		r.cells = watch.AppendSanitized(r.cells, cs[i].Image)
	}
}

func containerImage(c *corev1.Container) string { return c.Image }

// podSummary is what the containers of a pod add up to.
type podSummary struct {
	ready, total int
	restarts     int
	restarted    time.Time // of the last restart that is known; zero without one
	stuck        bool      // a container waits for a person, or ended in an error
}

// summarize counts containers and restarts, and leaves kubectl's STATUS in r.status. Its order of
// precedence is kubectl's: the pod's reason over its phase, a held-back pod, init containers up to the
// first that isn't done, else the containers from the last to the first, and over all of it the deletion.
func summarize(p *corev1.Pod, r *row) podSummary {
	s := podSummary{total: len(p.Spec.Containers)}
	if p.Status.Reason != "" {
		r.setStatus(p.Status.Reason)
	} else {
		r.setStatus(string(p.Status.Phase))
	}
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			r.setStatus(corev1.PodReasonSchedulingGated)
		}
	}
	for i := range p.Spec.InitContainers {
		if isSidecar(&p.Spec.InitContainers[i]) {
			s.total++
		}
	}

	sidecars, initializing := s.initContainers(p, r)
	if !initializing || podCondition(p, corev1.PodInitialized) == corev1.ConditionTrue {
		// Restarts before the pod ran are of no interest any more, except those of sidecars.
		s.restarts, s.restarted = sidecars.restarts, sidecars.restarted
		s.containers(p, r)
	}

	switch {
	case p.DeletionTimestamp == nil:
	case p.Status.Reason == nodeLost:
		r.setStatus("Unknown")
	case p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed:
		r.setStatus("Terminating")
	}
	return s
}

// nodeLost is the reason that the node lifecycle controller gives pods of a node that is unreachable.
const nodeLost = "NodeLost"

// initContainers walks the init containers up to the first that keeps the pod from starting, and reports
// whether there is one; sidecars are the restarts of restartable ones alone.
func (s *podSummary) initContainers(p *corev1.Pod, r *row) (sidecars podSummary, initializing bool) {
	for i := range p.Status.InitContainerStatuses {
		c := &p.Status.InitContainerStatuses[i]
		sidecar := isSidecarNamed(p, c.Name)
		s.countRestarts(c)
		if sidecar {
			sidecars.countRestarts(c)
		}
		terminated, waiting := c.State.Terminated, c.State.Waiting
		switch {
		case terminated != nil && terminated.ExitCode == 0:
			continue
		case sidecar && c.Started != nil && *c.Started:
			if c.Ready {
				s.ready++
			}
			continue
		case terminated != nil:
			s.stuck = true
			r.status = append(r.status[:0], "Init:"...)
			r.status = appendTermination(r.status, terminated)
		case waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing":
			s.stuck = s.stuck || !benignWait(waiting.Reason)
			r.status = watch.AppendSanitized(append(r.status[:0], "Init:"...), waiting.Reason)
		default:
			r.status = appendRatio(append(r.status[:0], "Init:"...), int64(i), int64(len(p.Spec.InitContainers)))
		}
		return sidecars, true
	}
	return sidecars, false
}

// containers walks the containers, the last first, so that the first one's reason stands in the end.
func (s *podSummary) containers(p *corev1.Pod, r *row) {
	running := false
	var failed *corev1.ContainerStateTerminated
	for i := len(p.Status.ContainerStatuses) - 1; i >= 0; i-- {
		c := &p.Status.ContainerStatuses[i]
		s.countRestarts(c)
		terminated, waiting := c.State.Terminated, c.State.Waiting
		switch {
		case waiting != nil && waiting.Reason != "":
			s.stuck = s.stuck || !benignWait(waiting.Reason)
			r.setStatus(waiting.Reason)
		case terminated != nil:
			r.status = appendTermination(r.status[:0], terminated)
			if terminated.ExitCode != 0 {
				failed = terminated
				s.stuck = true
			}
		case c.Ready && c.State.Running != nil:
			running = true
			s.ready++
		}
	}
	// One container that is done does not make a pod that still runs "Completed".
	if string(r.status) == "Completed" {
		switch {
		case running && podCondition(p, corev1.PodReady) == corev1.ConditionTrue:
			r.setStatus("Running")
		case failed != nil:
			r.status = appendTermination(r.status[:0], failed)
		case running:
			r.setStatus("NotReady")
		}
	}
}

func (s *podSummary) countRestarts(c *corev1.ContainerStatus) {
	s.restarts += int(c.RestartCount)
	if t := c.LastTerminationState.Terminated; t != nil && s.restarted.Before(t.FinishedAt.Time) {
		s.restarted = t.FinishedAt.Time
	}
}

// appendTermination is the reason of an end: as given, else by signal, else by exit code.
func appendTermination(b []byte, t *corev1.ContainerStateTerminated) []byte {
	switch {
	case t.Reason != "":
		return watch.AppendSanitized(b, t.Reason)
	case t.Signal != 0:
		return strconv.AppendInt(append(b, "Signal:"...), int64(t.Signal), 10)
	default:
		return strconv.AppendInt(append(b, "ExitCode:"...), int64(t.ExitCode), 10)
	}
}

// isSidecar reports whether an init container runs along with the containers.
func isSidecar(c *corev1.Container) bool {
	return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func isSidecarNamed(p *corev1.Pod, name string) bool {
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; c.Name == name {
			return isSidecar(c)
		}
	}
	return false
}

// podCondition is the status of a condition, "" when it isn't there.
func podCondition(p *corev1.Pod, t corev1.PodConditionType) corev1.ConditionStatus {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == t {
			return p.Status.Conditions[i].Status
		}
	}
	return ""
}

// passedGates counts the readiness gates whose condition is true.
func passedGates(p *corev1.Pod) (n int64) {
	for i := range p.Spec.ReadinessGates {
		if podCondition(p, p.Spec.ReadinessGates[i].ConditionType) == corev1.ConditionTrue {
			n++
		}
	}
	return n
}
