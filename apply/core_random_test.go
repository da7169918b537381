package apply

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	evanphx "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"

	"orka/watch"
)

var (
	coreSeed  = flag.Uint64("apply.core.seed", 0, "the one seed the random tests of the core run; 0 is new ones")
	coreCases = flag.Int("apply.core.cases", 20, "how many seeds the random tests of the core run, per kind")
)

// subjects are what random objects are mutations of.
var subjects = []struct {
	kind *watch.Kind
	text string
}{
	{deployments, deploymentText},
	{widgets, widgetText},
	{looses, widgetText}, // no schema: everything is deduced
	{services, `{metadata: {labels: {a: b}}, spec: {type: ClusterIP, selector: {app: web}, ports: [{port: 80, targetPort: http, protocol: TCP}, {port: 443, name: tls, protocol: TCP}], externalIPs: [1.2.3.4]}}`},
	{configMaps, `{metadata: {annotations: {a.dev/b: c}}, data: {a: "1", b.txt: "two\nlines\n", "on": "yes"}, binaryData: {x: AAAA}}`},
	{secrets, `{type: Opaque, metadata: {labels: {a: b}}, data: {a: c2VjcmV0LW9uZQ==, b: c2VjcmV0LXR3bw==}}`},
	{pods, `{metadata: {finalizers: [a/b, c/d], labels: {x: "1"}}, spec: {nodeName: n1, tolerations: [{key: a, operator: Exists}], containers: [{name: a, image: a:1, env: [{name: A, value: "1"}, {name: B, value: "2"}], volumeMounts: [{name: v, mountPath: /v}]}, {name: b, image: b:1}], volumes: [{name: v, emptyDir: {}}, {name: c, configMap: {name: c, items: [{key: k, path: p}]}}]}}`},
}

// forSeeds runs a random test for several seeds of each subject; a failure names its seed.
func forSeeds(t *testing.T, test func(t *testing.T, c *cluster, r *rand.Rand)) {
	for _, s := range subjects {
		t.Run(s.kind.Kind, func(t *testing.T) {
			for n := range *coreCases {
				seed := rand.Uint64()
				if *coreSeed != 0 {
					seed = *coreSeed
				}
				ok := t.Run(fmt.Sprintf("%d", n), func(t *testing.T) {
					defer func() {
						if t.Failed() {
							t.Logf("again: -run '%s' -apply.core.seed=%d", t.Name(), seed)
						}
					}()
					c := newCluster(t, s.kind, s.text)
					r := rng(seed)
					c.history(r)
					test(t, c, r)
				})
				if !ok || *coreSeed != 0 {
					return
				}
			}
		})
	}
}

// history has several managers write the object before.
func (c *cluster) history(r *rand.Rand) {
	for range r.IntN(4) {
		o := runtime.DeepCopyJSON(c.object)
		m := &mutator{typer: c.types, r: r}
		m.change(o)
		switch r.IntN(3) {
		case 0:
			c.update([]string{"controller", "kubectl-edit", FieldManager}[r.IntN(3)], o)
		default: // a part of the object, sometimes changed, is applied
			v := c.typed(o)
			set, err := v.ToFieldSet()
			if err != nil {
				c.t.Fatal(err)
			}
			part := fieldpath.NewSet()
			set.Leaves().Iterate(func(p fieldpath.Path) {
				if r.IntN(3) == 0 {
					part.Insert(p.Copy())
				}
			})
			config := c.types.project(o, part)
			if valid(c.types, config) {
				c.apply([]string{FieldManager, FieldManager, "helm"}[r.IntN(3)], config)
			}
		}
		dropNulls(c.object, nil)
	}
}

// valid reports whether a configuration can be applied: without items twice or without key.
func valid(t *typer, config map[string]any) bool {
	return len(t.validate(config, nil)) == 0
}

// mutator changes random places of an object so that it still fits its schema.
type mutator struct {
	*typer
	r *rand.Rand
	// only are the paths that may be changed, nil for all.
	allowed func(path fieldpath.Path) bool
	count   int
}

func (m *mutator) may(path fieldpath.Path) bool { return m.allowed == nil || m.allowed(path) }

// change makes one to four changes below metadata.labels, annotations, spec and data.
func (m *mutator) change(o map[string]any) {
	for range 1 + m.r.IntN(4) {
		m.count = 0
		var places []func()
		m.places(nil, m.ref, o, func(any) {}, &places)
		if len(places) == 0 {
			return
		}
		places[m.r.IntN(len(places))]()
	}
}

