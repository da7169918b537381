package columns

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	admissionv1beta1 "k8s.io/api/admissionregistration/v1beta1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// extensions are the kinds that extend the API server.
var extensions = family{
	// Columns as servers print them up to 1.36; 1.37 adds SCOPE and VERSIONS, which are among the fields.
	inGroup("apiextensions.k8s.io", "v1", "CustomResourceDefinition"): typed(projectCustomResourceDefinition, createdColumns,
		textField("spec.group", "API group"),
		textField("spec.names.kind", "kind it defines"),
		textField("spec.scope", "Namespaced, Cluster"),
		textField("spec.versions.name", "served versions, joined by commas"),
	),
	inGroup("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration"):   typed(projectMutatingWebhooks, webhookColumns, webhookFields...),
	inGroup("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration"): typed(projectValidatingWebhooks, webhookColumns, webhookFields...),
	inGroup("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicy"): typed(func(p *admissionv1.ValidatingAdmissionPolicy, r *row) {
		r.admissionPolicy(len(p.Spec.Validations), (*paramKind)(p.Spec.ParamKind))
	}, cols(nameColumn, number("VALIDATIONS"), text("PARAMKIND"), ageColumn)),
	inGroup("admissionregistration.k8s.io", "v1", "ValidatingAdmissionPolicyBinding"): typed(func(b *admissionv1.ValidatingAdmissionPolicyBinding, r *row) {
		r.policyBinding(b.Spec.PolicyName, (*paramRef)(b.Spec.ParamRef))
	}, policyBindingColumns, policyNameField),
	inGroup("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy"): typed(func(p *admissionv1.MutatingAdmissionPolicy, r *row) {
		r.admissionPolicy(len(p.Spec.Mutations), (*paramKind)(p.Spec.ParamKind))
	}, mutatingPolicyColumns),
	inGroup("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicyBinding"): typed(func(b *admissionv1.MutatingAdmissionPolicyBinding, r *row) {
		r.policyBinding(b.Spec.PolicyName, (*paramRef)(b.Spec.ParamRef))
	}, policyBindingColumns, policyNameField),
	inGroup("admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicy"): typed(func(p *admissionv1beta1.MutatingAdmissionPolicy, r *row) {
		r.admissionPolicy(len(p.Spec.Mutations), (*paramKind)(p.Spec.ParamKind))
	}, mutatingPolicyColumns),
	inGroup("admissionregistration.k8s.io", "v1beta1", "MutatingAdmissionPolicyBinding"): typed(func(b *admissionv1beta1.MutatingAdmissionPolicyBinding, r *row) {
		var ref *paramRef
		if p := b.Spec.ParamRef; p != nil {
			ref = &paramRef{Name: p.Name, Namespace: p.Namespace, Selector: p.Selector}
		}
		r.policyBinding(b.Spec.PolicyName, ref)
	}, policyBindingColumns, policyNameField),
}

var (
	webhookColumns = cols(nameColumn, number("WEBHOOKS"), ageColumn)
	webhookFields  = []FieldDoc{
		textField("webhooks.clientConfig.service", "services that are called, as namespace/name, joined by commas"),
		textField("webhooks.name", "names of the webhooks, joined by commas"),
	}
	mutatingPolicyColumns = cols(nameColumn, number("MUTATIONS"), text("PARAMKIND"), ageColumn)
	policyBindingColumns  = cols(nameColumn, text("POLICYNAME"), text("PARAMREF"), ageColumn)
	policyNameField       = textField("spec.policyName", "policy that is bound")
)

type (
	paramKind admissionv1.ParamKind
	paramRef  admissionv1.ParamRef
)

func projectCustomResourceDefinition(c *apiextensionsv1.CustomResourceDefinition, r *row) {
	r.name()
	r.created(c.CreationTimestamp)

	established, failed := "", false
	for i := range c.Status.Conditions {
		cond := &c.Status.Conditions[i]
		switch cond.Type {
		case apiextensionsv1.Established:
			established = string(cond.Status)
			r.setStatus(readiness("Established", established, cond.Reason))
		case apiextensionsv1.NamesAccepted:
			failed = failed || cond.Status == apiextensionsv1.ConditionFalse
		case apiextensionsv1.NonStructuralSchema:
			failed = failed || cond.Status == apiextensionsv1.ConditionTrue
		}
	}
	r.health = reached(failed, established == "True")

	r.field("spec.group", c.Spec.Group)
	r.field("spec.names.kind", c.Spec.Names.Kind)
	r.field("spec.scope", string(c.Spec.Scope))
	fieldJoin(r, "spec.versions.name", c.Spec.Versions, func(v *apiextensionsv1.CustomResourceDefinitionVersion) string {
		if !v.Served {
			return ""
		}
		return v.Name
	})
}

func projectMutatingWebhooks(c *admissionv1.MutatingWebhookConfiguration, r *row) {
	r.name()
	r.int(int64(len(c.Webhooks)))
	r.age()
	fieldJoin(r, "webhooks.clientConfig.service", c.Webhooks, func(w *admissionv1.MutatingWebhook) string { return webhookService(&w.ClientConfig) })
	fieldJoin(r, "webhooks.name", c.Webhooks, func(w *admissionv1.MutatingWebhook) string { return w.Name })
}

func projectValidatingWebhooks(c *admissionv1.ValidatingWebhookConfiguration, r *row) {
	r.name()
	r.int(int64(len(c.Webhooks)))
	r.age()
	fieldJoin(r, "webhooks.clientConfig.service", c.Webhooks, func(w *admissionv1.ValidatingWebhook) string { return webhookService(&w.ClientConfig) })
	fieldJoin(r, "webhooks.name", c.Webhooks, func(w *admissionv1.ValidatingWebhook) string { return w.Name })
}

func webhookService(c *admissionv1.WebhookClientConfig) string {
	if c.Service == nil {
		return ""
	}
	return c.Service.Namespace + "/" + c.Service.Name
}

// admissionPolicy are the cells of a policy; rules counts its validations or mutations.
func (r *row) admissionPolicy(rules int, kind *paramKind) {
	r.name()
	r.int(int64(rules))
	if kind == nil {
		r.text(unset)
	} else {
		r.text(kind.APIVersion + "/" + kind.Kind)
	}
	r.age()
}

// policyBinding are the cells of a binding. Whether a parameter without a namespace is cluster-scoped can't
// be told from the binding, so kubectl shows "*" for the namespace.
func (r *row) policyBinding(policy string, ref *paramRef) {
	parameter := unset
	switch {
	case ref == nil:
	case ref.Name != "" && ref.Namespace != "":
		parameter = ref.Namespace + "/" + ref.Name
	case ref.Name != "":
		parameter = "*/" + ref.Name
	case ref.Selector != nil:
		parameter = ref.Selector.String()
	}
	r.name()
	r.text(policy)
	r.text(parameter)
	r.age()
	r.field("spec.policyName", policy)
}
