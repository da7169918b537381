package cluster

// Units: which objects a part of the plan consists of, in creation order.

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// unit renders one unit of the plan into out.
func (r *renderer) unit(u unit, now int64) {
	switch {
	case u.base:
		r.base(now - clusterAge)
	case u.pool != nil:
		r.pool(u.pool, now)
	case u.ns != nil:
		r.namespaceUnit(u.ns, now)
	case u.app != nil:
		r.appUnit(u.app, now)
	case u.awkward:
		r.awkward(now)
	}
}

// base renders what a cluster has before anything runs in it.
func (r *renderer) base(created int64) {
	r.customDefinitions(created + 300)
	r.storageClasses(created + 60)
	r.priorityClasses(created + 10)
	r.clusterRoles(created + 5)
	r.issuers(created + 300)
	for i, name := range []string{"nginx", "internal"} {
		c := &networkingv1.IngressClass{TypeMeta: typeMeta("networking.k8s.io/v1", "IngressClass"), ObjectMeta: r.meta("IngressClass", "", name, created+400+int64(i), nil)}
		c.Spec.Controller = "k8s.io/ingress-nginx"
		r.add(c)
	}
}

func (n *namespace) labels() map[string]string {
	return map[string]string{"kubernetes.io/metadata.name": n.name, domain + "/team": n.team.name, domain + "/cost-center": n.team.costCenter, domain + "/environment": n.env}
}

func (r *renderer) namespaceObject(ns *namespace) *corev1.Namespace {
	o := &corev1.Namespace{TypeMeta: typeMeta("v1", "Namespace"), ObjectMeta: r.meta("Namespace", "", ns.name, ns.created, ns.labels())}
	o.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
	o.Status.Phase = corev1.NamespaceActive
	if ns.index >= 0 {
		o.Annotations = map[string]string{domain + "/owner": "team-" + ns.team.name + "@" + domain, domain + "/slack": "#team-" + ns.team.name,
			domain + "/runbook": "https://wiki." + domain + "/runbooks/" + ns.team.name}
		if ns.prod() {
			o.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
		}
	}
	return o
}

func (r *renderer) namespaceUnit(ns *namespace, now int64) {
	o := r.namespaceObject(ns)
	if ns.terminating {
		deleted := now - 2*day
		o.DeletionTimestamp = atPtr(deleted)
		o.Status.Phase = corev1.NamespaceTerminating
		o.Status.Conditions = []corev1.NamespaceCondition{
			{Type: corev1.NamespaceContentRemaining, Status: corev1.ConditionTrue, Reason: "SomeResourcesRemain", Message: "Some resources are remaining: configmaps. has 1 resource instances", LastTransitionTime: at(deleted + 6)},
			{Type: corev1.NamespaceFinalizersRemaining, Status: corev1.ConditionTrue, Reason: "SomeFinalizersRemain", Message: "Some content in the namespace has finalizers remaining: " + domain + "/backup in 1 resource instances", LastTransitionTime: at(deleted + 6)}}
	}
	r.add(o)
	if ns.terminating {
		c := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: r.meta("ConfigMap", ns.name, "rehearsal-state", ns.created+hour, ns.labels())}
		c.Finalizers = []string{domain + "/backup"}
		c.DeletionTimestamp, c.DeletionGracePeriodSeconds = atPtr(now-2*day+3), ptr(int64(0))
		c.Data = map[string]string{"stage": "7", "rollback": "false"}
		r.add(c)
		return
	}
	r.add(r.serviceAccount(ns, "default", ns.created+1, nil), r.rootCA(ns))
	if ns.index < 0 {
		return
	}
	r.add(r.quota(ns), r.limitRange(ns), r.defaultDeny(ns), r.pullSecret(ns))
	r.add(r.teamBindings(ns)...)
	r.add(r.kustomization(ns, ns.reconcilable(), ns.reconciled))
}

// reconcilable reports whether what the repository says can be applied to the namespace.
func (n *namespace) reconcilable() bool { return n.index%17 != 11 }

func (r *renderer) pool(pl *pool, now int64) {
	for _, n := range pl.nodes {
		r.add(r.nodeObject(n))
	}
	for _, n := range pl.nodes {
		renewed := now - int64(n.index%9)
		if !n.ready {
			renewed = n.changed - 30
			f := r.ref("v1", "Node", "", n.name, n.created)
			r.add(r.event(&note{about: f, reason: "NodeNotReady", message: "Node " + n.name + " status is now: NodeNotReady", count: 1, first: n.changed, last: n.changed, component: "node-controller"}))
		}
		r.add(r.lease(n, renewed))
	}
	for _, n := range pl.nodes {
		if n.control {
			r.mirrorPods(n)
		}
	}
	for _, a := range pl.agents {
		owner := r.ref("apps/v1", "DaemonSet", a.ns.name, a.name, a.created)
		r.add(r.serviceAccount(a.ns, a.name, a.created, a.labels()), r.configMap(a), r.daemonSet(a), r.controllerRevision(a, owner))
		for i := range a.pods {
			r.add(r.agentPod(a, &a.pods[i]))
		}
		r.addNotes(a, now)
	}
}

func (r *renderer) agentPod(a *app, q *pod) *corev1.Pod {
	return r.pod(a, q, r.podOwner(a, q), "controller-revision-hash", q.hash, "pod-template-generation", itoa(int(a.generation)))
}

