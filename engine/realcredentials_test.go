//go:build integration

package engine

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"orka/watch"
)

// client-go looks for new certificates in files for as long as the process lives.
func init() {
	kept = append(kept, goleak.IgnoreAnyFunction("k8s.io/client-go/transport.(*dynamicClientCert).run"),
		goleak.IgnoreAnyFunction("k8s.io/client-go/transport.(*dynamicClientCert).runWorker"),
		goleak.IgnoreAnyFunction("k8s.io/client-go/util/workqueue.(*Typed[...]).updateUnfinishedWorkLoop"),
		goleak.IgnoreAnyFunction("k8s.io/client-go/util/workqueue.(*delayingType[...]).waitingLoop"))
}

// TestRealCertificateRevokedAndRenewed: the authority that signed the user's certificate is no longer trusted. Every kind says
// Unauthorized and keeps its rows; with another certificate in the same files, orka is fresh again without a restart.
func TestRealCertificateRevokedAndRenewed(t *testing.T) {
	s := openServer(t)
	dir := t.TempDir()
	users, err := os.ReadFile(filepath.Join(s.home, "pki", "ca.crt"))
	must(t, err)
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	trusted := filepath.Join(dir, "trusted.crt")
	must(t, os.WriteFile(trusted, slices.Concat(users, first.pem), 0o600))
	s.restartWith(t, "--client-ca-file="+trusted) // which the server reads again when it changes
	cfg := s.config(t, "admin")
	cfg.CertData, cfg.KeyData, cfg.CertFile, cfg.KeyFile = nil, nil, filepath.Join(dir, "user.crt"), filepath.Join(dir, "user.key")
	first.issue(t, cfg.CertFile, cfg.KeyFile)

	refusedAndRenewed(t, s, cfg,
		func() { must(t, os.WriteFile(trusted, slices.Concat(users, second.pem), 0o600)) },
		func() { second.issue(t, cfg.CertFile, cfg.KeyFile) })
}

// TestRealTokenRevokedAndRenewed is the same for a token that a credential plugin hands out: its service account is deleted and
// made anew.
func TestRealTokenRevokedAndRenewed(t *testing.T) {
	s := openServer(t)
	w := write(t, s.config(t, "admin"))
	ns := freshNamespace(t, w, "token")
	dir := t.TempDir()
	token, plugin := filepath.Join(dir, "token"), filepath.Join(dir, "plugin")
	script := fmt.Sprintf("#!/bin/sh\nprintf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%%s\"}}' \"$(cat %s)\"\n", token)
	must(t, os.WriteFile(plugin, []byte(script), 0o700)) //nolint:gosec // a program

	accounts := "/api/v1/namespaces/" + ns + "/serviceaccounts"
	issue := func() {
		must(t, w.create(accounts, `{"metadata":{"name":"orka"}}`))
		var answer struct{ Status struct{ Token string } }
		code, err := w.do(t.Context(), http.MethodPost, accounts+"/orka/token", "application/json", `{"spec":{"expirationSeconds":600}}`, &answer)
		if code != http.StatusCreated {
			t.Fatalf("no token: %d %v", code, err)
		}
		must(t, os.WriteFile(token, []byte(answer.Status.Token), 0o600))
	}
	must(t, w.role("real-token", everything), w.create(rbacPath+"/clusterrolebindings", fmt.Sprintf(
		`{"metadata":{"name":%[1]q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"real-token"},"subjects":[{"kind":"ServiceAccount","namespace":%[1]q,"name":"orka"}]}`, ns)))
	issue()
	cfg := s.config(t, "admin")
	cfg.CertData, cfg.KeyData = nil, nil
	cfg.ExecProvider = &clientcmdapi.ExecConfig{Command: plugin, APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}

	refusedAndRenewed(t, s, cfg, func() { must(t, w.remove(accounts+"/orka")) }, issue)
}

// refusedAndRenewed explores with a credential, has it revoked and then renewed.
func refusedAndRenewed(t *testing.T, s *realServer, cfg *rest.Config, revoke, renew func()) {
	t.Helper()
	w := write(t, s.config(t, "admin"))
	ns := freshNamespace(t, w, "credential")
	must(t, w.configMap(ns, "goes", "1"))
	proxy, through := through(t, cfg)
	e := explore(t, through, nil)
	awaitReal(t, e, time.Minute, "first lists", allFresh)

	revoke()
	awaitAnswer(t, cfg, "/api/v1/namespaces?limit=1", http.StatusUnauthorized)
	// What was deleted to revoke it is on its way.
	must(t, agreeOn(t.Context(), e, connect(t, s.config(t, "admin")), e.View().Health.Kind("serviceaccounts")))
	rows := e.store.World().Len()
	proxy.Cut() // a server ends no stream for a credential that was revoked: it refuses the next request
	v, took := awaitReal(t, e, 20*time.Second, "refusal of every kind", func(v *View) bool {
		return !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool {
			return s.Scope.Kind.Watchable() && s.Reason != watch.ReasonAuth
		})
	})
	t.Logf("every kind is refused %s after its stream broke: %s", took.Round(time.Millisecond), v.Health.Of(v.Health.Kind("pods"))[0].Err)
	for _, st := range v.Health.Watchers {
		if !st.Scope.Kind.Watchable() {
			continue // polled once a minute
		}
		if st.Fresh(time.Now()) || (st.Phase != watch.Backoff && st.Phase != watch.Queued && st.Phase != watch.Listing) || !st.Complete || !strings.Contains(st.Err, "Unauthorized") {
			t.Errorf("%s: %s, fresh=%t: %s", st.Scope, st.Phase, st.Fresh(time.Now()), st.Err)
		}
	}
	if n := v.World.Len(); n != rows {
		t.Errorf("%d rows are kept of %d", n, rows)
	}
	must(t, w.remove("/api/v1/namespaces/"+ns+"/configmaps/goes"))
	if f := v.Health.Freshness(time.Now()); f.Fresh || f.Least.Reason != watch.ReasonAuth {
		t.Errorf("the whole is called %+v", f)
	}

	renew()
	// Fresh alone can be as of before the credential was revoked.
	_, took = awaitReal(t, e, time.Minute, "fresh view with the new credential, without what was deleted meanwhile", func(v *View) bool {
		return allFresh(v) && v.World.Get(v.Health.Kind("configmaps"), ns, "goes") == nil
	})
	t.Logf("all fresh %s after the credential was renewed", took.Round(time.Millisecond))
	mustAgree(t, e, connect(t, s.config(t, "admin")))
}

// awaitAnswer waits until the server answers a user so; it remembers for some seconds that a credential was good. It asks over a
// connection of its own.
func awaitAnswer(t *testing.T, cfg *rest.Config, path string, want int) {
	t.Helper()
	w := write(t, cfg)
	for deadline := time.Now().Add(90 * time.Second); ; sleep(t.Context(), 200*time.Millisecond) {
		code, err := w.do(t.Context(), http.MethodGet, path, "", "", nil)
		if code == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is answered with %d and not with %d: %v", path, code, want, err)
		}
	}
}

// authority signs certificates of clients.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{key, cert, encodePEM("CERTIFICATE", der)}
}

// issue writes a certificate of an administrator, and its key.
func (a *authority) issue(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "rotating", Organization: []string{"system:masters"}},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	must(t, err)
	secret, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	must(t, os.WriteFile(certFile, encodePEM("CERTIFICATE", der), 0o600), os.WriteFile(keyFile, encodePEM("EC PRIVATE KEY", secret), 0o600))
}

func encodePEM(kind string, der []byte) []byte {
	var b bytes.Buffer
	if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: der}); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}
