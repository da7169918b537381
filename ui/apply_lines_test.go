package ui

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPathSteps(t *testing.T) {
	for path, want := range map[string][]string{
		"spec.replicas": {"spec", "replicas"},
		".spec.template.spec.containers[0].image":                             {"spec", "template", "spec", "containers", "0", "image"},
		`.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]`: {"spec", "containers", `name="web`, "ports", `containerPort=80,protocol="TCP`},
		"metadata.labels[app.kubernetes.io/name]":                             {"metadata", "labels", "app.kubernetes.io/name"},
		"": nil,
	} {
		if diff := cmp.Diff(want, pathSteps(path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestLinesOf(t *testing.T) {
	text := []byte(`# a comment
metadata:
  labels:
    app.kubernetes.io/name: web
spec:
  containers:
  - name: web
    image: a
  - name: side
    ports: [{containerPort: 80}]
`)
	got := linesOf(text, []string{"spec.containers[1].ports[0].containerPort", `.spec.containers[name="side"].image`, "metadata.labels[app.kubernetes.io/name]", "spec.none", "nothing"})
	want := map[string]int{
		"spec.containers[1].ports[0].containerPort": 10, `.spec.containers[name="side"].image`: 9,
		"metadata.labels[app.kubernetes.io/name]": 4, "spec.none": 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := linesOf([]byte("a: [\n"), []string{"a"}); got != nil {
		t.Errorf("of what is no YAML: %v", got)
	}
	if got := unknownField(`strict decoding error: unknown field "spec.replicaz", duplicate field "x"`); got != "spec.replicaz" {
		t.Errorf("unknown field %q", got)
	}
}
