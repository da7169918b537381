package cluster

// Roles and bindings.

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const rbacGroup = "rbac.authorization.k8s.io"

func rule(groups, resources, verbs []string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: groups, Resources: resources, Verbs: slices.Clone(verbs)}
}

var (
	readVerbs  = []string{"get", "list", "watch"}
	writeVerbs = []string{"create", "delete", "deletecollection", "patch", "update"}
)

// clusterRoles are roles of the cluster with their bindings.
func (r *renderer) clusterRoles(created int64) {
	for i, c := range []struct {
		name, group string // bound to this group unless empty
		rules       []rbacv1.PolicyRule
	}{
		{"cluster-admin", "platform-oncall", []rbacv1.PolicyRule{rule([]string{"*"}, []string{"*"}, []string{"*"}), {NonResourceURLs: []string{"*"}, Verbs: []string{"*"}}}},
		{"view", "", []rbacv1.PolicyRule{rule([]string{""}, []string{"configmaps", "pods", "services", "persistentvolumeclaims", "events"}, readVerbs), rule([]string{"apps", "batch"}, []string{"*"}, readVerbs)}},
		{"edit", "", []rbacv1.PolicyRule{rule([]string{"", "apps", "batch"}, []string{"*"}, slices.Concat(readVerbs, writeVerbs))}},
		{company + ":developer", "developers", []rbacv1.PolicyRule{rule([]string{""}, []string{"namespaces", "nodes", "pods", "pods/log", "events"}, readVerbs), rule([]string{"gitops." + domain}, []string{"*"}, readVerbs)}},
		{company + ":release-bot", "release-bots", []rbacv1.PolicyRule{rule([]string{"apps"}, []string{"deployments", "statefulsets"}, append(slices.Clone(readVerbs), "patch"))}},
		{company + ":auditor", "auditors", []rbacv1.PolicyRule{rule([]string{"*"}, []string{"*"}, readVerbs)}},
		{"system:node-proxier", "system:nodes", []rbacv1.PolicyRule{rule([]string{"", "discovery.k8s.io"}, []string{"services", "endpointslices", "nodes"}, readVerbs)}},
	} {
		role := &rbacv1.ClusterRole{TypeMeta: typeMeta(rbacGroup+"/v1", "ClusterRole"), ObjectMeta: r.meta("ClusterRole", "", c.name, created+int64(i), map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}), Rules: c.rules}
		r.add(role)
		if c.group == "" {
			continue
		}
		r.add(&rbacv1.ClusterRoleBinding{TypeMeta: typeMeta(rbacGroup+"/v1", "ClusterRoleBinding"), ObjectMeta: r.meta("ClusterRoleBinding", "", c.name, created+int64(i)+30, nil),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacGroup, Kind: "ClusterRole", Name: c.name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacGroup, Kind: "Group", Name: c.group}}})
	}
}

// teamBindings let a team into its namespace.
func (r *renderer) teamBindings(ns *namespace) []runtime.Object {
	role := "edit"
	if ns.prod() {
		role = "view"
	}
	return []runtime.Object{
		&rbacv1.RoleBinding{TypeMeta: typeMeta(rbacGroup+"/v1", "RoleBinding"), ObjectMeta: r.meta("RoleBinding", ns.name, ns.team.name+"-"+role, ns.created+12, ns.labels()),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacGroup, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{APIGroup: rbacGroup, Kind: "Group", Name: "team-" + ns.team.name}}},
		&rbacv1.RoleBinding{TypeMeta: typeMeta(rbacGroup+"/v1", "RoleBinding"), ObjectMeta: r.meta("RoleBinding", ns.name, "release-bot", ns.created+13, ns.labels()),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacGroup, Kind: "ClusterRole", Name: company + ":release-bot"},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: "kustomize-controller", Namespace: "gitops-system"}}},
	}
}

// appRole lets an app read its own configuration.
func (r *renderer) appRole(a *app) []runtime.Object {
	role := &rbacv1.Role{TypeMeta: typeMeta(rbacGroup+"/v1", "Role"), ObjectMeta: r.meta("Role", a.ns.name, a.name, a.created, a.labels()), Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{a.name + "-config"}, Verbs: slices.Clone(readVerbs)},
		rule([]string{"coordination.k8s.io"}, []string{"leases"}, []string{"create", "get", "update"})}}
	return []runtime.Object{role,
		&rbacv1.RoleBinding{TypeMeta: typeMeta(rbacGroup+"/v1", "RoleBinding"), ObjectMeta: r.meta("RoleBinding", a.ns.name, a.name, a.created, a.labels()),
			RoleRef:  rbacv1.RoleRef{APIGroup: rbacGroup, Kind: "Role", Name: a.name},
			Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: a.name, Namespace: a.ns.name}}}}
}