// places lists what can be done to a value and what is in it.
func (m *mutator) places(path fieldpath.Path, ref schema.TypeRef, v any, set func(any), out *[]func()) {
	if len(path) == 1 && slices.Contains([]string{"apiVersion", "kind", "status", "type", "immutable"}, *path[0].FieldName) {
		return
	}
	if len(path) == 2 && *path[0].FieldName == "metadata" && !slices.Contains([]string{"labels", "annotations", "finalizers"}, *path[1].FieldName) {
		return
	}
	mm, l := m.open(ref, v)
	add := func(f func()) {
		if m.may(path) {
			*out = append(*out, f)
		}
	}
	switch x := v.(type) {
	case map[string]any:
		secret := len(path) == 1 && *path[0].FieldName == "data"
		if mm == nil {
			if a := m.atom(ref, v); a.Map == nil || len(a.Map.Fields) > 0 {
				return
			}
			add(func() { set(map[string]any{"k" + fmt.Sprint(m.r.IntN(5)): "v" + fmt.Sprint(m.r.IntN(5))}) })
			return
		}
		for _, name := range sortedKeys(x) {
			below := append(slices.Clip(path), fieldpath.FieldNameElement(name))
			if len(path) > 0 && name != "name" && m.may(below) && !key(path, name) && !(len(path) == 1 && *path[0].FieldName == "metadata") {
				*out = append(*out, func() { delete(x, name) })
			}
			if key(path, name) {
				continue
			}
			m.places(below, field(mm, name), x[name], func(n any) { x[name] = n }, out)
		}
		if _, ok := mm.FindField("name"); ok || len(path) == 0 {
			return
		}
		if a := m.atom(mm.ElementType, "s"); a.Scalar != nil && len(mm.Fields) == 0 {
			name := fmt.Sprintf("x.dev/%d", m.r.IntN(20))
			below := append(slices.Clip(path), fieldpath.FieldNameElement(name))
			if _, ok := x[name]; !ok && m.may(below) {
				*out = append(*out, func() {
					x[name] = "n" + fmt.Sprint(m.r.IntN(3))
					if secret {
						x[name] = "bmV3" // base64 also where it need not be
					}
				})
			}
		}
	case []any:
		if l == nil {
			if len(x) > 0 {
				add(func() { set(append(slices.Clone(x), runtime.DeepCopyJSONValue(x[m.r.IntN(len(x))]))) })
				add(func() { set(slices.Clone(x[1:])) })
			}
			return
		}
		for n, item := range x {
			pe, ok := m.element(l, item)
			if !ok {
				return
			}
			below := append(slices.Clip(path), pe)
			if m.may(below) {
				*out = append(*out, func() { set(slices.Delete(slices.Clone(x), n, n+1)) })
			}
			if len(l.Keys) > 0 {
				m.places(below, l.ElementType, item, func(v any) { x[n] = v }, out)
			}
		}
		if len(x) > 0 {
			fresh := runtime.DeepCopyJSONValue(x[0])
			if f, ok := fresh.(map[string]any); ok {
				k := l.Keys[0]
				switch f[k].(type) {
				case string:
					f[k] = fmt.Sprintf("new%d", m.r.IntN(6))
				default:
					f[k] = int64(1000 + m.r.IntN(6))
				}
			} else {
				fresh = fmt.Sprintf("new%d", m.r.IntN(6))
			}
			pe, _ := m.element(l, fresh)
			index := m.items(l, x)
			if below := append(slices.Clip(path), pe); len(index.find(pe)) == 0 && m.may(below) {
				*out = append(*out, func() { set(slices.Insert(slices.Clone(x), m.r.IntN(len(x)+1), fresh)) })
			}
		}
	case string:
		if len(path) > 1 && (*path[0].FieldName == "data" || *path[0].FieldName == "binaryData") {
			add(func() { set([]string{"AAAA", "BBBB", "Q0NDQw=="}[m.r.IntN(3)]) })
			return
		}
		add(func() { set(x + fmt.Sprint(m.r.IntN(10))) })
	case int64:
		add(func() { set(x + 1 + int64(m.r.IntN(5))) })
	case bool:
		add(func() { set(!x) })
	case float64:
		add(func() { set(x + 0.25) })
	}
}

// key reports whether a field is, or may be, the key of the item it is in.
func key(path fieldpath.Path, name string) bool {
	if len(path) == 0 || path[len(path)-1].Key == nil {
		return false
	}
	return slices.Contains([]string{"name", "port", "protocol", "containerPort", "mountPath", "key"}, name)
}

// mutated is a base and a random edit of it.
func (c *cluster) mutated(r *rand.Rand) (*Base, *Intent, map[string]any, error) {
	b := c.base()
	o := stripped(c.kind, b.Object).DeepCopy().Object
	(&mutator{typer: c.types, r: r}).change(o)
	i, err := c.edit(b, func(m map[string]any) {
		clear(m)
		for k, v := range o {
			m[k] = v
		}
	})
	return b, i, o, err
}

