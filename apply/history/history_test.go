//go:build unix

package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 89, time.UTC)

func TestRoundTrip(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	in := deployment("web")
	in.At = at
	id := mustBegin(t, s, in)
	if id <= 0 || id >= 1<<53 {
		t.Errorf("ID %d does not survive JSON", id)
	}
	want := Entry{ID: id, Intent: in, Outcome: Outcome{State: Unknown}}
	if diff := cmp.Diff([]Entry{want}, mustFind(t, s, Query{Body: true})); diff != "" {
		t.Errorf("before its outcome (-want +got):\n%s", diff)
	}
	out := Outcome{At: at.Add(time.Second), State: Applied, Version: "42", Code: 200, Reason: "OK", Message: "fine", Object: object(3)}
	mustFinish(t, s, id, out)
	s.Close()

	s = mustOpen(t, path, Options{})
	want.Outcome, want.Done = out, true
	want.Outcome.Object = nil
	if diff := cmp.Diff([]Entry{want}, mustFind(t, s, Query{Body: true})); diff != "" {
		t.Errorf("after reopening (-want +got):\n%s", diff)
	}
	if got := mustFind(t, s, Query{})[0].Intent.Body; got != nil {
		t.Errorf("Find returned a body unasked: %q", got)
	}
	v := Version{ID: id, At: out.At, Cluster: in.Cluster, Resource: in.Resource, Namespace: in.Namespace, Name: in.Name, UID: in.UID, Version: "42", Object: object(3)}
	if diff := cmp.Diff([]Version{v}, mustVersions(t, s, in.UID)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestOutcomeTransitions(t *testing.T) {
	const none State = ""
	for _, tt := range []struct {
		first, second, want State
		err                 error
	}{
		{none, Applied, Applied, nil},
		{none, Refused, Refused, nil},
		{none, Failed, Failed, nil},
		{none, Unknown, Unknown, nil},
		{Unknown, Applied, Applied, nil},
		{Unknown, Refused, Refused, nil},
		{Unknown, Failed, Failed, nil},
		{Unknown, Unknown, Unknown, nil},
		{Applied, Unknown, Applied, nil},
		{Applied, Applied, Applied, nil},
		{Applied, Refused, Applied, ErrSettled},
		{Refused, Unknown, Refused, nil},
		{Refused, Applied, Refused, ErrSettled},
		{Failed, Applied, Failed, ErrSettled},
		{none, "maybe", Unknown, errRefused},
	} {
		t.Run(fmt.Sprintf("%s then %s", tt.first, tt.second), func(t *testing.T) {
			s := mustOpen(t, dbPath(t), Options{})
			id := mustBegin(t, s, deployment("web"))
			if tt.first != none {
				mustFinish(t, s, id, Outcome{State: tt.first, Object: object(1)})
			}
			if err := s.Finish(context.Background(), id, Outcome{State: tt.second, Object: object(1)}); !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if got := mustFind(t, s, Query{})[0].Outcome.State; got != tt.want {
				t.Errorf("reads as %s, want %s", got, tt.want)
			}
			wantVersions := 0
			if tt.want == Applied {
				wantVersions = 1
			}
			if got := len(mustVersions(t, s, "uid-web")); got != wantVersions {
				t.Errorf("%d versions, want %d", got, wantVersions)
			}
		})
	}
}

// TestFinishLater: a process that finds an unknown outcome of an earlier one can settle it.
func TestFinishLater(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustBegin(t, s, deployment("web"))
	s.Close()
	s = mustOpen(t, path, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // the person leaves
	id := mustFind(t, s, Query{})[0].ID
	if err := s.Finish(ctx, id, Outcome{State: Applied}); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	if got := mustFind(t, s, Query{})[0].Outcome.State; got != Applied {
		t.Errorf("reads as %s", got)
	}
	if err := s.Finish(context.Background(), id+1, Outcome{State: Applied}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an intent that isn't there: %v", err)
	}
	if _, err := s.Begin(ctx, deployment("web")); !errors.Is(err, context.Canceled) {
		t.Errorf("Begin with a cancelled context: %v", err)
	}
}

func TestFind(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	if got := mustFind(t, s, Query{}); got != nil {
		t.Errorf("an empty history has %v", got)
	}
	for _, n := range []string{"a", "b", "c", "d"} {
		in := deployment(n)
		if n == "c" {
			in.Cluster, in.Namespace, in.Resource = "other", "", "nodes"
		}
		mustBegin(t, s, in)
	}
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, "dcba"},
		{Query{Limit: 2}, "dc"},
		{Query{Name: "b"}, "b"},
		{Query{UID: "uid-a"}, "a"},
		{Query{Cluster: "other"}, "c"},
		{Query{Resource: "deployments.apps"}, "dba"},
		{Query{Namespace: "web", Name: "c"}, ""},
		{Query{Name: `' OR 1=1 --`}, ""},
	} {
		var got string
		for _, e := range mustFind(t, s, tt.q) {
			got += e.Intent.Name
		}
		if got != tt.want {
			t.Errorf("%+v found %q, want %q", tt.q, got, tt.want)
		}
	}
}

func TestLastThreeVersions(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	for i := 1; i <= 5; i++ {
		mustFinish(t, s, mustBegin(t, s, deployment("web")), Outcome{State: Applied, Version: fmt.Sprint(40 + i), Object: object(i)})
	}
	mustFinish(t, s, mustBegin(t, s, deployment("other")), Outcome{State: Applied, Version: "9", Object: object(9)})
	var got []string
	for _, v := range mustVersions(t, s, "uid-web") {
		got = append(got, v.Version+string(v.Object))
	}
	want := []string{"45" + string(object(5)), "44" + string(object(4)), "43" + string(object(3))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := len(mustVersions(t, s, "uid-other")); got != 1 {
		t.Errorf("another object has %d versions", got)
	}
	if got := count(t, s, "versions"); got != 4 {
		t.Errorf("%d versions are stored, want 3 and 1", got)
	}
}

func TestLongBodies(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	rnd := rand.New(rand.NewPCG(1, 2))
	in := deployment("web")
	in.Body = make([]byte, 3<<19) // 1.5 MiB that doesn't compress
	for i := range in.Body {
		in.Body[i] = byte(rnd.Uint32())
	}
	id := mustBegin(t, s, in)
	mustFinish(t, s, id, Outcome{State: Applied, Object: in.Body, Message: strings.Repeat("ü", MaxMessage)})
	e := mustFind(t, s, Query{Body: true})[0]
	if !bytes.Equal(e.Intent.Body, in.Body) || !bytes.Equal(mustVersions(t, s, in.UID)[0].Object, in.Body) {
		t.Error("a long body came back changed")
	}
	if n := len(e.Outcome.Message); n != MaxMessage || strings.ContainsRune(e.Outcome.Message, '\uFFFD') {
		t.Errorf("the message has %d bytes", n)
	}
	in.Body = make([]byte, MaxBody+1)
	if _, err := s.Begin(context.Background(), in); !errors.Is(err, errRefused) {
		t.Errorf("a body beyond MaxBody: %v", err)
	}
}

func TestRetention(t *testing.T) {
	now := at
	s := mustOpen(t, dbPath(t), Options{Now: func() time.Time { return now }, Retention: Retention{Age: 24 * time.Hour, Entries: 10, Versions: 5}})
	for i := range 30 {
		mustFinish(t, s, mustBegin(t, s, deployment(fmt.Sprint(i))), Outcome{State: Applied, Object: object(i)})
	}
	entries := mustFind(t, s, Query{})
	if len(entries) != 10 || entries[0].Intent.Name != "29" || !entries[9].Done {
		t.Errorf("%d entries are left, want the newest 10", len(entries))
	}
	versions := 0
	for i := range 30 {
		versions += len(mustVersions(t, s, fmt.Sprintf("uid-%d", i)))
	}
	if versions != 5 {
		t.Errorf("%d versions are left, want 5", versions)
	}
	now = now.Add(25 * time.Hour)
	mustBegin(t, s, deployment("new"))
	if got := mustFind(t, s, Query{}); len(got) != 1 {
		t.Errorf("%d entries are left a day later, want 1", len(got))
	}
	if got := count(t, s, "outcomes"); got != 0 {
		t.Errorf("%d outcomes are left of intents that are gone", got)
	}
}

func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.handle.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTwoProcessesLoseNothing(t *testing.T) {
	path := dbPath(t)
	const each = 200
	a, b := startChild(t, "write", path, "a", fmt.Sprint(each)), startChild(t, "write", path, "b", fmt.Sprint(each))
	for _, c := range []*child{a, b} {
		if got := c.line(t); got != "ready" {
			t.Fatalf("child: %s", got)
		}
	}
	for _, c := range []*child{a, b} {
		fmt.Fprintln(c.in)
	}
	a.end(t)
	b.end(t)

	s := mustOpen(t, path, Options{})
	got := make(map[string]State)
	keys := make(map[string]bool)
	for _, e := range mustFind(t, s, Query{Limit: 1000}) {
		got[e.Intent.Name] = e.Outcome.State
		if e.Intent.Secret {
			name, _, _ := strings.Cut(e.Intent.Digest, ":")
			keys[name] = true
		}
	}
	want := make(map[string]State)
	for i := range each {
		for _, n := range []string{"a", "b"} {
			want[fmt.Sprintf("%s-%d", n, i)] = []State{Applied, Unknown}[i%2]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(keys) != 1 {
		t.Errorf("two processes made digests with the keys %v", keys)
	}
	integrity(t, s)
}

// integrity runs SQLite's own check.
func integrity(t testing.TB, s *Store) {
	t.Helper()
	var word string
	if err := s.handle.db.QueryRow(`PRAGMA integrity_check`).Scan(&word); err != nil || word != "ok" {
		t.Errorf("integrity_check: %s, %v", word, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	path := dbPath(t)
	stores := []*Store{mustOpen(t, path, Options{}), mustOpen(t, path, Options{})}
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			s := stores[g%2]
			for i := range 10 {
				name := fmt.Sprintf("%d-%d", g, i)
				id, err := s.Begin(context.Background(), deployment(name))
				if err == nil {
					err = s.Finish(context.Background(), id, Outcome{State: Applied, Object: object(i)})
				}
				if err == nil {
					_, err = s.Versions(context.Background(), "uid-"+name)
				}
				if err == nil {
					_, err = s.Find(context.Background(), Query{})
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	wg.Wait()
	entries := mustFind(t, stores[0], Query{})
	if len(entries) != 60 || slices.ContainsFunc(entries, func(e Entry) bool { return e.Outcome.State != Applied }) {
		t.Errorf("%d entries of 60", len(entries))
	}
}

func TestClosed(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	id := mustBegin(t, s, deployment("web"))
	s.Close()
	_, begin := s.Begin(context.Background(), deployment("web"))
	_, find := s.Find(context.Background(), Query{})
	for _, err := range []error{begin, find, s.Finish(context.Background(), id, Outcome{State: Applied}), s.Ready(context.Background())} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestObserve(t *testing.T) {
	var ops []string
	s := mustOpen(t, dbPath(t), Options{Observe: func(op string, took time.Duration) { ops = append(ops, op) }})
	mustFinish(t, s, mustBegin(t, s, deployment("web")), Outcome{State: Applied})
	mustFind(t, s, Query{})
	mustVersions(t, s, "uid-web")
	if diff := cmp.Diff([]string{"put", "put", "get", "get"}, ops); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
