package apply_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
	"orka/watch"
)

// What the documents are like: rows 12 to 14 of the table in docs/reliability.md.

func TestScenario12Secret(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		const before, after, other = "hunter2-before", "hunter2-after", "hunter2-other"
		enc := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		target := w.target(secrets, "token")
		w.admin.create(secrets, w.ns, fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: token}, type: Opaque, data: {password: %s, other: %s}}`, enc(before), enc(other)))
		e := w.open(target).replace(enc(before), enc(after))
		p := e.mustPreview(apply.Consent{})
		if len(p.Conflicts) != 1 || p.Conflicts[0].Path != ".data.password" {
			t.Fatalf("conflicts %+v", p.Conflicts)
		}
		shown := fmt.Sprintf("%+v", p.Diff) + fmt.Sprintf("%+v", p.Conflicts) + fmt.Sprint(p.Warnings, p.Notices)
		for _, h := range p.Diff.Hunks {
			shown += fmt.Sprintf("%+v", h)
		}
		if p.Diff.Added == 0 || p.Diff.Deleted == 0 || !strings.Contains(shown, "*** (before)") || !strings.Contains(shown, "*** (after)") {
			t.Errorf("the change is not shown: %s", shown)
		}
		_, err := e.commit(p, apply.Consent{})
		as[*apply.ConflictError](t, err)
		shown += err.Error()
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{"password": enc(after), "other": enc(other)}, at(w.get(target), "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		// The clear form, which the server turns into data.
		e = w.open(target)
		e.change(func(o map[string]any) { o["stringData"] = map[string]any{"plain": "hunter2-plain"} })
		p = e.mustPreview(all)
		shown += fmt.Sprintf("%+v", p.Diff)
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		if got := at(w.get(target), "data", "plain"); got != enc("hunter2-plain") {
			t.Errorf("plain is %v", got)
		}
		// A value that is no base64: refused without quoting it.
		e = w.open(target).replace(enc(after), "hunter2-invalid!")
		_, err = e.preview(all)
		if err == nil {
			t.Error("not base64, and taken")
		}
		shown += fmt.Sprint(err)
		for _, entry := range w.entries() {
			shown += fmt.Sprintf("%+v", entry)
			if entry.Intent.Digest == "" || entry.Intent.Body != nil {
				t.Errorf("entry of a Secret: %+v", entry.Intent)
			}
		}
		for _, marker := range []string{"hunter2", enc("hunter2")[:8]} {
			if strings.Contains(shown, marker) {
				t.Errorf("%q is shown: %s", marker, shown)
			}
		}
		w.wantStates(history.Applied, history.Applied)
	})
}

const widgets = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.%[1]s.orka.test}
spec:
  group: %[1]s.orka.test
  scope: Namespaced
  names: {plural: %[1]ss, singular: %[1]s, kind: %[2]s}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, format: int64}
              ratio: {type: number}
              port: {x-kubernetes-int-or-string: true}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              mode: {type: string, default: auto}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items: {type: object, required: [name], properties: {name: {type: string}, count: {type: integer}}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
              steps: {type: array, items: {type: string}}
          status: {type: object, properties: {phase: {type: string}}}
`

// custom defines a kind of its own for the test, since definitions have no namespace.
func (w *world) custom() *watch.Kind {
	w.t.Helper()
	name := strings.ReplaceAll(unique("w"), "-", "")
	w.cluster.define(w.t, fmt.Appendf(nil, widgets, name, strings.ToUpper(name[:1])+name[1:]))
	return w.kind(name + "s." + name + ".orka.test")
}

