package apply_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/apply"
	"orka/apply/history"
)

// Whose field it is: rows 5 and 6 of the table in docs/reliability.md.

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
        ports: [{containerPort: 80, protocol: TCP}]
      - {name: proxy, image: "registry.example/proxy:1"}
`

func TestScenario05Conflict(t *testing.T) {
	cases := []struct {
		name    string
		theirs  func(w *world)
		old     string
		new     string
		path    string
		manager string // as it must be named
		final   func(w *world, target apply.Target) any
		want    any
	}{
		{"scaled", func(w *world) {
			w.admin.as("autoscaler").mergeSub(deployments, w.ns, "web", asScale, `{"spec":{"replicas":3}}`)
		}, "replicas: 3", "replicas: 5", ".spec.replicas", "autoscaler",
			func(w *world, target apply.Target) any { return at(w.get(target), "spec", "replicas") }, int64(5)},
		{"applied", func(w *world) {
			w.admin.as("gitops").apply(deployments, w.ns, "web", `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"template":{"spec":{"containers":[{"name":"proxy","image":"registry.example/proxy:2"}]}}}}`)
		}, "registry.example/proxy:2", "registry.example/proxy:3", `.spec.template.spec.containers[name="proxy"].image`, "gitops",
			func(w *world, target apply.Target) any {
				return at(w.get(target), "spec", "template", "spec", "containers", 1, "image")
			}, "registry.example/proxy:3"},
		{"updated", func(*world) {}, "registry.example/web:1", "registry.example/web:2", `.spec.template.spec.containers[name="web"].image`, "theirs",
			func(w *world, target apply.Target) any {
				return at(w.get(target), "spec", "template", "spec", "containers", 0, "image")
			}, "registry.example/web:2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(deployments, "web")
				w.admin.create(deployments, w.ns, web)
				c.theirs(w)
				before := w.get(target)
				e := w.open(target).replace(c.old, c.new)
				p := e.mustPreview(apply.Consent{})
				if len(p.Conflicts) != 1 || p.Conflicts[0].Path != c.path || !strings.Contains(p.Conflicts[0].Manager, c.manager) || p.Conflicts[0].Removes {
					t.Fatalf("conflicts %+v, want one with %s over %s", p.Conflicts, c.manager, c.path)
				}
				if p.Diff.Empty() || !strings.Contains(p.Diff.After, c.new) {
					t.Errorf("the preview does not show what forcing would do:\n%+v", p.Diff)
				}
				for _, consent := range []apply.Consent{{}, take(".spec.other")} {
					_, err := e.commit(p, consent)
					conflict := as[*apply.ConflictError](t, err)
					if !strings.Contains(err.Error(), c.path) || !strings.Contains(err.Error(), c.manager) || len(conflict.Conflicts) != 1 {
						t.Errorf("error does not name field and manager: %v", err)
					}
				}
				w.unchanged(target, before)
				w.wantWrites(0, 0)
				w.wantStates()
				if _, err := e.commit(p, take(c.path)); err != nil {
					t.Fatalf("with consent: %v", err)
				}
				if got := c.final(w, target); got != c.want {
					t.Errorf("got %v, want %v", got, c.want)
				}
				after := w.get(target)
				// A list's item comes with its key.
				if got := withoutKeys(owners(t, after, apply.FieldManager)); !cmp.Equal(got, []string{"Apply " + c.path}) {
					t.Errorf("orka owns %v, want %s alone", got, c.path)
				}
				for _, path := range owners(t, before, "theirs") {
					if !strings.HasSuffix(path, " "+c.path) && !contains(owners(t, after, "theirs"), path) {
						t.Errorf("theirs lost %s", path)
					}
				}
				w.wantWrites(1, 1)
				w.wantStates(history.Applied)
				if en := w.entries()[0]; !en.Intent.Force || !contains(en.Intent.Fields, c.path) {
					t.Errorf("history entry %+v", en.Intent)
				}
			})
		})
	}
}

// withoutKeys leaves out the keys of containers.
func withoutKeys(paths []string) []string {
	var out []string
	for _, p := range paths {
		if !strings.HasSuffix(p, "].name") {
			out = append(out, p)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// TestScenario05Leave lets the other manager keep its field and writes the rest.
func TestScenario05Leave(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target).replace("shared: old", "shared: mine").replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
		leave := apply.Consent{Leave: map[string]bool{".data.shared": true}}
		p := e.mustPreview(leave)
		if len(p.Conflicts) != 0 || p.Force {
			t.Errorf("conflicts %+v, force %v", p.Conflicts, p.Force)
		}
		if _, err := e.commit(p, leave); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"theirs": "1", "shared": "old", "ours": "1"}, at(w.get(target), "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		e = w.open(target).replace("shared: old", "shared: mine")
		if _, err := e.preview(leave); !errors.Is(err, apply.ErrNoChange) {
			t.Errorf("got %v, want that nothing remains", err)
		}
	})
}

// TestScenario05OwnUpdates are no conflict: an earlier JSON patch of orka's made it an updater of the field.
func TestScenario05OwnUpdates(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.open(target).replace("  shared: old\n", "").replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n").mustCommit(all) // a JSON patch
		if got := owners(t, w.get(target), apply.FieldManager); !cmp.Equal(got, []string{"Update .data.ours"}) {
			t.Fatalf("orka owns %v", got)
		}
		e := w.open(target).replace(`ours: "1"`, `ours: "2"`)
		p := e.mustPreview(apply.Consent{})
		if len(p.Conflicts) != 0 || p.Route != apply.ServerSideApply {
			t.Fatalf("route %s, conflicts %+v", p.Route, p.Conflicts)
		}
		if _, err := e.commit(p, apply.Consent{}); err != nil {
			t.Fatal(err)
		}
		if got := at(w.get(target), "data", "ours"); got != "2" {
			t.Errorf("ours is %v", got)
		}
	})
}

func TestScenario06RemoveOwn(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.open(target).replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n  more: \"1\"\n").mustCommit(apply.Consent{})
		e := w.open(target).replace("  ours: \"1\"\n", "")
		p := e.mustPreview(apply.Consent{})
		if p.Route != apply.ServerSideApply || len(p.Conflicts) != 0 || p.Intent.RemoveOwn.Size() != 1 || !p.Intent.RemoveForeign.Empty() {
			t.Fatalf("route %s, conflicts %v, intent %+v", p.Route, p.Conflicts, p.Intent)
		}
		if _, err := e.commit(p, apply.Consent{}); err != nil {
			t.Fatal(err)
		}
		after := w.get(target)
		if diff := cmp.Diff(map[string]any{"theirs": "1", "shared": "old", "more": "1"}, at(after, "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		if got := owners(t, after, apply.FieldManager); !cmp.Equal(got, []string{"Apply .data.more"}) {
			t.Errorf("orka owns %v", got)
		}
		w.wantWrites(2, 2)
		w.wantStates(history.Applied, history.Applied)
	})
}

// TestScenario06EarlierFieldsKept edits twice: what the first edit set is not given up by the second one's apply.
func TestScenario06EarlierFieldsKept(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(deployments, "web")
		w.admin.create(deployments, w.ns, web)
		w.open(target).replace("registry.example/proxy:1", "registry.example/proxy:2").mustCommit(all)
		w.open(target).replace("replicas: 1", "replicas: 2").mustCommit(all)
		w.open(target).replace("name: web\n  namespace", "name: web\n  labels: {tier: front}\n  namespace").mustCommit(all)
		after := w.get(target)
		want := []string{"Apply .metadata.labels.tier", "Apply .spec.replicas", `Apply .spec.template.spec.containers[name="proxy"].image`}
		if diff := cmp.Diff(want, withoutKeys(owners(t, after, apply.FieldManager))); diff != "" {
			t.Errorf("orka owns (-want +got):\n%s", diff)
		}
		if got := at(after, "spec", "template", "spec", "containers", 1, "image"); got != "registry.example/proxy:2" {
			t.Errorf("image %v", got)
		}
		if got := at(after, "spec", "replicas"); got != int64(2) {
			t.Errorf("replicas %v", got)
		}
	})
}

func TestScenario06RemoveForeign(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(w *world)
		manager string
	}{
		{"another's", func(*world) {}, "theirs"},
		{"shared with orka", func(w *world) { // both own it
			w.orkaApply(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"shared":"old"}}`)
		}, "theirs"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				c.prepare(w)
				before := w.get(target)
				e := w.open(target).replace("  shared: old\n", "").replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
				p := e.mustPreview(apply.Consent{})
				if p.Route != apply.JSONPatch || len(p.Conflicts) != 1 || !p.Conflicts[0].Removes || p.Conflicts[0].Path != ".data.shared" || !strings.Contains(p.Conflicts[0].Manager, c.manager) {
					t.Fatalf("route %s, conflicts %+v", p.Route, p.Conflicts)
				}
				for _, needed := range []string{`"test"`, "/metadata/uid", "/metadata/resourceVersion", "/data/shared"} {
					if !strings.Contains(string(p.Body), needed) {
						t.Errorf("the patch lacks %s: %s", needed, p.Body)
					}
				}
				_, err := e.commit(p, apply.Consent{})
				as[*apply.ConflictError](t, err)
				w.unchanged(target, before)
				w.wantWrites(0, 0)
				if _, err := e.commit(p, take(".data.shared")); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(map[string]any{"theirs": "1", "ours": "1"}, at(w.get(target), "data")); diff != "" {
					t.Errorf("data (-want +got):\n%s", diff)
				}
				w.wantWrites(1, 1)
				w.wantStates(history.Applied)
				if en := w.entries()[0]; en.Intent.Route != string(apply.JSONPatch) || !contains(en.Intent.Fields, ".data.shared") {
					t.Errorf("history entry %+v", en.Intent)
				}
			})
		})
	}
}

