package columns

import (
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
)

var network = family{
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
