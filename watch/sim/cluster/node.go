package cluster

// Nodes, their leases and static pods.

import (
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// machine is the type of the pool's machines.
func (n *node) machine() (instance, cpu, memory string) {
	if n.control {
		return "m7i.2xlarge", "8", "32Gi"
	}
	k := poolKinds[(n.index+poolSize-firstPool-controlNodes)/poolSize%len(poolKinds)]
	return k.instance, k.cpu, k.memory
}

func (n *node) labels() map[string]string {
	instance, _, _ := n.machine()
	m := map[string]string{
		"kubernetes.io/hostname": n.name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
		"node.kubernetes.io/instance-type": instance, "topology.kubernetes.io/region": region, "topology.kubernetes.io/zone": n.zone,
		domain + "/pool": n.pool, domain + "/agents": n.agents,
	}
	if n.control {
		m["node-role.kubernetes.io/control-plane"] = ""
	} else {
		m["node-role.kubernetes.io/worker"] = ""
	}
	return m
}

// nodeObject renders a node.
func (r *renderer) nodeObject(n *node) *corev1.Node {
	o := &corev1.Node{TypeMeta: typeMeta("v1", "Node"), ObjectMeta: r.meta("Node", "", n.name, n.created, n.labels())}
	h := r.hash("Node", "", n.name)
	o.Annotations = map[string]string{"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true",
		"csi.volume.kubernetes.io/nodeid": `{"` + csiDriver + `":"i-0` + r.hash("instance", "", n.name).hex(16) + `"}`}
	cidr := fmt.Sprintf("10.%d.%d.0/24", 64+n.index>>8&63, n.index&255)
	o.Spec = corev1.NodeSpec{PodCIDR: cidr, PodCIDRs: []string{cidr}, ProviderID: "aws:///" + n.zone + "/i-0" + r.hash("instance", "", n.name).hex(16), Unschedulable: n.cordoned}
	if n.control {
		o.Spec.Taints = append(o.Spec.Taints, corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule})
	}
	if n.cordoned {
		o.Spec.Taints = append(o.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule, TimeAdded: atPtr(n.created + day)})
	}
	if !n.ready {
		o.Spec.Taints = append(o.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: corev1.TaintEffectNoExecute, TimeAdded: atPtr(n.changed + 5)})
	}
	_, cpu, memory := n.machine()
	all := corev1.ResourceList{corev1.ResourceCPU: r.q(cpu), corev1.ResourceMemory: r.q(memory), corev1.ResourcePods: r.q("110"), corev1.ResourceEphemeralStorage: r.q("200Gi"), "hugepages-2Mi": r.q("0")}
	o.Status = corev1.NodeStatus{Capacity: all, Allocatable: all.DeepCopy(),
		Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.ip()}, {Type: corev1.NodeHostName, Address: n.name}},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		NodeInfo: corev1.NodeSystemInfo{MachineID: h.hex(32), SystemUUID: string(h.num(1).uid()), BootID: string(h.num(2).uid()), KernelVersion: "6.12.40-63.114.amzn2023.x86_64",
			OSImage: "Amazon Linux 2023.9.20260114", ContainerRuntimeVersion: "containerd://2.1.5", KubeletVersion: "v1.36.3", OperatingSystem: "linux", Architecture: "amd64"},
		Conditions: n.conditions(),
	}
	for i := range 10 {
		c := teams[(n.index+i)%len(teams)].components[i%2]
		o.Status.Images = append(o.Status.Images, corev1.ContainerImage{Names: []string{registry + "/" + teams[(n.index+i)%len(teams)].name + "/" + c.name + "@sha256:" + h.num(uint64(10+i)).hex64()}, SizeBytes: 40e6 + int64(h.num(uint64(i)).a%700e6)})
	}
	r.manage(o, "node/"+fmt.Sprint(n.control, n.cordoned, n.ready), "", "kubelet", "v1", metav1.ManagedFieldsOperationUpdate, n.created)
	manageStatus(o, "kubelet", "v1", `{"f:status":{"f:addresses":{},"f:allocatable":{},"f:capacity":{},"f:conditions":{},"f:images":{},"f:nodeInfo":{}}}`, n.changed)
	return o
}

