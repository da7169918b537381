package apply

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch"
)

// guarded are facts of which every condition holds.
func guarded() Facts {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	object := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "web"}}}
	base := &Base{Target: webTarget, UID: "u1", ResourceVersion: "100", Object: object}
	live := *base
	me := Identity{Cluster: "https://cluster.example", Context: "test", User: "alice"}
	return Facts{
		Now: at, Identity: me, Live: &live,
		Preview: &Preview{Base: base, Identity: me, At: at.Add(-3 * time.Second)},
		Sight: Sight{
			Status: &watch.Status{Phase: watch.Live, Complete: true, ConfirmedAt: at.Add(-4 * time.Second)},
			Object: &watch.Object{UID: "u1", ResourceVersion: "100"},
		},
	}
}

func TestGuardHolds(t *testing.T) {
	want := []string{
		"writable: writing is on",
		"watch-live: deployments.apps are watched live, confirmed 4s ago",
		"no-suspend: the machine has not slept since",
		"same-object: the server still has version 100",
		"snapshot: the watch has seen this very version",
		"not-deleting: it is not being deleted",
		"dry-run: the server tried it 3s ago",
		"same-identity: context and user are those of the dry-run",
		"consent: no field of others is touched",
	}
	checks := Guard(guarded())
	if len(checks) != len(want) {
		t.Fatalf("%d checks, want %d", len(checks), len(want))
	}
	for i, c := range checks {
		if got := string(c.Condition) + ": " + c.Reason; got != want[i] || c.Verdict != Holds {
			t.Errorf("check %d: %s (verdict %d), want %s", i, got, c.Verdict, want[i])
		}
	}
}

