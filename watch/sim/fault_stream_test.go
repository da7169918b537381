package sim

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// TestStreamFaults opens a watch on a server that holds a and b as a WatchList, makes c and d, updates c, deletes a and
// waits a bookmark's time.
func TestStreamFaults(t *testing.T) {
	state := []string{"ADDED a", "ADDED b", "BOOKMARK end"}
	for _, tc := range []struct {
		name  string
		fault Action
		times int
		want  []string
	}{
		{"none", nil, 0, append(state[:3:3], "ADDED c", "ADDED d", "MODIFIED c", "DELETED a", "BOOKMARK")},
		{"error at once", StreamError{Code: 410}, 0, []string{"ERROR 410 Expired", "end"}},
		{"error mid-stream", StreamError{Code: 500, After: 4}, 0, append(state[:3:3], "ADDED c", "ERROR 500 InternalError", "end")},
		{"close at once", CloseStream{}, 0, []string{"end"}},
		{"close after three", CloseStream{After: 3}, 0, append(state[:3:3], "ADDED c", "end")},
		{"cut after three", CutStream{After: 3}, 0, append(state[:3:3], "ADDED c", "end")},
		{"no bookmarks", StopBookmarks{}, 0, append(state[:3:3], "ADDED c", "ADDED d", "MODIFIED c", "DELETED a")},
		{"no end of the state", DropInitialEnd{}, 0, []string{"ADDED a", "ADDED b", "ADDED c", "ADDED d", "MODIFIED c", "DELETED a", "BOOKMARK"}},
		{"lost delete", DropEvent{Type: "DELETED"}, 0, append(state[:3:3], "ADDED c", "ADDED d", "MODIFIED c", "BOOKMARK")},
		{"lost by name, once", DropEvent{Name: "c"}, 1, append(state[:3:3], "ADDED d", "MODIFIED c", "DELETED a", "BOOKMARK")},
		{"twice", DuplicateEvent{Type: "MODIFIED"}, 0, append(state[:3:3], "ADDED c", "ADDED d", "MODIFIED c", "MODIFIED c", "DELETED a", "BOOKMARK")},
		{"out of order", ReorderEvent{Name: "d"}, 0, append(state[:3:3], "ADDED c", "MODIFIED c", "ADDED d", "DELETED a", "BOOKMARK")},
		{"stall after three", Stall{After: 3}, 0, state},
		{"undecodable", Undecodable{Name: "c"}, 0, append(state[:3:3], "ERROR 500 InternalError", "end")},
	} {
		for name, config := range map[string]func(*Server) *rest.Config{"json": restConfig, "protobuf": protobufConfig} {
			t.Run(tc.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newServer(t, Config{})
					mustCreate(t, s, testPod("default", "a"), testPod("default", "b"))
					if tc.fault != nil {
						s.Inject(Fault{Match: watchPods, Action: tc.fault, Times: tc.times})
					}
					yes := true
					w, err := typedClient(t, config(s)).CoreV1().Pods("").Watch(testContext(t), metav1.ListOptions{SendInitialEvents: &yes,
						ResourceVersionMatch: "NotOlderThan", AllowWatchBookmarks: true})
					if err != nil {
						t.Fatal(err)
					}
					defer w.Stop()
					got := drain(w)
					c, d := testPod("default", "c"), testPod("default", "d")
					mustCreate(t, s, c, d)
					c.Labels["new"] = "yes"
					if err := s.Update(c); err != nil {
						t.Fatal(err)
					}
					if err := s.Delete(podsGVR, "default", "a"); err != nil {
						t.Fatal(err)
					}
					if !strings.HasSuffix(strings.Join(got, ","), "end") || strings.HasSuffix(strings.Join(got, ","), "BOOKMARK end") {
						got = append(got, drain(w)...)
					}
					if got[max(0, len(got)-1)] != "end" {
						time.Sleep(61 * time.Second)
						got = append(got, drain(w)...)
					}
					if diff := cmp.Diff(tc.want, got); diff != "" {
						t.Errorf("events (-want +got):\n%s", diff)
					}
				})
			})
		}
	}
}

// TestTruncatedFrame cuts an event in half: client-go must not see it.
func TestTruncatedFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		w, err := typedClient(t, protobufConfig(s)).CoreV1().Pods("").Watch(testContext(t), metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		s.Inject(Fault{Match: watchPods, Skip: 1, Action: TruncateFrame{}})
		mustCreate(t, s, testPod("default", "a"), testPod("default", "b"))
		if diff := cmp.Diff([]string{"ADDED a", "end"}, drain(w)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestInjectWhileOpen concerns a stream that is open and idle.
func TestInjectWhileOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		w, err := typedClient(t, protobufConfig(s)).CoreV1().Pods("").Watch(testContext(t), metav1.ListOptions{ResourceVersion: fmt.Sprint(s.Revision())})
		if err != nil {
			t.Fatal(err)
		}
		if got := drain(w); got != nil {
			t.Errorf("idle: %v", got)
		}
		s.Inject(Fault{Match: watchPods, Times: 1, Action: StreamError{Code: 410}})
		if diff := cmp.Diff([]string{"ERROR 410 Expired", "end"}, drain(w)); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}
