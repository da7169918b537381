package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
	"orka/watch"
)

// What the server, a webhook or the authoriser refuses: rows 7, 8 and 11 of the table in docs/reliability.md.

func TestScenario07Invalid(t *testing.T) {
	cases := []struct {
		name   string
		kind   *watch.Kind
		object string
		edit   func(e *edit)
		// path and text must be in what the person is told.
		path, text string
		fix        func(e *edit)
	}{
		{"immutable", configMaps, "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, immutable: true, data: {shared: old}}",
			func(e *edit) { e.replace("shared: old", "shared: mine") }, "data", "immutable",
			func(e *edit) {
				e.replace("shared: mine", "shared: old").replace("kind: ConfigMap\n", "kind: ConfigMap\n").label("fixed")
			}},
		{"invalid value", configMaps, settings,
			func(e *edit) { e.replace("app: web", "app: not valid!") }, "metadata.labels", "a valid label must be",
			func(e *edit) { e.replace("app: not valid!", "app: valid") }},
		{"invalid number", deployments, web,
			func(e *edit) { e.replace("replicas: 1", "replicas: -1") }, "spec.replicas", "must be greater than or equal to 0",
			func(e *edit) { e.replace("replicas: -1", "replicas: 2") }},
		{"unknown field", deployments, web,
			func(e *edit) { e.replace("replicas: 1", "replicaz: 3\n  replicas: 1") }, "spec.replicaz", "",
			func(e *edit) { e.replace("replicaz: 3\n  replicas: 1", "replicas: 2") }},
		{"wrong type", deployments, web,
			func(e *edit) { e.replace("replicas: 1", "replicas: many") }, "spec.replicas", "",
			func(e *edit) { e.replace("replicas: many", "replicas: 2") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				w.admin.create(c.kind, w.ns, c.object)
				target := w.target(c.kind, strings.TrimSuffix(map[*watch.Kind]string{configMaps: "settings", deployments: "web"}[c.kind], " "))
				before := w.get(target)
				e := w.open(target)
				c.edit(e)
				_, err := e.preview(all)
				if err == nil {
					t.Fatal("taken")
				}
				said := err.Error()
				var rejected *apply.RejectedError
				var draft *apply.DraftError
				switch {
				case errors.As(err, &rejected):
					for _, cause := range rejected.Causes {
						said += "\n" + cause.Path + ": " + cause.Message
					}
					if rejected.Code < 400 || rejected.Reason == "" {
						t.Errorf("no code and reason: %+v", rejected)
					}
				case errors.As(err, &draft):
				default:
					t.Fatalf("got %T: %v", err, err)
				}
				if !strings.Contains(said, c.path) || !strings.Contains(said, c.text) {
					t.Errorf("path %s and %q are not in: %s", c.path, c.text, said)
				}
				w.unchanged(target, before)
				w.wantWrites(0, 0)
				w.wantStates()
				// The draft is still the person's: mended, it goes.
				c.fix(e)
				e.mustCommit(all)
				w.wantWrites(1, 1)
			})
		})
	}
}

// label adds a label to the draft.
func (e *edit) label(name string) *edit {
	return e.change(func(o map[string]any) {
		meta := o["metadata"].(map[string]any)
		labels, _ := meta["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		labels[name] = "yes"
		meta["labels"] = labels
	})
}

// TestScenario07RefusedAtTheWrite is taken by the dry-run and refused by the write itself.
func TestScenario07RefusedAtTheWrite(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		for _, a := range []answer{
			{code: 429, header: map[string]string{"Retry-After": "1", "Content-Type": "application/json"}, body: `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too many requests","reason":"TooManyRequests","code":429}`},
			{code: 403, header: map[string]string{"Content-Type": "application/json"}, body: `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"exceeded quota: small","reason":"Forbidden","code":403}`},
			{code: 413, header: map[string]string{"Content-Type": "text/plain"}, body: "too big"},
		} {
			w.tap.instead(func(s *seen) *answer {
				if s.write() {
					return &a
				}
				return nil
			})
			_, err := e.commit(p, all)
			if r := as[*apply.RejectedError](t, err); r.Code != a.code {
				t.Errorf("code %d, want %d", r.Code, a.code)
			}
			w.unchanged(target, before)
		}
		w.wantStates(history.Refused, history.Refused, history.Refused)
		for i, en := range w.entries() {
			if want := []int{413, 403, 429}[i]; en.Outcome.Code != want {
				t.Errorf("history has code %d, want %d", en.Outcome.Code, want)
			}
		}
	})
}

