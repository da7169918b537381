package engine

import (
	"slices"
	"testing"
	"time"

	"orka/watch"
)

func TestFreshnessIsThatOfTheLeastFresh(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	kind := func(name string) *watch.Kind {
		return &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: name}, Resource: name}
	}
	pods, nodes, events, metrics := kind("pods"), kind("nodes"), kind("events"), kind("metrics")
	live := func(k *watch.Kind, age time.Duration) *watch.Status {
		return &watch.Status{Scope: watch.Scope{Kind: k}, Phase: watch.Live, Complete: true, ConfirmedAt: now.Add(-age)}
	}
	with := func(k *watch.Kind, p watch.Phase, complete bool) *watch.Status {
		return &watch.Status{Scope: watch.Scope{Kind: k}, Phase: p, Complete: complete, ConfirmedAt: now.Add(-time.Hour), Remaining: -1}
	}
	tests := []struct {
		name     string
		watchers []*watch.Status
		kinds    []*watch.Kind
		fresh    bool
		loading  bool
		least    *watch.Kind
	}{
		{"all live", []*watch.Status{live(pods, time.Second), live(nodes, 30*time.Second)}, nil, true, false, nodes},
		{"silent for 76 s", []*watch.Status{live(pods, time.Second), live(nodes, 76*time.Second)}, nil, false, false, nodes},
		{"a stale kind outside the view", []*watch.Status{live(pods, 0), with(nodes, watch.Backoff, true)}, []*watch.Kind{pods}, true, false, pods},
		{"back-off", []*watch.Status{live(pods, 0), with(nodes, watch.Backoff, true)}, nil, false, false, nodes},
		{"diverged beats loading", []*watch.Status{with(pods, watch.Listing, false), with(nodes, watch.Diverged, true)}, nil, false, true, nodes},
		{"loading", []*watch.Status{live(pods, 0), with(nodes, watch.Queued, false)}, nil, false, true, nodes},
		{"relisting with rows", []*watch.Status{with(pods, watch.Listing, true)}, nil, false, false, pods},
		{"forbidden does not age the rest", []*watch.Status{live(pods, 0), with(nodes, watch.Forbidden, false)}, nil, true, false, pods},
		{"refused after a list", []*watch.Status{live(pods, 0), with(nodes, watch.Forbidden, true)}, nil, false, false, nodes},
		{"forbidden alone", []*watch.Status{with(nodes, watch.Forbidden, false)}, nil, false, false, nodes},
		{"polled beside live", []*watch.Status{live(pods, 0), with(metrics, watch.Polling, true)}, nil, true, false, nil},
		{"polled alone", []*watch.Status{with(metrics, watch.Polling, true)}, nil, false, false, metrics},
		{"nothing watched", nil, []*watch.Kind{events}, false, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := Health{Watchers: tt.watchers}
			f := h.Freshness(now, tt.kinds...)
			if f.Fresh != tt.fresh || f.Loading != tt.loading {
				t.Errorf("fresh %t, loading %t; want %t, %t", f.Fresh, f.Loading, tt.fresh, tt.loading)
			}
			if tt.least != nil && (f.Least == nil || f.Least.Scope.Kind != tt.least) {
				t.Errorf("least fresh is %v, want %s", f.Least, tt.least.Resource)
			}
		})
	}
}

func TestCoveringPrefersWhoMayLook(t *testing.T) {
	pods := &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Pod"}, Resource: "pods", Namespaced: true}
	nodes := &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Node"}, Resource: "nodes"}
	status := func(k *watch.Kind, ns string, p watch.Phase) *watch.Status {
		return &watch.Status{Scope: watch.Scope{Kind: k, Namespace: ns}, Phase: p, Complete: p != watch.Forbidden}
	}
	wideRefused, wideLive := status(pods, "", watch.Forbidden), status(pods, "", watch.Live)
	own, ownRefused, node := status(pods, "team-a", watch.Live), status(pods, "team-a", watch.Forbidden), status(nodes, "", watch.Live)
	for _, tt := range []struct {
		name      string
		watchers  []*watch.Status
		kind      *watch.Kind
		namespace string
		want      *watch.Status
	}{
		{"all namespaces", []*watch.Status{wideLive}, pods, "team-a", wideLive},
		{"its own beside a refused one", []*watch.Status{wideRefused, own}, pods, "team-a", own},
		{"another namespace", []*watch.Status{wideRefused, own}, pods, "team-b", wideRefused},
		{"all namespaces again", []*watch.Status{wideLive, own}, pods, "team-a", wideLive},
		{"only its own", []*watch.Status{own}, pods, "team-a", own},
		{"only another's", []*watch.Status{own}, pods, "team-b", nil},
		{"both refused", []*watch.Status{wideRefused, ownRefused}, pods, "team-a", ownRefused},
		{"cluster-scoped", []*watch.Status{node, own}, nodes, "", node},
		{"not watched", []*watch.Status{own}, nodes, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := Health{Watchers: tt.watchers}
			if got := h.Covering()(&watch.Object{Kind: tt.kind, Namespace: tt.namespace}); got != tt.want {
				t.Errorf("covered by %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	kind := func(name string) *watch.Kind {
		return &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: name}, Resource: name, Namespaced: true}
	}
	pods, secrets, nodes, jobs := kind("pods"), kind("secrets"), kind("nodes"), kind("jobs")
	status := func(k *watch.Kind, ns string, p watch.Phase) *watch.Status {
		return &watch.Status{Scope: watch.Scope{Kind: k, Namespace: ns}, Phase: p}
	}
	h := Health{Watchers: []*watch.Status{
		status(pods, "", watch.Forbidden), status(pods, "team-b", watch.Live), status(pods, "team-a", watch.Backoff), status(pods, "team-c", watch.Forbidden),
		status(secrets, "", watch.Forbidden), status(jobs, "", watch.Forbidden), status(jobs, "team-a", watch.Live), status(nodes, "", watch.Live),
	}}
	l := h.Limits()
	if !slices.Equal(l.Partial, []*watch.Kind{pods, jobs}) || !slices.Equal(l.Refused, []*watch.Kind{secrets}) || !slices.Equal(l.Namespaces, []string{"team-a", "team-b"}) || l.Even {
		t.Errorf("limits of all: %+v", l)
	}
	if l = h.Limits(pods); len(l.Partial) != 1 || len(l.Refused) != 0 || !l.Even {
		t.Errorf("limits of pods: %+v", l)
	}
	if l = h.Limits(nodes); !l.None() {
		t.Errorf("limits of nodes: %+v", l)
	}
}
