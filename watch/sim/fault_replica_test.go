package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
)

// TestStalePages reads a list whose later pages are those of an older revision, and say so.
func TestStalePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		for i := range 6 {
			mustCreate(t, s, testPod("default", fmt.Sprintf("p%d", i)))
		}
		s.Inject(Fault{Match: listPods, Action: StalePages{Behind: 1}})
		pods := typedClient(t, restConfig(s)).CoreV1().Pods("")
		first, err := pods.List(testContext(t), metav1.ListOptions{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		second, err := pods.List(testContext(t), metav1.ListOptions{Limit: 10, Continue: first.Continue})
		if err != nil {
			t.Fatal(err)
		}
		if len(second.Items) != 2 || second.ResourceVersion >= first.ResourceVersion {
			t.Errorf("%d pods on the later page at %s, the first one was at %s; want 2 at an older version", len(second.Items), second.ResourceVersion, first.ResourceVersion)
		}
		// History does not reach back so far: what there is of it.
		s.Heal()
		s.Inject(Fault{Match: listPods, Action: StalePages{Behind: 1 << 40}})
		if _, err := pods.List(testContext(t), metav1.ListOptions{Limit: 10, Continue: first.Continue}); err != nil {
			t.Error(err)
		}
	})
}

// TestFailConversion asks for objects that can't be converted.
func TestFailConversion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		gvr := schema.GroupVersionResource{Group: "example.test", Version: "v1", Resource: "widgets"}
		if err := s.AddResource(Resource{Group: gvr.Group, Version: gvr.Version, Kind: "Widget", Plural: gvr.Resource, Namespaced: true}); err != nil {
			t.Fatal(err)
		}
		s.Inject(Fault{Match: Match{Resource: "widgets.example.test"}, Action: FailConversion{}})
		client := dynamicClient(t, restConfig(s)).Resource(gvr)
		if _, err := client.List(testContext(t), metav1.ListOptions{}); !apierrors.IsInternalError(err) && apierrors.ReasonForError(err) != "" || !strings.Contains(fmt.Sprint(err), "conversion webhook") {
			t.Errorf("list: %v", err)
		}
		w, err := client.Watch(testContext(t), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, widget("v1", "a", 1))
		if e := <-w.ResultChan(); e.Type != watch.Error {
			t.Errorf("event %+v, want an ERROR", e)
		}
		w.Stop()
		for range w.ResultChan() { //nolint:revive // read to the end
		}
	})
}

// TestHalfOpenConnection takes one connection of two: only what runs over it falls silent.
func TestHalfOpenConnection(t *testing.T) {
	for _, after := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{})
			s.Inject(Fault{Match: Match{Verb: "list", Resource: "pods"}, Action: HalfOpen{After: after}})
			s.Inject(Fault{Match: Match{Verb: "list"}, Action: Delay{For: 5 * time.Second}})
			get := func(path string) error {
				hc := httpClient(t, restConfig(s))
				hc.Timeout = time.Minute
				resp, err := hc.Get(s.Host() + path)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			}
			start := time.Now()
			if err := get("/api/v1/pods"); err == nil || time.Since(start) < time.Minute {
				t.Errorf("after %s: %v in %s, want no answer", after, err, time.Since(start))
			}
			if err := get("/api/v1/configmaps"); err != nil {
				t.Errorf("another connection: %v", err)
			}
		})
	}
}

// TestOnSend holds what is reported as said, and that nothing is over a dead connection.
func TestOnSend(t *testing.T) {
	for _, tls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var said []string
			s := newServer(t, Config{TLS: tls, OnSend: func(m Sent) {
				mu.Lock()
				defer mu.Unlock()
				said = append(said, fmt.Sprint(m.Request.Verb, " ", m.What, " ", m.Last))
			}})
			take := func() []string {
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				out := said
				said = nil
				return out
			}
			want := func(what string, lines ...string) {
				t.Helper()
				if got := take(); !slices.Equal(got, lines) {
					t.Errorf("TLS %v, %s: said %q, want %q", tls, what, got, lines)
				}
			}
			mustCreate(t, s, testPod("default", "a"), testPod("default", "b"))
			pods := typedClient(t, restConfig(s)).CoreV1().Pods("")
			if _, err := pods.List(testContext(t), metav1.ListOptions{Limit: 1}); err != nil {
				t.Fatal(err)
			}
			want("a page", "list PAGE false")
			yes, deadline := true, int64(200)
			w, err := pods.Watch(testContext(t), metav1.ListOptions{SendInitialEvents: &yes, ResourceVersionMatch: "NotOlderThan", AllowWatchBookmarks: true, TimeoutSeconds: &deadline})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for range w.ResultChan() { //nolint:revive // read to the end
				}
			}()
			want("initial events", "watch ADDED false", "watch ADDED false", "watch INITIAL-END true")
			s.Inject(Fault{Match: watchPods, Times: 1, Action: DropEvent{}})
			mustCreate(t, s, testPod("default", "c"))
			want("a lost event")
			mustCreate(t, s, testPod("default", "d"))
			want("an event", "watch ADDED false")
			<-time.After(61 * time.Second)
			want("a bookmark", "watch BOOKMARK false")
			s.StallConnections()
			mustCreate(t, s, testPod("default", "e"))
			<-time.After(65 * time.Second)
			want("a dead connection")
			w.Stop()
		})
	}
}
