package cluster

// Services, endpoints, ingresses, network policies.

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// clusterIP is a service's address in 10.96.0.0/12, drawn from its name.
func (r *renderer) clusterIP(namespace, name string) string {
	h := r.hash("clusterIP", namespace, name).a
	return fmt.Sprintf("10.%d.%d.%d", 96+h>>16&15, h>>8&255, 1+h%254)
}

// service renders a Service that selects the app's pods; extra narrows the selector.
func (r *renderer) service(a *app, name string, headless bool, extra ...string) *corev1.Service {
	s := &corev1.Service{TypeMeta: typeMeta("v1", "Service"), ObjectMeta: r.meta("Service", a.ns.name, name, a.created, a.labels())}
	s.Annotations = a.annotations()
	selector := a.selector()
	for i := 0; i+1 < len(extra); i += 2 {
		selector[extra[i]] = extra[i+1]
	}
	ip := r.clusterIP(a.ns.name, name)
	if headless {
		ip = corev1.ClusterIPNone
	}
	s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: ip, ClusterIPs: []string{ip}, Selector: selector, SessionAffinity: corev1.ServiceAffinityNone,
		IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol}, IPFamilyPolicy: ptr(corev1.IPFamilyPolicySingleStack), InternalTrafficPolicy: ptr(corev1.ServiceInternalTrafficPolicyCluster),
		Ports: []corev1.ServicePort{
			{Name: a.portName(), Port: servicePort(a), TargetPort: intstr.FromString(a.portName()), Protocol: corev1.ProtocolTCP},
			{Name: "metrics", Port: 9090, TargetPort: intstr.FromString("metrics"), Protocol: corev1.ProtocolTCP},
		}}
	shape := "service/" + a.manager() + itoa(len(selector)) + itoa(int(servicePort(a)))
	if a.comp.name == "ingress-nginx-controller" {
		s.Spec.Type = corev1.ServiceTypeLoadBalancer
		s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
		s.Spec.AllocateLoadBalancerNodePorts = ptr(true)
		s.Spec.HealthCheckNodePort = 31717
		s.Spec.Ports[0].NodePort, s.Spec.Ports[1].NodePort = 30080, 30443
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "k8s-ingress-" + r.hash("lb", "", name).hex(10) + ".elb." + region + ".amazonaws.com"}}
		shape += "lb"
	}
	r.manage(s, shape, "", a.manager(), "v1", metav1.ManagedFieldsOperationApply, a.created)
	return s
}

func servicePort(a *app) int32 {
	if a.port() == 8080 {
		return 80
	}
	return a.port()
}

// endpointSlice renders the pods behind a service as its controller lists them.
func (r *renderer) endpointSlice(a *app, service string, only func(*pod) bool) *discoveryv1.EndpointSlice {
	name := service + "-" + suffix(r.hash("EndpointSlice", a.ns.name, service).rand(), 5)
	labels := a.labels()
	labels[discoveryv1.LabelServiceName] = service
	labels[discoveryv1.LabelManagedBy] = "endpointslice-controller.k8s.io"
	e := &discoveryv1.EndpointSlice{TypeMeta: typeMeta("discovery.k8s.io/v1", "EndpointSlice"), ObjectMeta: r.meta("EndpointSlice", a.ns.name, name, a.created, labels)}
	e.GenerateName = service + "-"
	e.Generation = a.generation + a.changed%40
	e.Annotations = map[string]string{"endpoints.kubernetes.io/last-change-trigger-time": at(a.changed).Format("2006-01-02T15:04:05Z07:00")}
	e.OwnerReferences = r.ref("v1", "Service", a.ns.name, service, a.created).owner()
	e.AddressType = discoveryv1.AddressTypeIPv4
	e.Ports = []discoveryv1.EndpointPort{{Name: ptr(a.portName()), Port: ptr(a.port()), Protocol: ptr(corev1.ProtocolTCP)},
		{Name: ptr("metrics"), Port: ptr(int32(9090)), Protocol: ptr(corev1.ProtocolTCP)}}
	for i := range a.pods {
		q := &a.pods[i]
		if q.node < 0 || !q.state.active() || q.state == podStarting || only != nil && !only(q) {
			continue
		}
		n := r.node(q)
		e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{r.podIP(q)},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr(q.serving()), Serving: ptr(q.state.ready()), Terminating: ptr(q.deleting != 0)},
			NodeName:   ptr(n.name), Zone: ptr(n.zone),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: a.ns.name, Name: q.name, UID: r.uid("Pod", a.ns.name, q.name, q.created)},
		})
	}
	r.manage(e, "endpointslice/"+a.manager(), "", "kube-controller-manager", "discovery.k8s.io/v1", metav1.ManagedFieldsOperationUpdate, a.changed)
	return e
}

func (a *app) host() string {
	if a.ns.prod() || a.ns.index < 0 {
		return a.name + "." + domain
	}
	return a.name + "." + a.ns.env + ".int." + domain
}

// ingress renders the way in from outside.
func (r *renderer) ingress(a *app) *networkingv1.Ingress {
	i := &networkingv1.Ingress{TypeMeta: typeMeta("networking.k8s.io/v1", "Ingress"), ObjectMeta: r.meta("Ingress", a.ns.name, a.name, a.created, a.labels())}
	i.Generation = 1
	i.Annotations = a.annotations("pki."+domain+"/issuer", "internal-ca", "nginx.ingress.kubernetes.io/proxy-body-size", "8m", "nginx.ingress.kubernetes.io/ssl-redirect", "true")
	i.Spec = networkingv1.IngressSpec{IngressClassName: ptr("nginx"), TLS: []networkingv1.IngressTLS{{Hosts: []string{a.host()}, SecretName: a.name + "-tls"}},
		Rules: []networkingv1.IngressRule{{Host: a.host(), IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{
			{Path: "/", PathType: ptr(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: a.name, Port: networkingv1.ServiceBackendPort{Name: "http"}}}}}}}}}}
	i.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: "k8s-ingress-" + r.hash("lb", "", "ingress-nginx-controller").hex(10) + ".elb." + region + ".amazonaws.com"}}
	r.manage(i, "ingress/"+a.manager(), "", a.manager(), "networking.k8s.io/v1", metav1.ManagedFieldsOperationApply, a.created)
	return i
}

// networkPolicy lets an app be reached by its own team and by the ingress.
func (r *renderer) networkPolicy(a *app) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: typeMeta("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: r.meta("NetworkPolicy", a.ns.name, a.name, a.created, a.labels())}
	p.Generation = 1
	p.Annotations = a.annotations()
	p.Spec = networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: a.selector()}, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
		Ingress: []networkingv1.NetworkPolicyIngressRule{{
			Ports: []networkingv1.NetworkPolicyPort{{Port: ptr(intstr.FromInt32(a.port())), Protocol: ptr(corev1.ProtocolTCP)}},
			From: []networkingv1.NetworkPolicyPeer{
				{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{domain + "/team": a.ns.team.name}}},
				{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "ingress-nginx"}}},
			}}}}
	r.manage(p, "netpol/"+a.manager(), "", a.manager(), "networking.k8s.io/v1", metav1.ManagedFieldsOperationApply, a.created)
	return p
}

// defaultDeny is the policy every team namespace starts with.
func (r *renderer) defaultDeny(ns *namespace) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{TypeMeta: typeMeta("networking.k8s.io/v1", "NetworkPolicy"), ObjectMeta: r.meta("NetworkPolicy", ns.name, "default-deny", ns.created+9, ns.labels())}
	p.Generation = 1
	p.Spec = networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}
	return p
}
