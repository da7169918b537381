package apply

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"orka/watch/sim"
)

const noDryRun = `{"kind":"Status","code":400,"reason":"BadRequest","message":"admission webhook \"audit.example.dev\" does not support dry run"}`

// TestWebhookWithoutDryRun: refused with its name, and on consent computed here.
func TestWebhookWithoutDryRun(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(webTarget, webText)
		b, i := f.edit(webTarget, "replicas: 3", "replicas: 5")
		f.wire.onAfter(func(s *passed, resp *http.Response) error {
			if s.dry() && resp.StatusCode == http.StatusOK {
				replace(resp, 400, noDryRun)
			}
			return nil
		})
		_, err := f.orka.Preview(t.Context(), b, i, Consent{})
		r := asError[*RejectedError](t, err)
		if !r.NoDryRun || r.Webhook != "audit.example.dev" {
			t.Fatalf("error %+v", r)
		}
		consent := Consent{WithoutDryRun: true, All: true}
		p, err := f.orka.Preview(t.Context(), b, i, consent)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.Local, "audit.example.dev") || p.Diff.Added != 1 || p.Diff.Unexplained != 0 || len(p.Conflicts) != 1 || !p.Force {
			t.Errorf("local %q, diff %+v, conflicts %+v, force %t", p.Local, p.Diff, p.Conflicts, p.Force)
		}
		stale := asError[*StaleError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		if stale.Failed[0].Condition != DryRunFresh {
			t.Errorf("failed %+v", stale.Failed)
		}
		if _, err := f.orka.Commit(t.Context(), p, consent); err != nil || f.replicas() != 5 {
			t.Errorf("commit: %v", err)
		}
	})
}

// TestDryRunFailures: nothing is written, and it says so.
func TestDryRunFailures(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(webTarget, webText)
		b, i := f.edit(webTarget, "replicas: 3", "replicas: 5")
		f.wire.onBefore(func(s *passed) error { return only(s.dry(), errors.New("connection reset")) })
		_, err := f.orka.Preview(t.Context(), b, i, Consent{})
		if err == nil || !strings.Contains(err.Error(), "deployments.apps default/web: dry-run: connection reset; nothing was written") {
			t.Errorf("error %v", err)
		}
		f.wire.onBefore(nil)
		f.sim.Inject(sim.Fault{Match: sim.Match{Verb: "patch"}, Times: 1, Action: sim.Status{Code: 500, Message: "etcdserver: leader changed"}})
		_, err = f.orka.Preview(t.Context(), b, i, Consent{})
		if r := asError[*RejectedError](t, err); r.Code != 500 || !strings.Contains(r.Message, "leader changed") {
			t.Errorf("error %v", err)
		}
		if f.log.states() != "" {
			t.Errorf("recorded %s", f.log.states())
		}
	})
}

// TestFileOfAnAbsentObject: what it would make is shown; a commit makes nothing.
func TestFileOfAnAbsentObject(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		files, err := ParseFiles("web.yaml", []byte(webText), 1<<20, 1000)
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.orka.FileBase(t.Context(), webTarget)
		if err != nil || !b.Absent {
			t.Fatalf("base %+v, error %v", b, err)
		}
		i, err := f.orka.FileIntent(t.Context(), b, files[0])
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.orka.Preview(t.Context(), b, i, Consent{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Diff.Added == 0 || p.Diff.Deleted != 0 {
			t.Errorf("diff +%d -%d", p.Diff.Added, p.Diff.Deleted)
		}
		for _, skip := range []bool{false, true} {
			a := f.applier(func(c *Config) { c.SkipPreflight = skip })
			stale := asError[*StaleError](t, errorOf(a.Commit(t.Context(), p, Consent{All: true})))
			if stale.Failed[0].Condition != SameObject || !strings.Contains(stale.Error(), "there is no such object") {
				t.Errorf("error %v", stale)
			}
		}
		if len(f.wire.sent((*passed).write)) != 0 {
			t.Error("written")
		}
		f.create(webTarget, webText)
		_, err = f.orka.Preview(t.Context(), b, i, Consent{})
		if r := asError[*RejectedError](t, err); r.Code != http.StatusConflict {
			t.Errorf("error %v", err)
		}
	})
}

// TestFileIntent: a file is the whole applied configuration; what it lost goes, without a word of others.
func TestFileCommit(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(configTarget, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {theirs: x}}`)
		commit := func(text string) *Preview {
			files, err := ParseFiles("settings.yaml", []byte(text), 1<<20, 1000)
			if err != nil {
				t.Fatal(err)
			}
			b, err := f.orka.FileBase(t.Context(), configTarget)
			if err != nil {
				t.Fatal(err)
			}
			i, err := f.orka.FileIntent(t.Context(), b, files[0])
			if err != nil {
				t.Fatal(err)
			}
			p, err := f.orka.Preview(t.Context(), b, i, Consent{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.orka.Commit(t.Context(), p, Consent{}); err != nil {
				t.Fatal(err)
			}
			return p
		}
		commit(`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {a: "1", b: "2"}}`)
		commit(`{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {a: "3"}}`)
		data := f.stored(configTarget).Object["data"].(map[string]any)
		if len(data) != 2 || data["a"] != "3" || data["theirs"] != "x" {
			t.Errorf("stored %v", data)
		}
	})
}
