package cluster_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"orka/watch/sim"
	"orka/watch/sim/cluster"
)

// TestSimulatedServerTakesIt loads a cluster into the simulated API server and churns it there.
func TestSimulatedServerTakesIt(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	c, err := cluster.New(cluster.Config{Seed: 3, Objects: 2000, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	server := sim.New(sim.Config{Seed: 3})
	n, err := server.Load(c.Objects())
	if err != nil || n != 2000 {
		t.Fatalf("%d objects loaded: %v", n, err)
	}
	var w cluster.Writer = server
	churn, err := cluster.NewChurn(c, 1, w)
	if err != nil {
		t.Fatal(err)
	}
	before := server.Revision()
	for i := range 1000 {
		if err := churn.Step(now.Add(time.Duration(i) * 100 * time.Millisecond)); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	if got := server.Revision() - before; got != 1000 {
		t.Errorf("1000 steps made %d revisions", got)
	}
	for _, gvr := range []schema.GroupVersionResource{
		{Version: "v1", Resource: "pods"},
		{Group: "pki.fernhill.example", Version: "v1", Resource: "certificates"},
		{Group: "db.fernhill.example", Version: "v1", Resource: "postgresclusters"},
	} {
		if list, err := server.List(gvr); err != nil || len(list) == 0 {
			t.Errorf("%s: %d objects: %v", gvr.Resource, len(list), err)
		}
	}
}