func (r *renderer) appUnit(a *app, now int64) {
	r.add(r.serviceAccount(a.ns, a.name, a.created, a.labels()), r.configMap(a))
	if a.comp.image == "" || a.comp.role == roleDB {
		r.add(r.secret(a))
	}
	if a.ns.index < 0 || a.comp.role == roleAPI && a.id%3 == 0 {
		r.add(r.appRole(a)...)
	}
	switch a.comp.role {
	case roleBatch:
		r.batchUnit(a)
	case roleCache, roleQueue:
		r.statefulUnit(a)
	case roleDB:
		r.databaseUnit(a)
	default:
		r.statelessUnit(a)
	}
	r.addNotes(a, now)
}

func (r *renderer) addNotes(a *app, now int64) {
	for _, n := range r.notes(a, now) {
		r.add(r.event(&n))
	}
}

func (r *renderer) statelessUnit(a *app) {
	if a.port() != 0 {
		r.add(r.service(a, a.name, false))
	}
	r.add(r.deployment(a))
	for i := range a.sets {
		r.add(r.replicaSet(a, &a.sets[i]))
	}
	for i := range a.pods {
		r.add(r.statelessPod(a, &a.pods[i]))
	}
	if a.port() != 0 {
		r.add(r.endpointSlice(a, a.name, nil), r.networkPolicy(a))
	}
	if a.hpa {
		r.add(r.autoscaler(a))
	}
	if a.replicas > 1 {
		r.add(r.disruptionBudget(a))
	}
	if a.ingress && a.port() != 0 {
		r.add(r.ingress(a))
	}
	if a.ingress {
		r.add(r.certificate(a))
		if a.problem != certNotReady {
			r.add(r.tlsSecret(a))
		}
	}
}

func (r *renderer) statelessPod(a *app, q *pod) *corev1.Pod {
	return r.pod(a, q, r.podOwner(a, q), "pod-template-hash", q.hash)
}

// volumes renders claims, and for bound ones volumes and attachments.
func (r *renderer) volumes(a *app) {
	for i := range a.pods {
		if a.bound(&a.pods[i]) {
			r.add(r.volume(a, i))
		}
	}
	for i := range a.pods {
		r.add(r.volumeClaim(a, i))
	}
	for i := range a.pods {
		if a.bound(&a.pods[i]) {
			r.add(r.attachment(a, i))
		}
	}
}

func (r *renderer) statefulUnit(a *app) {
	r.add(r.service(a, a.name, false), r.service(a, a.name+"-headless", true))
	s := r.statefulSet(a)
	r.add(s, r.controllerRevision(a, r.podOwner(a, nil)))
	r.volumes(a)
	for i := range a.pods {
		r.add(r.statefulPod(a, &a.pods[i]))
	}
	r.add(r.endpointSlice(a, a.name, nil), r.endpointSlice(a, a.name+"-headless", nil))
	if a.replicas > 1 {
		r.add(r.disruptionBudget(a))
	}
}

func (r *renderer) statefulPod(a *app, q *pod) *corev1.Pod {
	return r.pod(a, q, r.podOwner(a, q), "controller-revision-hash", q.hash, "statefulset.kubernetes.io/pod-name", q.name, "apps.kubernetes.io/pod-index", q.name[len(a.name)+1:])
}

// Roles of database instances, as their pods are labelled.
const instanceRole = dbGroup + "/role"

func (a *app) instanceRole(q *pod) string {
	if q == &a.pods[0] {
		return "primary"
	}
	return "replica"
}

func (r *renderer) databaseUnit(a *app) {
	r.add(r.postgres(a), r.service(a, a.name+"-rw", false, instanceRole, "primary"), r.service(a, a.name+"-ro", false, instanceRole, "replica"))
	r.volumes(a)
	for i := range a.pods {
		r.add(r.databasePod(a, &a.pods[i]))
	}
	primary := func(q *pod) bool { return q == &a.pods[0] }
	r.add(r.endpointSlice(a, a.name+"-rw", primary), r.endpointSlice(a, a.name+"-ro", func(q *pod) bool { return !primary(q) }))
	if a.replicas > 1 {
		r.add(r.disruptionBudget(a))
	}
}

func (r *renderer) databasePod(a *app, q *pod) *corev1.Pod {
	return r.pod(a, q, r.podOwner(a, q), instanceRole, a.instanceRole(q), dbGroup+"/cluster", a.name)
}

func (r *renderer) batchUnit(a *app) {
	r.add(r.cronJob(a))
	for i := range a.jobs {
		r.add(r.job(a, &a.jobs[i]))
	}
	for i := range a.jobs {
		j := &a.jobs[i]
		for k := range j.pods {
			r.add(r.jobPod(a, j, &j.pods[k]))
		}
	}
}

// anyPod renders a pod the way its app's kind does.
func (r *renderer) anyPod(a *app, q *pod) *corev1.Pod {
	switch a.comp.role {
	case roleAgent:
		return r.agentPod(a, q)
	case roleCache, roleQueue:
		return r.statefulPod(a, q)
	case roleDB:
		return r.databasePod(a, q)
	}
	return r.statelessPod(a, q)
}
