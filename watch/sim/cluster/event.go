package cluster

// Events.

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// note is one event of the plan.
type note struct {
	about       ref
	reason      string
	message     string
	warning     bool
	count       int32
	first, last int64
	component   string
	host        string
}

// name is as client-go's recorder makes it: the object's name and a time in hexadecimal, kept within the limit.
func (n *note) name() string {
	s := fmt.Sprintf(".%x", uint64(n.first)*1e9+newHash(uint64(n.first)).str(n.reason).str(string(n.about.uid)).a%1e9)
	base := n.about.name
	if len(base)+len(s) > 253 {
		base = base[:253-len(s)]
	}
	return base + s
}

// event renders a note.
func (r *renderer) event(n *note) *corev1.Event {
	ns := n.about.namespace
	if ns == "" {
		ns = "default"
	}
	e := &corev1.Event{TypeMeta: typeMeta("v1", "Event"), ObjectMeta: r.meta("Event", ns, n.name(), n.first, nil)}
	e.InvolvedObject = corev1.ObjectReference{APIVersion: n.about.apiVersion, Kind: n.about.kind, Namespace: n.about.namespace, Name: n.about.name, UID: n.about.uid}
	e.Reason, e.Message, e.Type, e.Count = n.reason, n.message, corev1.EventTypeNormal, n.count
	if n.warning {
		e.Type = corev1.EventTypeWarning
	}
	e.Source = corev1.EventSource{Component: n.component, Host: n.host}
	e.ReportingController, e.ReportingInstance = n.component, n.host
	e.FirstTimestamp, e.LastTimestamp = at(n.first), at(n.last)
	return e
}

func (r *renderer) podRef(a *app, q *pod) ref {
	return r.ref("v1", "Pod", a.ns.name, q.name, q.created)
}

// notes are the events that the state of an app leaves behind: those of its problem, and those of what
// happened within the last hour, after which events expire.
func (r *renderer) notes(a *app, now int64) (out []note) {
	for i := range a.pods {
		q := &a.pods[i]
		if n, ok := r.podNote(a, q, now); ok {
			out = append(out, n)
		} else if now-q.created < hour && q.node >= 0 {
			out = append(out, r.scheduled(a, q), r.kubelet(a, q, "Started", "Container started", q.changed))
		}
	}
	switch a.problem {
	case certNotReady:
		out = append(out, note{about: r.certificateRef(a), reason: "Failed", warning: true, count: int32(a.id%5 + 2), first: max(now-50*minute, a.created), last: now - 4*minute,
			component: "pki-controller", message: "The certificate request has failed to complete and will be retried: error presenting challenge"})
	case volumePending:
		i := len(a.pods) - 1
		claim := r.ref("v1", "PersistentVolumeClaim", a.ns.name, a.claim(&a.pods[i]), a.claimCreated(i))
		out = append(out, note{about: claim, reason: "ProvisioningFailed", warning: true, count: 31, first: max(now-55*minute, a.created), last: now - minute, component: "persistentvolume-controller",
			message: "no volume plugin matched name: local.csi." + domain})
	case jobFailed:
		if len(a.jobs) > 0 {
			j := &a.jobs[len(a.jobs)-1]
			if j.failed {
				out = append(out, note{about: r.jobRef(a, j), reason: "BackoffLimitExceeded", warning: true, count: 1, first: j.finished, last: j.finished, component: "job-controller", message: "Job has reached the specified backoff limit"})
			}
		}
	}
	return out
}

func (r *renderer) scheduled(a *app, q *pod) note {
	return note{about: r.podRef(a, q), reason: "Scheduled", count: 1, first: q.created, last: q.created, component: "default-scheduler",
		message: fmt.Sprintf("Successfully assigned %s/%s to %s", a.ns.name, q.name, r.node(q).name)}
}

func (r *renderer) kubelet(a *app, q *pod, reason, message string, when int64) note {
	return note{about: r.podRef(a, q), reason: reason, message: message, count: 1, first: when, last: when, component: "kubelet", host: r.node(q).name}
}

// podNote is the warning that the pod's state repeats.
func (r *renderer) podNote(a *app, q *pod, now int64) (note, bool) {
	var n note
	switch q.state {
	case podPending:
		n = note{about: r.podRef(a, q), reason: "FailedScheduling", component: "default-scheduler", first: q.created, last: now - 20}
		nodes := len(*r.nodes)
		n.message = fmt.Sprintf(msgNoRoom, nodes, controlNodes, nodes-controlNodes, nodes, nodes)
		if a.problem == volumePending {
			n.message = msgNoVolume
		}
	case podCrashLoop:
		n = r.kubelet(a, q, "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", a.containerName(), q.name, a.ns.name, r.podRef(a, q).uid), q.created+30)
		n.last = now - 13
	case podImagePull:
		image := a.image(a.setOf(q))
		n = r.kubelet(a, q, "Failed", fmt.Sprintf("Failed to pull image %q: rpc error: code = NotFound desc = failed to pull and unpack image %q: failed to resolve reference %q: %s: not found", image, image, image, image), q.created+3)
		n.last = now - 40
	case podNotReady:
		n = r.kubelet(a, q, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", q.changed)
		n.last = now - 6
	case podEvicted:
		if now-q.changed > hour {
			return n, false
		}
		n = r.kubelet(a, q, "Evicted", fmt.Sprintf(msgEvicted, a.containerName()), q.changed)
		n.last = q.changed
	default:
		return n, false
	}
	n.warning = true
	n.last = max(n.last, n.first)
	n.count = int32(max(1, (n.last-n.first)/75))
	return n, true
}
