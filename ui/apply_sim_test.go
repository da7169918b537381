package ui

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
	"orka/watch/sim"
)

// The whole flow over the real engine and a simulated server: keys in, screens out, an editor between.

// live is a driver over a real engine.
type live struct {
	*driver
	server *sim.Server
	real   *engine.Engine
}

// liveDrive runs f in the table of deployment shop/web of a simulated cluster.
func liveDrive(t *testing.T, cfg sim.Config, editor func(string) error, f func(*live)) {
	t.Helper()
	s := editing(t, stage{}, editor)
	s.opts.Query = "k:deploy"
	s.opts.th = plainTheme
	s.opts.Info.Context = "sim"
	s.opts.now = time.Now
	db, err := filepath.Abs("history.db")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		server := sim.New(cfg)
		defer server.Close()
		if err := server.Create(webDeployment()); err != nil {
			t.Fatal(err)
		}
		client, err := kube.New(&rest.Config{Host: server.Host(), Dial: server.Dial}, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer client.CloseIdle()
		c := engine.DefaultConfig()
		c.DBPath = db
		c.Identity = apply.Identity{Context: "sim"}
		c.Select = func(served engine.Served) []*watch.Kind { return []*watch.Kind{served.Kind("deployments")} }
		e, err := engine.New(c, client)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		s.opts.Engine = e
		m, err := New(ctx, s.opts)
		if err != nil {
			t.Fatal(err)
		}
		d := &live{&driver{t: t, m: m, msgs: make(chan tea.Msg, 1000)}, server, e}
		d.until("the deployment", func(v *engine.View) bool { return v.World.Len() > 0 })
		d.exec(m.Init())
		d.send(tea.WindowSizeMsg{Width: 140, Height: 45})
		d.key("esc")
		d.see("web")
		f(d)
		if m.crashed != nil {
			t.Fatalf("the screen failed: %v", m.crashed)
		}
	})
}

// until waits in virtual time for a View.
func (d *live) until(what string, ok func(*engine.View) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Minute)
	defer cancel()
	if _, err := d.real.Await(ctx, ok); err != nil {
		d.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// settle waits until the watch has delivered what was written, and the screen knows.
func (d *live) settle() {
	d.t.Helper()
	if written := d.m.edit.result; written != nil {
		d.until("what was written", func(v *engine.View) bool {
			return apply.Landed(v.World.Get(v.Health.Kind("deployments"), "shop", "web"), written)
		})
	}
	d.m.view = d.real.View()
	d.send(changedMsg{d.m.conn})
}

func webDeployment() *appsv1.Deployment {
	three := int32(3)
	labels := map[string]string{"app": "web"}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &three, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.example/web:1"}}}},
		},
	}
}

// merge changes the deployment as another manager.
func (d *live) merge(patch string) {
	d.t.Helper()
	transport := &http.Transport{DialContext: d.server.Dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	url := d.server.Host() + "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=helm"
	req, err := http.NewRequestWithContext(d.t.Context(), http.MethodPatch, url, strings.NewReader(patch))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	res, err := transport.RoundTrip(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s %v: %s", res.Status, err, text)
	}
}

func TestLiveEditLands(t *testing.T) {
	liveDrive(t, sim.Config{}, change, func(d *live) {
		d.key("e")
		d.see("apply to deployments.apps shop/web · server-side apply")
		d.see("-    replicas: 3")
		d.see("+    replicas: 5")
		d.takeAll()
		d.key("a")
		d.see("apply to shop/web in context  sim ? y/n")
		d.key("y")
		d.settle()
		d.see("applied: version ")
		if d.m.screen != screenExplore {
			t.Errorf("screen %d", d.m.screen)
		}
		if left := draftsLeft(t); len(left) != 0 {
			t.Errorf("drafts %q", left)
		}
		text, _, err := d.real.YAML(d.t.Context(), d.m.explore.selected())
		if err != nil || !strings.Contains(string(text), "replicas: 5") {
			t.Errorf("stored (%v):\n%s", err, text)
		}
	})
}

func TestLiveChangedUnderneath(t *testing.T) {
	liveDrive(t, sim.Config{}, change, func(d *live) {
		d.key("e")
		d.takeAll()
		d.merge(`{"spec":{"replicas":9}}`)
		d.key("a", "y")
		d.see("somebody else changed the same field")
		d.see(".spec.replicas")
		d.key("esc")
		if left := draftsLeft(t); len(left) != 1 {
			t.Errorf("drafts %q", left)
		}
		text, _, err := d.real.YAML(d.t.Context(), d.m.explore.selected())
		if err != nil || strings.Contains(string(text), "replicas: 5") {
			t.Errorf("written although it changed underneath (%v)", err)
		}
	})
}

func TestLiveUnrelatedChangeIsFollowed(t *testing.T) {
	liveDrive(t, sim.Config{}, change, func(d *live) {
		d.merge(`{"spec":{"minReadySeconds":1}}`) // from here on every field has an owner
		d.key("e")
		d.takeAll()
		d.merge(`{"metadata":{"annotations":{"note":"theirs"}}}`)
		d.key("a", "y")
		d.settle()
		d.see("applied: version ")
		text, _, err := d.real.YAML(d.t.Context(), d.m.explore.selected())
		if err != nil || !strings.Contains(string(text), "replicas: 5") || !strings.Contains(string(text), "note: theirs") {
			t.Errorf("stored (%v):\n%s", err, text)
		}
	})
}

func TestLiveConflictIsTaken(t *testing.T) {
	liveDrive(t, sim.Config{}, change, func(d *live) {
		d.merge(`{"spec":{"replicas":3,"minReadySeconds":1}}`)
		d.key("e")
		d.see("Fields of others (1)")
		d.key("a")
		d.see("kube-controller-manager")
		d.see("undecided")
		d.miss("y/n")
		d.takeAll()
		d.key("a")
		d.see("takes over")
		d.key("y")
		d.settle()
		d.see("applied: version ")
	})
}

// takeAll takes every conflict over, field by field.
func (d *live) takeAll() {
	d.m.edit.tab = tabFields
	for range d.m.edit.conflicts() {
		d.key("f")
	}
	d.m.edit.tab = tabDiff
}

func TestLiveDraftErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		old, replacement string
		want             []string
	}{
		"no YAML":       {"  replicas: 3", "  replicas: [3", []string{"the draft can't be taken", "replicas: [3"}},
		"unknown field": {"  replicas: 3", "  replicas: 3\n  replicaz: 4", []string{"replicaz"}},
		"another name":  {"  name: web\n  namespace", "  name: other\n  namespace", []string{"the draft can't be taken", ".metadata.name"}},
	} {
		t.Run(name, func(t *testing.T) {
			liveDrive(t, sim.Config{}, func(path string) error { return replaceIn(path, tt.old, tt.replacement) }, func(d *live) {
				d.key("e")
				for _, w := range tt.want {
					d.see(w)
				}
				if left := draftsLeft(t); len(left) != 1 {
					t.Errorf("drafts %q", left)
				}
			})
		})
	}
}

func TestLiveNotPermitted(t *testing.T) {
	authorize := func(_, verb, _, resource, _ string) (bool, string) {
		return verb != "patch" || strings.HasPrefix(resource, "selfsubject"), "no rule"
	}
	liveDrive(t, sim.Config{Authorize: authorize}, func(string) error { return errors.New("the editor was opened") }, func(d *live) {
		d.key("e")
		d.see("you may not patch deployments.apps shop/web")
		if _, err := os.Stat("state/drafts"); err == nil {
			t.Error("a draft was written")
		}
	})
}
