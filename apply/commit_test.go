package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/apply/history"
	"orka/watch/sim"
)

func TestCommitSendsThePreviewsBytesOnce(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		var steps []string
		f.orka = f.applier(func(c *Config) { c.FaultPoint = func(s string) { steps = append(steps, s) } })
		p := f.scaled()
		if len(f.log.begun) != 0 || len(steps) != 0 {
			t.Errorf("a preview recorded %v and reached %v", f.log.begun, steps)
		}
		r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
		if err != nil {
			t.Fatal(err)
		}
		dry, writes := f.wire.sent((*passed).dry), f.wire.sent((*passed).write)
		if len(writes) != 1 || len(f.sim.Requests(sim.Match{Verb: "patch", Resource: "deployments.apps"})) != len(dry)+1 {
			t.Fatalf("%d writes, want 1", len(writes))
		}
		last := dry[len(dry)-1]
		if diff := cmp.Diff(string(last.body), string(writes[0].body)); diff != "" {
			t.Errorf("the write is not what was tried (-tried +written):\n%s", diff)
		}
		want := url.Values{"fieldManager": {"orka"}, "fieldValidation": {"Strict"}, "force": {"true"}}
		if diff := cmp.Diff(want, writes[0].query); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		want.Set("dryRun", "All")
		if diff := cmp.Diff(want, last.query); diff != "" {
			t.Errorf("query of the dry-run (-want +got):\n%s", diff)
		}
		if dry[0].query.Has("force") {
			t.Error("the first dry-run forces")
		}
		if ct := writes[0].contentType; ct != "application/apply-patch+yaml" {
			t.Errorf("Content-Type %q", ct)
		}
		var body unstructured.Unstructured
		if err := json.Unmarshal(writes[0].body, &body.Object); err != nil {
			t.Fatal(err)
		}
		if string(body.GetUID()) != p.Base.UID || body.GetResourceVersion() != p.Base.ResourceVersion {
			t.Errorf("the patch is not bound to the object's version: %s", writes[0].body)
		}
		if f.replicas() != 5 {
			t.Errorf("%d replicas", f.replicas())
		}
		stored := f.stored(webTarget)
		if r.UID != string(stored.GetUID()) || r.ResourceVersion != stored.GetResourceVersion() || r.Rebased != 0 || r.Resolved || r.Surprises != nil || len(r.Warnings) > 0 {
			t.Errorf("result %+v", r)
		}
		if diff := cmp.Diff([]string{"guarded", "recorded", "sent", "answered", "finished"}, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if f.log.states() != "applied" {
			t.Errorf("history: %s", f.log.states())
		}
		i := f.log.begun[0]
		if i.Kind != "apps/v1/Deployment" || i.Resource != "deployments.apps" || i.Namespace != "default" || i.Name != "web" || i.UID != r.UID ||
			i.BaseVersion != p.Base.ResourceVersion || i.Route != "apply" || !i.Force || i.User != "alice" || string(i.Body) != string(p.Body) || i.Secret {
			t.Errorf("recorded %+v", i)
		}
		if diff := cmp.Diff([]string{".spec.replicas"}, i.Fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
		if o := f.log.done[0]; o.Version != r.ResourceVersion || !strings.Contains(string(o.Object), `"replicas":5`) || strings.Contains(string(o.Object), "managedFields") {
			t.Errorf("outcome %+v", o)
		}
	})
}

func TestCommitReadOnly(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.orka = f.applier(func(c *Config) { c.ReadOnly = true })
		p := f.scaled() // reading and dry-run go on
		f.wire.reset()
		if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("error %v", err)
		}
		if n := len(f.wire.sent(func(*passed) bool { return true })); n != 0 {
			t.Errorf("%d requests", n)
		}
		if failed := Failed(f.orka.Checks(p, Consent{All: true})); len(failed) != 1 || failed[0].Condition != Writable {
			t.Errorf("checks %+v", failed)
		}
	})
}

func errorOf(_ *Result, err error) error { return err }

func TestCommitAfterAnIdentityChange(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		f.wire.reset()
		for _, change := range []func(*Identity){
			func(i *Identity) { i.Cluster = "https://other.example" }, func(i *Identity) { i.Context = "prod" },
			func(i *Identity) { i.User = "bob" }, func(i *Identity) { i.Impersonating = "root" },
		} {
			a := f.applier(func(c *Config) { change(&c.Identity) })
			stale := asError[*StaleError](t, errorOf(a.Commit(t.Context(), p, Consent{All: true})))
			if len(stale.Failed) != 1 || stale.Failed[0].Condition != SameIdentity {
				t.Errorf("failed %+v", stale.Failed)
			}
		}
		if n := len(f.wire.sent(func(*passed) bool { return true })); n != 0 {
			t.Errorf("%d requests in another's name", n)
		}
	})
}