func TestScenario08WebhookDenies(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		w.hook(webhook{name: "deny.orka.test", review: func(o map[string]any, _ bool) verdict {
			if data, _ := o["data"].(map[string]any); data["shared"] == "mine" {
				return verdict{deny: "shared may not be mine"}
			}
			return verdict{}
		}})
		e := w.open(target).replace("shared: old", "shared: mine")
		_, err := e.preview(all)
		r := as[*apply.RejectedError](t, err)
		if r.Webhook != "deny.orka.test" || r.NoDryRun || !strings.Contains(err.Error(), "shared may not be mine") || !strings.Contains(err.Error(), "deny.orka.test") {
			t.Errorf("got %+v: %v", r, err)
		}
		w.unchanged(target, before)
		w.wantWrites(0, 0)
		e.replace("shared: mine", "shared: yours").mustCommit(all)
	})
}

func TestScenario08WebhookMutates(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.hook(webhook{name: "mutate.orka.test", mutating: true, review: func(map[string]any, bool) verdict {
			return verdict{patch: []map[string]any{{"op": "add", "path": "/data/injected", "value": "sidecar"}}, warnings: []string{"this kind of settings is deprecated"}}
		}})
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		var marked, plain []string
		for _, h := range p.Diff.Hunks {
			for _, l := range h.Lines {
				switch {
				case l.Op == apply.Equal:
				case l.Unexplained:
					marked = append(marked, string(l.Op)+strings.TrimSpace(l.Text))
				default:
					plain = append(plain, string(l.Op)+strings.TrimSpace(l.Text))
				}
			}
		}
		if diff := cmp.Diff([]string{"+injected: sidecar"}, marked); diff != "" || p.Diff.Unexplained != 1 {
			t.Errorf("unexplained (%d, -want +got):\n%s", p.Diff.Unexplained, diff)
		}
		if diff := cmp.Diff([]string{"-shared: old", "+shared: mine"}, plain); diff != "" {
			t.Errorf("explained (-want +got):\n%s", diff)
		}
		if !strings.Contains(strings.Join(p.Warnings, "\n"), "this kind of settings is deprecated") {
			t.Errorf("warnings %q", p.Warnings)
		}
		r, err := e.commit(p, all)
		if err != nil {
			t.Fatal(err)
		}
		if r.Surprises != nil {
			t.Errorf("surprised by what the preview showed: %+v", r.Surprises)
		}
		if diff := cmp.Diff(map[string]any{"theirs": "1", "shared": "mine", "injected": "sidecar"}, at(w.get(target), "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}

// TestScenario08WebhookDiffers does otherwise at the write than it did at the dry-run: that is told.
func TestScenario08WebhookDiffers(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.hook(webhook{name: "differ.orka.test", mutating: true, review: func(_ map[string]any, dryRun bool) verdict {
			return verdict{patch: []map[string]any{{"op": "add", "path": "/data/injected", "value": fmt.Sprint("dry-run ", dryRun)}}}
		}})
		e := w.open(target).replace("shared: old", "shared: mine")
		r := e.mustCommit(all)
		if r.Surprises.Empty() || !strings.Contains(r.Surprises.After, "dry-run false") || strings.Contains(r.Surprises.After, "dry-run true") {
			t.Errorf("surprises %+v", r.Surprises)
		}
		w.wantStates(history.Applied)
	})
}

func TestScenario08WebhookWithoutDryRun(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		w.hook(webhook{name: "effects.orka.test", noDryRun: true, review: func(map[string]any, bool) verdict { return verdict{} }})
		e := w.open(target).replace("shared: old", "shared: mine")
		_, err := e.preview(all)
		r := as[*apply.RejectedError](t, err)
		if !r.NoDryRun || r.Webhook != "effects.orka.test" || !strings.Contains(err.Error(), "effects.orka.test") {
			t.Errorf("got %+v: %v", r, err)
		}
		w.unchanged(target, before)
		consent := apply.Consent{All: true, WithoutDryRun: true}
		p := e.mustPreview(consent)
		if p.Local == "" || !strings.Contains(p.Diff.After, "shared: mine") {
			t.Errorf("local %q, diff %+v", p.Local, p.Diff)
		}
		if _, err := e.commit(p, all); err == nil {
			t.Error("applied without a dry-run, and without consent for that")
		}
		w.unchanged(target, before)
		if _, err := e.commit(p, consent); err != nil {
			t.Fatal(err)
		}
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %v", got)
		}
		w.wantWrites(1, 1)
	})
}

func TestScenario11Permission(t *testing.T) {
	cases := []struct {
		name  string
		verbs []string
		verb  string // the one that is missing
	}{
		{"may read, may not patch", []string{"get", "list", "watch"}, "patch"},
		{"may not read", []string{"patch"}, "get"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				before := w.get(target)
				user := unique("reader")
				w.cluster.grant(t, user, w.ns, "configmaps", c.verbs...)
				orka := w.applier(func(cfg *apply.Config, rc *rest.Config) {
					rc.Impersonate.UserName = user
					cfg.Identity.Impersonating = user
				})
				_, err := orka.Open(t.Context(), target)
				p := as[*apply.PermissionError](t, err)
				if p.Verb != c.verb || p.Target != target {
					t.Errorf("got %+v", p)
				}
				if !strings.Contains(err.Error(), c.verb) || !strings.Contains(err.Error(), "settings") {
					t.Errorf("not clear: %v", err)
				}
				w.unchanged(target, before)
				w.wantWrites(0, 0)
				w.wantStates()
			})
		})
	}
}