// unchangedOrRefused skips edits that are no intent: nothing, an order alone.
func usable(t *testing.T, err error) bool {
	t.Helper()
	var draft *DraftError
	switch {
	case errors.Is(err, ErrNoChange):
		return false
	case errors.As(err, &draft):
		return false
	case err != nil:
		t.Fatal(err)
	}
	return true
}

// TestRandomDesired: live with the intent carried out has every value of the edit at its paths, nothing at the removed
// ones, and is as before everywhere else; it is the edit itself, by smd, since nothing moved.
func TestRandomDesired(t *testing.T) {
	tried := 0
	forSeeds(t, func(t *testing.T, c *cluster, r *rand.Rand) {
		b, i, edited, err := c.mutated(r)
		if !usable(t, err) {
			return
		}
		tried++
		before := b.Object.DeepCopy()
		got, err := desired(c.types, b, i)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, b.Object); d != "" {
			t.Fatalf("the base was changed:\n%s", d)
		}
		types := i.typer(c.types)
		want, _ := types.typed(&unstructured.Unstructured{Object: edited})
		have, err := types.typed(stripped(c.kind, got))
		if err != nil {
			t.Fatal(err)
		}
		if diff, err := want.Compare(have); err != nil || !diff.IsSame() {
			t.Errorf("%v: desired is not the edit: %s", err, diff)
		}
		types.walk(i.Set, func(p place) bool {
			if p.member && !p.inner && !p.same(0, 1) {
				t.Errorf("%s: %v, want %v", p.path, p.values[1], p.values[0])
			}
			return true
		}, i.Edited.Object, got.Object)
		removed := i.RemoveOwn.Union(i.RemoveForeign)
		types.walk(removed, func(p place) bool {
			if p.member && p.has[0] {
				t.Errorf("%s is still there", p.path)
			}
			return true
		}, got.Object)
		if !reflect.DeepEqual(got.Object["metadata"].(map[string]any)["managedFields"], b.Object.Object["metadata"].(map[string]any)["managedFields"]) {
			t.Error("managedFields changed")
		}
	})
	if *coreSeed == 0 && tried < len(subjects)**coreCases/2 {
		t.Errorf("only %d edits were intents", tried)
	}
}

// TestRandomPatch: whatever the route, the patch makes of the live object what is desired, as the server would do it.
func TestRandomPatch(t *testing.T) {
	routes := map[Route]int{}
	forSeeds(t, func(t *testing.T, c *cluster, r *rand.Rand) {
		b, i, _, err := c.mutated(r)
		if !usable(t, err) {
			return
		}
		p, err := newPatch(c.types, b, i)
		if err != nil {
			t.Fatal(err)
		}
		routes[p.Route]++
		want, err := desired(c.types, b, i)
		if err != nil {
			t.Fatal(err)
		}
		types := i.typer(c.types)
		if p.Route == JSONPatch {
			live, _ := json.Marshal(b.Object.Object)
			ops, err := evanphx.DecodePatch(p.Body)
			if err != nil {
				t.Fatal(err)
			}
			result, err := ops.Apply(live)
			if err != nil {
				t.Fatalf("%v\n%s", err, p.Body)
			}
			var got map[string]any
			if err := json.Unmarshal(result, &got); err != nil {
				t.Fatal(err)
			}
			wantText, _ := json.Marshal(want.Object)
			gotText, _ := json.Marshal(got)
			if string(wantText) != string(gotText) {
				t.Errorf("the patch makes\n%s\nnot\n%s", gotText, wantText)
			}
			// On another version, it must not work.
			other := b.Object.DeepCopy()
			other.SetResourceVersion("999")
			live, _ = json.Marshal(other.Object)
			if _, err := ops.Apply(live); err == nil {
				t.Error("applies to another version")
			}
			return
		}
		if !i.RemoveForeign.Empty() {
			t.Fatal("a foreign removal by server-side apply")
		}
		var config map[string]any
		if err := json.Unmarshal(p.Body, &config); err != nil {
			t.Fatal(err)
		}
		c.types = types
		c.apply(FieldManager, integers(config).(map[string]any))
		dropNulls(c.object, want.Object)
		got, err := types.typed(stripped(c.kind, &unstructured.Unstructured{Object: c.object}))
		if err != nil {
			t.Fatal(err)
		}
		wantTyped, _ := types.typed(stripped(c.kind, want))
		if diff, err := wantTyped.Compare(got); err != nil || !diff.IsSame() {
			t.Errorf("%v: the server makes something else of %s:\n%s", err, p.Body, diff)
		}
	})
	t.Logf("routes: %v", routes)
	if *coreSeed == 0 && *coreCases >= 20 && (routes[ServerSideApply] < 10 || routes[JSONPatch] < 10) {
		t.Errorf("one-sided: %v", routes)
	}
}

