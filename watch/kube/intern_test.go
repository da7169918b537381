package kube

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
	"orka/watch/sim"
)

// TestSharedStringsFitTheKind: what is kept to be shared follows the number of objects, in lists and in streams; a list of
// one object that is made beside a stream, or after it, doesn't take their place.
func TestSharedStringsFitTheKind(t *testing.T) {
	withSim(t, func(t *testing.T, s *sim.Server, c *Client) {
		create := func(name string) {
			t.Helper()
			if err := s.Create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			create(fmt.Sprint("listed-", i))
		}
		scope := watch.Scope{Kind: podKind}
		objects := func() int {
			in := c.takeInterners(scope)
			defer c.giveInterners(scope, in)
			return in.objects
		}
		list := func(q watch.ListQuery) watch.ListEnd {
			t.Helper()
			end, err := c.List(t.Context(), scope, q, func([]watch.Delta) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			return end
		}
		var end watch.ListEnd
		for range 2 { // a relist counts anew
			first := list(watch.ListQuery{Limit: 3})
			end = list(watch.ListQuery{Limit: 3, Continue: first.Continue})
			if n := objects(); n != 5 {
				t.Fatalf("%d objects after a list of 5", n)
			}
		}
		stream, err := c.Watch(t.Context(), scope, watch.WatchQuery{ResourceVersion: end.ResourceVersion})
		if err != nil {
			t.Fatal(err)
		}
		create("streamed-1")
		create("streamed-2")
		if err := s.Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "default", "listed-0"); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < 3; {
			events, err := stream.Next()
			if err != nil {
				t.Fatal(err)
			}
			got += len(events)
		}
		list(watch.ListQuery{Limit: 1})
		s.CloseStreams()
		if _, err := stream.Next(); err == nil {
			t.Fatal("the stream goes on")
		}
		list(watch.ListQuery{Limit: 1})
		_ = stream.Close()
		if n := objects(); n != 6 {
			t.Errorf("%d objects, want the 6 that the stream had come to", n)
		}
	})
}
