package columns

import (
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	certificatesv1beta1 "k8s.io/api/certificates/v1beta1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// access are the kinds that say who may do what.
var access = family{
	core("ServiceAccount"): typed(projectServiceAccount, plainColumns),
	inGroup("rbac.authorization.k8s.io", "v1", "Role"): typed(projectRole, createdColumns,
		numberField("rules", "number of rules")),
	inGroup("rbac.authorization.k8s.io", "v1", "ClusterRole"): typed(projectClusterRole, createdColumns,
		numberField("rules", "number of rules")),
	inGroup("rbac.authorization.k8s.io", "v1", "RoleBinding"):        typed(projectRoleBinding, bindingColumns, bindingFields...),
	inGroup("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding"): typed(projectClusterRoleBinding, bindingColumns, bindingFields...),
	inGroup("certificates.k8s.io", "v1", "CertificateSigningRequest"): typed(projectCertificateSigningRequest,
		cols(nameColumn, ageColumn, text("SIGNERNAME"), text("REQUESTOR"), text("REQUESTEDDURATION"), text("CONDITION")),
		textField("spec.signerName", "who is asked to sign"),
		textField("spec.username", "who asks"),
	),
	inGroup("certificates.k8s.io", "v1", "ClusterTrustBundle"): typed(func(b *certificatesv1.ClusterTrustBundle, r *row) {
		r.trustBundle(b.Spec.SignerName)
	}, trustBundleColumns, trustBundleField),
	inGroup("certificates.k8s.io", "v1beta1", "ClusterTrustBundle"): typed(func(b *certificatesv1beta1.ClusterTrustBundle, r *row) {
		r.trustBundle(b.Spec.SignerName)
	}, trustBundleColumns, trustBundleField),
}

var (
	bindingColumns = cols(nameColumn, text("ROLE"), ageColumn, wide(text("USERS")), wide(text("GROUPS")), wide(text("SERVICEACCOUNTS")))
	bindingFields  = []FieldDoc{
		textField("roleRef", "role it grants, as Kind/name"),
		textField("subjects", "who gets it, as Kind/name or ServiceAccount/namespace/name, joined by commas"),
	}
	trustBundleColumns = cols(nameColumn, text("SIGNERNAME"))
	trustBundleField   = textField("spec.signerName", "signer whose roots it holds")
)

func projectServiceAccount(_ *corev1.ServiceAccount, r *row) {
	r.name()
	r.age()
}

func projectRole(o *rbacv1.Role, r *row) {
	r.name()
	r.created(o.CreationTimestamp)
	r.fieldInt("rules", int64(len(o.Rules)))
}

func projectClusterRole(o *rbacv1.ClusterRole, r *row) {
	r.name()
	r.created(o.CreationTimestamp)
	r.fieldInt("rules", int64(len(o.Rules)))
}

func projectRoleBinding(b *rbacv1.RoleBinding, r *row) { r.binding(b.RoleRef, b.Subjects) }
func projectClusterRoleBinding(b *rbacv1.ClusterRoleBinding, r *row) {
	r.binding(b.RoleRef, b.Subjects)
}

func (r *row) binding(ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
	role := ref.Kind + "/" + ref.Name
	var users, groups, accounts []string
	for i := range subjects {
		switch s := &subjects[i]; s.Kind {
		case rbacv1.UserKind:
			users = append(users, s.Name)
		case rbacv1.GroupKind:
			groups = append(groups, s.Name)
		case rbacv1.ServiceAccountKind:
			accounts = append(accounts, s.Namespace+"/"+s.Name)
		}
	}
	r.name()
	r.text(role)
	r.age()
	r.text(strings.Join(users, ", "))
	r.text(strings.Join(groups, ", "))
	r.text(strings.Join(accounts, ", "))
	r.setStatus(role)
	r.field("roleRef", role)
	fieldJoin(r, "subjects", subjects, func(s *rbacv1.Subject) string {
		if s.Kind == rbacv1.ServiceAccountKind {
			return s.Kind + "/" + s.Namespace + "/" + s.Name
		}
		return s.Kind + "/" + s.Name
	})
}

func projectCertificateSigningRequest(c *certificatesv1.CertificateSigningRequest, r *row) {
	approved, denied, failed, issued := false, false, false, len(c.Status.Certificate) > 0
	for i := range c.Status.Conditions {
		switch c.Status.Conditions[i].Type {
		case certificatesv1.CertificateApproved:
			approved = true
		case certificatesv1.CertificateDenied:
			denied = true
		case certificatesv1.CertificateFailed:
			failed = true
		}
	}
	condition := "Pending"
	switch {
	case denied:
		condition = "Denied"
	case approved:
		condition = "Approved"
	}
	if failed {
		condition += ",Failed"
	}
	if issued {
		condition += ",Issued"
	}
	r.name()
	r.age()
	r.textOr(c.Spec.SignerName, none)
	r.text(c.Spec.Username)
	if c.Spec.ExpirationSeconds == nil {
		r.text(none)
	} else {
		r.text(Age(seconds(*c.Spec.ExpirationSeconds)))
	}
	r.text(condition)

	r.setStatus(condition)
	r.health = reached(denied || failed, issued)
	r.field("spec.signerName", c.Spec.SignerName)
	r.field("spec.username", c.Spec.Username)
}

func (r *row) trustBundle(signer string) {
	r.name()
	r.textOr(signer, none)
	r.field("spec.signerName", signer)
}
