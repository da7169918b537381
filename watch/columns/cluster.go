package columns

import (
	"slices"
	"strconv"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	coordinationv1beta1 "k8s.io/api/coordination/v1beta1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	resourcev1 "k8s.io/api/resource/v1"
	migrationv1 "k8s.io/api/storagemigration/v1"
	migrationv1beta1 "k8s.io/api/storagemigration/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// cluster are the kinds by which the control plane runs itself, and those of devices.
var cluster = family{
	inGroup("coordination.k8s.io", "v1", "Lease"): typed(projectLease,
		cols(nameColumn, text("HOLDER"), ageColumn),
		textField("spec.holderIdentity", "who holds it"),
	),
	inGroup("coordination.k8s.io", "v1beta1", "LeaseCandidate"): typed(projectLeaseCandidate,
		cols(nameColumn, text("LEASENAME"), text("BINARYVERSION"), text("EMULATIONVERSION"), ageColumn),
		textField("spec.leaseName", "lease it stands for"),
	),
	inGroup("flowcontrol.apiserver.k8s.io", "v1", "FlowSchema"): typed(projectFlowSchema,
		cols(nameColumn, text("PRIORITYLEVEL"), number("MATCHINGPRECEDENCE"), text("DISTINGUISHERMETHOD"), ageColumn, text("MISSINGPL")),
		numberField("spec.matchingPrecedence", "order in which schemas are tried, the lowest first"),
		textField("spec.priorityLevelConfiguration.name", "priority level of its requests"),
	),
	inGroup("flowcontrol.apiserver.k8s.io", "v1", "PriorityLevelConfiguration"): typed(projectPriorityLevel,
		cols(nameColumn, text("TYPE"), number("NOMINALCONCURRENCYSHARES"), number("QUEUES"), number("HANDSIZE"), number("QUEUELENGTHLIMIT"), ageColumn),
		textField("spec.type", "Limited, Exempt"),
	),
	inGroup("resource.k8s.io", "v1", "DeviceClass"):           typed(func(_ *resourcev1.DeviceClass, r *row) { r.name(); r.age() }, plainColumns),
	inGroup("resource.k8s.io", "v1", "ResourceClaimTemplate"): typed(func(_ *resourcev1.ResourceClaimTemplate, r *row) { r.name(); r.age() }, plainColumns),
	inGroup("resource.k8s.io", "v1", "ResourceClaim"): typed(projectResourceClaim,
		cols(nameColumn, text("STATE"), ageColumn)),
	inGroup("resource.k8s.io", "v1", "ResourceSlice"): typed(projectResourceSlice,
		cols(nameColumn, text("NODE"), text("DRIVER"), text("POOL"), ageColumn),
		textField("spec.driver", "driver of the devices"),
		textField("spec.nodeName", "node the devices are on"),
		textField("spec.pool.name", "pool of the devices"),
	),
	inGroup("storagemigration.k8s.io", "v1", "StorageVersionMigration"): typed(func(m *migrationv1.StorageVersionMigration, r *row) {
		r.migration(m.Spec.Resource, m.Status.Conditions)
	}, migrationColumns),
	inGroup("storagemigration.k8s.io", "v1beta1", "StorageVersionMigration"): typed(func(m *migrationv1beta1.StorageVersionMigration, r *row) {
		r.migration(m.Spec.Resource, m.Status.Conditions)
	}, migrationColumns),
}

var migrationColumns = cols(nameColumn, text("RESOURCE"), text("STATUS"))

func projectLease(l *coordinationv1.Lease, r *row) {
	holder := deref(l.Spec.HolderIdentity)
	r.name()
	r.text(holder)
	r.age()
	r.setStatus(holder)
	r.field("spec.holderIdentity", holder)
}

func projectLeaseCandidate(l *coordinationv1beta1.LeaseCandidate, r *row) {
	r.name()
	r.text(l.Spec.LeaseName)
	r.text(l.Spec.BinaryVersion)
	r.text(l.Spec.EmulationVersion)
	r.age()
	r.field("spec.leaseName", l.Spec.LeaseName)
}

func projectFlowSchema(s *flowcontrolv1.FlowSchema, r *row) {
	level := s.Spec.PriorityLevelConfiguration.Name
	method := none
	if s.Spec.DistinguisherMethod != nil {
		method = string(s.Spec.DistinguisherMethod.Type)
	}
	dangling := "?"
	for i := range s.Status.Conditions {
		if c := &s.Status.Conditions[i]; c.Type == flowcontrolv1.FlowSchemaConditionDangling {
			dangling = string(c.Status)
			break
		}
	}
	r.name()
	r.text(level)
	r.int(int64(s.Spec.MatchingPrecedence))
	r.text(method)
	r.age()
	r.text(dangling)

	r.setStatus(level)
	r.health = reached(dangling == "True", dangling == "False")
	r.fieldInt("spec.matchingPrecedence", int64(s.Spec.MatchingPrecedence))
	r.field("spec.priorityLevelConfiguration.name", level)
}

func projectPriorityLevel(p *flowcontrolv1.PriorityLevelConfiguration, r *row) {
	shares, queues, hand, limit := none, none, none, none
	if l := p.Spec.Limited; l != nil {
		shares = strconv.Itoa(int(deref(l.NominalConcurrencyShares)))
		if q := l.LimitResponse.Queuing; q != nil {
			queues, hand, limit = strconv.Itoa(int(q.Queues)), strconv.Itoa(int(q.HandSize)), strconv.Itoa(int(q.QueueLengthLimit))
		}
	}
	r.name()
	r.text(string(p.Spec.Type))
	r.text(shares)
	r.text(queues)
	r.text(hand)
	r.text(limit)
	r.age()
	r.setStatus(string(p.Spec.Type))
	r.field("spec.type", string(p.Spec.Type))
}

func projectResourceClaim(c *resourcev1.ResourceClaim, r *row) {
	var states []string
	allocated := c.Status.Allocation != nil
	if c.DeletionTimestamp != nil {
		states = append(states, "deleted")
	} else if !allocated {
		states = append(states, "pending")
	}
	if allocated {
		states = append(states, "allocated")
		if len(c.Status.ReservedFor) > 0 {
			states = append(states, "reserved")
		}
	}
	state := strings.Join(states, ",")
	r.name()
	r.text(state)
	r.age()
	r.setStatus(state)
	r.health = reached(false, allocated)
}

func projectResourceSlice(s *resourcev1.ResourceSlice, r *row) {
	node := deref(s.Spec.NodeName)
	r.name()
	r.text(node)
	r.text(s.Spec.Driver)
	r.text(s.Spec.Pool.Name)
	r.age()
	r.field("spec.driver", s.Spec.Driver)
	r.field("spec.nodeName", node)
	r.field("spec.pool.name", s.Spec.Pool.Name)
}

// migration are the cells of a storage version migration: the last of its three states that is true.
func (r *row) migration(resource metav1.GroupResource, conditions []metav1.Condition) {
	status := "Unknown"
	for i := range conditions {
		c := &conditions[i]
		if c.Status == metav1.ConditionTrue && slices.Contains([]string{"Running", "Failed", "Succeeded"}, c.Type) {
			status = c.Type
		}
	}
	r.name()
	r.text(resource.String())
	r.text(status)
	r.setStatus(status)
	switch status {
	case "Failed":
		r.health = watch.HealthBad
	case "Succeeded":
		r.health = watch.HealthOK
	default:
		r.health = watch.HealthProgressing
	}
}