// TestScenario11Revoked loses the right while the editor is open.
func TestScenario11Revoked(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		reader := unique("reader")
		w.cluster.grant(t, reader, w.ns, "configmaps", "get")
		e := w.open(target).replace("shared: old", "shared: mine")
		e.orka = w.applier(func(_ *apply.Config, rc *rest.Config) { rc.Impersonate.UserName = reader })
		_, err := e.preview(all)
		var permission *apply.PermissionError
		var rejected *apply.RejectedError
		switch {
		case errors.As(err, &permission):
		case errors.As(err, &rejected) && rejected.Code == 403:
		default:
			t.Errorf("got %T: %v", err, err)
		}
		if !strings.Contains(fmt.Sprint(err), "patch") {
			t.Errorf("the verb is not named: %v", err)
		}
		w.unchanged(target, before)
	})
}

// TestScenario11ReadOnly shows everything and writes nothing.
func TestScenario11ReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		before := w.get(target)
		w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) { cfg.ReadOnly = true })
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		if p.Diff.Empty() {
			t.Error("no difference shown")
		}
		if _, err := e.commit(p, all); !errors.Is(err, apply.ErrReadOnly) {
			t.Errorf("got %v", err)
		}
		w.unchanged(target, before)
		w.wantWrites(0, 0)
		w.wantStates()
	})
}

// TestScenarioGuard refuses wherever freshness can't be established; a dry-run is always possible.
func TestScenarioGuard(t *testing.T) {
	cases := []struct {
		name  string
		sight func(t apply.Target, base *apply.Base) apply.Sight
		want  apply.Condition
	}{
		{"not watched", func(apply.Target, *apply.Base) apply.Sight { return apply.Sight{} }, apply.WatchLive},
		{"backoff", func(t apply.Target, _ *apply.Base) apply.Sight {
			s := live(t)
			s.Status.Phase = watch.Backoff
			return s
		}, apply.WatchLive},
		{"confirmed long ago", func(t apply.Target, _ *apply.Base) apply.Sight {
			s := live(t)
			s.Status.ConfirmedAt = time.Now().Add(-2 * time.Minute)
			return s
		}, apply.WatchLive},
		{"slept", func(t apply.Target, _ *apply.Base) apply.Sight {
			s := live(t)
			s.Status.Suspended = true
			return s
		}, apply.NoSuspend},
		{"newer snapshot", func(t apply.Target, base *apply.Base) apply.Sight {
			s := live(t)
			s.Object = &watch.Object{UID: base.UID, ResourceVersion: base.ResourceVersion + "0"}
			return s
		}, apply.SnapshotAge},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				before := w.get(target)
				e := w.open(target).replace("shared: old", "shared: mine")
				w.sight = func(t apply.Target) apply.Sight { return c.sight(t, e.base) }
				p := e.mustPreview(all)
				var shown []apply.Condition
				for _, check := range apply.Failed(e.orka.Checks(p, all)) {
					shown = append(shown, check.Condition)
				}
				_, err := e.commit(p, all)
				stale := as[*apply.StaleError](t, err)
				var failed []apply.Condition
				for _, check := range stale.Failed {
					failed = append(failed, check.Condition)
				}
				if !cmp.Equal(shown, failed) || !containsCondition(failed, c.want) {
					t.Errorf("shown %v, failed %v, want %s", shown, failed, c.want)
				}
				if !strings.Contains(err.Error(), "--dry-run") {
					t.Errorf("no way out: %v", err)
				}
				w.unchanged(target, before)
				w.wantWrites(0, 0)
				w.wantStates()
			})
		})
	}
}

func containsCondition(list []apply.Condition, c apply.Condition) bool {
	for _, x := range list {
		if x == c {
			return true
		}
	}
	return false
}

// TestScenarioSkippedPreflight still refuses a stale write: uid and version are in the patch.
func TestScenarioSkippedPreflight(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) { cfg.SkipPreflight = true })
		w.sight = func(apply.Target) apply.Sight { return apply.Sight{} }
		e := w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		w.admin.merge(configMaps, w.ns, "settings", `{"data":{"shared":"theirs now"}}`)
		_, err := e.commit(p, all)
		as[*apply.ChangedError](t, err)
		if got := at(w.get(target), "data", "shared"); got != "theirs now" {
			t.Errorf("shared is %v", got)
		}
		w.wantWrites(1, 0)
		w.open(target).replace("shared: theirs now", "shared: mine").mustCommit(all)
		w.wantWrites(2, 1)
	})
}

// failing is a journal that can't be written.
type failing struct{ err error }

func (f failing) Begin(context.Context, history.Intent) (history.ID, error) { return 0, f.err }

func (f failing) Finish(context.Context, history.ID, history.Outcome) error { return f.err }
