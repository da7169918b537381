package apply

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFileIntent(t *testing.T) {
	head := "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n"
	tests := map[string]struct {
		file            string
		absent          bool
		set, own, body  []string // leaves; parts of the body
		err             string
		stale, noChange bool
	}{
		"what orka applied": {file: head + "  labels: {team: shop, mine: '1'}\nspec: {replicas: 2, template: {spec: {containers: [{name: mine, image: m:1}]}}}\n", noChange: true},
		"less of it": {file: head + "  labels: {team: shop}\nspec: {template: {spec: {containers: [{name: mine, image: m:1}]}}}\n",
			set: []string{}, own: []string{".metadata.labels.mine"}, body: []string{`"labels":{"team":"shop"}`, `"uid":"uid-1"`}},
		"another value": {file: head + "spec: {replicas: 5}\n", set: []string{".spec.replicas"},
			own: []string{".metadata.labels.mine", `.spec.template.spec.containers[name="mine"]`}, body: []string{`"spec":{"replicas":5}`}},
		"absent": {file: head + "  uid: ''\n  creationTimestamp: null\nspec: {replicas: 5}\nstatus: {}\n", absent: true,
			set: []string{".spec.replicas", ".status"}, body: []string{`"metadata":{"name":"web","namespace":"shop"}`, `"status":{}`}},
		"another uid":         {file: head + "  uid: uid-2\n", err: "uid-2, not uid-1"},
		"uid of the gone":     {file: head + "  uid: uid-2\n", absent: true, err: "does not exist any more"},
		"another version":     {file: head + "  resourceVersion: '999'\n", stale: true, err: "version 999"},
		"version of the gone": {file: head + "  resourceVersion: '999'\n", absent: true, err: "does not exist any more"},
		"managedFields":       {file: head + "  managedFields: [{manager: x}]\n", err: "only the server writes this"},
		"unknown field":       {file: head + "spec: {replica: 1}\n", err: "did you mean replicas?"},
		"another name":        {file: strings.Replace(head, "web", "other", 1), err: "can't be changed"},
		"another namespace":   {file: head + "  namespace: x\n", err: "can't be changed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, deployments, deploymentText)
			c.apply(FieldManager, parsed(t, orkaApplied["Deployment"]))
			b := c.base()
			if tt.absent {
				b = &Base{Target: b.Target, Absent: true}
			}
			files, err := ParseFiles("f.yaml", []byte(tt.file), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			i, err := fileIntent(c.types, b, files[0])
			if tt.noChange || tt.err != "" {
				var draft *DraftError
				var stale *StaleError
				switch {
				case tt.noChange && errors.Is(err, ErrNoChange):
				case tt.stale && errors.As(err, &stale) && strings.Contains(err.Error(), tt.err):
				case !tt.noChange && !tt.stale && errors.As(err, &draft) && strings.Contains(err.Error(), tt.err) && draft.Line > 0:
				default:
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.set, leaves(i.changes)); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			if d := cmp.Diff(append([]string{}, tt.own...), leaves(i.RemoveOwn)); d != "" {
				t.Errorf("RemoveOwn (-want +got):\n%s", d)
			}
			if !i.RemoveForeign.Empty() {
				t.Errorf("RemoveForeign: %s", i.RemoveForeign)
			}
			p, err := newPatch(c.types, b, i)
			if err != nil || p.Route != ServerSideApply {
				t.Fatalf("%v %s", err, p.Route)
			}
			for _, want := range tt.body {
				if !strings.Contains(string(p.Body), want) {
					t.Errorf("the body lacks %s: %s", want, p.Body)
				}
			}
			want, err := desired(c.types, b, i)
			if err != nil {
				t.Fatal(err)
			}
			if tt.absent {
				return
			}
			var config map[string]any
			if err := json.Unmarshal(p.Body, &config); err != nil {
				t.Fatal(err)
			}
			c.apply(FieldManager, integers(config).(map[string]any))
			dropNulls(c.object, nil)
			if d := cmp.Diff(stripped(deployments, want).Object, stripped(deployments, c.base().Object).Object); d != "" {
				t.Errorf("desired is not what the server makes (-want +got):\n%s", d)
			}
			if all, any := satisfied(c.types, i, want, c.base().Object); !all || (any != (len(tt.set)+len(tt.own) > 0)) {
				t.Errorf("satisfied by itself: %v, %v", all, any)
			}
			if all, any := satisfied(c.types, i, want, b.Object); all || any {
				t.Errorf("satisfied by what was before: %v, %v", all, any)
			}
		})
	}
}