// TestCommitRefusesWhatCannotBeKnownFresh: each is refused before anything is recorded or sent.
func TestCommitRefusesWhatCannotBeKnownFresh(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(f *flow, p *Preview)
		want  Condition
		text  string
	}{
		{"not watched", func(f *flow, _ *Preview) { f.sight = func(Target) Sight { return Sight{} } }, WatchLive, "deployments.apps are not watched"},
		{"old snapshot", func(f *flow, _ *Preview) {
			old := liveSight(webTarget)
			f.sight = func(Target) Sight { return old }
			pass(76 * time.Second)
		}, WatchLive, "last confirmed 1m16s ago; at most 1m15s is allowed"},
		{"slept", func(f *flow, _ *Preview) {
			f.sight = func(t Target) Sight {
				s := liveSight(t)
				s.Status.Suspended = true
				return s
			}
		}, NoSuspend, "the machine slept"},
		{"being deleted", func(f *flow, _ *Preview) {
			f.merge("theirs", webTarget, `{metadata: {finalizers: [example.dev/hold]}}`)
			f.remove(webTarget)
		}, NotDeleting, "being deleted"},
		{"can't be read", func(f *flow, _ *Preview) {
			f.wire.onBefore(func(s *passed) error {
				if s.read() {
					return errors.New("reset")
				}
				return nil
			})
		}, SameObject, "it can't be read again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				p := f.scaled()
				c.spoil(f, p)
				stale := asError[*StaleError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
				var conditions []Condition
				for _, x := range stale.Failed {
					conditions = append(conditions, x.Condition)
				}
				if !slices.Contains(conditions, c.want) || !strings.Contains(stale.Error(), c.text) || !strings.Contains(stale.Error(), "--dry-run") {
					t.Errorf("failed %v: %s", conditions, stale)
				}
				if len(f.wire.sent((*passed).write)) != 0 || f.log.states() != "" {
					t.Errorf("writes %d, history %q", len(f.wire.sent((*passed).write)), f.log.states())
				}
			})
		})
	}
}

// TestSkipPreflight: without the read and the view's freshness the version in the patch still holds.
func TestSkipPreflight(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.orka = f.applier(func(c *Config) { c.SkipPreflight = true })
		f.sight = func(Target) Sight { return Sight{} }
		p := f.scaled()
		f.wire.reset()
		if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		if n := len(f.wire.sent((*passed).read)); n != 0 {
			t.Errorf("%d reads", n)
		}
		b, i := f.edit(webTarget, "replicas: 5", "replicas: 6")
		p, err := f.orka.Preview(t.Context(), b, i, Consent{})
		if err != nil {
			t.Fatal(err)
		}
		f.merge("theirs", webTarget, `{spec: {replicas: 7}}`)
		changed := asError[*ChangedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		if len(changed.Fields) != 1 || f.replicas() != 7 || f.log.states() != "applied refused" {
			t.Errorf("fields %+v, %d replicas, history %s", changed.Fields, f.replicas(), f.log.states())
		}
	})
}

func TestSurprisesAndWarnings(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		f.wire.onAfter(func(s *passed, resp *http.Response) error {
			if s.write() { // as a mutating webhook does that looks at dryRun
				rewrite(t, resp, func(o *unstructured.Unstructured) {
					o.SetLabels(map[string]string{"app": "web", "team": "red"})
					o.Object["status"] = map[string]any{"replicas": int64(1)}
				})
				resp.Header["Warning"] = []string{`299 - "spec.old is deprecated` + "\u202e" + `"`, `299 - "spec.old is deprecated` + "\u202e" + `"`}
			}
			return nil
		})
		r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Surprises == nil || r.Surprises.Added != 1 || r.Surprises.Deleted != 1 {
			t.Fatalf("surprises %+v", r.Surprises)
		}
		if diff := cmp.Diff([]string{`spec.old is deprecated\u202e`}, r.Warnings); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
	})
}

// TestRefusals: what the server says no to is recorded as refused, and nothing is written.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		action sim.Action
		code   int
		text   string
	}{
		{"forbidden", sim.Forbid{Reason: "no rule"}, 403, "no rule"},
		{"throttled", sim.Status{Code: 429, RetryAfter: 7 * time.Second}, 429, "429"},
		{"conflict of something else", sim.Status{Code: 409, Message: "Operation cannot be fulfilled on resourcequotas"}, 409, "resourcequotas"},
		{"a portal", sim.RawBody{Code: 302, ContentType: "text/html", Body: "<a href=https://portal.example/?token=x>"}, 302, "302 Found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				p := f.scaled()
				f.wire.reset()
				f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Action: c.action})
				start := time.Now()
				err := errorOf(f.orka.Commit(t.Context(), p, Consent{All: true}))
				r := asError[*RejectedError](t, err)
				if r.Code != c.code || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "portal.example") {
					t.Errorf("error %v", err)
				}
				if len(f.wire.sent((*passed).write)) != 1 || f.replicas() != 3 || f.log.states() != "refused" || f.log.done[0].Code != c.code {
					t.Errorf("%d writes, history %+v", len(f.wire.sent((*passed).write)), f.log.done)
				}
				if time.Since(start) > time.Second {
					t.Errorf("it took %s", time.Since(start))
				}
			})
		})
	}
}

// TestCommitCancelledBeforehand: nothing is recorded of what is not sent.
func TestCommitCancelledBeforehand(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := errorOf(f.orka.Commit(ctx, p, Consent{All: true}))
		if !errors.Is(err, context.Canceled) || f.log.states() != "" || len(f.wire.sent((*passed).write)) != 0 {
			t.Errorf("error %v, history %q", err, f.log.states())
		}
	})
}

// TestSecretCommit: the record bears no value but in what the history makes a digest of.
func TestSecretCommit(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(tokenTarget, tokenText)
		p := f.preview(tokenTarget, "aHVudGVyMg==", "bmV3c2VjcmV0")
		if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		data, _, _ := unstructured.NestedStringMap(f.stored(tokenTarget).Object, "data")
		if data["password"] != "bmV3c2VjcmV0" {
			t.Errorf("stored %v", data)
		}
		i, o := f.log.begun[0], f.log.done[0]
		if !i.Secret || o.State != history.Applied {
			t.Errorf("recorded %t %s", i.Secret, o.State)
		}
		rest := fmt.Sprint(i.Fields, o.Message, o.Reason, p.Diff, p.Notices, p.Warnings)
		for _, v := range []string{"aHVudGVyMg==", "bmV3c2VjcmV0", "hunter2", "newsecret"} {
			if strings.Contains(rest, v) {
				t.Errorf("%q is in %s", v, rest)
			}
		}
	})
}
