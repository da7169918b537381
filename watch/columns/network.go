package columns

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
)

// listed is how many hosts or endpoints a cell names before it counts the rest.
const listed = 3

var network = family{
	core("Service"): typed(projectService,
		cols(nameColumn, text("TYPE"), text("CLUSTER-IP"), text("EXTERNAL-IP"), text("PORT(S)"), ageColumn, wide(text("SELECTOR"))),
		textField("spec.clusterIP", "address inside the cluster; None for a headless service"),
		textField("spec.externalName", "name that an ExternalName service stands for"),
		textField("spec.ports", "ports as port:nodePort/protocol, joined by commas"),
		textField("spec.type", "ClusterIP, NodePort, LoadBalancer, ExternalName"),
		textField("status.loadBalancer.ingress", "addresses or host names of the load balancer, joined by commas"),
	),
	core("Endpoints"): typed(projectEndpoints, cols(nameColumn, text("ENDPOINTS"), ageColumn)),
	inGroup("discovery.k8s.io", "v1", "EndpointSlice"): typed(projectEndpointSlice,
		cols(nameColumn, text("ADDRESSTYPE"), text("PORTS"), text("ENDPOINTS"), ageColumn),
		textField("addressType", "IPv4, IPv6, FQDN"),
		numberField("endpoints", "how many endpoints it holds"),
	),
	inGroup("networking.k8s.io", "v1", "Ingress"): typed(projectIngress,
		cols(nameColumn, text("CLASS"), text("HOSTS"), text("ADDRESS"), text("PORTS"), ageColumn),
		textField("spec.ingressClassName", "ingress class"),
		textField("spec.rules.host", "hosts of the rules, joined by commas"),
		textField("status.loadBalancer.ingress", "addresses or host names it is reached at, joined by commas"),
	),
	inGroup("networking.k8s.io", "v1", "IngressClass"): typed(projectIngressClass,
		cols(nameColumn, text("CONTROLLER"), text("PARAMETERS"), ageColumn),
		textField("spec.controller", "controller that serves the class"),
	),
	inGroup("networking.k8s.io", "v1", "NetworkPolicy"): typed(projectNetworkPolicy,
		cols(nameColumn, text("POD-SELECTOR"), ageColumn),
		textField("spec.policyTypes", "Ingress, Egress, joined by commas"),
	),
	inGroup("networking.k8s.io", "v1", "ServiceCIDR"): typed(projectServiceCIDR,
		cols(nameColumn, text("CIDRS"), ageColumn),
		textField("spec.cidrs", "address ranges, joined by commas"),
	),
	inGroup("networking.k8s.io", "v1", "IPAddress"): typed(projectIPAddress,
		cols(nameColumn, text("PARENTREF")),
		textField("spec.parentRef.name", "what the address belongs to"),
	),
}

func projectService(s *corev1.Service, r *row) {
	balancer := loadBalancerAddresses(s.Status.LoadBalancer.Ingress)
	r.name()
	r.text(string(s.Spec.Type))
	clusterIP := none
	if len(s.Spec.ClusterIPs) > 0 {
		clusterIP = s.Spec.ClusterIPs[0]
	}
	r.text(clusterIP)
	r.text(externalIP(s, balancer))
	r.cell()
	start := len(r.cells)
	r.cells = appendPorts(r.cells, s.Spec.Ports)
	if len(r.cells) == start {
		r.cells = append(r.cells, none...)
	}
	r.age()
	r.labels(s.Spec.Selector)

	r.setStatus(string(s.Spec.Type))
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer {
		r.health = reached(false, len(balancer) > 0)
		if len(balancer) == 0 {
			r.setStatus("Pending")
		}
	}

	r.field("spec.clusterIP", s.Spec.ClusterIP)
	r.field("spec.externalName", s.Spec.ExternalName)
	if len(s.Spec.Ports) > 0 {
		r.key("spec.ports")
		r.fields = appendPorts(r.fields, s.Spec.Ports)
		r.close()
	}
	r.field("spec.type", string(s.Spec.Type))
	r.field("status.loadBalancer.ingress", strings.Join(balancer, ","))
}

