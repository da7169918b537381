//go:build unix

package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"orka/watch"
	"orka/watch/sim"
)

// plugin is a credential plugin that says when it has been started and then waits to be let go. The user it logs in is
// another one each time.
type plugin struct {
	t      *testing.T
	folder string
}

func newPlugin(t *testing.T) *plugin {
	t.Helper()
	p := &plugin{t: t, folder: t.TempDir()}
	for _, pipe := range []string{"started", "go"} {
		if err := syscall.Mkfifo(filepath.Join(p.folder, pipe), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := `#!/bin/sh
echo run >>"$0.runs"
echo started >"${0%/*}/started"
read -r _ <"${0%/*}/go"
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"sim-user:login-'$(wc -l <"$0.runs" | tr -d ' ')'"}}'
`
	if err := os.WriteFile(p.command(), []byte(script), 0o700); err != nil { //nolint:gosec // it has to be run
		t.Fatal(err)
	}
	return p
}

func (p *plugin) command() string { return filepath.Join(p.folder, "login") }

// started waits until the plugin runs.
func (p *plugin) started() {
	p.t.Helper()
	if _, err := os.ReadFile(filepath.Join(p.folder, "started")); err != nil {
		p.t.Fatal(err)
	}
}

// letGo has it print the credential.
func (p *plugin) letGo() {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.folder, "go"), []byte("go\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plugin) runs() int {
	p.t.Helper()
	b, err := os.ReadFile(p.command() + ".runs")
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Count(string(b), "run")
}

// TestOnePluginRunAtATime is fault 21 with a real plugin: it is run once for all requests, none of which it can keep from
// ending, and once more when its credential is refused.
func TestOnePluginRunAtATime(t *testing.T) {
	server := sim.New(sim.Config{})
	defer server.Close()
	p := newPlugin(t)
	c, err := New(&rest.Config{Host: server.Host(), Dial: server.Dial, ExecProvider: &api.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: p.command(), InteractiveMode: api.NeverExecInteractiveMode,
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	list := func(ctx context.Context) error {
		_, err := c.List(ctx, watch.Scope{Kind: podKind}, watch.ListQuery{Limit: 1}, func([]watch.Delta) error { return nil })
		return err
	}
	const patient = 6
	answers := make(chan error, patient)
	ask := func() {
		for range patient {
			go func() { answers <- list(t.Context()) }()
		}
	}
	ask()
	p.started()
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() { gaveUp <- list(ctx) }()
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the request to end while the plugin runs", err)
	}
	p.letGo()
	for range patient {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if n := p.runs(); n != 1 {
		t.Errorf("the plugin ran %d times for %d requests", n, patient)
	}

	// The credential expires: those who are told so pay with one failed request, and the plugin runs once for them all.
	refused := server.Inject(sim.Fault{Match: sim.Match{User: "login-1"}, Action: sim.Status{Code: 401}})
	ask()
	p.started()
	p.letGo()
	for range patient {
		var e *watch.APIError
		if err := <-answers; err != nil && (!errors.As(err, &e) || e.Code != 401) {
			t.Error(err)
		}
	}
	if n, hits := p.runs(), refused.Hits(); n != 2 || hits == 0 {
		t.Errorf("the plugin ran %d times, want a second time after %d refusals", n, hits)
	}
	if err := list(t.Context()); err != nil {
		t.Error(fmt.Errorf("with the new credential: %w", err))
	}
}
