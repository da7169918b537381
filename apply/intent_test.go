package apply

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

const deploymentText = `
metadata:
  labels: {app: web, team: shop}
  annotations: {note: kept}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        ports: [{containerPort: 80, protocol: TCP}]
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
        resources: {limits: {cpu: "1"}}
        command: [run, fast]
      - name: side
        image: side:1
      volumes:
      - name: tmp
        emptyDir: {sizeLimit: 1Gi}
      nodeSelector: {disk: ssd}
`

const widgetText = `
metadata:
  finalizers: [a.dev/one, b.dev/two]
spec:
  size: 3
  ratio: 1.5
  name: w
  port: 80
  limit: 1
  free: {a: {b: [1, 2]}, n: null}
  selector: {x: "1", y: "2"}
  words: {one.dev/a: "1", two: "2"}
  named: {first: {a: "1", b: "2"}}
  tags: [red, green]
  matrix: [[1, 2], [3]]
  parts: [{name: a, size: 1}, {name: b, size: 2, labels: {k: v}}]
  ports: [{port: 80, name: http}, {port: 53, protocol: UDP}]
  template: {apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {any: thing}}
`

// orkaApplied is what orka applied earlier to each of the objects.
var orkaApplied = map[string]string{
	"Deployment": `{metadata: {labels: {team: shop, mine: "1"}}, spec: {replicas: 2, template: {spec: {containers: [{name: mine, image: m:1}]}}}}`,
	"Widget":     `{spec: {words: {mine: "1"}, parts: [{name: c, size: 9}], empty: {a: x}}}`,
}

func leaves(s *fieldpath.Set) []string {
	out := []string{}
	s.Leaves().Iterate(func(p fieldpath.Path) { out = append(out, p.String()) })
	slices.Sort(out)
	return out
}

