package engine

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
	"orka/watch"
	"orka/watch/sim"
)

func deployment(ns, name string) *appsv1.Deployment {
	replicas, labels := int32(2), map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example/web:1"}}},
			},
		},
	}
}

// editing is an engine over a simulated server that has the Deployment shop/web, and that object's kind.
func editing(t *testing.T, adjust func(*Config), test func(t *testing.T, server *sim.Server, e *Engine, web apply.Target)) {
	t.Helper()
	exploring(t, sim.Config{}, func(c *Config, _ *rest.Config) {
		c.DBPath = filepath.Join(t.TempDir(), "state", "history.db")
		c.Identity = apply.Identity{Cluster: "sim", Context: "test", User: "ann"}
		if adjust != nil {
			adjust(c)
		}
	}, func(t *testing.T, server *sim.Server, e *Engine) {
		if err := server.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}); err != nil {
			t.Fatal(err)
		}
		if err := server.Create(deployment("shop", "web")); err != nil {
			t.Fatal(err)
		}
		v := await(t, e, "the deployment", func(v *View) bool { return complete(v) && len(find(t, v, "k:deploy web")) == 1 })
		test(t, server, e, apply.Target{Kind: v.Health.Kind("deployments"), Namespace: "shop", Name: "web"})
	})
}

// preview takes the object to so many replicas, up to the dry-run.
func preview(t *testing.T, e *Engine, target apply.Target, replicas string) *apply.Preview {
	t.Helper()
	base, draft, err := e.OpenEdit(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(draft), "replicas: 2", "replicas: "+replicas, 1)
	if edited == string(draft) {
		t.Fatalf("no replicas in the draft:\n%s", draft)
	}
	intent, err := e.Intent(t.Context(), base, []byte(edited))
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Preview(t.Context(), base, intent, apply.Consent{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var consentAll = apply.Consent{All: true}

// TestEditLands goes the whole way: read, dry-run, guard, write, history, and the watch that delivers it.
func TestEditLands(t *testing.T) {
	editing(t, nil, func(t *testing.T, _ *sim.Server, e *Engine, web apply.Target) {
		p := preview(t, e, web, "5")
		if failed := apply.Failed(e.Checks(p, consentAll)); len(failed) > 0 {
			t.Errorf("the guard holds it back: %+v", failed)
		}
		r, err := e.Commit(t.Context(), p, consentAll)
		if err != nil {
			t.Fatal(err)
		}
		await(t, e, "what was written", func(v *View) bool { return apply.Landed(v.World.Get(web.Kind, web.Namespace, web.Name), r) })
		text, err := e.Fetch(t.Context(), web.Kind, web.Namespace, web.Name)
		if err != nil || !strings.Contains(string(text), `"replicas":5`) {
			t.Errorf("the server has %s (%v)", text, err)
		}
		h, err := e.History()
		if err != nil {
			t.Fatal(err)
		}
		entries, err := h.Find(t.Context(), history.Query{UID: r.UID})
		if err != nil || len(entries) != 1 || entries[0].Outcome.State != history.Applied || entries[0].Intent.User != "ann" {
			t.Errorf("history: %+v, %v", entries, err)
		}
		got := scrape(t, e)
		for name, want := range map[string]float64{
			"orka_apply_attempts": 1, "orka_apply_ok": 1, "orka_apply_err": 0, "orka_apply_dry_ok": 1, "orka_apply_stale_blocked_total": 0,
			"orka_apply_latency_ms_count": 2, "orka_history_put_ms_count": 2, "orka_history_get_ms_count": 1,
		} {
			if got.sum(name) != want {
				t.Errorf("%s is %v, want %v", name, got.sum(name), want)
			}
		}
	})
}

// TestStaleViewNeverWrites: a watch that says nothing turns the mark red, and nothing is sent.
func TestStaleViewNeverWrites(t *testing.T) {
	editing(t, nil, func(t *testing.T, server *sim.Server, e *Engine, web apply.Target) {
		server.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Hang{}})
		server.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Hang{}})
		e.suspended(time.Hour)
		await(t, e, "the mark of the sleep", func(v *View) bool {
			s := v.Health.Covering()(&watch.Object{Kind: web.Kind, Namespace: web.Namespace})
			return s != nil && (s.Suspended || s.Phase != watch.Live)
		})
		p := preview(t, e, web, "5")
		_, err := e.Commit(t.Context(), p, consentAll)
		var stale *apply.StaleError
		if !errors.As(err, &stale) {
			t.Fatalf("committed from a view that slept: %v", err)
		}
		if n := scrape(t, e).sum("orka_apply_stale_blocked_total"); n != 1 {
			t.Errorf("counted %v times", n)
		}
		for _, r := range server.Requests(sim.Match{Verb: "patch"}) {
			if !strings.Contains(r.Query, "dryRun=All") {
				t.Errorf("a write was sent: %+v", r)
			}
		}
	})
}

// TestReadOnlyIsTheEngines: whoever asks, nothing is opened and nothing is written.
func TestReadOnlyIsTheEngines(t *testing.T) {
	var writable *apply.Preview
	editing(t, nil, func(t *testing.T, _ *sim.Server, e *Engine, web apply.Target) { writable = preview(t, e, web, "5") })
	editing(t, func(c *Config) { c.ReadOnly = true }, func(t *testing.T, server *sim.Server, e *Engine, web apply.Target) {
		if _, _, err := e.OpenEdit(t.Context(), web); !errors.Is(err, apply.ErrReadOnly) {
			t.Errorf("OpenEdit: %v", err)
		}
		if _, err := e.Commit(t.Context(), writable, consentAll); !errors.Is(err, apply.ErrReadOnly) {
			t.Errorf("Commit: %v", err)
		}
		if b, err := e.FileBase(t.Context(), web); err != nil || b.Absent {
			t.Errorf("reading for a diff is refused: %v", err)
		}
		for _, r := range server.Requests(sim.Match{Verb: "patch"}) {
			t.Errorf("sent: %+v", r)
		}
	})
}

// TestNothingIsAppliedAfterRun: an engine that has ended neither writes nor leaves its history open.
func TestNothingIsAppliedAfterRun(t *testing.T) {
	var ended *Engine
	var p *apply.Preview
	editing(t, nil, func(t *testing.T, _ *sim.Server, e *Engine, web apply.Target) {
		ended, p = e, preview(t, e, web, "5")
		if _, err := e.History(); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := ended.Commit(t.Context(), p, consentAll); !errors.Is(err, errEnded) {
		t.Errorf("Commit after Run: %v", err)
	}
	if _, err := ended.History(); !errors.Is(err, errEnded) {
		t.Errorf("History after Run: %v", err)
	}
}

func TestReadOnlyContexts(t *testing.T) {
	c := DefaultConfig()
	if err := setReadOnlyContexts(&c, "prod-*, live"); err != nil {
		t.Fatal(err)
	}
	for context, want := range map[string]bool{"prod-eu": true, "live": true, "live-2": false, "dev": false, "": false} {
		if c.ReadOnlyIn(context) != want {
			t.Errorf("context %q: read-only is %t", context, !want)
		}
	}
	for _, bad := range []string{"[", "a,,b"} {
		if err := setReadOnlyContexts(&c, bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
