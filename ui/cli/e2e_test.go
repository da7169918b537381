//go:build integration

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// The tests of this file run orka and kubectl side by side against a real API server: ORKA_E2E_KUBECONFIG is an
// administrator's kubeconfig; ORKA_E2E_HOME, where the control plane is the project's own, holds those of its other
// users and lets a test stop and start it. ORKA_E2E_KUBECTL names the kubectl to compare with.

func kubeconfig(t *testing.T) string {
	t.Helper()
	path := os.Getenv("ORKA_E2E_KUBECONFIG")
	if path == "" {
		t.Fatal("ORKA_E2E_KUBECONFIG is not set: run `make integration`, or point it at a cluster")
	}
	return path
}

// kubectl runs kubectl as an administrator and returns its output.
func kubectl(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	program := os.Getenv("ORKA_E2E_KUBECTL")
	if program == "" {
		program = "kubectl"
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // cleanups come after t.Context has ended
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--kubeconfig", kubeconfig(t)}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, errOut.String())
	}
	return out.String()
}

// orka runs a command in this process and returns what it printed.
func orka(t *testing.T, config string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	code = Run(ctx, "orka", append([]string{"--kubeconfig", config}, args...), strings.NewReader(""), &o, &e, noEnv)
	return o.String(), e.String(), code
}

func noEnv(string) (string, bool) { return "", false }

func lines(s string) []string {
	out := strings.Split(strings.TrimSpace(s), "\n")
	slices.Sort(out)
	return slices.DeleteFunc(out, func(l string) bool { return l == "" })
}

// namespace makes a namespace that goes when the test ends; its name is new each time, since a control plane without
// controllers never finishes a deletion.
func namespace(t *testing.T, name string) string {
	t.Helper()
	name += "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	kubectl(t, "", "create", "namespace", name)
	t.Cleanup(func() { kubectl(t, "", "delete", "namespace", name, "--wait=false", "--ignore-not-found") })
	return name
}

const widgetCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]s.e2e.orka.dev}
spec:
  group: e2e.orka.dev
  scope: Namespaced
  names: {plural: %[1]s, singular: %[2]s, kind: %[3]s}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

func TestE2EDiscoverNamesWhatKubectlNames(t *testing.T) {
	kubectl(t, fmt.Sprintf(widgetCRD, "gadgets", "gadget", "Gadget"), "apply", "-f", "-")
	t.Cleanup(func() { kubectl(t, "", "delete", "crd", "gadgets.e2e.orka.dev") })
	kubectl(t, "", "wait", "--for=condition=Established", "crd/gadgets.e2e.orka.dev")
	want := lines(kubectl(t, "", "api-resources", "-o", "name", "--cached=false"))
	out, errOut, code := orka(t, kubeconfig(t), "discover", "-o", "name")
	if code != ExitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	got := lines(out)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("kubectl names %s, orka does not", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("orka names %s, kubectl does not", name)
		}
	}
	t.Logf("%d resources", len(want))
}