func TestNewIntent(t *testing.T) {
	container := func(o map[string]any, name string) map[string]any {
		return at(o, "spec", "template", "spec", "containers", "name="+name).(map[string]any)
	}
	spec := func(o map[string]any) map[string]any { return o["spec"].(map[string]any) }
	tests := map[string]struct {
		kind              string
		edit              func(o map[string]any)
		set, own, foreign []string
		notice, err       string
		noChange          bool
		route             Route
	}{
		"nothing":  {edit: func(map[string]any) {}, noChange: true},
		"a value":  {edit: func(o map[string]any) { spec(o)["replicas"] = 3 }, set: []string{".spec.replicas"}},
		"1.0 is 1": {edit: func(o map[string]any) { spec(o)["replicas"] = 2.0 }, noChange: true},
		"an item's value": {edit: func(o map[string]any) { container(o, "side")["image"] = "side:2" },
			set: []string{`.spec.template.spec.containers[name="side"].image`}},
		"a new item": {edit: func(o map[string]any) {
			podSpec := at(o, "spec", "template", "spec").(map[string]any)
			podSpec["containers"] = append([]any{map[string]any{"name": "new", "image": "n:1"}}, podSpec["containers"].([]any)...)
		}, set: []string{`.spec.template.spec.containers[name="new"].image`, `.spec.template.spec.containers[name="new"].name`}},
		"a removed item of others": {edit: func(o map[string]any) {
			podSpec := at(o, "spec", "template", "spec").(map[string]any)
			podSpec["containers"] = slices.DeleteFunc(podSpec["containers"].([]any), func(c any) bool { return at(c, "name") == "side" })
		}, foreign: []string{`.spec.template.spec.containers[name="side"]`}, route: JSONPatch},
		"a removed item of ours": {edit: func(o map[string]any) {
			podSpec := at(o, "spec", "template", "spec").(map[string]any)
			podSpec["containers"] = slices.DeleteFunc(podSpec["containers"].([]any), func(c any) bool { return at(c, "name") == "mine" })
		}, own: []string{`.spec.template.spec.containers[name="mine"]`}},
		"null removes": {edit: func(o map[string]any) { spec(o)["replicas"] = nil }, foreign: []string{".spec.replicas"}, route: JSONPatch},
		"ours and shared labels": {edit: func(o map[string]any) {
			labels := at(o, "metadata", "labels").(map[string]any)
			delete(labels, "mine")
			delete(labels, "team")
		}, own: []string{".metadata.labels.mine"}, foreign: []string{".metadata.labels.team"}, route: JSONPatch},
		"an atomic list": {edit: func(o map[string]any) { container(o, "web")["command"] = []any{"run"} },
			set: []string{`.spec.template.spec.containers[name="web"].command`}, notice: "as a whole"},
		"an atomic map": {edit: func(o map[string]any) {
			at(o, "spec", "template", "spec", "nodeSelector").(map[string]any)["zone"] = "a"
		}, set: []string{".spec.template.spec.nodeSelector"}, notice: "as a whole"},
		"order of a keyed list": {edit: func(o map[string]any) { slices.Reverse(container(o, "web")["env"].([]any)) }, err: "only the order"},
		"order and a value": {edit: func(o map[string]any) {
			slices.Reverse(container(o, "web")["env"].([]any))
			spec(o)["replicas"] = 3
		}, set: []string{".spec.replicas"}, notice: "the server keeps its own"},
		"an empty object": {edit: func(o map[string]any) { container(o, "side")["securityContext"] = map[string]any{} },
			set: []string{`.spec.template.spec.containers[name="side"].securityContext`}},
		"emptied": {edit: func(o map[string]any) {
			at(o, "spec", "template", "spec", "volumes", "name=tmp").(map[string]any)["emptyDir"] = map[string]any{}
		}, set: []string{`.spec.template.spec.volumes[name="tmp"].emptyDir`}, foreign: []string{`.spec.template.spec.volumes[name="tmp"].emptyDir.sizeLimit`}, route: JSONPatch},
		"text for a number": {edit: func(o map[string]any) { spec(o)["replicas"] = "3" }, err: `.spec.replicas: expected a number, got text: write it without quotes`},
		"a number for text": {edit: func(o map[string]any) { at(o, "metadata", "labels").(map[string]any)["team"] = 1 }, err: "put it in quotes"},
		"unknown field":     {edit: func(o map[string]any) { spec(o)["replcias"] = 3 }, err: "there is no such field; did you mean replicas?"},
		"wrong case":        {edit: func(o map[string]any) { container(o, "web")["Image"] = "x" }, err: "did you mean image?"},
		"nothing near":      {edit: func(o map[string]any) { spec(o)["banana"] = 3 }, err: "there is no such field"},
		"list for object":   {edit: func(o map[string]any) { spec(o)["template"] = []any{} }, err: "expected an object, got a list"},
		"twice the same item": {edit: func(o map[string]any) {
			c := container(o, "web")
			c["env"] = append(c["env"].([]any), map[string]any{"name": "A", "value": "3"})
		}, err: "already in the list"},
		"an item without its key": {kind: "Widget", edit: func(o map[string]any) {
			spec(o)["parts"] = append(spec(o)["parts"].([]any), map[string]any{"size": 3})
		}, err: "must have name"},
		"name":               {edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["name"] = "other" }, err: `can't be changed: it is "web"`},
		"namespace":          {edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["namespace"] = "other" }, err: `can't be changed: it is "shop"`},
		"no namespace":       {edit: func(o map[string]any) { delete(at(o, "metadata").(map[string]any), "namespace") }, noChange: true},
		"no name":            {edit: func(o map[string]any) { delete(at(o, "metadata").(map[string]any), "name") }, err: "missing"},
		"kind":               {edit: func(o map[string]any) { o["kind"] = "Pod" }, err: "can't be changed"},
		"another uid":        {edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["uid"] = "uid-2" }, err: "the uid of another object: uid-2, not uid-1"},
		"the same uid":       {edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["uid"] = "uid-1" }, noChange: true},
		"a status":           {edit: func(o map[string]any) { o["status"] = map[string]any{"replicas": 1} }, err: "the status is written by controllers"},
		"resourceVersion":    {edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["resourceVersion"] = "1" }, err: "only the server sets this"},
		"metadata is a list": {edit: func(o map[string]any) { o["metadata"] = []any{1} }, err: "must be an object"},

		"a set's item": {kind: "Widget", edit: func(o map[string]any) { spec(o)["tags"] = []any{"red", "blue"} },
			set: []string{`.spec.tags[="blue"]`}, foreign: []string{`.spec.tags[="green"]`}, route: JSONPatch},
		"keys with dots and slashes": {kind: "Widget", edit: func(o map[string]any) { at(o, "spec", "words").(map[string]any)["one.dev/a"] = "2" },
			set: []string{".spec.words.one.dev/a"}},
		"int to string":       {kind: "Widget", edit: func(o map[string]any) { spec(o)["port"] = "80" }, set: []string{".spec.port"}},
		"quantities are text": {kind: "Widget", edit: func(o map[string]any) { spec(o)["limit"] = "1000m" }, set: []string{".spec.limit"}},
		"lists of lists":      {kind: "Widget", edit: func(o map[string]any) { spec(o)["matrix"] = []any{[]any{1}} }, set: []string{".spec.matrix"}, notice: "as a whole"},
		"unknown fields": {kind: "Widget", edit: func(o map[string]any) { at(o, "spec", "free", "a").(map[string]any)["c"] = map[string]any{"d": 1} },
			set: []string{".spec.free.a.c.d"}},
		"a null that was there": {kind: "Widget", edit: func(o map[string]any) { spec(o)["size"] = 4 }, set: []string{".spec.size"}},
		"an embedded resource": {kind: "Widget", edit: func(o map[string]any) { at(o, "spec", "template", "spec").(map[string]any)["any"] = "x" },
			set: []string{".spec.template.spec.any"}},
		"an object for a value": {kind: "Widget", edit: func(o map[string]any) { at(o, "spec", "free").(map[string]any)["a"] = 1 }, set: []string{".spec.free.a"}},
		"a default key": {kind: "Widget", edit: func(o map[string]any) { at(o, "spec", "ports", "port=80").(map[string]any)["name"] = "web" },
			set: []string{`.spec.ports[port=80,protocol="TCP"].name`}},
		"a move between lists": {kind: "Widget", edit: func(o map[string]any) {
			spec(o)["tags"] = []any{"red"}
			at(o, "spec", "words").(map[string]any)["green"] = "1"
		}, set: []string{".spec.words.green"}, foreign: []string{`.spec.tags[="green"]`}, route: JSONPatch},
		"a finalizer": {kind: "Widget", edit: func(o map[string]any) { at(o, "metadata").(map[string]any)["finalizers"] = []any{"a.dev/one"} },
			set: []string{".metadata.finalizers"}, notice: "as a whole"}, // the rig's Widget says nothing of metadata
		"ours emptied": {kind: "Widget", edit: func(o map[string]any) { spec(o)["empty"] = map[string]any{} },
			set: []string{".spec.empty"}, own: []string{".spec.empty.a"}, route: JSONPatch},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			kind, text := deployments, deploymentText
			if tt.kind == "Widget" {
				kind, text = widgets, widgetText
			}
			c := newCluster(t, kind, text)
			c.apply(FieldManager, parsed(t, orkaApplied[kind.Kind]))
			b := c.base()
			i, err := c.edit(b, tt.edit)
			if tt.noChange {
				if !errors.Is(err, ErrNoChange) {
					t.Fatalf("%v, want ErrNoChange", err)
				}
				return
			}
			if tt.err != "" {
				var draft *DraftError
				if !errors.As(err, &draft) || !strings.Contains(err.Error(), tt.err) || draft.Line == 0 {
					t.Fatalf("%v, want a DraftError with %q and a line", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for what, d := range map[string]string{
				"Set":           cmp.Diff(append([]string{}, tt.set...), leaves(i.Set)),
				"RemoveOwn":     cmp.Diff(append([]string{}, tt.own...), leaves(i.RemoveOwn)),
				"RemoveForeign": cmp.Diff(append([]string{}, tt.foreign...), leaves(i.RemoveForeign)),
			} {
				if d != "" {
					t.Errorf("%s (-want +got):\n%s", what, d)
				}
			}
			if all := strings.Join(i.Notices, "\n"); !strings.Contains(all, tt.notice) || (tt.notice == "" && all != "") {
				t.Errorf("notices %q, want %q", all, tt.notice)
			}
			p, err := newPatch(c.types, b, i)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.route
			if want == "" {
				want = ServerSideApply
			}
			if p.Route != want {
				t.Errorf("route %s, want %s: %s", p.Route, want, p.Body)
			}
			if !json.Valid(p.Body) || !strings.Contains(string(p.Body), b.UID) || !strings.Contains(string(p.Body), "resourceVersion") {
				t.Errorf("the patch lacks uid or resourceVersion: %s", p.Body)
			}
		})
	}
}
