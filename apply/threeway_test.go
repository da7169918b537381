package apply

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChangedUnderneath(t *testing.T) {
	image := func(o map[string]any) {
		at(o, "spec", "template", "spec", "containers", "name=side").(map[string]any)["image"] = "side:2"
	}
	free := func(o map[string]any) { at(o, "spec", "free", "a").(map[string]any)["c"] = int64(1) }
	addPart := func(o map[string]any) {
		spec := at(o, "spec").(map[string]any)
		spec["parts"] = append(spec["parts"].([]any), map[string]any{"name": "n", "size": int64(1)})
	}
	tests := map[string]struct {
		widget       bool
		edit, theirs func(o map[string]any)
		want         []string
	}{
		"nothing":       {edit: image, theirs: func(map[string]any) {}},
		"the same edit": {edit: image, theirs: image},
		"the item is gone": {edit: image, theirs: func(o map[string]any) {
			spec := at(o, "spec", "template", "spec").(map[string]any)
			spec["containers"] = spec["containers"].([]any)[:1]
		}, want: []string{`.spec.template.spec.containers[name="side"]`}},
		"the list is gone": {edit: image, theirs: func(o map[string]any) {
			delete(at(o, "spec", "template", "spec").(map[string]any), "containers")
		}, want: []string{`.spec.template.spec.containers`}},
		"a map is a value now": {widget: true, edit: free, theirs: func(o map[string]any) { at(o, "spec", "free").(map[string]any)["a"] = "x" }, want: []string{".spec.free.a"}},
		"a map is a list now":  {widget: true, edit: free, theirs: func(o map[string]any) { at(o, "spec", "free").(map[string]any)["a"] = []any{} }, want: []string{".spec.free.a"}},
		"two add the same item": {widget: true, edit: addPart, theirs: func(o map[string]any) {
			spec := at(o, "spec").(map[string]any)
			spec["parts"] = append(spec["parts"].([]any), map[string]any{"name": "n", "labels": map[string]any{"x": "y"}})
		}, want: []string{`.spec.parts[name="n"]`}},
		"two add the very same item": {widget: true, edit: addPart, theirs: addPart},
		"removed, and changed inside": {widget: true, edit: func(o map[string]any) { delete(at(o, "spec").(map[string]any), "named") },
			theirs: func(o map[string]any) { at(o, "spec", "named", "first").(map[string]any)["a"] = "2" }, want: []string{".spec.named"}},
		"removed by both": {widget: true, edit: func(o map[string]any) { delete(at(o, "spec").(map[string]any), "named") },
			theirs: func(o map[string]any) { delete(at(o, "spec").(map[string]any), "named") }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			kind, text := deployments, deploymentText
			if tt.widget {
				kind, text = widgets, widgetText
			}
			c := newCluster(t, kind, text)
			b := c.base()
			i, err := c.edit(b, tt.edit)
			if err != nil {
				t.Fatal(err)
			}
			live := *b
			live.Object = b.Object.DeepCopy()
			tt.theirs(live.Object.Object)
			var got []string
			for _, v := range changedUnderneath(c.types, b, i, &live) {
				got = append(got, v.Path)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}
