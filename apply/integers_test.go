package apply

import (
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/kube-openapi/pkg/validation/spec"

	"orka/watch"
	"orka/watch/sim"
)

// TestWholeNumbers: a number that the server would cut short or fail on is refused where it is written.
func TestWholeNumbers(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(webTarget, webText)
		for _, tt := range []struct{ old, new, path, want string }{
			{"replicas: 3", "replicas: 99999999999", ".spec.replicas", "it must be from -2147483648 to 2147483647"},
			{"replicas: 3", "replicas: 3.5", ".spec.replicas", "expected a whole number"},
			{"replicas: 3", "replicas: 3.0\n  minReadySeconds: 5", "", ""},
			{"replicas: 3", "replicas: 3\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: nginx, ports: [{containerPort: 1.5}]}]}}\n  x:",
				`.spec.template.spec.containers[name="main"].ports[containerPort=1.5,protocol="TCP"].containerPort`, "expected a whole number"},
			{"terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 99999999999", "", ""}, // has 64 bits
			{"maxSurge: 25%", "maxSurge: 99", "", ""},
		} {
			b, err := f.orka.Open(t.Context(), webTarget)
			if err != nil {
				t.Fatal(err)
			}
			draft, err := f.orka.Draft(b)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(draft), tt.old, tt.new, 1)
			if strings.HasSuffix(tt.new, "x:") { // the rest of the draft's spec is not wanted twice
				text = string(draft[:strings.Index(string(draft), "spec:")]) + "spec:\n  selector: {matchLabels: {app: web}}\n  " + strings.TrimSuffix(tt.new, "\n  x:") + "\n"
			}
			if text == string(draft) {
				t.Errorf("%q is not in\n%s", tt.old, draft)
			}
			_, err = f.orka.Intent(t.Context(), b, []byte(text))
			if tt.want == "" {
				if err != nil {
					t.Errorf("%s: %v", tt.new, err)
				}
				continue
			}
			if e := asError[*DraftError](t, err); e.Path != tt.path || !strings.Contains(e.Message, tt.want) || e.Line == 0 {
				t.Errorf("%s: %v, want %s: %s", tt.new, err, tt.path, tt.want)
			}
		}
	})
}

// TestPublishedIntegers: the types of a server's own document are followed through references, maps and lists.
func TestPublishedIntegers(t *testing.T) {
	var models map[string]*spec.Schema
	err := json.Unmarshal([]byte(`{
		"x.Kind": {"x-kubernetes-group-version-kind": [{"group": "x", "version": "v1", "kind": "Kind"}], "properties": {"spec": {"allOf": [{"$ref": "#/components/schemas/x.Spec"}], "default": {}}}},
		"x.Spec": {"properties": {"small": {"type": "integer", "format": "int32"}, "large": {"type": "integer", "format": "int64"}, "any": {"type": "integer"}, "ratio": {"type": "number"},
			"either": {"x-kubernetes-int-or-string": true}, "by": {"additionalProperties": {"type": "integer", "format": "int32"}},
			"list": {"type": "array", "items": {"$ref": "#/components/schemas/x.Spec"}}}},
		"x.Loop": {"$ref": "#/components/schemas/x.Loop"}}`), &models)
	if err != nil {
		t.Fatal(err)
	}
	types := publishedIntegers(models)
	kind := types.of(watch.GVK{Group: "x", Version: "v1", Kind: "Kind"})
	const tooLarge = int64(1) << 31
	for _, tt := range []struct {
		path  string
		value any
		taken bool
	}{
		{"spec small", tooLarge - 1, true},
		{"spec small", tooLarge, false},
		{"spec small", -tooLarge, true},
		{"spec small", -tooLarge - 1, false},
		{"spec small", 2.0, true},
		{"spec small", 2.5, false},
		{"spec large", tooLarge, true},
		{"spec large", 1e19, false},
		{"spec large", 9223372036854775808.0, false},
		{"spec any", tooLarge, true},
		{"spec any", 0.5, false},
		{"spec ratio", 0.5, true},
		{"spec either", 0.5, true},
		{"spec by", tooLarge, true}, // is a map
		{"spec by small", tooLarge, false},
		{"spec list - list - small", tooLarge, false},
		{"spec none at all", tooLarge, true},
		{"spec small", "text", true},
	} {
		at := kind
		for name := range strings.SplitSeq(tt.path, " ") {
			at = types.child(at, strings.TrimPrefix(name, "-"))
		}
		if got := types.objection(at, tt.value); (got == "") != tt.taken {
			t.Errorf("%s of %v: %q", tt.path, tt.value, got)
		}
	}
	if types.follow(types.models["x.Loop"]) == nil {
		t.Error("a loop is nothing") // and following it ends
	}
}

// TestWholeNumbersOfBefore: what the server has already may stay.
func TestWholeNumbersOfBefore(t *testing.T) {
	types := typerOf(t, widgets)
	edited, before := parsed(t, "spec: {size: 1.5, name: x}"), parsed(t, "spec: {size: 1.5}")
	if found := types.validate(edited, before); len(found) != 0 {
		t.Errorf("found %v", found)
	}
	if found := types.validate(edited, nil); len(found) != 1 || found[0].path.String() != ".spec.size" {
		t.Errorf("found %v", found)
	}
}
