package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Readiness limits: a cold start on a busy machine takes far less.
const (
	etcdWait      = 30 * time.Second
	apiServerWait = 2 * time.Minute
)

func (c *cluster) etcdURL() string { return fmt.Sprintf("http://127.0.0.1:%d", c.state.EtcdPort) }

func (c *cluster) apiURL() string { return fmt.Sprintf("https://127.0.0.1:%d", c.state.APIPort) }

// startEtcd starts etcd without fsync: what a crash of the machine would lose is a test's data.
func (c *cluster) startEtcd(ctx context.Context) error {
	peer := fmt.Sprintf("http://127.0.0.1:%d", c.state.PeerPort)
	err := c.start("etcd", "--name=orka-test", "--data-dir="+c.path("etcd"),
		"--listen-client-urls="+c.etcdURL(), "--advertise-client-urls="+c.etcdURL(),
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=orka-test="+peer,
		"--unsafe-no-fsync", "--quota-backend-bytes=8589934592", "--log-level=warn")
	if err != nil {
		return err
	}
	return c.await(ctx, "etcd", etcdWait, func(ctx context.Context) error {
		return get(ctx, http.DefaultClient, c.etcdURL()+"/readyz")
	})
}

func (c *cluster) startAPIServer(ctx context.Context) error {
	args := []string{
		"--etcd-servers=" + c.etcdURL(), "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.state.APIPort),
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/12",
		"--cert-dir=" + c.path("pki"), "--tls-cert-file=" + c.path("pki", "apiserver.crt"), "--tls-private-key-file=" + c.path("pki", "apiserver.key"), "--client-ca-file=" + c.path("pki", "ca.crt"),
		"--service-account-key-file=" + c.path("pki", "sa.pub"), "--service-account-signing-key-file=" + c.path("pki", "sa.key"), "--service-account-issuer=https://kubernetes.default.svc",
		"--authorization-mode=Node,RBAC", "--allow-privileged=true", "--event-ttl=24h",
		// No controller makes service accounts here, and the plugin would refuse every pod without one.
		"--disable-admission-plugins=ServiceAccount",
	}
	args = append(args, strings.Fields(os.Getenv("ORKA_CLUSTER_ARGS"))...)
	if err := c.start("kube-apiserver", args...); err != nil {
		return err
	}
	client, err := c.adminClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	return c.await(ctx, "kube-apiserver", apiServerWait, func(ctx context.Context) error { return get(ctx, client, c.apiURL()+"/readyz") })
}

func (c *cluster) adminClient() (*http.Client, error) {
	cert, err := tls.LoadX509KeyPair(c.path("pki", "admin.crt"), c.path("pki", "admin.key"))
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(c.path("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}}}, nil
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return answered(client.Do(req))
}

// answered drains an answer and turns one that is no success into an error.
func answered(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", resp.Request.URL, resp.Status, strings.TrimSpace(string(body)))
	}
	return nil
}

// compactEtcd makes every revision before the present one unreadable, through etcd's JSON gateway.
func (c *cluster) compactEtcd(ctx context.Context) (revision string, err error) {
	var now struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	if err := c.etcdCall(ctx, "/v3/maintenance/status", map[string]any{}, &now); err != nil {
		return "", err
	}
	if now.Header.Revision == "" {
		return "", errors.New("etcd did not tell its revision")
	}
	err = c.etcdCall(ctx, "/v3/kv/compaction", map[string]any{"revision": now.Header.Revision, "physical": true}, &struct{}{})
	if err != nil && strings.Contains(err.Error(), "required revision has been compacted") {
		err = nil // nothing was written since the last time
	}
	return now.Header.Revision, err
}

func (c *cluster) etcdCall(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.etcdURL()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd %s: %s: %s", path, resp.Status, strings.TrimSpace(string(data)))
	}
	return json.Unmarshal(data, out)
}
