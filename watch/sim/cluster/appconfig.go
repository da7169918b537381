package cluster

// ConfigMaps, Secrets, ServiceAccounts.

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// configMap renders an app's configuration file.
func (r *renderer) configMap(a *app) *corev1.ConfigMap {
	c := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: r.meta("ConfigMap", a.ns.name, a.name+"-config", a.created, a.labels())}
	c.Annotations = a.annotations()
	h := r.hash("config", a.ns.name, a.name).num(uint64(a.configRev))
	level := "info"
	if !a.ns.prod() {
		level = "debug"
	}
	c.Data = map[string]string{"log.level": level, "config.yaml": fmt.Sprintf(configFile, a.name, a.ns.env, a.port(), h.a%64+16, h.b%30+5, a.ns.name, level)}
	r.manage(c, "configmap/"+a.manager(), "", a.manager(), "v1", metav1.ManagedFieldsOperationApply, a.created)
	return c
}

const configFile = `# rendered by the release pipeline, do not edit by hand
service: %s
environment: %s
server:
  port: %d
  maxConnections: %d
  shutdownTimeout: %ds
upstreams:
  - name: orders
    url: http://order-api.%s.svc.cluster.local
    timeout: 800ms
    retries: {attempts: 2, on: [connect-failure, 5xx]}
telemetry:
  logLevel: %s
  traces: {sampleRatio: 0.05}
`

// secret renders an app's credentials. The values are derived from the seed and open nothing.
func (r *renderer) secret(a *app) *corev1.Secret {
	s := &corev1.Secret{TypeMeta: typeMeta("v1", "Secret"), ObjectMeta: r.meta("Secret", a.ns.name, a.name+"-secrets", a.created, a.labels())}
	s.Annotations = a.annotations()
	s.Type = corev1.SecretTypeOpaque
	h := r.hash("secret", a.ns.name, a.name)
	s.Data = map[string][]byte{"database-password": []byte(h.hex(24)), "api-token": []byte("fh_" + h.num(1).hex(32)), "session-key": []byte(h.num(2).hex64())}
	r.manage(s, "secret/"+a.manager(), "", a.manager(), "v1", metav1.ManagedFieldsOperationApply, a.created)
	return s
}

// tlsSecret renders the key pair a Certificate keeps up to date.
func (r *renderer) tlsSecret(a *app) *corev1.Secret {
	s := &corev1.Secret{TypeMeta: typeMeta("v1", "Secret"), ObjectMeta: r.meta("Secret", a.ns.name, a.name+"-tls", a.created+40, a.labels())}
	s.Annotations = map[string]string{"pki." + domain + "/certificate-name": a.name, "pki." + domain + "/alt-names": a.host()}
	s.Type = corev1.SecretTypeTLS
	s.OwnerReferences = r.certificateRef(a).owner()
	h := r.hash("tls", a.ns.name, a.name)
	s.Data = map[string][]byte{corev1.TLSCertKey: pem("CERTIFICATE", h), corev1.TLSPrivateKeyKey: pem("EC PRIVATE KEY", h.num(9))}
	return s
}

// pem has the outline of a PEM block and no key in it.
func pem(kind string, h hash128) []byte {
	return []byte("-----BEGIN " + kind + "-----\n" + h.hex64() + "\n" + h.num(3).hex64() + "\n-----END " + kind + "-----\n")
}

// pullSecret lets a namespace pull from the company's registry.
func (r *renderer) pullSecret(ns *namespace) *corev1.Secret {
	s := &corev1.Secret{TypeMeta: typeMeta("v1", "Secret"), ObjectMeta: r.meta("Secret", ns.name, "registry-credentials", ns.created+5, ns.labels())}
	s.Type = corev1.SecretTypeDockerConfigJson
	s.Data = map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"` + registry + `":{"auth":"` + r.hash("pull", "", ns.name).hex(32) + `"}}}`)}
	return s
}

// rootCA is the ConfigMap that every namespace has.
func (r *renderer) rootCA(ns *namespace) *corev1.ConfigMap {
	c := &corev1.ConfigMap{TypeMeta: typeMeta("v1", "ConfigMap"), ObjectMeta: r.meta("ConfigMap", ns.name, "kube-root-ca.crt", ns.created+1, nil)}
	c.Annotations = map[string]string{"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}
	c.Data = map[string]string{"ca.crt": string(pem("CERTIFICATE", newHash(r.seed).str("root-ca")))}
	r.manage(c, "rootca", "", "kube-controller-manager", "v1", metav1.ManagedFieldsOperationUpdate, ns.created+1)
	return c
}

func (r *renderer) serviceAccount(ns *namespace, name string, created int64, labels map[string]string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{TypeMeta: typeMeta("v1", "ServiceAccount"), ObjectMeta: r.meta("ServiceAccount", ns.name, name, created, labels)}
}
