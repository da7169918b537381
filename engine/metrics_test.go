package engine

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/watch/sim"
)

// scraped is one answer of /metrics.
type scraped struct {
	text     string
	families []string           // sorted
	values   map[string]float64 // by series: orka_watchers{phase="Live"}
}

// scrape reads /metrics as Prometheus would.
func scrape(t *testing.T, e *Engine) scraped {
	t.Helper()
	rec := httptest.NewRecorder()
	e.metrics.handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	s := scraped{text: rec.Body.String(), values: map[string]float64{}}
	for line := range strings.Lines(s.text) {
		line = strings.TrimSpace(line)
		if family, ok := strings.CutPrefix(line, "# TYPE "); ok {
			s.families = append(s.families, strings.Fields(family)[0])
		}
		i := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || i < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		s.values[line[:i]] = value
	}
	slices.Sort(s.families)
	return s
}

// sum adds up a metric's series that carry all the labels, each written name="value".
func (s scraped) sum(metric string, labels ...string) (sum float64) {
	for series, v := range s.values {
		name, rest, _ := strings.Cut(series, "{")
		if name == metric && !slices.ContainsFunc(labels, func(l string) bool { return !strings.Contains(rest, l) }) {
			sum += v
		}
	}
	return sum
}

// documented are the metrics of the table in docs/operations.md.
func documented(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, m := range regexp.MustCompile("`([a-z_]+)[`{]").FindAllStringSubmatch(row[1], -1) {
			names = append(names, "orka_"+m[1])
		}
	}
	if !ok || len(names) < 20 {
		t.Fatalf("docs/operations.md documents only %v", names)
	}
	slices.Sort(names)
	return names
}

// TestMetricsAreThoseDocumented: what is served and what docs/operations.md describes is the same, and no label
// carries the name of an object or namespace.
func TestMetricsAreThoseDocumented(t *testing.T) {
	const secretName, secretNamespace = "payroll-q3-layoffs", "project-nightfall"
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		create(t, server, pod(secretNamespace, secretName))
		v := await(t, e, "first lists", complete)
		server.CloseStreams()
		server.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Times: 1, Action: sim.Status{Code: 500}})
		time.Sleep(10 * time.Minute) // restarts, periodic relists, a back-off
		e.ObserveSearch(10, time.Millisecond, true)
		got := scrape(t, e)
		for _, name := range []string{secretName, secretNamespace} {
			if strings.Contains(got.text, name) {
				t.Errorf("a label carries %s", name)
			}
		}
		served := slices.DeleteFunc(slices.Clone(got.families), func(name string) bool { return !strings.HasPrefix(name, "orka_") })
		if d := cmp.Diff(served, documented(t)); d != "" {
			t.Errorf("served (-) and documented (+):\n%s", d)
		}
		for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
			if !slices.Contains(got.families, name) {
				t.Errorf("%s is missing", name)
			}
		}
		if ok, all := got.sum("orka_mem_stage", `stage="ok"`), got.sum("orka_mem_stage"); ok != 1 || all != 1 {
			t.Errorf("mem_stage: ok is %g, all stages together %g", ok, all)
		}
		if items := got.sum("orka_snapshot_items"); items != float64(v.World.Len()) {
			t.Errorf("snapshot_items %g, the World has %d", items, v.World.Len())
		}
		if live, all := got.sum("orka_watchers", `phase="Live"`), got.sum("orka_watchers"); live == 0 || all != float64(len(v.Health.Watchers)) {
			t.Errorf("%g of %g watchers are live, there are %d", live, all, len(v.Health.Watchers))
		}
	})
}

func TestCountersMove(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "first lists", complete)
		const pods, periodic = `kind="pods"`, `reason="Periodic"`
		before := scrape(t, e)
		server.CloseStreams()
		time.Sleep(5 * time.Second)
		after := scrape(t, e)
		if was, is := before.sum("orka_watch_restarts_total", pods), after.sum("orka_watch_restarts_total", pods); is != was+1 {
			t.Errorf("restarts went from %g to %g", was, is)
		}
		if is := after.sum("orka_relist_total", pods); is != 0 {
			t.Errorf("%g relists after a clean close", is)
		}
		time.Sleep(6 * time.Minute)
		if is := scrape(t, e).sum("orka_relist_total", pods, periodic); is != 1 {
			t.Errorf("%g periodic relists in six minutes", is)
		}
	})
}

// TestMetricsAddressInUse: it was asked for, so an address that can't be had is an error that names it, at once.
func TestMetricsAddressInUse(t *testing.T) {
	server := sim.New(sim.Config{})
	defer server.Close()
	addr, err := server.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := offline(t)
	e.cfg.MetricsAddr = addr.String()
	err = e.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), addr.String()) || !strings.Contains(err.Error(), "ORKA_METRICS_ADDR") {
		t.Errorf("got %v", err)
	}
}
