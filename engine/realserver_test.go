//go:build integration

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"orka/watch/kube"
	"orka/watch/watchtest"
)

// realServer is the project's own control plane (testdata/controlplane), which a test may stop, kill and start with other
// flags. `make integration` and `make soak` start it and put its home into ORKA_E2E_HOME.
type realServer struct{ home string }

func openServer(t *testing.T) *realServer {
	t.Helper()
	home := os.Getenv("ORKA_E2E_HOME")
	if home == "" {
		t.Skip("needs the project's own control plane, to stop it: `make integration` without ORKA_E2E_KUBECONFIG")
	}
	return &realServer{home}
}

// config is the kubeconfig of one of the control plane's users: admin, reader, editor, nobody.
func (s *realServer) config(t *testing.T, user string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.home, user+".kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.QPS = -1
	d := &watchtest.Dialer{}
	cfg.Dial = d.Dial
	t.Cleanup(d.Close)
	return cfg
}

// script runs one of the control plane's commands; flags are of the API server, where it starts one.
func (s *realServer) script(command string, flags ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../testdata/controlplane/controlplane.sh", command)
	cmd.Env = append(os.Environ(), "ORKA_E2E_HOME="+s.home, "ORKA_CLUSTER_ARGS="+strings.Join(flags, " "))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	return nil
}

// must runs a command and fails the test when it fails.
func (s *realServer) must(t *testing.T, command string, flags ...string) {
	t.Helper()
	if err := s.script(command, flags...); err != nil {
		t.Fatal(err)
	}
}

// restartWith restarts the API server with further flags, and without them when the test ends.
func (s *realServer) restartWith(t *testing.T, flags ...string) {
	t.Helper()
	t.Cleanup(func() {
		if err := s.script("restart-apiserver"); err != nil {
			t.Error(err)
		}
	})
	s.must(t, "restart-apiserver", flags...)
}

// kill ends the API server as a crash does: no connection is closed in form.
func (s *realServer) kill() error {
	data, err := os.ReadFile(filepath.Join(s.home, "cluster.json"))
	if err != nil {
		return err
	}
	var state struct{ Pids map[string]int }
	if err := json.Unmarshal(data, &state); err != nil {
		return err
	}
	pid := state.Pids["kube-apiserver"]
	if pid <= 0 {
		return fmt.Errorf("%s: kube-apiserver does not run", s.home)
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

// through puts a proxy between a configuration and its server, which ends with the test.
func through(t *testing.T, cfg *rest.Config) (*watchtest.Proxy, *rest.Config) {
	t.Helper()
	p, err := watchtest.NewProxy(strings.TrimPrefix(cfg.Host, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	cfg = rest.CopyConfig(cfg)
	cfg.Host = "https://" + p.Addr()
	return p, cfg
}

// connect makes a client whose connections end with the test.
func connect(t *testing.T, cfg *rest.Config) *kube.Client {
	t.Helper()
	c, err := kube.New(cfg, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// explore runs an engine on a connection until the test ends.
func explore(t *testing.T, cfg *rest.Config, adjust func(*Config), before ...func(*Engine)) *Engine {
	t.Helper()
	c := DefaultConfig()
	if adjust != nil {
		adjust(&c)
	}
	client := connect(t, cfg)
	e, err := New(c, client)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range before {
		f(e)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return e
}