func TestScenario13CustomResource(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		k := w.custom()
		target := w.target(k, "one")
		w.admin.create(k, w.ns, fmt.Sprintf(`
apiVersion: %s
kind: %s
metadata: {name: one}
spec:
  size: 9007199254740993
  ratio: 0.1
  port: http
  free: {deep: {list: [1, two, {three: 3.5}], none: null, big: 9007199254740993, empty: {}}}
  parts: [{name: a, count: 1}, {name: b, count: 2}]
  tags: [x, z]
  steps: [first, second]
`, k.GroupVersion(), k.Kind))
		w.admin.as("controller").mergeSub(k, w.ns, "one", asStatus, `{"status":{"phase":"Ready"}}`)
		before := w.get(target)
		e := w.open(target)
		if strings.Contains(e.draft, "phase: Ready") {
			t.Errorf("the draft has the status:\n%s", e.draft)
		}
		if _, err := e.intent(); !errors.Is(err, apply.ErrNoChange) {
			t.Fatalf("an untouched draft: %v, want no change", err)
		}
		e.replace("port: http", "port: 8080").replace("count: 2", "count: 3").replace("big: 9007199254740993", "big: 9007199254740995").
			replace("- first\n", "- first\n  - half\n").replace("- x\n", "- x\n  - w\n")
		p := e.mustPreview(all)
		if p.Route != apply.ServerSideApply || !strings.Contains(strings.Join(p.Notices, "\n"), ".spec.steps") {
			t.Errorf("route %s, notices %q: an atomic list goes whole", p.Route, p.Notices)
		}
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		after := w.get(target)
		want := before.DeepCopy().Object["spec"].(map[string]any)
		want["port"] = int64(8080)
		want["parts"].([]any)[1].(map[string]any)["count"] = int64(3)
		want["free"].(map[string]any)["deep"].(map[string]any)["big"] = int64(9007199254740995)
		want["steps"] = []any{"first", "half", "second"}
		got := at(after, "spec").(map[string]any)
		tags := fmt.Sprint(got["tags"])
		delete(got, "tags")
		delete(want, "tags")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("spec (-want +got):\n%s", diff)
		}
		for _, tag := range []string{"x", "z", "w"} {
			if !strings.Contains(tags, tag) {
				t.Errorf("tags are %s", tags)
			}
		}
		if got := at(after, "status", "phase"); got != "Ready" {
			t.Errorf("status is %v", at(after, "status"))
		}
		// The status is not the draft's to change.
		e = w.open(target)
		e.change(func(o map[string]any) { o["status"] = map[string]any{"phase": "Mine"} })
		_, err := e.intent()
		if d := as[*apply.DraftError](t, err); !strings.Contains(d.Path, "status") {
			t.Errorf("got %v", err)
		}
	})
}

// TestScenario13StatusMoves has a controller write the status all the time: that costs the edit nothing.
// TestScenario13AwkwardText has values that YAML loses or refuses, where orka owns them and edits beside them.
func TestScenario13AwkwardText(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		awkward := map[string]any{"nel": "p\u0085q", "del": "a\x7fb", "c1": "a\u009bb", "last": "a\uffff"}
		w.admin.as(apply.FieldManager).create(configMaps, w.ns, settings)
		e := w.open(target).change(func(o map[string]any) {
			maps.Copy(o["data"].(map[string]any), awkward)
		})
		e.mustCommit(all)
		e = w.open(target).replace("shared: old", "shared: mine")
		p := e.mustPreview(all)
		if p.Diff.Added != 1 || p.Diff.Deleted != 1 {
			t.Errorf("the difference is\n%+v", p.Diff.Hunks)
		}
		if _, err := e.commit(p, all); err != nil {
			t.Fatal(err)
		}
		for name, want := range awkward {
			if got := at(w.get(target), "data", name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if got := at(w.get(target), "data", "shared"); got != "mine" {
			t.Errorf("shared is %q", got)
		}
	})
}

func TestScenario13StatusMoves(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		k := w.custom()
		target := w.target(k, "one")
		w.admin.create(k, w.ns, fmt.Sprintf(`{apiVersion: %s, kind: %s, metadata: {name: one}, spec: {size: 1}}`, k.GroupVersion(), k.Kind))
		e := w.open(target).replace("size: 1", "size: 2")
		p := e.mustPreview(all)
		n := 0
		w.tap.onBefore(func(s *seen) {
			if s.write() && n < 2 {
				n++
				w.admin.as("controller").mergeSub(k, w.ns, "one", asStatus, fmt.Sprintf(`{"status":{"phase":"Step%d"}}`, n))
			}
		})
		r, err := e.commit(p, all)
		if err != nil || r.Rebased != 2 {
			t.Fatalf("got %+v, %v", r, err)
		}
		after := w.get(target)
		if at(after, "spec", "size") != int64(2) || at(after, "status", "phase") != "Step2" {
			t.Errorf("got %v and %v", at(after, "spec"), at(after, "status"))
		}
		if got := owners(t, after, "controller"); !cmp.Equal(got, []string{"Update/status .status.phase"}) {
			t.Errorf("the controller owns %v", got)
		}
	})
}

