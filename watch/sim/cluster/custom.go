package cluster

// Custom resource definitions and custom resources.

import (
	"bytes"
	_ "embed"
	"fmt"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	pkiGroup    = "pki." + domain
	gitopsGroup = "gitops." + domain
	dbGroup     = "db." + domain
)

//go:embed crds.yaml
var crdFile []byte

// definitions are the CustomResourceDefinitions of crds.yaml.
var definitions = sync.OnceValue(func() (out []*apiextensionsv1.CustomResourceDefinition) {
	for _, doc := range bytes.Split(crdFile, []byte("\n---\n")) {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(doc, crd); err != nil {
			panic(fmt.Sprintf("cluster: embedded crds.yaml: %v", err)) // a build of this program that can't work; held by a test
		}
		out = append(out, crd)
	}
	return out
})

// customDefinitions render the definitions as the API server shows them once it serves their kinds.
func (r *renderer) customDefinitions(created int64) {
	for i, d := range definitions() {
		crd := d.DeepCopy()
		m := r.meta("CustomResourceDefinition", "", d.Name, created+int64(i), crd.Labels)
		m.Generation = 1
		crd.ObjectMeta = m
		crd.Spec.Conversion = &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter}
		crd.Status = apiextensionsv1.CustomResourceDefinitionStatus{AcceptedNames: crd.Spec.Names, StoredVersions: []string{"v1"}, Conditions: []apiextensionsv1.CustomResourceDefinitionCondition{
			{Type: apiextensionsv1.NamesAccepted, Status: apiextensionsv1.ConditionTrue, Reason: "NoConflicts", Message: "no conflicts found", LastTransitionTime: at(created + int64(i))},
			{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue, Reason: "InitialNamesAccepted", Message: "the initial names have been accepted", LastTransitionTime: at(created + int64(i) + 1)}}}
		r.add(crd)
	}
}

// object is a custom resource.
func (r *renderer) object(apiVersion, kind, namespace, name string, created, generation int64, labels, annotations map[string]string, spec, status map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": spec}}
	if status != nil {
		u.Object["status"] = status
	}
	u.SetName(name)
	if namespace != "" {
		u.SetNamespace(namespace)
	}
	u.SetUID(r.uid(kind, namespace, name, created))
	u.SetCreationTimestamp(at(created))
	u.SetGeneration(generation)
	u.SetLabels(labels)
	if len(annotations) > 0 {
		u.SetAnnotations(annotations)
	}
	return u
}

func rfc3339(unix int64) string { return at(unix).Format("2006-01-02T15:04:05Z07:00") }

// readyCondition is the list of conditions of a custom resource: Ready alone.
func readyCondition(ok bool, reason, message string, since, generation int64) []any {
	status := "True"
	if !ok {
		status = "False"
	}
	return []any{map[string]any{"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": rfc3339(since), "observedGeneration": generation}}
}

func (r *renderer) issuers(created int64) {
	r.add(r.object(pkiGroup+"/v1", "ClusterIssuer", "", "internal-ca", created+500, 1, map[string]string{domain + "/team": "platform"}, nil,
		map[string]any{"ca": map[string]any{"secretName": "internal-ca-key"}},
		map[string]any{"conditions": readyCondition(true, "KeyPairVerified", "Signing CA verified", created+502, 1)}))
	r.add(r.object(pkiGroup+"/v1", "ClusterIssuer", "", "public-acme", created+510, 2, map[string]string{domain + "/team": "platform"}, nil,
		map[string]any{"acme": map[string]any{"server": "https://acme." + domain + "/directory", "email": "certs@" + domain}},
		map[string]any{"conditions": readyCondition(true, "ACMEAccountRegistered", "The ACME account was registered with the ACME server", created+520, 2)}))
}

func (r *renderer) certificateRef(a *app) ref {
	return r.ref(pkiGroup+"/v1", "Certificate", a.ns.name, a.name, a.created)
}

