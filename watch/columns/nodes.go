package columns

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"

	"orka/watch"
)

var nodes = family{
	core("Node"): typed(projectNode,
		cols(nameColumn, text("STATUS"), text("ROLES"), ageColumn, text("VERSION"),
			wide(text("INTERNAL-IP")), wide(text("EXTERNAL-IP")), wide(text("OS-IMAGE")), wide(text("KERNEL-VERSION")), wide(text("CONTAINER-RUNTIME"))),
		textField("spec.podCIDR", "address range of its pods"),
		textField("spec.providerID", "identity at the cloud provider"),
		textField("spec.taints", "taints as key=value:effect, joined by commas"),
		boolField("spec.unschedulable", "true for a node that is cordoned"),
		textField("status.addresses.ExternalIP", "external address"),
		textField("status.addresses.InternalIP", "internal address"),
		quantityField("status.capacity.cpu", "processors"),
		quantityField("status.capacity.memory", "memory"),
		quantityField("status.capacity.pods", "how many pods it takes"),
		textField("status.nodeInfo.architecture", "amd64, arm64, …"),
		textField("status.nodeInfo.containerRuntimeVersion", "container runtime"),
		textField("status.nodeInfo.kernelVersion", "kernel"),
		textField("status.nodeInfo.kubeletVersion", "kubelet version"),
		textField("status.nodeInfo.osImage", "operating system"),
	),
	inGroup("node.k8s.io", "v1", "RuntimeClass"): typed(projectRuntimeClass,
		cols(nameColumn, text("HANDLER"), ageColumn),
		textField("handler", "handler in the container runtime"),
	),
}

func projectNode(n *corev1.Node, r *row) {
	info := &n.Status.NodeInfo
	internal, external := nodeAddress(n, corev1.NodeInternalIP), nodeAddress(n, corev1.NodeExternalIP)

	var ready *corev1.NodeCondition
	pressed := false
	for i := range n.Status.Conditions {
		switch c := &n.Status.Conditions[i]; c.Type {
		case corev1.NodeReady:
			ready = c
		case corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure, corev1.NodeNetworkUnavailable:
			pressed = pressed || c.Status == corev1.ConditionTrue
		}
	}
	switch {
	case ready == nil:
		r.setStatus("Unknown")
		r.health = watch.HealthProgressing // nothing has reported yet
	case ready.Status == corev1.ConditionTrue:
		r.setStatus("Ready")
		r.health = reached(pressed, true)
	default:
		r.setStatus("NotReady")
		r.health = watch.HealthBad
	}
	if n.Spec.Unschedulable {
		r.status = append(r.status, ",SchedulingDisabled"...)
	}

	r.name()
	r.cell()
	r.cells = append(r.cells, r.status...)
	r.textOr(strings.Join(nodeRoles(n), ","), none)
	r.age()
	r.text(info.KubeletVersion)
	r.text(internal)
	r.text(external)
	r.textOr(info.OSImage, unknown)
	r.textOr(info.KernelVersion, unknown)
	if info.Architecture != "" {
		r.cells = append(watch.AppendSanitized(append(r.cells, " ("...), info.Architecture), ')')
	}
	r.textOr(info.ContainerRuntimeVersion, unknown)

	r.field("spec.podCIDR", n.Spec.PodCIDR)
	r.field("spec.providerID", n.Spec.ProviderID)
	fieldJoin(r, "spec.taints", n.Spec.Taints, (*corev1.Taint).ToString)
	r.fieldBool("spec.unschedulable", n.Spec.Unschedulable)
	r.field("status.addresses.ExternalIP", unlessNone(external))
	r.field("status.addresses.InternalIP", unlessNone(internal))
	r.fieldQuantity("status.capacity.cpu", n.Status.Capacity, corev1.ResourceCPU)
	r.fieldQuantity("status.capacity.memory", n.Status.Capacity, corev1.ResourceMemory)
	r.fieldQuantity("status.capacity.pods", n.Status.Capacity, corev1.ResourcePods)
	r.field("status.nodeInfo.architecture", info.Architecture)
	r.field("status.nodeInfo.containerRuntimeVersion", info.ContainerRuntimeVersion)
	r.field("status.nodeInfo.kernelVersion", info.KernelVersion)
	r.field("status.nodeInfo.kubeletVersion", info.KubeletVersion)
	r.field("status.nodeInfo.osImage", info.OSImage)
}

// fieldQuantity adds a quantity of a resource list, when the list has it.
func (r *row) fieldQuantity(path string, list corev1.ResourceList, name corev1.ResourceName) {
	if q, ok := list[name]; ok {
		r.field(path, q.String())
	}
}

// nodeAddress is the first address of a type, none without one.
func nodeAddress(n *corev1.Node, t corev1.NodeAddressType) string {
	for i := range n.Status.Addresses {
		if n.Status.Addresses[i].Type == t {
			return n.Status.Addresses[i].Address
		}
	}
	return none
}

// unlessNone is the value of a cell as a field.
func unlessNone(s string) string {
	if s == none {
		return ""
	}
	return s
}

// nodeRoles are the roles named by labels (node-role.kubernetes.io/<role>, kubernetes.io/role=<role>), in order.
func nodeRoles(n *corev1.Node) []string {
	var roles []string
	for k, v := range n.Labels {
		if role, ok := strings.CutPrefix(k, "node-role.kubernetes.io/"); ok && role != "" {
			roles = append(roles, role)
		} else if k == "kubernetes.io/role" && v != "" {
			roles = append(roles, v)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func projectRuntimeClass(c *nodev1.RuntimeClass, r *row) {
	r.name()
	r.text(c.Handler)
	r.age()
	r.field("handler", c.Handler)
}