// TestScenario14Large edits an object of just under a mebibyte.
func TestScenario14Large(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "large")
		var b strings.Builder
		b.WriteString("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"large\"},\"data\":{\"small\":\"1\"")
		for i := range 250 {
			fmt.Fprintf(&b, ",%q:%q", fmt.Sprintf("key-%03d", i), strings.Repeat(string(rune('a'+i%26)), 4000))
		}
		b.WriteString("}}")
		w.admin.create(configMaps, w.ns, b.String())
		w.orka = w.applier(func(cfg *apply.Config, _ *rest.Config) { cfg.MaxYAMLBytes = 4 << 20 })
		w.open(target).replace(`small: "1"`, `small: "2"`).mustCommit(all)
		after := w.get(target)
		if at(after, "data", "small") != "2" || len(at(after, "data").(map[string]any)) != 251 {
			t.Error("not applied, or something was lost")
		}
		w.wantWrites(1, 1)
		w.wantStates(history.Applied)
	})
}

// TestScenario14Documents are texts that can't be taken, or only look as if they couldn't.
func TestScenario14Documents(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c]\n", c, c, c-1)
	}
	changed := func(d string) string { return strings.Replace(d, "shared: old", "shared: mine", 1) }
	cases := []struct {
		name  string
		draft func(d string) string
		want  string // of the error; "" is taken
	}{
		{"CRLF", func(d string) string { return strings.ReplaceAll(changed(d), "\n", "\r\n") }, ""},
		{"byte order mark", func(d string) string { return "\ufeff" + changed(d) }, ""},
		{"comments", func(d string) string { return "# mine\n---\n" + changed(d) + "# end\n" }, ""},
		{"JSON", func(d string) string { return toJSON(changed(d)) }, ""},
		{"tabs", func(d string) string { return strings.Replace(changed(d), "  shared", "\tshared", 1) }, "tab"},
		{"many documents", func(d string) string { return changed(d) + "---\n" + d }, "document"},
		{"alias bomb", func(d string) string { return changed(d) + bomb }, ""},
		{"deep nesting", func(d string) string { return changed(d) + "deep: " + strings.Repeat("[", 20000) + "\n" }, ""},
		{"duplicate key", func(d string) string { return strings.Replace(d, "shared: old", "shared: mine\n  shared: yours", 1) }, "shared"},
		{"too long", func(d string) string { return changed(d) + "# " + strings.Repeat("x", 2<<20) + "\n" }, "ORKA_MAX_YAML_BYTES"},
		{"empty", func(string) string { return "" }, "empty"},
		{"only comments", func(string) string { return "# nothing\n" }, "empty"},
		{"a list", func(string) string { return "- a\n- b\n" }, ""},
		{"another name", func(d string) string { return strings.Replace(changed(d), "name: settings", "name: others", 1) }, "metadata.name"},
		{"another namespace", func(d string) string { return strings.Replace(changed(d), "namespace: ", "namespace: x", 1) }, "metadata.namespace"},
		{"another kind", func(d string) string { return strings.Replace(changed(d), "kind: ConfigMap", "kind: Secret", 1) }, "kind"},
		{"invalid UTF-8", func(d string) string { return strings.Replace(d, "shared: old", "shared: \"\xff\xfe\"", 1) }, ""},
		{"NUL", func(d string) string { return strings.Replace(d, "shared: old", "shared: \"a\x00b\"", 1) }, ""},
	}
	taken := map[string]bool{"CRLF": true, "byte order mark": true, "comments": true, "JSON": true}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				before := w.get(target)
				e := w.open(target)
				e.draft = c.draft(e.draft)
				var m1, m2 runtime.MemStats
				runtime.ReadMemStats(&m1)
				_, err := e.intent()
				runtime.ReadMemStats(&m2)
				if allocated := (m2.TotalAlloc - m1.TotalAlloc) >> 20; allocated > 256 {
					t.Errorf("it took %d MiB", allocated)
				}
				if taken[c.name] {
					if err != nil {
						t.Fatalf("refused: %v", err)
					}
					e.mustCommit(all)
					if diff := cmp.Diff(map[string]any{"theirs": "1", "shared": "mine"}, at(w.get(target), "data")); diff != "" {
						t.Errorf("data (-want +got):\n%s", diff)
					}
					return
				}
				d := as[*apply.DraftError](t, err)
				if !strings.Contains(err.Error(), c.want) || d.Message == "" || len(err.Error()) > 500 {
					t.Errorf("got %v, want it to say %q", err, c.want)
				}
				w.unchanged(target, before)
				w.wantWrites(0, 0)
			})
		})
	}
}
