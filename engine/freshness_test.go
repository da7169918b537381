package engine

import (
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
