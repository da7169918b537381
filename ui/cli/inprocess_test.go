package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"orka/engine"
	"orka/ui"
	"orka/watch/sim"
)

// The tests of this file run commands in this process against simulated servers over TCP, so that what a command
// leaves behind shows: each checks for goroutines.

// serving starts a simulated server and writes its kubeconfig, as user ("" is an administrator).
func serving(t *testing.T, cfg sim.Config, user string) (server *sim.Server, kubeconfig string) {
	t.Helper()
	server = sim.New(cfg)
	if _, err := server.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	text := server.Kubeconfig()
	if user != "" {
		text = server.KubeconfigFor(user)
	}
	return server, writeFile(t, "kubeconfig", string(text))
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// noLeaks checks at the end of the test, after the servers have ended, that no goroutine is left.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// isolated is an environment without configuration of the machine's.
func isolated(t *testing.T) func(string) (string, bool) {
	t.Helper()
	dir := t.TempDir()
	return func(name string) (string, bool) {
		if name == "XDG_CONFIG_HOME" || name == "XDG_STATE_HOME" {
			return dir, true
		}
		return "", false
	}
}

// run runs one command to its end.
func run(t *testing.T, kubeconfig string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code = Run(ctx, "orka", append([]string{"--kubeconfig", kubeconfig}, args...), strings.NewReader(""), &o, &e, isolated(t))
	return o.String(), e.String(), code
}

func createIn(t *testing.T, server *sim.Server, ns string, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := server.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: n, Generation: 12345678}}); err != nil {
			t.Fatal(err)
		}
	}
}

func secret(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: map[string]string{
			"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"password":"hunter2"}}`,
		}},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{"password": []byte("hunter2")},
	}
}

