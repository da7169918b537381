//go:build integration

package apply

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"orka/apply/history"
)

// How long a person waits, against ORKA_E2E_KUBECONFIG's cluster:
//
//	go test -tags integration ./apply -run '^$' -bench 'DryRun|Commit' -benchtime 200x
//
// Each turn is one edit of a Deployment's replicas. p50 and p99 are of the step alone, in milliseconds.

// BenchmarkDryRun is Applier.Preview: schema (cached after the first), patch, dry-run, difference.
func BenchmarkDryRun(b *testing.B) {
	w := newLatency(b)
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		base, i := w.edit(b, n)
		start := time.Now()
		if _, err := w.orka.Preview(b.Context(), base, i, Consent{All: true}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	report(b, took)
}

// BenchmarkCommit is Applier.Commit: read, guard, record (on disk), write, compare, record.
func BenchmarkCommit(b *testing.B) {
	w := newLatency(b)
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		base, i := w.edit(b, n)
		p, err := w.orka.Preview(b.Context(), base, i, Consent{All: true})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if _, err := w.orka.Commit(b.Context(), p, Consent{All: true}); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	report(b, took)
}

func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}

type latency struct {
	orka   *Applier
	target Target
}

func newLatency(b *testing.B) *latency {
	b.Helper()
	path := os.Getenv("ORKA_E2E_KUBECONFIG")
	if path == "" {
		b.Fatal("ORKA_E2E_KUBECONFIG is not set: run `make integration`, or point it at a cluster")
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		b.Fatal(err)
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { utilnet.CloseIdleConnectionsFor(client.Transport) })
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		b.Fatal(err)
	}
	target := Target{Kind: deploymentKind, Namespace: "default", Name: fmt.Sprintf("orka-latency-%x", time.Now().UnixNano())}
	object, err := objectPath(target)
	if err != nil {
		b.Fatal(err)
	}
	do := func(method, path, text string) {
		body, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			b.Fatal(err)
		}
		req, err := http.NewRequest(method, strings.TrimSuffix(base.String(), "/")+path, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if all, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
			b.Fatalf("%s: %d %s", method, resp.StatusCode, all)
		}
	}
	do(http.MethodPost, strings.TrimSuffix(object, "/"+target.Name), strings.ReplaceAll(strings.Replace(webText, "name: web,", "name: "+target.Name+",", 1), "\n", " "))
	b.Cleanup(func() { do(http.MethodDelete, object, "{}") })
	store, err := history.Open(filepath.Join(b.TempDir(), "history", "history.db"), history.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	a, err := New(Config{REST: cfg, HTTP: client, Journal: store, Look: liveSight, Identity: Identity{Cluster: base.Host, Context: "test", User: "admin"}})
	if err != nil {
		b.Fatal(err)
	}
	return &latency{a, target}
}

// edit is one to the n-th number of replicas.
func (w *latency) edit(b *testing.B, n int) (*Base, *Intent) {
	b.Helper()
	base, err := w.orka.Open(b.Context(), w.target)
	if err != nil {
		b.Fatal(err)
	}
	draft, err := w.orka.Draft(base)
	if err != nil {
		b.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(draft)) {
		if strings.HasPrefix(line, "  replicas: ") {
			line = fmt.Sprintf("  replicas: %d\n", 10+n)
		}
		lines = append(lines, line)
	}
	i, err := w.orka.Intent(b.Context(), base, []byte(strings.Join(lines, "")))
	if err != nil {
		b.Fatal(err)
	}
	return base, i
}