// TestGuard spoils one thing at a time: exactly the named conditions change.
func TestGuard(t *testing.T) {
	type change struct {
		condition Condition
		verdict   Verdict
		reason    string
	}
	for _, c := range []struct {
		name  string
		spoil func(f *Facts)
		want  []change
	}{
		{"read-only", func(f *Facts) { f.ReadOnly = true }, []change{{Writable, Fails, "orka is read-only"}}},
		{"no watcher", func(f *Facts) { f.Sight.Status = nil }, []change{
			{WatchLive, Fails, "deployments.apps are not watched, so nothing tells whether what you see is current"}, {NoSuspend, Fails, "nothing was confirmed yet"}}},
		{"polled", func(f *Facts) { f.Sight.Status.Phase = watch.Polling }, []change{{WatchLive, Fails, "deployments.apps can't be watched, so nothing tells whether what you see is current"}}},
		{"backing off", func(f *Facts) { f.Sight.Status.Phase = watch.Backoff }, []change{{WatchLive, Fails, "the watch of deployments.apps is not live (Backoff)"}}},
		{"first list", func(f *Facts) { f.Sight.Status.Complete = false }, []change{{WatchLive, Fails, "the watch of deployments.apps is not live (Live)"}}},
		{"never confirmed", func(f *Facts) { f.Sight.Status.ConfirmedAt = time.Time{} }, []change{{WatchLive, Fails, "deployments.apps were not confirmed yet"}}},
		{"confirmed 75s ago", func(f *Facts) { f.Sight.Status.ConfirmedAt = f.Now.Add(-75 * time.Second) }, []change{{WatchLive, Holds, "deployments.apps are watched live, confirmed 1m15s ago"}}},
		{"confirmed 76s ago", func(f *Facts) { f.Sight.Status.ConfirmedAt = f.Now.Add(-76 * time.Second) }, []change{{WatchLive, Fails, "deployments.apps were last confirmed 1m16s ago; at most 1m15s is allowed"}}},
		{"a smaller age", func(f *Facts) { f.MaxSnapshotAge = 3 * time.Second }, []change{{WatchLive, Fails, "deployments.apps were last confirmed 4s ago; at most 3s is allowed"}}},
		{"clock set back", func(f *Facts) { f.Now = f.Now.Add(-time.Hour) }, []change{
			{WatchLive, Fails, "the clock was set back since deployments.apps were last confirmed"}, {DryRunFresh, Fails, "the clock was set back since the dry-run"}}},
		{"suspended", func(f *Facts) { f.Sight.Status.Suspended = true }, []change{{NoSuspend, Fails, "the machine slept since the view was last confirmed"}}},
		{"not read yet", func(f *Facts) { f.Live = nil }, []change{{SameObject, Pending, "it is read again right before the write"}}},
		{"gone", func(f *Facts) { f.Live, f.Gone = nil, true }, []change{{SameObject, Fails, "the object was deleted"}}},
		{"unreadable", func(f *Facts) { f.Live, f.ReadError = nil, errors.New("no answer within 10s") }, []change{{SameObject, Fails, "it can't be read again: no answer within 10s"}}},
		{"recreated", func(f *Facts) { f.Live.UID = "u2" }, []change{{SameObject, Fails, "another object has its name now"}}},
		{"moved", func(f *Facts) { f.Live.ResourceVersion = "101" }, []change{{SameObject, Fails, "it changed on the server since (version 100, now 101)"}}},
		{"absent", func(f *Facts) { f.Preview.Base.Absent = true }, []change{{SameObject, Fails, "there is no such object, and orka makes none"}}},
		{"not in the snapshot", func(f *Facts) { f.Sight.Object = nil }, []change{{SnapshotAge, Holds, "the watch has seen nothing newer"}}},
		{"watch behind", func(f *Facts) { f.Sight.Object.ResourceVersion = "99" }, []change{{SnapshotAge, Holds, "the watch has seen nothing newer"}}},
		{"watch ahead", func(f *Facts) { f.Sight.Object.ResourceVersion = "1000" }, []change{{SnapshotAge, Fails, "the watch has seen a newer version (1000) than the one you edited (100)"}}},
		{"watch saw a later one of the name", func(f *Facts) { f.Sight.Object = &watch.Object{UID: "u2", ResourceVersion: "101"} }, []change{{SnapshotAge, Fails, "the watch has seen another object of this name"}}},
		{"watch still has the one before", func(f *Facts) { f.Sight.Object = &watch.Object{UID: "u0", ResourceVersion: "90"} }, []change{{SnapshotAge, Holds, "the watch has seen nothing newer"}}},
		{"versions of another sort", func(f *Facts) { f.Sight.Object.ResourceVersion = "v7" }, []change{{SnapshotAge, Fails, "the watch has seen version v7, which can't be compared with 100"}}},
		{"being deleted", func(f *Facts) {
			f.Live.Object = f.Live.Object.DeepCopy()
			f.Live.Object.SetDeletionTimestamp(&metav1.Time{Time: f.Now})
		}, []change{{NotDeleting, Fails, "the object is being deleted"}}},
		{"dry-run 60s old", func(f *Facts) { f.Preview.At = f.Now.Add(-time.Minute) }, []change{{DryRunFresh, Holds, "the server tried it 1m0s ago"}}},
		{"dry-run 61s old", func(f *Facts) { f.Preview.At = f.Now.Add(-61 * time.Second) }, []change{{DryRunFresh, Fails, "the dry-run is 1m1s old; at most 1m0s is allowed"}}},
		{"no dry-run", func(f *Facts) { f.Preview.Local = "it can't be" }, []change{{DryRunFresh, Fails, "there was no dry-run: it can't be"}}},
		{"no dry-run, agreed", func(f *Facts) { f.Preview.Local, f.Consent.WithoutDryRun = "it can't be", true }, []change{{DryRunFresh, Skipped, "no dry-run, as you agreed: it can't be"}}},
		{"another cluster", func(f *Facts) { f.Identity.Cluster = "https://other.example" }, []change{{SameIdentity, Fails, "context or user is not the one of the dry-run"}}},
		{"another user", func(f *Facts) { f.Identity.Impersonating = "root" }, []change{{SameIdentity, Fails, "context or user is not the one of the dry-run"}}},
		{"conflict", func(f *Facts) {
			f.Preview.Conflicts = []Conflict{{Path: ".a"}, {Path: ".b"}}
			f.Consent.Take = map[string]bool{".a": true}
		}, []change{{Consented, Fails, "fields of others that wait for your consent: 1 of 2"}}},
		{"conflict left alone is no consent", func(f *Facts) {
			f.Preview.Conflicts = []Conflict{{Path: ".a"}}
			f.Consent.Leave = map[string]bool{".a": true}
		}, []change{{Consented, Fails, "fields of others that wait for your consent: 1 of 1"}}},
		{"conflicts taken", func(f *Facts) { f.Preview.Conflicts = []Conflict{{Path: ".a"}, {Path: ".b"}}; f.Consent.All = true }, []change{{Consented, Holds, "fields of others that you take over: 2"}}},
		{"no preflight", func(f *Facts) { f.SkipPreflight, f.Live, f.Sight.Status = true, nil, nil }, []change{
			{WatchLive, Skipped, "freshness of the view: not looked at (ORKA_DISABLE_APPLY_PREFLIGHT)"},
			{NoSuspend, Skipped, "suspend: not looked at (ORKA_DISABLE_APPLY_PREFLIGHT)"},
			{SameObject, Skipped, "reading it again before the write: left out (ORKA_DISABLE_APPLY_PREFLIGHT)"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := guarded()
			c.spoil(&f)
			want := map[Condition]change{}
			for _, w := range c.want {
				want[w.condition] = w
			}
			failing := 0
			for _, got := range Guard(f) {
				w, spoilt := want[got.Condition]
				switch {
				case !spoilt && got.Verdict != Holds:
					t.Errorf("%s: verdict %d (%s), and nothing was done to it", got.Condition, got.Verdict, got.Reason)
				case spoilt && (got.Verdict != w.verdict || got.Reason != w.reason):
					t.Errorf("%s: verdict %d, %q; want %d, %q", got.Condition, got.Verdict, got.Reason, w.verdict, w.reason)
				}
				if got.Verdict == Fails {
					failing++
				}
			}
			if got := len(Failed(Guard(f))); got != failing {
				t.Errorf("Failed has %d of %d", got, failing)
			}
		})
	}
}

// TestSkipPreflightKeepsTheRest: the switch never lets through what is known to be wrong.
func TestSkipPreflightKeepsTheRest(t *testing.T) {
	f := guarded()
	f.SkipPreflight, f.ReadOnly, f.Preview.Local = true, true, "it can't be"
	f.Identity.User, f.Sight.Object.ResourceVersion = "bob", "200"
	f.Preview.Conflicts = []Conflict{{Path: ".a"}}
	f.Preview.Base.Absent = true
	var failed []string
	for _, c := range Failed(Guard(f)) {
		failed = append(failed, string(c.Condition))
	}
	if got, want := strings.Join(failed, " "), "writable same-object snapshot dry-run same-identity consent"; got != want {
		t.Errorf("failed: %s; want %s", got, want)
	}
}
