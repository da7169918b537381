package columns

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"

	"orka/watch"
)

// config are the kinds that hold settings, limits and the frame around workloads.
var config = family{
	core("Namespace"): typed(projectNamespace,
		cols(nameColumn, text("STATUS"), ageColumn),
		textField("status.phase", "Active, Terminating"),
	),
	core("ConfigMap"): typed(projectConfigMap,
		cols(nameColumn, number("DATA"), ageColumn),
		numberField("data", "number of keys, binary ones included"),
		boolField("immutable", "whether its data can't change"),
	),
	core("Secret"): typed(projectSecret,
		cols(nameColumn, text("TYPE"), number("DATA"), ageColumn),
		numberField("data", "number of keys"),
		textField("type", "Opaque, kubernetes.io/tls, …"),
	),
	core("ResourceQuota"): typed(projectResourceQuota,
		cols(nameColumn, text("REQUEST"), text("LIMIT"), ageColumn),
		quantityField("status.hard.<resource>", "limit of a resource, as in status.hard.requests.cpu"),
		quantityField("status.used.<resource>", "use of a resource, as in status.used.pods"),
	),
	core("LimitRange"): typed(projectLimitRange, createdColumns,
		textField("spec.limits.type", "what it limits: Container, Pod, PersistentVolumeClaim, joined by commas"),
	),
	inGroup("scheduling.k8s.io", "v1", "PriorityClass"): typed(projectPriorityClass,
		cols(nameColumn, number("VALUE"), text("GLOBAL-DEFAULT"), ageColumn, text("PREEMPTIONPOLICY")),
		boolField("globalDefault", "whether pods without a class have it"),
		textField("preemptionPolicy", "PreemptLowerPriority, Never"),
		numberField("value", "priority"),
	),
	core("ComponentStatus"): typed(projectComponentStatus,
		cols(nameColumn, text("STATUS"), text("MESSAGE"), text("ERROR"))),
}

func projectNamespace(n *corev1.Namespace, r *row) {
	phase := string(n.Status.Phase)
	r.name()
	r.text(phase)
	r.age()

	r.setStatus(phase)
	r.health = watch.HealthOK
	if n.Status.Phase == corev1.NamespaceTerminating {
		r.ownStatus = true
		r.health = watch.HealthProgressing
		for i := range n.Status.Conditions {
			switch c := &n.Status.Conditions[i]; c.Type {
			case corev1.NamespaceDeletionDiscoveryFailure, corev1.NamespaceDeletionContentFailure, corev1.NamespaceDeletionGVParsingFailure:
				if c.Status == corev1.ConditionTrue {
					r.health = watch.HealthBad
				}
			}
		}
	}
	r.field("status.phase", phase)
}

func projectConfigMap(c *corev1.ConfigMap, r *row) {
	n := int64(len(c.Data) + len(c.BinaryData))
	r.name()
	r.int(n)
	r.age()
	r.fieldInt("data", n)
	if deref(c.Immutable) {
		r.fieldBool("immutable", true)
	}
}

func projectSecret(s *corev1.Secret, r *row) {
	n := int64(len(s.Data))
	r.name()
	r.text(string(s.Type))
	r.int(n)
	r.age()
	r.setStatus(string(s.Type))
	r.fieldInt("data", n)
	r.field("type", string(s.Type))
}

func projectResourceQuota(q *corev1.ResourceQuota, r *row) {
	names := resourceNames(q.Status.Hard)
	quota := func(limits bool) {
		r.cell()
		first := true
		for _, name := range names {
			if strings.HasPrefix(string(name), "limits.") != limits {
				continue
			}
			if !first {
				r.cells = append(r.cells, ", "...)
			}
			first = false
			used, hard := q.Status.Used[name], q.Status.Hard[name]
			r.cells = watch.AppendSanitized(r.cells, string(name))
			r.cells = append(append(r.cells, ": "...), used.String()...)
			r.cells = append(append(r.cells, '/'), hard.String()...)
		}
	}
	r.name()
	quota(false)
	quota(true)
	r.age()
	r.quotaFields("status.hard.", q.Status.Hard)
	r.quotaFields("status.used.", q.Status.Used)
}

// quotaFields adds a field for each resource. Names that could not be a key of Pairs are none that the API
// accepts, and are left out.
func (r *row) quotaFields(prefix string, list corev1.ResourceList) {
	for _, name := range resourceNames(list) {
		if s := string(name); s == watch.Sanitize(s) && !strings.Contains(s, "=") {
			r.fieldQuantity(prefix+s, list, name)
		}
	}
}

func projectLimitRange(l *corev1.LimitRange, r *row) {
	r.name()
	r.created(l.CreationTimestamp)
	fieldJoin(r, "spec.limits.type", l.Spec.Limits, func(i *corev1.LimitRangeItem) string { return string(i.Type) })
}

func projectPriorityClass(c *schedulingv1.PriorityClass, r *row) {
	r.name()
	r.int(int64(c.Value))
	r.bool(c.GlobalDefault)
	r.age()
	preemption := string(deref(c.PreemptionPolicy))
	r.text(preemption)
	r.status = strconv.AppendInt(r.status[:0], int64(c.Value), 10)
	r.fieldBool("globalDefault", c.GlobalDefault)
	r.field("preemptionPolicy", preemption)
	r.fieldInt("value", int64(c.Value))
}

func projectComponentStatus(c *corev1.ComponentStatus, r *row) {
	status, message, failure := "Unknown", "", ""
	for i := range c.Conditions {
		cond := &c.Conditions[i]
		if cond.Type != corev1.ComponentHealthy {
			continue
		}
		status, r.health = "Unhealthy", watch.HealthBad
		if cond.Status == corev1.ConditionTrue {
			status, r.health = "Healthy", watch.HealthOK
		}
		message, failure = cond.Message, cond.Error
		break
	}
	r.name()
	r.text(status)
	r.text(message)
	r.text(failure)
	r.setStatus(status)
}
