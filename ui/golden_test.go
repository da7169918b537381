package ui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"orka/engine"
	"orka/watch"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldenSizes are the terminals each screen is drawn for.
var goldenSizes = [][2]int{{80, 24}, {120, 40}, {200, 50}, {40, 10}, {39, 9}}

// scenes are the screens of the golden files, each a way to get there.
var scenes = []struct {
	name  string
	empty bool // an empty cluster
	edit  func(*engine.Health)
	opts  Options
	do    func(*driver)
}{
	{name: "home", do: func(*driver) {}},
	{name: "kind", opts: Options{Query: "k:pod"}, do: func(d *driver) { d.key("esc", "down", "down", " ") }},
	{name: "kind-wide-sorted", opts: Options{Query: "k:pod"}, do: func(d *driver) { d.key("esc", "w", "o", "o", "o", "o", "o", "O") }},
	{name: "search-preview", opts: Options{Query: "crash", Info: Info{ReadOnly: true, Impersonating: "system:serviceaccount:ops:reader"}}, do: func(d *driver) { d.key("esc", "p", "down") }},
	{name: "syntax-error", do: func(d *driver) { d.text("web nss:team-a") }},
	{name: "syntax-incomplete", do: func(d *driver) { d.text("web age:<") }},
	{name: "none-match", do: func(d *driver) { d.text("k:pod zzzzzzqq") }},
	{name: "none-there", opts: Options{Query: "k:secret"}, do: func(*driver) {}},
	{name: "unknown-kind", opts: Options{Query: "k:gizmo"}, do: func(*driver) {}},
	{name: "loading", empty: true, opts: Options{Query: "k:pod"}, edit: loadingPods, do: func(*driver) {}},
	{name: "loading-rows", opts: Options{Query: "k:pod"}, edit: loadingPods, do: func(*driver) {}},
	{name: "forbidden", opts: Options{Query: "k:secret"}, edit: forbiddenSecrets, do: func(*driver) {}},
	{name: "narrow", empty: true, edit: narrowUser(kindPod, kindService), do: func(*driver) {}},
	{name: "narrow-kind", empty: true, opts: Options{Query: "k:pod"}, edit: narrowUser(kindPod, kindService), do: func(*driver) {}},
	{name: "narrow-rows", opts: Options{Query: "k:pod"}, edit: narrowUser(kindPod, kindService), do: func(*driver) {}},
	{name: "stale", edit: stalePods, opts: Options{Query: "k:pod"}, do: func(d *driver) { d.key("esc") }},
	{name: "unconnected", empty: true, edit: func(h *engine.Health) {
		h.Server = engine.Server{Err: "dial tcp 10.0.0.1:6443: connect: connection refused", RetryAt: testNow.Add(4 * time.Second)}
		h.Kinds, h.Watchers = nil, nil
	}, do: func(*driver) {}},
	{name: "recording", opts: Options{Info: recordedInfo, Query: "k:pod"}, do: func(d *driver) { d.key("esc") }},
	{name: "recording-ended", opts: Options{Info: recordedInfo, Query: "k:pod"}, edit: recordingEnded, do: func(d *driver) { d.key("esc", "e") }},
	{name: "kinds", edit: stalePods, do: func(d *driver) { d.key("esc", "K", "down", "down", "down", "down") }},
	{name: "object-overview", opts: Options{Query: "crash"}, do: func(d *driver) { d.key("esc", "enter") }},
	{name: "object-yaml-search", opts: Options{Query: "crash"}, do: func(d *driver) { d.key("esc", "y", "/"); d.text("image"); d.key("enter", "n") }},
	{name: "object-events", opts: Options{Query: "crash"}, do: func(d *driver) { d.key("esc", "v") }},
	{name: "stats-watchers", edit: stalePods, do: func(d *driver) { d.key("esc", "S") }},
	{name: "stats-shards", do: func(d *driver) { d.key("esc", "S", "tab") }},
	{name: "stats-memory", do: func(d *driver) { d.key("esc", "S", "tab", "tab") }},
	{name: "stats-knobs", opts: Options{Settings: []engine.Setting{
		{Name: "shards", Value: "4", Source: "default", Doc: "namespace buckets per kind"},
		{Name: "relist_secs", Value: "120", Source: "ORKA_RELIST_SECS", Doc: "period of the relist that repairs what a watch lost, ±10%"},
	}}, do: func(d *driver) { d.key("esc", "S", "shift+tab") }},
	{name: "help", do: func(d *driver) { d.key("esc", "?") }},
	{name: "help-searched", do: func(d *driver) { d.key("esc", "?"); d.text("yaml") }},
	{name: "namespaces", do: func(d *driver) { d.key("esc", "N", "down", " ") }},
	{name: "contexts", opts: Options{Contexts: &fakeContexts{}}, do: func(d *driver) { d.key("esc", "C") }},
	{name: "ascii", edit: stalePods, do: func(d *driver) { d.m.th = newTheme(termenv.Ascii, true, true); d.key("esc", "p", "down") }},
}