func TestE2EListNamesWhatKubectlNames(t *testing.T) {
	ns := namespace(t, "e2e-list")
	kubectl(t, "", "create", "configmap", "settings", "-n", ns, "--from-literal=a=b")
	kubectl(t, "", "create", "deployment", "web", "-n", ns, "--image=registry.example/web:1")
	kubectl(t, "", "create", "secret", "generic", "token", "-n", ns, "--from-literal=password=hunter2")
	kubectl(t, "", "create", "service", "clusterip", "web", "-n", ns, "--tcp=80")
	names := lines(kubectl(t, "", "api-resources", "-o", "name", "--verbs=list", "--cached=false"))
	total := 0
	for _, name := range names {
		// Leases and events change between two lists; their names are compared as all others.
		want := lines(kubectl(t, "", "get", name, "-A", "-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`))
		out, errOut, code := orka(t, kubeconfig(t), "ls", name, "-A", "-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\n"}{end}`)
		if code != ExitOK {
			t.Errorf("ls %s: exit %d: %s", name, code, errOut)
			continue
		}
		if got := lines(out); !slices.Equal(got, want) {
			t.Errorf("ls %s: got %v, want %v", name, got, want)
		}
		if strings.Contains(out, "hunter2") || strings.Contains(out, "aHVudGVyMg") {
			t.Errorf("ls %s prints a Secret's value", name)
		}
		total += len(want)
	}
	t.Logf("%d kinds, %d objects", len(names), total)
}

// follow runs `orka watch` and hands out its lines.
type follow struct {
	lines  chan string
	cancel context.CancelFunc
	done   chan int
	errOut *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startFollow(t *testing.T, config string, args ...string) *follow {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	f := &follow{lines: make(chan string, 10000), cancel: cancel, done: make(chan int, 1), errOut: &lockedBuffer{}}
	go func() {
		code := Run(ctx, "orka", append([]string{"--kubeconfig", config, "watch"}, args...), strings.NewReader(""), w, f.errOut, noEnv)
		_ = w.Close()
		f.done <- code
	}()
	go func() {
		defer close(f.lines)
		dec := json.NewDecoder(r)
		for {
			var c jsonChange
			if dec.Decode(&c) != nil {
				return
			}
			f.lines <- c.Type + " " + c.Name
		}
	}()
	t.Cleanup(func() {
		cancel()
		_ = r.Close()
		<-f.done
	})
	return f
}

// expect waits for a line and logs how long it took.
func (f *follow) expect(t *testing.T, want string, within time.Duration) time.Duration {
	t.Helper()
	start := time.Now()
	deadline := time.After(within)
	for {
		select {
		case line, ok := <-f.lines:
			if !ok {
				t.Fatalf("watch ended before %q: %s", want, f.errOut)
			}
			if line == want {
				return time.Since(start)
			}
		case <-deadline:
			t.Fatalf("no %q within %s; stderr: %s", want, within, f.errOut)
		}
	}
}

func TestE2EWatchShowsWithinASecond(t *testing.T) {
	ns := namespace(t, "e2e-watch")
	kubectl(t, "", "create", "configmap", "first", "-n", ns)
	f := startFollow(t, kubeconfig(t), "configmaps", "-n", ns, "-o", "json")
	f.expect(t, "ADDED first", 20*time.Second)
	kubectl(t, "", "create", "configmap", "second", "-n", ns)
	t.Logf("create seen %s after kubectl returned", f.expect(t, "ADDED second", time.Second))
	kubectl(t, "", "label", "configmap", "second", "-n", ns, "a=b")
	t.Logf("update seen %s after kubectl returned", f.expect(t, "MODIFIED second", time.Second))
	kubectl(t, "", "delete", "configmap", "second", "-n", ns)
	t.Logf("delete seen %s after kubectl returned", f.expect(t, "DELETED second", time.Second))
}

// TestE2EExpiredHealsDeletes cuts the watch, deletes objects, compacts etcd and restarts the API server, so that the
// checkpoint is too old (410); the relist must find the deletes.
func TestE2EExpiredHealsDeletes(t *testing.T) {
	home := os.Getenv("ORKA_E2E_HOME")
	if home == "" {
		t.Skip("needs the project's own control plane, to stop it: `make integration` without ORKA_E2E_KUBECONFIG")
	}
	ns := namespace(t, "e2e-expired")
	for i := range 5 {
		kubectl(t, "", "create", "configmap", fmt.Sprintf("c%d", i), "-n", ns)
	}
	proxy, config := proxied(t)
	f := startFollow(t, config, "configmaps", "-n", ns, "-o", "json")
	f.expect(t, "ADDED c4", 20*time.Second)

	proxy.cut()
	kubectl(t, "", "delete", "configmap", "-n", ns, "c1", "c3")
	kubectl(t, "", "create", "configmap", "after", "-n", ns)
	controlplane(t, "compact")
	controlplane(t, "restart-apiserver")
	for i := range 50 { // so that the restarted server's watch cache begins above the checkpoint
		kubectl(t, "", "label", "configmap", "after", "-n", ns, "--overwrite", fmt.Sprintf("n=v%d", i))
	}
	proxy.heal()

	var seen []string
	deadline := time.After(90 * time.Second)
	for !slices.Contains(seen, "DELETED c1") || !slices.Contains(seen, "DELETED c3") || !slices.Contains(seen, "ADDED after") {
		select {
		case l := <-f.lines:
			seen = append(seen, l)
		case <-deadline:
			t.Fatalf("saw only %v; stderr: %s", seen, f.errOut)
		}
	}
	t.Logf("healed: %v; stderr: %s", seen, f.errOut)
	if !strings.Contains(f.errOut.String(), "configmaps") {
		t.Error("the interruption was not reported on stderr")
	}
}

// controlplane runs one of the scripts of the project's control plane.
func controlplane(t *testing.T, verb string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../testdata/controlplane/"+verb+".sh")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", verb, err, out)
	}
}

func TestE2ERestrictedUser(t *testing.T) {
	home := os.Getenv("ORKA_E2E_HOME")
	if home == "" {
		t.Skip("needs the project's own control plane, for its users")
	}
	reader := filepath.Join(home, "reader.kubeconfig")
	kubectl(t, "", "create", "configmap", "visible", "-n", "team-a")
	kubectl(t, "", "create", "configmap", "hidden", "-n", "team-b")
	t.Cleanup(func() {
		kubectl(t, "", "delete", "configmap", "visible", "-n", "team-a")
		kubectl(t, "", "delete", "configmap", "hidden", "-n", "team-b")
	})
	out, errOut, code := orka(t, reader, "search", "k:cm,secret,pod -name:kube-root-ca.crt", "-o", "name")
	if got := lines(out); !slices.Equal(got, []string{"configmap/visible"}) {
		t.Errorf("found %v", got)
	}
	if code != ExitPartial || !strings.Contains(errOut, "secrets") || !strings.Contains(errOut, "forbidden") {
		t.Errorf("exit %d, stderr %s", code, errOut)
	}
	out, errOut, code = orka(t, reader, "ls", "cm", "-o", "name")
	if code != ExitOK || !strings.Contains(out, "configmap/visible") {
		t.Errorf("ls in the context's namespace: exit %d, %s%s", code, out, errOut)
	}
	_, errOut, code = orka(t, reader, "ls", "secrets")
	if code != ExitPartial || !strings.Contains(errOut, `User "reader" cannot list resource "secrets"`) {
		t.Errorf("ls secrets: exit %d, %s", code, errOut)
	}
}

// tcpProxy stands between orka and the API server and can be cut.
type tcpProxy struct {
	target string
	l      net.Listener

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
}

// proxied starts a proxy and writes a kubeconfig that goes through it.
func proxied(t *testing.T) (*tcpProxy, string) {
	t.Helper()
	cfg, err := clientcmd.LoadFromFile(kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	cluster := cfg.Clusters[cfg.Contexts[cfg.CurrentContext].Cluster]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tcpProxy{target: strings.TrimPrefix(cluster.Server, "https://"), l: l, conns: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	cluster.Server = "https://" + l.Addr().String()
	path := filepath.Join(t.TempDir(), "proxied.kubeconfig")
	if err := clientcmd.WriteToFile(*cfg, path); err != nil {
		t.Fatal(err)
	}
	return p, path
}

func (p *tcpProxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		if p.down {
			_ = c.Close()
			p.mu.Unlock()
			continue
		}
		up, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = c.Close()
			p.mu.Unlock()
			continue
		}
		p.conns[c], p.conns[up] = true, true
		p.mu.Unlock()
		for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				_ = pair[0].Close()
			}()
		}
	}
}

func (p *tcpProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

func (p *tcpProxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}
