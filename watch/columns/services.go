package columns

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"orka/watch"
)

// listed is how many hosts or endpoints a cell names before it counts the rest.
const listed = 3

// services are Services and the endpoints behind them.
var services = family{
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