// externalIP is kubectl's EXTERNAL-IP.
func externalIP(s *corev1.Service, balancer []string) string {
	switch s.Spec.Type {
	case corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort:
		if len(s.Spec.ExternalIPs) == 0 {
			return none
		}
		return strings.Join(s.Spec.ExternalIPs, ",")
	case corev1.ServiceTypeLoadBalancer:
		if len(balancer)+len(s.Spec.ExternalIPs) == 0 {
			return "<pending>"
		}
		return strings.Join(append(slices.Clip(balancer), s.Spec.ExternalIPs...), ",")
	case corev1.ServiceTypeExternalName:
		return s.Spec.ExternalName
	}
	return unknown
}

// loadBalancerAddresses are the addresses, else host names, of a load balancer: sorted, each once.
func loadBalancerAddresses(ingress []corev1.LoadBalancerIngress) []string {
	var all []string
	for i := range ingress {
		all = appendAddress(all, ingress[i].IP, ingress[i].Hostname)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func appendAddress(all []string, ip, hostname string) []string {
	switch {
	case ip != "":
		return append(all, ip)
	case hostname != "":
		return append(all, hostname)
	}
	return all
}

// appendPorts writes "80/TCP,443:30443/TCP".
func appendPorts(b []byte, ports []corev1.ServicePort) []byte {
	for i := range ports {
		if i > 0 {
			b = append(b, ',')
		}
		p := &ports[i]
		b = strconv.AppendInt(b, int64(p.Port), 10)
		if p.NodePort > 0 {
			b = strconv.AppendInt(append(b, ':'), int64(p.NodePort), 10)
		}
		b = watch.AppendSanitized(append(b, '/'), string(p.Protocol))
	}
	return b
}

// projectEndpoints lists the first addresses with each of their ports; without ports, as headless services
// have it, the addresses alone.
func projectEndpoints(e *corev1.Endpoints, r *row) {
	var first []string
	count := 0
	for i := range e.Subsets {
		s := &e.Subsets[i]
		if len(s.Ports) == 0 {
			count += len(s.Addresses)
			for j := range s.Addresses[:min(len(s.Addresses), listed-len(first))] {
				first = append(first, s.Addresses[j].IP)
			}
			continue
		}
		for p := range s.Ports {
			count += len(s.Addresses)
			port := strconv.Itoa(int(s.Ports[p].Port))
			for j := range s.Addresses[:min(len(s.Addresses), listed-len(first))] {
				first = append(first, net.JoinHostPort(s.Addresses[j].IP, port))
			}
		}
	}
	r.name()
	if len(e.Subsets) == 0 {
		r.text(none)
	} else {
		r.firstOf(first, count)
	}
	r.age()
	r.status = strconv.AppendInt(r.status[:0], int64(count), 10)
}

// firstOf is a cell of the first items of count, and of how many more there are.
func (r *row) firstOf(first []string, count int) {
	r.cell()
	r.cells = watch.AppendSanitized(r.cells, strings.Join(first, ","))
	if more := count - len(first); more > 0 {
		r.cells = append(r.cells, " + "...)
		r.cells = strconv.AppendInt(r.cells, int64(more), 10)
		r.cells = append(r.cells, " more..."...)
	}
}

func projectEndpointSlice(e *discoveryv1.EndpointSlice, r *row) {
	r.name()
	r.text(string(e.AddressType))

	var ports []string
	for i := range e.Ports[:min(len(e.Ports), listed)] {
		switch p := &e.Ports[i]; {
		case p.Port != nil:
			ports = append(ports, strconv.Itoa(int(*p.Port)))
		case p.Name != nil:
			ports = append(ports, *p.Name)
		default:
			ports = append(ports, "*")
		}
	}
	r.firstOrUnset(ports, len(e.Ports))

	var addresses []string
	count := 0
	for i := range e.Endpoints {
		all := e.Endpoints[i].Addresses
		addresses = append(addresses, all[:min(len(all), listed-len(addresses))]...)
		count += len(all)
	}
	r.firstOrUnset(addresses, count)
	r.age()

	r.status = strconv.AppendInt(r.status[:0], int64(len(e.Endpoints)), 10)
	r.field("addressType", string(e.AddressType))
	r.fieldInt("endpoints", int64(len(e.Endpoints)))
}

// firstOrUnset is firstOf with kubectl's word for an empty list.
func (r *row) firstOrUnset(first []string, count int) {
	if count <= len(first) && strings.Join(first, ",") == "" {
		r.text(unset)
		return
	}
	r.firstOf(first, count)
}

func projectIngress(g *networkingv1.Ingress, r *row) {
	var addresses []string
	for i := range g.Status.LoadBalancer.Ingress {
		addresses = appendAddress(addresses, g.Status.LoadBalancer.Ingress[i].IP, g.Status.LoadBalancer.Ingress[i].Hostname)
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	address := strings.Join(addresses, ",")

	r.name()
	if g.Spec.IngressClassName == nil {
		r.text(none)
	} else {
		r.text(*g.Spec.IngressClassName)
	}
	r.text(ingressHosts(g.Spec.Rules))
	r.text(address)
	if len(g.Spec.TLS) > 0 {
		r.text("80, 443")
	} else {
		r.text("80")
	}
	r.age()

	if address != "" { // not every controller reports one: its absence says nothing
		r.health = watch.HealthOK
		r.setStatus(address)
	}
	r.field("spec.ingressClassName", deref(g.Spec.IngressClassName))
	fieldJoin(r, "spec.rules.host", g.Spec.Rules, func(rule *networkingv1.IngressRule) string { return rule.Host })
	r.field("status.loadBalancer.ingress", address)
}

// ingressHosts names the first hosts. What follows counts rules, not hosts, as kubectl does.
func ingressHosts(rules []networkingv1.IngressRule) string {
	var hosts []string
	more := false
	for i := range rules {
		if len(hosts) == listed {
			more = true
			break
		}
		if rules[i].Host != "" {
			hosts = append(hosts, rules[i].Host)
		}
	}
	switch {
	case len(hosts) == 0:
		return "*"
	case more:
		return strings.Join(hosts, ",") + " + " + strconv.Itoa(len(rules)-listed) + " more..."
	}
	return strings.Join(hosts, ",")
}

func projectIngressClass(c *networkingv1.IngressClass, r *row) {
	r.defaultName(c.Name, c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true")
	r.text(c.Spec.Controller)
	parameters := none
	if p := c.Spec.Parameters; p != nil {
		parameters = p.Kind
		if p.APIGroup != nil {
			parameters += "." + *p.APIGroup
		}
		parameters += "/" + p.Name
	}
	r.text(parameters)
	r.age()
	r.field("spec.controller", c.Spec.Controller)
}

// defaultName is the cell of the name of a class, which kubectl marks when it is the default.
func (r *row) defaultName(name string, isDefault bool) {
	if isDefault {
		r.text(name + " (default)")
		r.setStatus("default")
		return
	}
	r.name()
}

func projectNetworkPolicy(p *networkingv1.NetworkPolicy, r *row) {
	r.name()
	r.selector(&p.Spec.PodSelector, none, "<error>")
	r.age()
	fieldJoin(r, "spec.policyTypes", p.Spec.PolicyTypes, func(t *networkingv1.PolicyType) string { return string(*t) })
}

func projectServiceCIDR(c *networkingv1.ServiceCIDR, r *row) {
	cidrs := strings.Join(c.Spec.CIDRs, ",")
	r.name()
	r.text(cidrs)
	r.age()
	for i := range c.Status.Conditions {
		if cond := &c.Status.Conditions[i]; cond.Type == networkingv1.ServiceCIDRConditionReady {
			r.health = reached(cond.Status == "False", cond.Status == "True")
			r.setStatus(readiness("Ready", string(cond.Status), cond.Reason))
		}
	}
	r.field("spec.cidrs", cidrs)
}

func projectIPAddress(a *networkingv1.IPAddress, r *row) {
	r.name()
	p := a.Spec.ParentRef
	if p == nil {
		r.text(none)
		return
	}
	parent := strings.ToLower(schema.GroupResource{Group: p.Group, Resource: p.Resource}.String())
	if p.Namespace != "" {
		parent += "/" + p.Namespace
	}
	r.text(parent + "/" + p.Name)
	r.field("spec.parentRef.name", p.Name)
}