func (n *node) conditions() []corev1.NodeCondition {
	heartbeat := max(n.changed+11, n.beat)
	out := []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientMemory", Message: "kubelet has sufficient memory available"},
		{Type: corev1.NodeDiskPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasNoDiskPressure", Message: "kubelet has no disk pressure"},
		{Type: corev1.NodePIDPressure, Status: corev1.ConditionFalse, Reason: "KubeletHasSufficientPID", Message: "kubelet has sufficient PID available"},
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", Message: "kubelet is posting ready status"},
	}
	for i := range out {
		out[i].LastHeartbeatTime, out[i].LastTransitionTime = at(heartbeat), at(n.created+30)
		if !n.ready {
			out[i].Status, out[i].Reason, out[i].Message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
			out[i].LastTransitionTime = at(n.changed)
		}
	}
	out[3].LastTransitionTime = at(n.changed)
	return out
}

// lease renders the node's heartbeat as of renewed.
func (r *renderer) lease(n *node, renewed int64) *coordinationv1.Lease {
	l := &coordinationv1.Lease{TypeMeta: typeMeta("coordination.k8s.io/v1", "Lease"), ObjectMeta: r.meta("Lease", "kube-node-lease", n.name, n.created+1, nil)}
	l.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.name, UID: r.uid("Node", "", n.name, n.created)}}
	t := micro(renewed)
	l.Spec = coordinationv1.LeaseSpec{HolderIdentity: ptr(n.name), LeaseDurationSeconds: ptr(int32(40)), RenewTime: &t}
	r.manage(l, "lease", "", "kubelet", "coordination.k8s.io/v1", metav1.ManagedFieldsOperationUpdate, renewed)
	return l
}

// mirrorPods render the static pods of a control plane node.
func (r *renderer) mirrorPods(n *node) {
	for _, c := range []struct{ name, image string }{
		{"etcd", "registry.k8s.io/etcd:3.6.8-0"}, {"kube-apiserver", "registry.k8s.io/kube-apiserver:v1.36.3"},
		{"kube-controller-manager", "registry.k8s.io/kube-controller-manager:v1.36.3"}, {"kube-scheduler", "registry.k8s.io/kube-scheduler:v1.36.3"}} {
		created := n.created + 9
		p := &corev1.Pod{TypeMeta: typeMeta("v1", "Pod"), ObjectMeta: r.meta("Pod", "kube-system", c.name+"-"+n.name, created, map[string]string{"component": c.name, "tier": "control-plane"})}
		config := r.hash("static", c.name, n.name).hex(32)
		p.Annotations = map[string]string{"kubernetes.io/config.hash": config, "kubernetes.io/config.mirror": config, "kubernetes.io/config.seen": at(created).Format("2006-01-02T15:04:05Z07:00"), "kubernetes.io/config.source": "file"}
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: n.name, UID: r.uid("Node", "", n.name, n.created), Controller: ptr(true)}}
		p.Spec = corev1.PodSpec{HostNetwork: true, NodeName: n.name, PriorityClassName: "system-node-critical", Priority: ptr(priorities["system-node-critical"]), PreemptionPolicy: ptr(corev1.PreemptLowerPriority),
			RestartPolicy: corev1.RestartPolicyAlways, DNSPolicy: corev1.DNSClusterFirst, SchedulerName: corev1.DefaultSchedulerName, TerminationGracePeriodSeconds: ptr(int64(30)), EnableServiceLinks: ptr(true),
			SecurityContext: &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Tolerations:     []corev1.Toleration{{Effect: corev1.TaintEffectNoExecute, Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{Name: c.name, Image: c.image, Command: []string{c.name, "--config=/etc/kubernetes/" + c.name + ".yaml"}, ImagePullPolicy: corev1.PullIfNotPresent,
				TerminationMessagePath: corev1.TerminationMessagePathDefault, TerminationMessagePolicy: corev1.TerminationMessageReadFile,
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: r.q("250m")}}}}}
		changed := created + 10
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, HostIP: n.ip(), HostIPs: []corev1.HostIP{{IP: n.ip()}}, PodIP: n.ip(), PodIPs: []corev1.PodIP{{IP: n.ip()}}, StartTime: atPtr(created), QOSClass: corev1.PodQOSBurstable,
			Conditions: []corev1.PodCondition{condition(corev1.PodReadyToStartContainers, true, created, "", ""), condition(corev1.PodInitialized, true, created, "", ""), condition(corev1.PodReady, true, changed, "", ""),
				condition(corev1.ContainersReady, true, changed, "", ""), condition(corev1.PodScheduled, true, created, "", "")},
			ContainerStatuses: []corev1.ContainerStatus{{Name: c.name, Image: c.image, ImageID: c.image + "@sha256:" + newHash(r.seed).str(c.image).hex64(), Ready: true, Started: ptr(true), ContainerID: r.containerID(p, c.name, 0), State: running(created + 2)}}}
		r.add(p)
	}
}
