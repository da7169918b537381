package sim

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kruntime "k8s.io/apimachinery/pkg/runtime"
)

func TestDirect(t *testing.T) {
	s := newServer(t, Config{})
	p := testPod("default", "p")
	mustCreate(t, s, p)
	if p.UID == "" || p.ResourceVersion != fmt.Sprint(s.Revision()) || p.CreationTimestamp.IsZero() {
		t.Errorf("Create set uid %q, resourceVersion %q, creationTimestamp %v", p.UID, p.ResourceVersion, p.CreationTimestamp)
	}
	if p.Status.Phase != corev1.PodRunning {
		t.Errorf("phase %q: the direct API must keep the status", p.Status.Phase)
	}
	stale := p.DeepCopy()
	p.Status.Phase = corev1.PodFailed
	if err := s.Update(p); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(stale); !apierrors.IsConflict(err) {
		t.Errorf("stale update: %v, want Conflict", err)
	}
	// A map of a kind with a Go type is as good, and without resourceVersion it wins.
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"namespace": "default", "name": "p"}, "spec": map[string]any{"nodeName": "n2"}}}
	if err := s.Update(u); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(podsGVR, "default", "p")
	if err != nil {
		t.Fatal(err)
	}
	pod := got.(*corev1.Pod)
	if pod.Spec.NodeName != "n2" || pod.UID != p.UID || !pod.CreationTimestamp.Equal(&p.CreationTimestamp) || pod.ResourceVersion != u.GetResourceVersion() {
		t.Errorf("after an update by map: %+v", pod.ObjectMeta)
	}
	ids, err := s.List(podsGVR)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]Identity{"default/p": {string(p.UID), pod.ResourceVersion}}, ids); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if err := s.Delete(podsGVR, "default", "p"); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"delete again": s.Delete(podsGVR, "default", "p"), "update": s.Update(pod)} {
		if !apierrors.IsNotFound(err) {
			t.Errorf("%s: %v, want NotFound", what, err)
		}
	}
	for text, obj := range map[string]kruntime.Object{
		"metadata.name is empty":                       configMap("default", ""),
		"is namespaced":                                configMap("", "a"),
		"CustomResourceDefinition or call AddResource": widget("v1", "w", 1),
	} {
		if err := s.Create(obj); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v, want %q", err, text)
		}
	}
}

// TestEventsAlias writes an event under either name and reads it under the other.
func TestEventsAlias(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		c := typedClient(t, protobufConfig(s))
		mustCreate(t, s, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "core"}, Reason: "Killing", Message: "stop",
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "p"}})
		if _, err := c.EventsV1().Events("default").Create(ctx, &eventsv1.Event{ObjectMeta: metav1.ObjectMeta{Name: "new"}, Reason: "Pulled", Note: "got it",
			Regarding: corev1.ObjectReference{Kind: "Pod", Name: "q"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		old, err := c.CoreV1().Events("").List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=q"})
		if err != nil || len(old.Items) != 1 || old.Items[0].Message != "got it" {
			t.Errorf("core events of q: %+v, %v", old.Items, err)
		}
		l, err := c.EventsV1().Events("").List(ctx, metav1.ListOptions{})
		if err != nil || len(l.Items) != 2 || l.Items[0].Note != "stop" || l.Items[0].Regarding.Name != "p" {
			t.Errorf("events.k8s.io: %+v, %v", l.Items, err)
		}
	})
}

// podSeq yields n pods, one object used again and again.
func podSeq(n int) func(func(kruntime.Object) bool) {
	return func(yield func(kruntime.Object) bool) {
		for i := range n {
			if !yield(bigPod(i)) {
				return
			}
		}
	}
}