// TestRandomUnchanged: an untouched draft is no change.
func TestRandomUnchanged(t *testing.T) {
	forSeeds(t, func(t *testing.T, c *cluster, r *rand.Rand) {
		if _, err := c.edit(c.base(), func(map[string]any) {}); !errors.Is(err, ErrNoChange) {
			t.Errorf("%v", err)
		}
		text, err := draftText(c.base())
		if err != nil {
			t.Fatal(err)
		}
		d, err := parseDraft(text, 0, 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if _, err := newIntent(c.types, c.base(), d); !errors.Is(err, ErrNoChange) {
			t.Errorf("%v", err)
		}
	})
}

// overlap reports whether a path is, is in or contains one of a set.
func overlap(s *fieldpath.Set, path fieldpath.Path) bool {
	hit := false
	s.Iterate(func(p fieldpath.Path) {
		n := min(len(p), len(path))
		if p[:n].Equals(path[:n]) {
			hit = true
		}
	})
	return hit
}

// TestRandomRebase: what others change elsewhere is nothing to ask about and stays; what they change at a path of the
// intent always is.
func TestRandomRebase(t *testing.T) {
	apart, over := 0, 0
	forSeeds(t, func(t *testing.T, c *cluster, r *rand.Rand) {
		b, i, _, err := c.mutated(r)
		if !usable(t, err) {
			return
		}
		types := i.typer(c.types)
		touched := i.Set.Leaves().Union(i.RemoveOwn).Union(i.RemoveForeign)

		// Elsewhere: leaf by leaf, so that no container of the intent's goes.
		o := b.Object.DeepCopy()
		(&mutator{typer: types, r: r, allowed: func(p fieldpath.Path) bool { return !overlap(touched, p) }}).change(o.Object)
		live := &Base{Target: b.Target, UID: b.UID, ResourceVersion: "999", Object: o}
		if versions := changedUnderneath(c.types, b, i, live); len(versions) > 0 {
			t.Errorf("changed elsewhere, told of %v\nset %v\nremove %v", versions, i.Set, i.RemoveOwn.Union(i.RemoveForeign))
		}
		if !reflect.DeepEqual(o.Object, b.Object.Object) {
			apart++
			got, err := desired(c.types, live, i)
			if err != nil {
				t.Fatal(err)
			}
			types.walk(i.Set, func(p place) bool {
				if p.member && !p.inner && !p.same(0, 1) {
					t.Errorf("after a rebase %s: %v, want %v", p.path, p.values[1], p.values[0])
				}
				return true
			}, i.Edited.Object, got.Object)
			// Their change is still there.
			was, _ := types.typed(stripped(c.kind, b.Object))
			now, err := types.typed(stripped(c.kind, o))
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := was.Compare(now)
			if err != nil {
				t.Fatal(err)
			}
			types.walk(theirs.Added.Union(theirs.Modified), func(p place) bool {
				if p.member && !p.inner && !p.same(0, 1) {
					t.Errorf("after a rebase their %s is lost: %v, want %v", p.path, p.values[1], p.values[0])
				}
				return true
			}, o.Object, got.Object)
		}

		// At one of the intent's paths.
		var paths []fieldpath.Path
		touched.Iterate(func(p fieldpath.Path) { paths = append(paths, p.Copy()) })
		path := paths[r.IntN(len(paths))]
		o = b.Object.DeepCopy()
		(&mutator{typer: types, r: r, allowed: func(p fieldpath.Path) bool { return len(p) >= len(path) && p[:len(path)].Equals(path) }}).change(o.Object)
		live.Object = o
		conflict := false
		types.walk(fieldpath.NewSet(path), func(p place) bool {
			if !p.member {
				return true
			}
			// Gone already is as good as removed; changed to what is meant is fine.
			removed := !i.Set.Has(path)
			conflict = !p.same(0, 1) && (!removed || p.has[1]) && (removed || !p.same(1, 2))
			return false
		}, b.Object.Object, o.Object, i.Edited.Object)
		versions := changedUnderneath(c.types, b, i, live)
		if conflict {
			over++
			if len(versions) == 0 {
				t.Errorf("%s changed underneath, and nothing is told", path)
			}
		} else if len(versions) > 0 && reflect.DeepEqual(o.Object, b.Object.Object) {
			t.Errorf("nothing changed, told of %v", versions)
		}
	})
	t.Logf("%d apart, %d over each other", apart, over)
	if *coreSeed == 0 && *coreCases >= 20 && (apart < 10 || over < 10) {
		t.Errorf("one-sided: %d apart, %d over each other", apart, over)
	}
}
