package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// describe is an event in one line: type, name, bookmark marks, or code of the error.
func describe(e watch.Event) string {
	if s, ok := e.Object.(*metav1.Status); ok {
		return fmt.Sprintf("%s %d %s", e.Type, s.Code, s.Reason)
	}
	m, err := meta.Accessor(e.Object)
	if err != nil {
		return fmt.Sprintf("%s %T", e.Type, e.Object)
	}
	if e.Type == watch.Bookmark {
		if m.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true" {
			return "BOOKMARK end"
		}
		return "BOOKMARK"
	}
	return fmt.Sprintf("%s %s", e.Type, m.GetName())
}

// drain takes what a watch has to say until it is idle.
func drain(w watch.Interface) (got []string) {
	synctest.Wait()
	for {
		select {
		case e, ok := <-w.ResultChan():
			if !ok {
				return append(got, "end")
			}
			got = append(got, describe(e))
			synctest.Wait()
		default:
			return got
		}
	}
}

// TestWatchStarts opens watches at every kind of resourceVersion. The server holds a, then b.
func TestWatchStarts(t *testing.T) {
	yes, no := true, false
	for _, tc := range []struct {
		name string
		opts metav1.ListOptions
		want []string
	}{
		{"unset: state, then changes", metav1.ListOptions{}, []string{"ADDED a", "ADDED b", "ADDED new"}},
		{"zero", metav1.ListOptions{ResourceVersion: "0", AllowWatchBookmarks: true}, []string{"ADDED a", "ADDED b", "BOOKMARK end", "ADDED new"}},
		{"from a revision", metav1.ListOptions{ResourceVersion: "of a"}, []string{"ADDED b", "ADDED new"}},
		{"watch list", metav1.ListOptions{SendInitialEvents: &yes, ResourceVersionMatch: "NotOlderThan", AllowWatchBookmarks: true},
			[]string{"ADDED a", "ADDED b", "BOOKMARK end", "ADDED new"}},
		{"watch list without bookmarks", metav1.ListOptions{SendInitialEvents: &yes, ResourceVersionMatch: "NotOlderThan"},
			[]string{"ADDED a", "ADDED b", "ADDED new"}},
		{"from now", metav1.ListOptions{SendInitialEvents: &no, ResourceVersionMatch: "NotOlderThan"}, []string{"ADDED new"}},
		{"from the future", metav1.ListOptions{ResourceVersion: "9999", AllowWatchBookmarks: true}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{})
				mustCreate(t, s, configMap("default", "a"))
				if tc.opts.ResourceVersion == "of a" {
					tc.opts.ResourceVersion = fmt.Sprint(s.Revision())
				}
				mustCreate(t, s, configMap("default", "b"), configMap("kube-public", "other"))
				w, err := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("default").Watch(testContext(t), tc.opts)
				if err != nil {
					t.Fatal(err)
				}
				defer w.Stop()
				synctest.Wait()
				mustCreate(t, s, configMap("default", "new"))
				if diff := cmp.Diff(tc.want, drain(w)); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestWatchOptions refuses what the real server refuses.
func TestWatchOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		cms := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("default")
		yes := true
		for _, opts := range []metav1.ListOptions{
			{SendInitialEvents: &yes},
			{ResourceVersionMatch: "NotOlderThan"},
			{ResourceVersionMatch: "Exact", SendInitialEvents: &yes},
		} {
			if _, err := cms.Watch(testContext(t), opts); !apierrors.IsInvalid(err) {
				t.Errorf("%+v: %v, want Invalid", opts, err)
			}
		}
		opts := metav1.ListOptions{SendInitialEvents: &yes, ResourceVersionMatch: "NotOlderThan", ResourceVersion: "9999"}
		w, err := cms.Watch(testContext(t), opts)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if diff := cmp.Diff([]string{"ERROR 504 Timeout", "end"}, drain(w)); diff != "" {
			t.Errorf("watch list from the future (-want +got):\n%s", diff)
		}
	})
}

// TestWatchExpired starts below the compacted revision: HTTP 200, then ERROR 410. A stream that history overtakes ends alike.
func TestWatchExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{History: 10})
		ctx := testContext(t)
		cms := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("default")
		old := fmt.Sprint(s.Revision())
		mustCreate(t, s, configMap("default", "a"))
		if err := s.Compact(s.Revision()); err != nil {
			t.Fatal(err)
		}
		w, err := cms.Watch(ctx, metav1.ListOptions{ResourceVersion: old})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ERROR 410 Expired", "end"}, drain(w)); diff != "" {
			t.Errorf("compacted (-want +got):\n%s", diff)
		}
		old = fmt.Sprint(s.Revision())
		for i := range 100 {
			mustCreate(t, s, configMap("default", fmt.Sprintf("x%d", i)))
		}
		w, err = cms.Watch(ctx, metav1.ListOptions{ResourceVersion: old})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"ERROR 410 Expired", "end"}, drain(w)); diff != "" {
			t.Errorf("trimmed (-want +got):\n%s", diff)
		}
		if err := s.Compact(s.Revision() + 1); err == nil {
			t.Error("compacting the future succeeded")
		}
	})
}