// bigPod is a pod of about the size pods have: some 5 KB of protobuf.
func bigPod(i int) *corev1.Pod {
	p := testPod(fmt.Sprintf("team-%02d", i%20), fmt.Sprintf("web-%06d", i))
	p.Annotations = map[string]string{"example.test/config": strings.Repeat(fmt.Sprintf("setting-%d=on;", i%7), 60)}
	for j := range 3 {
		c := corev1.Container{Name: fmt.Sprintf("c%d", j), Image: fmt.Sprintf("registry.example.test/app/c%d:%d", j, i%5)}
		for k := range 30 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("VARIABLE_%d", k), Value: fmt.Sprintf("value-%d-%d", k, i%11)})
		}
		p.Spec.Containers = append(p.Spec.Containers, c)
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c.Name, Ready: true, Image: c.Image,
			ContainerID: fmt.Sprintf("containerd://%064d", i*3+j)})
	}
	return p
}

// TestLoad stores in bulk: what is read back is what was given, watches that were open learn that they missed it.
func TestLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		ctx := testContext(t)
		pods := typedClient(t, protobufConfig(s)).CoreV1().Pods("")
		w, err := pods.Watch(ctx, metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n, err := s.Load(podSeq(100))
		if n != 100 || err != nil {
			t.Fatalf("loaded %d, %v", n, err)
		}
		if diff := cmp.Diff([]string{"ERROR 410 Expired", "end"}, drain(w)); diff != "" {
			t.Errorf("open watch (-want +got):\n%s", diff)
		}
		for _, cfg := range []string{mediaProtobuf, mediaJSON} {
			c := protobufConfig(s)
			c.AcceptContentTypes = cfg
			l, err := typedClient(t, c).CoreV1().Pods("").List(ctx, metav1.ListOptions{})
			if err != nil || len(l.Items) != 100 {
				t.Fatalf("%s: %d pods, %v", cfg, len(l.Items), err)
			}
			slices.SortFunc(l.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
			for i, got := range l.Items {
				want := bigPod(i)
				want.UID, want.ResourceVersion, want.CreationTimestamp = got.UID, got.ResourceVersion, got.CreationTimestamp
				if diff := cmp.Diff(*want, got); diff != "" || got.UID == "" {
					t.Fatalf("%s: pod %d (-want +got):\n%s", cfg, i, diff)
				}
			}
		}
		p := bigPod(7)
		p.Labels["new"] = "yes"
		if err := s.Update(p); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(podsGVR, "team-08", "web-000008"); err != nil {
			t.Fatal(err)
		}
		if ids, err := s.List(podsGVR); err != nil || len(ids) != 99 {
			t.Errorf("%d pods, %v; want 99", len(ids), err)
		}
	})
}

// TestRewind takes the server back: the state is the old one, revisions are given out again, uids are not.
func TestRewind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		a, b, c := configMap("default", "a"), configMap("default", "b"), configMap("default", "c")
		mustCreate(t, s, a, b)
		want, err := s.List(cmsGVR)
		if err != nil {
			t.Fatal(err)
		}
		rev := s.Revision()
		b.Data = map[string]string{"k": "v"}
		if err := s.Update(b); err != nil {
			t.Fatal(err)
		}
		mustCreate(t, s, c)
		if err := s.Delete(cmsGVR, "default", "a"); err != nil {
			t.Fatal(err)
		}
		w, err := typedClient(t, protobufConfig(s)).CoreV1().ConfigMaps("").Watch(testContext(t), metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Rewind(rev); err != nil {
			t.Fatal(err)
		}
		got, err := s.List(cmsGVR)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("state (-before +rewound):\n%s", diff)
		}
		synctest.Wait()
		if _, ok := <-w.ResultChan(); ok {
			t.Error("an open watch went on")
		}
		again := configMap("default", "c")
		mustCreate(t, s, again)
		if again.ResourceVersion != fmt.Sprint(rev+1) || again.UID == c.UID {
			t.Errorf("after the rewind: revision %s, uid %s; want %d and a new uid", again.ResourceVersion, again.UID, rev+1)
		}
		if err := s.Rewind(s.Revision() + 1); err == nil {
			t.Error("rewinding into the future succeeded")
		}
		if err := s.Compact(s.Revision()); err != nil {
			t.Fatal(err)
		}
		if err := s.Rewind(rev); err == nil {
			t.Error("rewinding behind compaction succeeded")
		}
	})
}

// liveHeap is the heap after a collection.
func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