// orkaApply is an apply of an earlier orka, made without this one.
func (w *world) orkaApply(text string) {
	w.t.Helper()
	w.admin.as(apply.FieldManager).apply(configMaps, w.ns, "settings", text)
}

// TestScenario06RemoveNobodys removes a field whose owner left it: nobody is asked, but the person is.
func TestScenario06RemoveNobodys(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		w.admin.merge(configMaps, w.ns, "settings", `{"metadata":{"managedFields":[{}]}}`) // resets all ownership
		e := w.open(target).replace("  shared: old\n", "")
		p := e.mustPreview(apply.Consent{})
		if p.Route != apply.JSONPatch || len(p.Conflicts) != 1 || !p.Conflicts[0].Removes {
			t.Fatalf("route %s, conflicts %+v", p.Route, p.Conflicts)
		}
		_, err := e.commit(p, apply.Consent{})
		as[*apply.ConflictError](t, err)
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"theirs": "1"}, at(w.get(target), "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
	})
}

// TestScenario06ListItem removes a container: the item goes, its neighbours stay.
func TestScenario06ListItem(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(deployments, "web")
		w.admin.create(deployments, w.ns, web)
		e := w.open(target)
		e.change(func(o map[string]any) {
			spec := o["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
			spec["containers"] = spec["containers"].([]any)[:1]
		})
		p := e.mustPreview(apply.Consent{})
		if p.Route != apply.JSONPatch || len(p.Conflicts) == 0 {
			t.Fatalf("route %s, conflicts %+v", p.Route, p.Conflicts)
		}
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		list := at(w.get(target), "spec", "template", "spec", "containers").([]any)
		if len(list) != 1 || list[0].(map[string]any)["name"] != "web" {
			t.Errorf("containers %v", list)
		}
	})
}