// TestWatchSelector follows objects in and out of a selector.
func TestWatchSelector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		w, err := typedClient(t, protobufConfig(s)).CoreV1().Pods("").Watch(ctx, metav1.ListOptions{LabelSelector: "app=web",
			FieldSelector: "status.phase=Running", ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		p := testPod("default", "p")
		p.Status.Phase = corev1.PodPending
		mustCreate(t, s, p)
		update := func(phase corev1.PodPhase, app string) {
			p.Status.Phase, p.Labels["app"] = phase, app
			if err := s.Update(p); err != nil {
				t.Fatal(err)
			}
		}
		update(corev1.PodRunning, "web")
		p.Annotations = map[string]string{"a": "b"}
		update(corev1.PodRunning, "web")
		update(corev1.PodRunning, "db")
		left := p.ResourceVersion
		update(corev1.PodRunning, "other")
		update(corev1.PodRunning, "web")
		if err := s.Delete(podsGVR, "default", "p"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		var got []string
		for range 5 {
			e := <-w.ResultChan()
			got = append(got, describe(e))
			if pod := e.Object.(*corev1.Pod); len(got) == 3 && (pod.ResourceVersion != left || pod.Labels["app"] != "web") {
				t.Errorf("leaving the selector: revision %s app %s, want %s web", pod.ResourceVersion, pod.Labels["app"], left)
			}
		}
		if diff := cmp.Diff([]string{"ADDED p", "MODIFIED p", "DELETED p", "ADDED p", "DELETED p"}, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestReflector lets client-go's own reflector follow a resource through everything that ends a watch, by WatchList and
// by paged lists: in the end its store is what the server has.
func TestReflector(t *testing.T) {
	for _, pages := range []bool{false, true} {
		t.Run(fmt.Sprintf("pages=%v", pages), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Config{History: 20})
				for i := range 50 {
					mustCreate(t, s, testPod("default", fmt.Sprintf("p%02d", i)))
				}
				if pages {
					// What a server says that has no WatchList.
					s.Inject(Fault{Match: Match{Verb: "watch", Query: "sendInitialEvents=true"}, Action: Status{Code: 422, Reason: metav1.StatusReasonInvalid}})
				}
				lw := cache.NewListWatchFromClient(typedClient(t, protobufConfig(s)).CoreV1().RESTClient(), "pods", "", fields.Everything())
				store := cache.NewStore(cache.MetaNamespaceKeyFunc)
				r := cache.NewReflectorWithOptions(lw, &corev1.Pod{}, store, cache.ReflectorOptions{})
				done := make(chan struct{})
				stop := make(chan struct{})
				go func() { defer close(done); r.Run(stop) }()
				time.Sleep(2 * time.Minute)
				if n := len(store.ListKeys()); n != 50 {
					t.Fatalf("%d pods are synced after two minutes, want 50", n)
				}
				for i := range 30 {
					p := testPod("default", fmt.Sprintf("p%02d", i))
					switch {
					case i%3 == 0:
						if err := s.Delete(podsGVR, "default", p.Name); err != nil {
							t.Fatal(err)
						}
						if i%2 == 0 {
							mustCreate(t, s, p)
						}
					default:
						p.Labels["n"] = fmt.Sprint(i)
						if err := s.Update(p); err != nil {
							t.Fatal(err)
						}
					}
					switch i {
					case 5:
						s.DropConnections()
					case 10:
						s.CloseStreams()
					case 15:
						s.Inject(Fault{Match: Match{Verb: "watch"}, Times: 1, Action: StreamError{Code: 410}})
					case 20:
						s.Refuse(true)
					case 25:
						s.Refuse(false)
					}
					if i%7 == 0 {
						time.Sleep(time.Second)
					}
				}
				time.Sleep(5 * time.Minute)
				close(stop)
				<-done
				want, err := s.List(podsGVR)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]Identity{}
				for _, o := range store.List() {
					p := o.(*corev1.Pod)
					got[p.Namespace+"/"+p.Name] = Identity{string(p.UID), p.ResourceVersion}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("store (-server +reflector):\n%s", diff)
				}
				var kinds []string
				for _, q := range s.Requests(Match{Resource: "pods"}) {
					k := q.Verb
					if strings.Contains(q.Query, "sendInitialEvents=true") {
						k = "watchlist"
					}
					if !slices.Contains(kinds, k) {
						kinds = append(kinds, k)
					}
				}
				if slices.Contains(kinds, "list") != pages {
					t.Errorf("the reflector asked %v: pages=%v is not what was tested", kinds, pages)
				}
			})
		})
	}
}