// certificate renders the Certificate of an app with an Ingress.
func (r *renderer) certificate(a *app) *unstructured.Unstructured {
	status := map[string]any{}
	issued := a.created + (a.changed-a.created)/(60*day)*(60*day) + 35
	if a.issuing {
		status["conditions"] = readyCondition(false, "Expired", "Renewing certificate as renewal was scheduled", a.changed, 1)
	} else if a.problem == certNotReady {
		status["conditions"] = readyCondition(false, "Failed", "The certificate request has failed to complete and will be retried: error presenting challenge: DNS record for \"_acme-challenge."+a.host()+"\" not yet propagated", a.changed, 1)
		status["failedIssuanceAttempts"] = int64(a.id%5 + 2)
	} else {
		status["conditions"] = readyCondition(true, "Ready", "Certificate is up to date and has not expired", issued, 1)
		status["notBefore"], status["notAfter"], status["renewalTime"] = rfc3339(issued), rfc3339(issued+90*day), rfc3339(issued+60*day)
		status["revision"] = (a.changed-a.created)/(60*day) + 1
	}
	u := r.object(pkiGroup+"/v1", "Certificate", a.ns.name, a.name, a.created, 1, a.labels(), a.annotations(), map[string]any{
		"secretName": a.name + "-tls", "dnsNames": []any{a.host()}, "duration": "2160h", "renewBefore": "720h",
		"issuerRef":  map[string]any{"name": "internal-ca", "kind": "ClusterIssuer"},
		"privateKey": map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"}}, status)
	r.manage(u, "certificate/"+a.manager(), "", a.manager(), pkiGroup+"/v1", metav1.ManagedFieldsOperationApply, a.created)
	return u
}

// kustomization renders what keeps a team namespace as its repository says; ok is its Ready condition.
func (r *renderer) kustomization(ns *namespace, ok bool, changed int64) *unstructured.Unstructured {
	h := r.hash("revision", "", ns.name).num(uint64(changed))
	revision := "main@sha1:" + h.hex(32) + h.num(1).hex(8)
	conditions := readyCondition(true, "ReconciliationSucceeded", "Applied revision: "+revision, changed, 1)
	if !ok {
		conditions = readyCondition(false, "HealthCheckFailed", "health check failed after 5m0s: timeout waiting for: [Deployment/"+ns.name+"/"+ns.team.components[0].name+" status: 'InProgress']", changed, 1)
	}
	created := ns.created + 20
	entries := make([]any, 0, len(ns.team.components))
	for _, c := range ns.team.components {
		if c.image == "" && c.role != roleBatch {
			entries = append(entries, map[string]any{"id": ns.name + "_" + c.name + "_apps_Deployment", "v": "v1"})
		}
	}
	u := r.object(gitopsGroup+"/v1", "Kustomization", "gitops-system", ns.name, created, 1, ns.labels(), nil, map[string]any{
		"interval": "10m", "timeout": "5m", "path": "./teams/" + ns.team.name + "/" + ns.env, "prune": true, "targetNamespace": ns.name,
		"sourceRef": map[string]any{"kind": "GitRepository", "name": "deployments", "namespace": "gitops-system"},
		"postBuild": map[string]any{"substitute": map[string]any{"environment": ns.env, "region": region}}},
		map[string]any{"observedGeneration": int64(1), "lastAppliedRevision": revision, "lastAttemptedRevision": revision, "inventory": map[string]any{"entries": entries}, "conditions": conditions})
	r.manage(u, "kustomization", "", "release-bot", gitopsGroup+"/v1", metav1.ManagedFieldsOperationApply, created)
	return u
}

// postgres renders a database cluster.
func (r *renderer) postgres(a *app) *unstructured.Unstructured {
	c := a.count("")
	phase, reason, message := "Cluster in healthy state", "ClusterIsReady", "Cluster is Ready"
	if c.ready < a.replicas {
		phase, reason, message = "Waiting for the instances to become active", "ClusterIsNotReady", "Cluster is not Ready: instance "+a.pods[len(a.pods)-1].name+" does not stream"
	}
	class, size := a.storage()
	u := r.object(dbGroup+"/v1", "PostgresCluster", a.ns.name, a.name, a.created, a.generation, a.labels(), a.annotations(), map[string]any{
		"instances": int64(a.replicas), "imageName": a.image(a.current()), "primaryUpdateStrategy": "unsupervised",
		"storage":    map[string]any{"size": size, "storageClass": class},
		"postgresql": map[string]any{"parameters": map[string]any{"max_connections": "400", "shared_buffers": "2GB", "log_min_duration_statement": "250ms"}},
		"backup":     map[string]any{"retentionPolicy": "30d", "schedule": "0 30 1 * * *"}},
		map[string]any{"instances": int64(c.total), "readyInstances": int64(c.ready), "phase": phase, "currentPrimary": a.pods[0].name, "timelineID": int64(a.id%7 + 1),
			"conditions": readyCondition(c.ready == a.replicas, reason, message, a.changed, a.generation)})
	r.manage(u, "postgrescluster/"+a.manager(), "", a.manager(), dbGroup+"/v1", metav1.ManagedFieldsOperationApply, a.created)
	return u
}
