package sim

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const applied = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.test/web:1", ports: [{containerPort: 80}]}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, minimum: 1}
              replicas: {type: integer}
              parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [id], items: {type: object, required: [id], properties: {id: {type: string}, n: {type: integer}}}}
          status: {type: object, properties: {replicas: {type: integer}}}
`

const aWidget = "apiVersion: example.test/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3, replicas: 1, parts: [{id: a, n: 1}]}\n"

// refused runs kubectl, which must fail with a code and a text.
func (k *kubectl) refused(stdin string, args []string, code int, texts ...string) {
	k.t.Helper()
	out, err := k.run(stdin, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		k.t.Errorf("kubectl %s: %v, want exit code %d\n%s", strings.Join(args, " "), err, code, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			k.t.Errorf("kubectl %s: no %q in\n%s", strings.Join(args, " "), text, out)
		}
	}
}

// TestKubectlServerSide applies, diffs and scales as people do.
func TestKubectlServerSide(t *testing.T) {
	s := newServer(t, Config{})
	k := newKubectl(t, s)
	ssa := []string{"apply", "--server-side", "-f", "-"}
	k.want(applied, ssa, "deployment.apps/web serverside-applied", "customresourcedefinition.apiextensions.k8s.io/widgets.example.test serverside-applied")
	k.want("", []string{"wait", "--for=condition=Established", "crd/widgets.example.test"}, "condition met")
	k.want(aWidget, ssa, "widget.example.test/w serverside-applied")
	before := s.Revision()
	k.want(applied, ssa, "serverside-applied")
	if now := s.Revision(); now != before {
		t.Errorf("the same again: revision %d → %d", before, now)
	}
	k.want(applied, []string{"diff", "--server-side", "-f", "-"})
	changed := strings.ReplaceAll(applied, "web:1", "web:2")
	k.refused(changed, []string{"diff", "--server-side", "-f", "-"}, 1, "-      - image: example.test/web:1", "+      - image: example.test/web:2")
	k.want(changed, ssa, "deployment.apps/web serverside-applied")

	k.want("", []string{"scale", "deployment/web", "--replicas=5"}, "deployment.apps/web scaled")
	k.want("", []string{"get", "deploy", "web", "-o", "yaml", "--show-managed-fields"}, "manager: kubectl", "subresource: scale", "f:replicas: {}", "operation: Apply")
	k.refused(changed, ssa, 1, `conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas`, "--force-conflicts")
	k.refused(changed, []string{"diff", "--server-side", "-f", "-"}, 2, "conflict")
	k.want(changed, append(ssa, "--force-conflicts"), "deployment.apps/web serverside-applied")
	k.want("", []string{"get", "deploy", "web", "-o", "jsonpath={.spec.replicas}"}, "2")

	k.want("", []string{"scale", "widget/w", "--replicas=4"}, "widget.example.test/w scaled")
	k.refused(aWidget, ssa, 1, `conflict with "kubectl" with subresource "scale" using example.test/v1: .spec.replicas`)
	k.want(strings.Replace(aWidget, "replicas: 1, ", "", 1), append(ssa, "--field-manager=other", "--force-conflicts"), "serverside-applied")
	k.refused("apiVersion: example.test/v1\nkind: Widget\nmetadata: {name: bad}\nspec: {size: 0}\n", ssa, 1, "spec.size", "should be greater than or equal to 1")
	k.refused(strings.Replace(aWidget, "size: 3", "sizes: 3", 1), ssa, 1, ".spec.sizes: field not declared in schema")

	k.want("", []string{"label", "deploy", "web", "tier=front", "--field-manager=labeller"}, "labeled")
	k.want("", []string{"get", "deploy", "web", "-o", "yaml", "--show-managed-fields"}, "manager: labeller")
	k.want(aWidget, []string{"apply", "-f", "-"}, "configured")
	k.want(strings.Replace(aWidget, "n: 1", "n: 2", 1), []string{"apply", "-f", "-"}, "configured")
	k.want(applied, []string{"apply", "-f", "-"}, "deployment.apps/web configured")
	k.want(applied, []string{"apply", "-f", "-"}, "deployment.apps/web unchanged")
}

// TestKubectlEdit edits with a script for an editor.
func TestKubectlEdit(t *testing.T) {
	s := newServer(t, Config{})
	k := newKubectl(t, s)
	k.want(applied, []string{"create", "-f", "-"}, "created")
	k.want("", []string{"wait", "--for=condition=Established", "crd/widgets.example.test"}, "condition met")
	k.want(aWidget, []string{"create", "-f", "-"}, "created")
	edit := func(script string, args ...string) string {
		t.Helper()
		file := filepath.Join(k.home, "editor")
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := k.command(ctx, append([]string{"edit"}, args...)...)
		cmd.Env = append(cmd.Env, "KUBE_EDITOR="+file, "TMPDIR="+k.home)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		return string(out)
	}
	if out := edit(`sed -i 's/web:1/web:7/' "$1"`, "deploy", "web"); !strings.Contains(out, "deployment.apps/web edited") {
		t.Errorf("edit of a deployment:\n%s", out)
	}
	k.want("", []string{"get", "deploy", "web", "-o", "yaml", "--show-managed-fields"}, "example.test/web:7", "manager: kubectl-edit")
	if out := edit(`sed -i 's/size: 3/size: 4/' "$1"`, "widget", "w"); !strings.Contains(out, "widget.example.test/w edited") {
		t.Errorf("edit of a widget:\n%s", out)
	}
	// Somebody else writes while the editor is open.
	other := k.bin + " --kubeconfig " + k.kubeconfig + ` patch widget w --type=merge -p '{"spec":{"replicas":8}}' >/dev/null; sed -i 's/size: 4/size: 5/' "$1"`
	if out := edit(other, "widget", "w"); !strings.Contains(out, "widget.example.test/w edited") {
		t.Errorf("edit with a change underneath:\n%s", out)
	}
	k.want("", []string{"get", "widget", "w", "-o", "jsonpath={.spec.size} {.spec.replicas}"}, "5 8")
	if out := edit(`sed -i 's/size: 5/size: 0/' "$1"`, "widget", "w"); !strings.Contains(out, `widgets.example.test "w" is invalid`) {
		t.Errorf("edit to an invalid value:\n%s", out)
	}
	if out := edit(`true`, "widget", "w"); !strings.Contains(out, "Edit cancelled, no changes made") {
		t.Errorf("edit without a change:\n%s", out)
	}
}