// recordedInfo is of a recording, which is played.
var recordedInfo = Info{Context: "prod", ReadOnly: true, Recording: func() time.Time { return testNow.Add(-48 * time.Hour) }}

func recordingEnded(h *engine.Health) {
	for i, s := range h.Watchers {
		ended := *s
		ended.Phase, ended.Reason, ended.Err = watch.Unavailable, watch.ReasonEnded, "the recording ended at 2026-05-30 12:00:00 UTC"
		ended.ConfirmedAt = testNow.Add(-48 * time.Hour)
		h.Watchers[i] = &ended
	}
}

func loadingPods(h *engine.Health) {
	setStatus(h, kindPod, func(s *watch.Status) {
		s.Phase, s.Complete, s.Listed, s.Remaining, s.ConfirmedAt = watch.Listing, false, 1500, 6912, time.Time{}
	})
}

func forbiddenSecrets(h *engine.Health) {
	setStatus(h, kindSecret, func(s *watch.Status) {
		s.Phase, s.Complete, s.ConfirmedAt = watch.Forbidden, false, time.Time{}
		s.Err = `secrets is forbidden: User "oncall" cannot list resource "secrets" in API group "" at the cluster scope`
	})
}

func stalePods(h *engine.Health) {
	setStatus(h, kindPod, func(s *watch.Status) {
		s.Phase, s.Attempt, s.Reason, s.Restarts = watch.Backoff, 4, watch.ReasonNetwork, 7
		s.Err, s.RetryAt, s.ConfirmedAt = "dial tcp 10.0.0.1:6443: connect: connection refused", testNow.Add(9*time.Second), testNow.Add(-3*time.Minute)
	})
	setStatus(h, kindMetrics, func(s *watch.Status) {
		s.Phase, s.Err, s.RetryAt = watch.Unavailable, "the server is currently unable to handle the request", testNow.Add(25*time.Second)
	})
	h.Discovery = []engine.DiscoveryFailure{{GroupVersion: "metrics.k8s.io/v1beta1", Err: "the server is currently unable to handle the request"}}
}

func TestGolden(t *testing.T) {
	for _, scene := range scenes {
		t.Run(scene.name, func(t *testing.T) {
			objects := newCluster(1).fill(400)
			if scene.empty {
				objects = nil
			}
			view, err := testView(t.Context(), objects, scene.edit)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, size := range goldenSizes {
				drive(t, stage{w: size[0], h: size[1], view: view, opts: scene.opts}, func(d *driver) {
					scene.do(d)
					fmt.Fprintf(&b, "== %dx%d\n%s\n", size[0], size[1], d.screen())
				})
			}
			file := filepath.Join("testdata", scene.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; go test ./ui -run TestGolden -update writes it", err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
				t.Errorf("the screen is not as in %s (-want +got); -update takes the new one:\n%s", file, diff)
			}
		})
	}
}
