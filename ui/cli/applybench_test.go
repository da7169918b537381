package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch/sim"
)

// bench is a simulated server with a state directory that lasts over several commands.
type bench struct {
	t      *testing.T
	server *sim.Server
	config string
	dir    string
	env    map[string]string
}

func newBench(t *testing.T, cfg sim.Config, user string) *bench {
	t.Helper()
	noLeaks(t)
	warmUp.Do(func() { readOnce(t) })
	server, config := serving(t, cfg, user)
	dir := t.TempDir()
	return &bench{t: t, server: server, config: config, dir: dir, env: map[string]string{"XDG_CONFIG_HOME": dir, "XDG_STATE_HOME": dir}}
}

// warmUp lets the simulated server build its types, which it does once in a process: under the race detector that takes
// longer than an apply waits for an answer.
var warmUp sync.Once

func readOnce(t *testing.T) {
	t.Helper()
	server := sim.New(sim.Config{})
	defer server.Close()
	if _, err := server.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	createIn(t, server, "default", "first")
	if _, errOut, code := run(t, writeFile(t, "kubeconfig", string(server.Kubeconfig())), "get", "cm", "first"); code != ExitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
}

// answer is what a command printed.
type answer struct {
	out, err string
	code     int
}

// run runs a command to its end; stdin is what -f - reads.
func (b *bench) run(stdin string, args ...string) answer {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	return b.runCtx(ctx, stdin, args...)
}

func (b *bench) runCtx(ctx context.Context, stdin string, args ...string) answer {
	b.t.Helper()
	var o, e bytes.Buffer
	code := Run(ctx, "orka", append([]string{"--kubeconfig", b.config}, args...), strings.NewReader(stdin), &o, &e, func(name string) (string, bool) {
		v, ok := b.env[name]
		return v, ok
	})
	return answer{o.String(), e.String(), code}
}

// want checks an answer: the code, and texts that must be in stdout and stderr.
func (b *bench) want(a answer, code int, out, err string) {
	b.t.Helper()
	if a.code != code || !strings.Contains(a.out, out) || !strings.Contains(a.err, err) {
		b.t.Fatalf("exit %d, want %d; want %q on stdout and %q on stderr; got\n%s\n--- stderr\n%s", a.code, code, out, err, a.out, a.err)
	}
}

// file writes a file of documents and returns its path.
func (b *bench) file(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *bench) configMap(name string, data map[string]string) {
	b.t.Helper()
	if err := b.server.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Data: data}); err != nil {
		b.t.Fatal(err)
	}
}

// data is what a ConfigMap holds now.
func (b *bench) data(name string) map[string]string {
	b.t.Helper()
	o, err := b.server.Get(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "default", name)
	if err != nil {
		b.t.Fatal(err)
	}
	return o.(*corev1.ConfigMap).Data
}

// writes are the requests that changed something.
func (b *bench) writes() []string {
	var out []string
	for _, r := range b.server.Requests(sim.Match{}) {
		switch r.Verb {
		case "create", "update", "patch", "delete", "deletecollection":
			if !strings.Contains(r.Query, "dryRun=All") && !strings.Contains(r.Resource, "reviews") {
				out = append(out, r.Verb+" "+r.Path)
			}
		}
	}
	return out
}

func settings(values string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n" + values
}

// reports decodes the lines of -o json.
func (b *bench) reports(a answer) []report {
	b.t.Helper()
	var out []report
	dec := json.NewDecoder(strings.NewReader(a.out))
	for dec.More() {
		var r report
		if err := dec.Decode(&r); err != nil {
			b.t.Fatalf("%v: %s", err, a.out)
		}
		out = append(out, r)
	}
	return out
}