// TestSecretValuesAreNeverPrinted tries every command and format that could.
func TestSecretValuesAreNeverPrinted(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	for i := range 9 { // more than are fetched at a time
		if err := server.Create(secret(fmt.Sprintf("token-%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"ls", "secrets"}, {"ls", "secrets", "-o", "wide"}, {"ls", "secrets", "-o", "json"}, {"ls", "secrets", "-o", "yaml"}, {"ls", "secrets", "-o", "csv"},
		{"ls", "secrets", "-o", "jsonpath={.items[*]}"}, {"get", "secret", "token-1"}, {"get", "secret/token-1", "-o", "json"},
		{"get", "secret", "token-1", "-o", "jsonpath={.data.password}{.metadata.annotations}"}, {"search", "k:secret", "-o", "json", "--explain"},
	} {
		out, errOut, code := run(t, config, args...)
		if code != ExitOK || out == "" {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, errOut)
		}
		if all := out + errOut; strings.Contains(all, "hunter2") || strings.Contains(all, "aHVudGVyMg") {
			t.Errorf("%v prints a value: %s", args, all)
		}
	}
	out, errOut, _ := run(t, config, "get", "secret", "token-1")
	if !strings.Contains(out, "password: (withheld, 7 bytes)") || !strings.Contains(errOut, "withheld") {
		t.Errorf("get: %s%s", out, errOut)
	}
	out, _, _ = run(t, config, "ls", "secrets", "-o", "jsonpath={.items[*].metadata.name}")
	if want := "token-0 token-1 token-2 token-3 token-4 token-5 token-6 token-7 token-8"; out != want {
		t.Errorf("ls names %s, want %s", out, want)
	}
}

// TestWrongUse: each mistake has its code and names itself.
func TestWrongUse(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	createIn(t, server, "default", "a", "b")
	if err := server.AddResource(sim.Resource{Group: "odd.dev", Version: "v1", Plural: "onlyreads", Kind: "OnlyRead", Verbs: []string{"get"}}); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	tests := []struct {
		args []string
		code int
		want string // on stderr
	}{
		{[]string{"ls", "nosuch"}, ExitUsage, `no kind "nosuch"`},
		{[]string{"ls", ""}, ExitUsage, `no kind ""`},
		{[]string{"ls", long}, ExitUsage, "no kind"},
		{[]string{"ls", "onlyreads"}, ExitError, "onlyreads.odd.dev can't be listed; the server allows: get"},
		{[]string{"watch", "onlyreads"}, ExitError, "can't be listed"},
		{[]string{"get", "selfsubjectaccessreviews", "x"}, ExitError, "can't be read"},
		{[]string{"watch", "nosuch"}, ExitUsage, `no kind "nosuch"`},
		{[]string{"watch", "pods", "-o", "yaml"}, ExitUsage, "want one of human, wide, json, name"},
		{[]string{"search", "k:nosuch"}, ExitUsage, `serves no kind that "k:nosuch" asks for`},
		{[]string{"search", "k:cm", "--limit", "0"}, ExitUsage, `--limit: "0" is not allowed`},
		{[]string{"get", "cm", long}, ExitUsage, "300 bytes long"},
		{[]string{"get", "cm", ".."}, ExitUsage, `".." can't be an object's name`},
		{[]string{"get", "cm", "a%2fb"}, ExitUsage, "can't be an object's name"},
		{[]string{"get", "cm", ""}, ExitUsage, "can't be empty"},
		{[]string{"get", "cm", "a", "-A"}, ExitUsage, "-n NAMESPACE instead of -A"},
		{[]string{"get", "cm", "nothere"}, ExitError, `orka search 'k:configmaps nothere'`},
		{[]string{"ls", "cm", "-n", "no/where"}, ExitUsage, `--namespace: "no/where" can't be a namespace`},
		{[]string{"ls", "cm", "-n", long}, ExitUsage, "can't be a namespace"},
		{[]string{"ls", "cm", "-n", "nowhere"}, ExitOK, "No configmaps found in namespace nowhere."},
		{[]string{"ls", "cm", "-o", "jsonpath"}, ExitUsage, "a template goes with jsonpath"},
		{[]string{"ls", "cm", "-o", "jsonpath="}, ExitUsage, "a template goes with jsonpath"},
		{[]string{"ls", "cm", "-o", "json=x"}, ExitUsage, "a template goes with jsonpath"},
		{[]string{"ls", "cm", "-o", "jsonpath={.items[}"}, ExitUsage, "jsonpath"},
		{[]string{"ls", "cm", "--request-timeout", "soon"}, ExitUsage, `--request-timeout: "soon" is not allowed`},
		{[]string{"ls", "cm", "--request-timeout=-5s"}, ExitUsage, "--request-timeout"},
		{[]string{"ls", "cm", "--cluster", "nope"}, ExitError, `cluster "nope" is not in the kubeconfig; it has: orka-sim`},
		{[]string{"ls", "cm", "--user", "nope"}, ExitError, `user "nope" is not in the kubeconfig; it has: system:admin`},
		{[]string{"ls", "cm", "--context", "nope"}, ExitError, `context "nope" is not in the kubeconfig`},
		{[]string{"ls", "cm", "--nonsense"}, ExitUsage, "--nonsense"},
	}
	for _, tt := range tests {
		out, errOut, code := run(t, config, tt.args...)
		if code != tt.code || out != "" || !strings.Contains(errOut, tt.want) {
			t.Errorf("%.100q: exit %d (want %d), stdout %q, stderr %s", tt.args, code, tt.code, out, errOut)
		}
		if len(errOut) > 1500 {
			t.Errorf("%.100q: %d bytes of error", tt.args, len(errOut))
		}
	}
	if out, _, _ := run(t, config, "ls", "cm", "-o", "jsonpath={.items[0].metadata.generation}"); out != "12345678" {
		t.Errorf("a whole number is printed as %s", out)
	}
	if out, _, code := run(t, config, "ls", "cm", "--as", "someone", "-o", "name"); code != ExitOK || out != "configmap/a\nconfigmap/b\n" {
		t.Errorf("--as: exit %d, %s", code, out)
	}
}

// TestForbidden: "no permission" is never "none found".
func TestForbidden(t *testing.T) {
	noLeaks(t)
	authorize := func(user, _, _, resource, namespace string) (bool, string) {
		return user != "reader" || strings.HasPrefix(resource, "/") || strings.HasPrefix(resource, "selfsubject") ||
			(resource == "configmaps" && namespace == "default"), "no rule"
	}
	server, config := serving(t, sim.Config{TLS: true, Authorize: authorize}, "reader") // over plain HTTP client-go sends no token
	createIn(t, server, "default", "mine")
	createIn(t, server, "other", "theirs")
	for _, args := range [][]string{{"ls", "secrets"}, {"ls", "secrets", "-A"}, {"watch", "secrets"}, {"search", "k:secret"}, {"ls", "nodes"}} {
		out, errOut, code := run(t, config, args...)
		if code != ExitPartial || out != "" || !strings.Contains(errOut, `User "reader" cannot list resource`) || strings.Contains(errOut, "found") {
			t.Errorf("%v: exit %d, %q, %s", args, code, out, errOut)
		}
	}
	out, errOut, code := run(t, config, "ls", "cm", "-A", "-o", "name")
	if code != ExitPartial || out != "configmap/mine\n" || !strings.Contains(errOut, "cluster scope") {
		t.Errorf("ls -A: exit %d, %q, %s", code, out, errOut)
	}
	f := following(t, config, "cm", "-A", "-o", "name")
	f.expect("+ configmap/mine\n")
	createIn(t, server, "default", "second")
	f.expect("+ configmap/second\n")
	if code := f.interrupt(); code != ExitInterrupt {
		t.Errorf("interrupted: exit %d", code)
	}
	if errOut := f.errOut.String(); !strings.Contains(errOut, "cluster scope") {
		t.Errorf("the refusal is not named: %s", errOut)
	}
}

// TestUnrelatedGroupFailure: an aggregated API that is down matters to those who ask for all, not to a list of a
// kind.
func TestUnrelatedGroupFailure(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	createIn(t, server, "default", "a")
	if err := server.AddResource(sim.Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "pods", Kind: "PodMetrics", Namespaced: true}); err != nil {
		t.Fatal(err)
	}
	server.Inject(sim.Fault{Action: sim.Unavailable{Group: "metrics.k8s.io", Version: "v1beta1"}})
	for _, tt := range []struct {
		args []string
		code int
	}{
		{[]string{"ls", "cm"}, ExitOK}, {[]string{"get", "cm", "a"}, ExitOK}, {[]string{"discover"}, ExitPartial}, {[]string{"search", "a"}, ExitPartial},
		{[]string{"ls", "podmetrics"}, ExitUsage},
	} {
		_, errOut, code := run(t, config, tt.args...)
		if code != tt.code || (code != ExitOK) != strings.Contains(errOut, "metrics.k8s.io/v1beta1") {
			t.Errorf("%v: exit %d (want %d), %s", tt.args, code, tt.code, errOut)
		}
	}
}

// TestRequestTimeout: a server that never answers ends a command in time, with the reason.
func TestRequestTimeout(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	createIn(t, server, "default", "a")
	for _, tt := range []struct {
		fault sim.Match
		args  []string
	}{
		{sim.Match{PathPrefix: "/api"}, []string{"discover"}},
		{sim.Match{Resource: "configmaps"}, []string{"ls", "cm"}},
		{sim.Match{Resource: "configmaps"}, []string{"search", "k:cm"}},
		{sim.Match{Verb: "get", Resource: "configmaps"}, []string{"get", "cm", "a"}},
	} {
		server.Inject(sim.Fault{Match: tt.fault, Action: sim.Hang{}})
		_, errOut, code := run(t, config, append(tt.args, "--request-timeout", "300ms")...)
		if code != ExitError || !strings.Contains(errOut, "no complete answer within 300ms (--request-timeout)") {
			t.Errorf("%v: exit %d, %s", tt.args, code, errOut)
		}
		server.Heal()
		if _, errOut, code := run(t, config, append(tt.args, "--request-timeout", "50s")...); code != ExitOK {
			t.Errorf("%v with time enough: exit %d, %s", tt.args, code, errOut)
		}
	}
}

// TestOneShotsLeaveTheMetricsAddressAlone: it belongs to the orka that runs beside them.
func TestOneShotsLeaveTheMetricsAddressAlone(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	createIn(t, server, "default", "a")
	taken := strings.TrimPrefix(address(server), "http://")
	for _, args := range [][]string{{"ls", "cm"}, {"get", "cm", "a"}, {"search", "k:cm"}, {"discover"}} {
		if _, errOut, code := run(t, config, append(args, "--metrics-addr", taken)...); code != ExitOK {
			t.Errorf("%v: exit %d, %s", args, code, errOut)
		}
	}
	if _, errOut, code := run(t, config, "watch", "cm", "--metrics-addr", taken); code != ExitError || !strings.Contains(errOut, taken) {
		t.Errorf("watch: exit %d, %s", code, errOut)
	}
}

// TestWriteErrorIsAnError: lost output is not success.
func TestWriteErrorIsAnError(t *testing.T) {
	noLeaks(t)
	server, config := serving(t, sim.Config{}, "")
	createIn(t, server, "default", "a")
	for _, args := range [][]string{
		{"ls", "cm"}, {"ls", "cm", "-o", "name"}, {"ls", "cm", "-o", "json"}, {"ls", "cm", "-o", "csv"}, {"discover"}, {"discover", "-o", "name"},
		{"search", "k:cm", "-o", "name"}, {"get", "cm", "a"}, {"get", "cm", "a", "-o", "name"}, {"watch", "cm"}, {"stats"}, {"version"}, {"info"},
	} {
		var errOut bytes.Buffer
		code := Run(t.Context(), "orka", append([]string{"--kubeconfig", config}, args...), strings.NewReader(""), full{}, &errOut, isolated(t))
		if code != ExitError || !strings.Contains(errOut.String(), "no space left") {
			t.Errorf("%v: exit %d, %s", args, code, &errOut)
		}
	}
}

// full is a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// follower is a watch command at work.
type follower struct {
	t      *testing.T
	out    *io.PipeReader
	cancel context.CancelCauseFunc
	code   chan int
	errOut *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func following(t *testing.T, kubeconfig string, args ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	r, w := io.Pipe()
	f := &follower{t: t, out: r, cancel: cancel, code: make(chan int, 1), errOut: &syncBuffer{}}
	env := isolated(t)
	go func() {
		code := Run(ctx, "orka", append([]string{"--kubeconfig", kubeconfig, "watch"}, args...), strings.NewReader(""), w, f.errOut, env)
		_ = w.CloseWithError(fmt.Errorf("watch ended with code %d: %s", code, f.errOut))
		f.code <- code
	}()
	t.Cleanup(func() { cancel(nil); _ = r.Close() })
	return f
}

// expect reads exactly this much.
func (f *follower) expect(want string) {
	f.t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(f.out, got); err != nil || string(got) != want {
		f.t.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

func (f *follower) interrupt() int {
	f.cancel(errInterrupted)
	go func() { _, _ = io.Copy(io.Discard, f.out) }()
	return <-f.code
}

// TestSwitchContext moves between two servers and back, and stays where it is when the new one can't be had.
func TestSwitchContext(t *testing.T) {
	noLeaks(t)
	one, _ := serving(t, sim.Config{}, "")
	two, _ := serving(t, sim.Config{}, "")
	createIn(t, one, "default", "in-one")
	createIn(t, two, "default", "in-two")
	config := writeFile(t, "two", twoContexts(address(one), address(two)))
	a := &app{lookupEnv: isolated(t), kube: genericclioptions.NewConfigFlags(true), cfg: engine.DefaultConfig(), aliases: map[string]string{}}
	a.kube.KubeConfig = &config
	a.cfg.MetricsAddr = "127.0.0.1:0"
	ctx, fail := context.WithCancelCause(t.Context())
	defer fail(nil)
	s, err := a.start(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newContexts(ctx, a, fail, s)
	has := func(e ui.Engine, name string) {
		t.Helper()
		for {
			changed, v := e.Changed(), e.View()
			if k := v.Health.Kind("cm"); k != nil && v.World.Get(k, "default", name) != nil {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				t.Fatalf("%s never came: %v", name, context.Cause(ctx))
			case <-time.After(time.Minute):
				t.Fatalf("%s did not come within a minute", name)
			}
		}
	}
	has(s, "in-one")
	for range 2 {
		e, info, err := c.Switch(t.Context(), "two")
		if err != nil || info.Context != "two" {
			t.Fatalf("switch: %+v, %v", info, err)
		}
		has(e, "in-two")
		if _, _, err := c.Switch(t.Context(), "nope"); err == nil || !strings.Contains(err.Error(), `context "nope" is not in the kubeconfig; it has: one, two`) {
			t.Errorf("an unknown context: %v", err)
		}
		list, err := c.List()
		if err != nil || len(list) != 2 || list[0].Current || !list[1].Current {
			t.Errorf("list %+v, %v", list, err)
		}
		if e, _, err = c.Switch(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		has(e, "in-one")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := c.Switch(cancelled, "two"); err == nil {
		t.Error("a switch that nobody waits for takes place")
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	if _, _, err := c.Switch(t.Context(), "two"); err == nil {
		t.Error("a switch after the end takes place")
	}
	if ctx.Err() != nil {
		t.Errorf("the program was ended: %v", context.Cause(ctx))
	}
}

// address is where a server of serving listens.
func address(s *sim.Server) string {
	_, rest, _ := strings.Cut(string(s.Kubeconfig()), "server: ")
	return strings.Fields(rest)[0]
}

func twoContexts(one, two string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: one
clusters: [{name: one, cluster: {server: %q}}, {name: two, cluster: {server: %q}}]
users: [{name: u, user: {}}]
contexts: [{name: one, context: {cluster: one, user: u}}, {name: two, context: {cluster: two, user: u}}]
`, one, two)
}

// TestPanicBecomesAnError: a person reads what happened, not a trace.
func TestPanicBecomesAnError(t *testing.T) {
	root := &cobra.Command{Run: func(*cobra.Command, []string) { panic("boom") }, SilenceErrors: true}
	root.SetArgs(nil)
	if err := execute(t.Context(), root); err == nil || !strings.Contains(err.Error(), "internal error: boom") {
		t.Errorf("got %v", err)
	}
}
