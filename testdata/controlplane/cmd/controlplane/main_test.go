package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func testCluster(t *testing.T) *cluster {
	t.Helper()
	t.Setenv("ORKA_E2E_HOME", "")
	t.Setenv("ORKA_CLUSTER_HOME", filepath.Join(t.TempDir(), "home"))
	c, err := open(true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// TestCertificates serves TLS with the server's certificate to a client with the administrator's.
func TestCertificates(t *testing.T) {
	c := testCluster(t)
	if err := c.makeCertificates(); err != nil {
		t.Fatal(err)
	}
	serving, err := tls.LoadX509KeyPair(c.path("pki", "apiserver.crt"), c.path("pki", "apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(c.path("pki", "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{serving}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	var name, group string
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		subject := r.TLS.PeerCertificates[0].Subject
		name, group = subject.CommonName, strings.Join(subject.Organization, ",")
	})}
	go server.Serve(l)
	defer server.Close()
	c.state.APIPort = l.Addr().(*net.TCPAddr).Port
	client, err := c.adminClient()
	if err != nil {
		t.Fatal(err)
	}
	if err := get(t.Context(), client, c.apiURL()); err != nil {
		t.Fatal(err)
	}
	if name != "admin" || group != "system:masters" {
		t.Errorf("the server saw %q of %q", name, group)
	}
	before, _ := os.ReadFile(c.path("pki", "reader.crt"))
	if err := c.makeCertificates(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(c.path("pki", "reader.crt")); string(before) != string(after) {
		t.Error("certificates of an earlier start were replaced")
	}
	if err := c.writeKubeconfigs(); err != nil {
		t.Fatal(err)
	}
	for _, u := range users {
		text, err := os.ReadFile(c.kubeconfig(u.name))
		if err != nil || !strings.Contains(string(text), "server: "+c.apiURL()) || !strings.Contains(string(text), "namespace: "+u.namespace) {
			t.Errorf("kubeconfig of %s: %v\n%s", u.name, err, text)
		}
	}
}

func TestPortsAreKept(t *testing.T) {
	c := testCluster(t)
	if err := c.choosePorts(); err != nil {
		t.Fatal(err)
	}
	first := c.state
	if err := c.choosePorts(); err != nil || c.state.APIPort != first.APIPort || c.state.EtcdPort != first.EtcdPort {
		t.Errorf("ports changed from %+v to %+v: %v", first, c.state, err)
	}
	l, err := net.Listen("tcp", c.apiURL()[len("https://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := c.choosePorts(); err != nil || c.state.APIPort == first.APIPort {
		t.Errorf("port %d is taken and was chosen again: %v", first.APIPort, err)
	}
}

// TestForeignProcess holds that a pid that belongs to another program by now is neither taken for ours nor killed.
func TestForeignProcess(t *testing.T) {
	c := testCluster(t)
	c.state.Pids["etcd"] = os.Getpid()
	if c.running("etcd") {
		t.Fatal("this test is taken for etcd")
	}
	if ran, err := c.stop(t.Context(), "etcd"); ran || err != nil {
		t.Fatal(ran, err)
	}
}

func TestStartReportsLastWords(t *testing.T) {
	c := testCluster(t)
	c.state.Bin = t.TempDir()
	script := "#!/bin/sh\necho no space left on device\nexit 3\n"
	if err := os.WriteFile(filepath.Join(c.state.Bin, "etcd"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.choosePorts(); err != nil {
		t.Fatal(err)
	}
	err := c.startEtcd(t.Context())
	if err == nil || !strings.Contains(err.Error(), "etcd ended") || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("got %v", err)
	}
}

func TestWipeLeavesWhatIsNotOurs(t *testing.T) {
	c := testCluster(t)
	mine := c.path("thesis.txt")
	if err := errors.Join(c.makeCertificates(), c.save(), os.WriteFile(mine, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := down(t.Context(), c, true); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(c.home)
	if err != nil || len(left) != 1 || left[0].Name() != "thesis.txt" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestPollTellsTheLastRealAnswer(t *testing.T) {
	refused := errors.New("connection refused")
	err := poll(t.Context(), 120*time.Millisecond, func(ctx context.Context) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"frobnicate"}, {"up", "-x"}, {"down", "-w", "-w"}} {
		t.Setenv("ORKA_CLUSTER_HOME", t.TempDir())
		if err := run(t.Context(), args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
	t.Setenv("ORKA_E2E_HOME", "")
	t.Setenv("ORKA_CLUSTER_HOME", "/tmp/a folder")
	if err := run(t.Context(), []string{"status"}); err == nil || !strings.Contains(err.Error(), "without spaces") {
		t.Errorf("got %v", err)
	}
}
