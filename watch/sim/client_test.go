package sim

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// TestTypedClient runs client-go's typed clients through the verbs, in both encodings and over both protocols.
func TestTypedClient(t *testing.T) {
	for _, tls := range []bool{false, true} {
		for name, config := range map[string]func(*Server) *rest.Config{"json": restConfig, "protobuf": protobufConfig} {
			t.Run(fmt.Sprintf("%s/tls=%v", name, tls), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { typedRoundTrip(t, newServer(t, Config{Seed: 1, TLS: tls}), config) })
			})
		}
	}
}

func typedRoundTrip(t *testing.T, s *Server, config func(*Server) *rest.Config) {
	ctx := testContext(t)
	cfg := config(s)
	pods := typedClient(t, cfg).CoreV1().Pods("default")

	made, err := pods.Create(ctx, testPod("default", "a"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if made.UID == "" || made.ResourceVersion == "" || made.Status.Phase != corev1.PodPending {
		t.Errorf("created: uid %q, resourceVersion %q, phase %q; want them set, phase Pending", made.UID, made.ResourceVersion, made.Status.Phase)
	}
	if _, err := pods.Create(ctx, testPod("default", "a"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v, want AlreadyExists", err)
	}
	list, err := pods.List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]corev1.Pod{*made}, list.Items, cmp.Transformer("noType", func(m metav1.TypeMeta) string { return "" })); diff != "" {
		t.Errorf("list (-created +listed):\n%s", diff)
	}
	w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	stale := made.DeepCopy()
	made.Labels["tier"] = "front"
	updated, err := pods.Update(ctx, made, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stale.Labels["x"] = "y"
	if _, err := pods.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("stale update: %v, want Conflict", err)
	}
	updated.Status.Phase = corev1.PodRunning
	running, err := pods.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if running.Status.Phase != corev1.PodRunning || running.Labels["tier"] != "front" {
		t.Errorf("after status update: phase %q, labels %v", running.Status.Phase, running.Labels)
	}
	if err := pods.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions("other")}); !apierrors.IsConflict(err) {
		t.Errorf("delete of another uid: %v, want Conflict", err)
	}
	if err := pods.Delete(ctx, "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := pods.Get(ctx, "a", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("get after delete: %v, want NotFound", err)
	}
	var got []string
	for range 3 {
		e := <-w.ResultChan()
		p, ok := e.Object.(*corev1.Pod)
		if !ok {
			t.Fatalf("event %s with %T", e.Type, e.Object)
		}
		got = append(got, fmt.Sprint(e.Type, " ", p.Name, " ", p.Status.Phase))
	}
	want := []string{"MODIFIED a Pending", "MODIFIED a Running", "DELETED a Running"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestBookmarks lets an hour pass: a bookmark a minute, one two seconds before the deadline, then a clean end.
func TestBookmarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("")
		seconds := int64(150)
		start := time.Now()
		w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision()), AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		var got []time.Duration
		for e := range w.ResultChan() {
			if e.Type != watch.Bookmark {
				t.Errorf("got %s, want bookmarks only", e.Type)
			}
			got = append(got, time.Since(start))
		}
		if diff := cmp.Diff([]time.Duration{60 * time.Second, 120 * time.Second, 148 * time.Second}, got); diff != "" {
			t.Errorf("bookmarks (-want +got):\n%s", diff)
		}
		if d := time.Since(start); d != 150*time.Second {
			t.Errorf("the watch ended after %v, want 150s", d)
		}
	})
}

// TestBookmarkRevision: a bookmark bears the revision of the moment, whether the stream is idle or busy.
func TestBookmarkRevision(t *testing.T) {
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{})
			w, err := typedClient(t, protobufConfig(s)).CoreV1().Pods("").Watch(testContext(t), metav1.ListOptions{
				ResourceVersion: fmt.Sprint(s.Revision()), AllowWatchBookmarks: true})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Stop()
			done := make(chan struct{})
			go func() {
				defer close(done)
				for i := range 40 {
					time.Sleep(4*time.Second + time.Millisecond)
					if busy {
						mustCreate(t, s, testPod("default", fmt.Sprint("p", i)))
					} else {
						mustCreate(t, s, configMap("default", fmt.Sprint("c", i)))
					}
				}
			}()
			for n := 0; n < 2; {
				if e := <-w.ResultChan(); e.Type == watch.Bookmark {
					n++
					if got := e.Object.(*corev1.Pod).ResourceVersion; got != fmt.Sprint(s.Revision()) {
						t.Errorf("busy=%v: bookmark %d bears %s, the server is at %d", busy, n, got, s.Revision())
					}
				}
			}
			<-done
		})
	}
}
