//go:build integration

package apply_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"orka/watch"
)

// authority makes a certificate authority and a certificate of it for 127.0.0.1.
func authority(t *testing.T) (ca []byte, server tls.Certificate) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "orka test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &caKey.PublicKey, caKey)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, caKey)
	must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}
}

// hook serves h over HTTPS, registers it for the namespace and waits until the server asks it.
func (c *kubeCluster) hook(t *testing.T, namespace string, h webhook) {
	t.Helper()
	ca, cert := authority(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { review(w, r, h) }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)

	kind, path := "Validating", "validatingwebhookconfigurations"
	if h.mutating {
		kind, path = "Mutating", "mutatingwebhookconfigurations"
	}
	name := unique("orka-apply")
	a := c.admin(t)
	a.create(&watch.Kind{GVK: watch.GVK{Group: "admissionregistration.k8s.io", Version: "v1"}, Resource: path}, "", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: %s
  clientConfig: {url: %q, caBundle: %s}
  rules: [{apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: ["*"], scope: Namespaced}]
  namespaceSelector: {matchLabels: {orka-test: %s}}
  objectSelector: {matchExpressions: [{key: orka-probe, operator: DoesNotExist}]}
  sideEffects: NoneOnDryRun
  admissionReviewVersions: [v1]
  timeoutSeconds: 10
- name: probe.%[3]s
  clientConfig: {url: %[4]q, caBundle: %[5]s}
  rules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE], resources: [configmaps], scope: Namespaced}]
  namespaceSelector: {matchLabels: {orka-test: %[6]s}}
  objectSelector: {matchLabels: {orka-probe: "yes"}}
  sideEffects: None
  admissionReviewVersions: [v1]
`, kind, name, h.name, server.URL, base64.StdEncoding.EncodeToString(ca), namespace))
	t.Cleanup(func() { a.do(http.MethodDelete, "/apis/admissionregistration.k8s.io/v1/"+path+"/"+name, nil, "", nil) })
	// Configurations take effect some time after they are stored. The second webhook of the same one denies a ConfigMap
	// that only this asks about.
	probe := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"probe","namespace":%q,"labels":{"orka-probe":"yes"}}}`, namespace)
	eventually(t, "the webhook is in effect", func() bool {
		q := a.query()
		q.Set("dryRun", "All")
		code, _ := a.do(http.MethodPost, objectPath(configMaps, namespace, ""), q, asJSON, []byte(probe))
		return code/100 != 2
	})
}

// review answers one AdmissionReview.
func review(w http.ResponseWriter, r *http.Request, h webhook) {
	var in struct {
		Request struct {
			UID    string         `json:"uid"`
			Object map[string]any `json:"object"`
			DryRun bool           `json:"dryRun"`
		} `json:"request"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := map[string]any{"uid": in.Request.UID, "allowed": true}
	meta, _ := in.Request.Object["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	if labels["orka-probe"] != nil {
		response["allowed"] = false
	} else {
		v := h.review(in.Request.Object, in.Request.DryRun)
		if v.deny != "" {
			response["allowed"], response["status"] = false, map[string]any{"message": v.deny}
		}
		if len(v.patch) > 0 {
			patch, err := json.Marshal(v.patch)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			response["patch"], response["patchType"] = base64.StdEncoding.EncodeToString(patch), "JSONPatch"
		}
		if len(v.warnings) > 0 {
			response["warnings"] = v.warnings
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
}
