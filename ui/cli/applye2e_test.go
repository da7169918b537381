//go:build integration

package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// manifest is a kind of object with one value to change, marked by OLD, and one line that a later version of the file
// lacks, marked by "# gone".
type manifest struct{ kind, text string }

// compared are the kinds of TestE2EDiffAgreesWithKubectl; NAME and NS are filled in.
var compared = []manifest{
	{"configmap", `
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, namespace: NS}
data:
  a: OLD
  b: "1" # gone
`},
	{"secret", `
apiVersion: v1
kind: Secret
metadata: {name: NAME, namespace: NS}
stringData:
  password: OLD
  user: ali # gone
`},
	{"service", `
apiVersion: v1
kind: Service
metadata:
  name: NAME
  namespace: NS
  labels:
    tier: OLD
    gone: "yes" # gone
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: dns, port: 53, protocol: UDP} # gone
`},
	{"deployment", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NS}
spec:
  replicas: 3 # gone
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example/web:OLD
        env:
        - {name: A, value: "1"}
        - {name: B, value: "2"} # gone
        ports: [{containerPort: 80}]
        resources: {requests: {cpu: 100m}}
`},
	{"statefulset", `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: NAME, namespace: NS}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: db, image: "registry.example/db:OLD"}
      tolerations: [{key: a, operator: Exists}] # gone
`},
	{"daemonset", `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: NAME, namespace: NS}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true # gone
      containers: [{name: agent, image: "registry.example/agent:OLD"}]
`},
	{"cronjob", `
apiVersion: batch/v1
kind: CronJob
metadata: {name: NAME, namespace: NS}
spec:
  schedule: "*/5 * * * *"
  suspend: true # gone
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: c, image: "registry.example/c:OLD", args: [a, b]}]
`},
	{"ingress", `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: NS, annotations: {note: OLD}}
spec:
  rules:
  - host: a.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`},
	{"hpa", `
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: NAME, namespace: NS, labels: {tier: OLD}}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 5
  minReplicas: 2 # gone
`},
	{"networkpolicy", `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: NAME, namespace: NS}
spec:
  podSelector: {matchLabels: {app: OLD}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8}}]
    ports: [{port: 80}, {port: https}]
`},
	{"role", `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: NAME, namespace: NS}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get, OLD]}
`},
	{"strict", `
apiVersion: apply.e2e.orka.dev/v1
kind: Strict
metadata: {name: NAME, namespace: NS}
spec:
  colour: OLD
  port: 80 # gone
  parts:
  - {name: a, size: 1}
  - {name: b} # gone
`},
	{"loose", `
apiVersion: apply.e2e.orka.dev/v1
kind: Loose
metadata: {name: NAME, namespace: NS}
spec:
  anything: [1, {deep: OLD}]
  more: 1.5 # gone
`},
	{"staged", `
apiVersion: apply.e2e.orka.dev/v1
kind: Staged
metadata: {name: NAME, namespace: NS}
spec:
  target: OLD
  percent: 25% # gone
`},
}

const appliedCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]ss.apply.e2e.orka.dev}
spec:
  group: apply.e2e.orka.dev
  scope: Namespaced
  names: {plural: %[1]ss, singular: %[1]s, kind: %[2]s}
  versions:
  - {name: v1, served: true, storage: true, subresources: %[3]s, schema: {openAPIV3Schema: %[4]s}}
`

// appliedCRDs are three that differ in what they leave to the server: a structural schema with defaults and a keyed list,
// none at all, and a status subresource with int-or-string.
func appliedCRDs() string {
	strict := `{type: object, properties: {spec: {type: object, properties: {
		colour: {type: string}, port: {type: integer, default: 8080},
		parts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, required: [name], properties: {name: {type: string}, size: {type: integer, default: 3}}}}}}}}`
	staged := `{type: object, properties: {spec: {type: object, properties: {target: {type: string}, percent: {x-kubernetes-int-or-string: true}}}, status: {type: object, properties: {phase: {type: string}}}}}`
	return fmt.Sprintf(appliedCRD, "strict", "Strict", "{}", strict) + "---" +
		fmt.Sprintf(appliedCRD, "loose", "Loose", "{}", "{type: object, x-kubernetes-preserve-unknown-fields: true}") + "---" +
		fmt.Sprintf(appliedCRD, "staged", "Staged", "{status: {}}", staged)
}

// written makes a manifest's text for one object; later is the file's later version.
func (m manifest) written(ns, name, value string, later bool) string {
	text := strings.NewReplacer("NAME", name, "NS", ns, "OLD", value).Replace(m.text)
	if later {
		var kept []string
		for l := range strings.Lines(text) {
			if !strings.Contains(l, "# gone") {
				kept = append(kept, l)
			}
		}
		text = strings.Join(kept, "")
	}
	return text
}

// TestE2EDiffAgreesWithKubectl gives the same files to `kubectl diff --server-side` and to `orka diff`, and compares what
// each hands to KUBECTL_EXTERNAL_DIFF.
func TestE2EDiffAgreesWithKubectl(t *testing.T) {
	ns := namespace(t, "e2e-diff")
	kubectl(t, appliedCRDs(), "apply", "-f", "-")
	t.Cleanup(func() { kubectl(t, appliedCRDs(), "delete", "-f", "-", "--wait=false") })
	for _, name := range []string{"strict", "loose", "staged"} {
		kubectl(t, "", "wait", "--for=condition=Established", "crd/"+name+"s.apply.e2e.orka.dev")
	}
	var before, others, after []string
	for _, m := range compared {
		for _, state := range []string{"changed", "same", "fresh", "taken"} {
			name := m.kind + "-" + state
			first := m.written(ns, name, "list", false)
			switch state {
			case "changed":
				before, after = append(before, first), append(after, m.written(ns, name, "watch", true))
			case "same":
				before, after = append(before, first), append(after, first)
			case "fresh":
				after = append(after, first)
			case "taken":
				others, after = append(others, first), append(after, m.written(ns, name, "watch", false))
			}
		}
	}
	kubectl(t, strings.Join(before, "---"), "apply", "--server-side", "--field-manager=orka", "-f", "-")
	kubectl(t, strings.Join(others, "---"), "apply", "--server-side", "--field-manager=somebody", "-f", "-")
	file := writeFile(t, "all.yaml", strings.Join(after, "---"))

	program := writeFile(t, "capture", "#!/bin/sh\ncp -r \"$1\" \"$CAPTURE/LIVE\" && cp -r \"$2\" \"$CAPTURE/MERGED\" || exit 3\ndiff -rq \"$1\" \"$2\" >/dev/null\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	theirs, ours := t.TempDir(), t.TempDir()
	t.Setenv("CAPTURE", theirs)
	kubectlDiff(t, program, file)
	t.Setenv("CAPTURE", ours)
	var out, errOut bytes.Buffer
	env := isolated(t)
	code := Run(t.Context(), "orka", []string{"--kubeconfig", kubeconfig(t), "diff", "-f", file}, strings.NewReader(""), &out, &errOut, func(name string) (string, bool) {
		if name == externalDiffEnv {
			return program, true
		}
		return env(name)
	})
	if code != ExitDiffers {
		t.Fatalf("exit %d: %s", code, errOut.String())
	}

	want, got := captured(t, theirs), captured(t, ours)
	if diff := cmp.Diff(names(want), names(got)); diff != "" {
		t.Fatalf("files (-kubectl +orka):\n%s", diff)
	}
	lines, same := 0, 0
	for name, w := range want {
		g := got[name]
		if diff := cmp.Diff(changedLines(w), changedLines(g)); diff != "" {
			t.Errorf("%s: changed lines (-kubectl +orka):\n%s", name, diff)
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("%s: texts (-kubectl +orka):\n%s", name, diff)
		}
		n := len(changedLines(w))
		lines += n
		if n == 0 {
			same++
		}
	}
	if same != len(compared) || len(want) != 4*len(compared) {
		t.Errorf("%d of %d objects are the same, want %d of %d", same, len(want), len(compared), 4*len(compared))
	}
	for _, m := range compared {
		if m.kind != "secret" && !strings.Contains(errOut.String(), "/"+m.kind+"-taken: .") {
			t.Errorf("no conflict is named for %s", m.kind)
		}
	}
	t.Logf("%d objects of %d kinds, %d changed lines", len(want), len(compared), lines)
}

func kubectlDiff(t *testing.T, program, file string) {
	t.Helper()
	bin := os.Getenv("ORKA_E2E_KUBECTL")
	if bin == "" {
		bin = "kubectl"
	}
	cmd := exec.CommandContext(t.Context(), bin, "--kubeconfig", kubeconfig(t), "diff", "--server-side", "--field-manager=orka", "--force-conflicts", "-f", file)
	cmd.Env = append(os.Environ(), externalDiffEnv+"="+program)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("kubectl diff: %v\n%s", err, errOut.String())
	}
}

// versions are an object's two texts, live and merged.
type versions struct{ Live, Merged []string }

// captured reads what a diff handed over, without the lines that no one means to compare.
func captured(t *testing.T, dir string) map[string]versions {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "MERGED"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(side, name string) []string {
		text, err := os.ReadFile(filepath.Join(dir, side, name))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for l := range strings.Lines(string(text)) {
			l = strings.TrimRight(l, "\n")
			switch key, _, _ := strings.Cut(strings.TrimSpace(l), ":"); {
			case l == "null": // kubectl's masking of a Secret that isn't there yet
			case key == "resourceVersion", key == "generation":
			case strings.Contains(name, "-fresh") && (key == "uid" || key == "creationTimestamp" || key == "clusterIP" || strings.HasPrefix(l, "  - 10.")):
			default:
				out = append(out, l)
			}
		}
		return out
	}
	out := map[string]versions{}
	for _, e := range entries {
		out[e.Name()] = versions{read("LIVE", e.Name()), read("MERGED", e.Name())}
	}
	return out
}

// changedLines are the lines that one side has more often than the other, marked and sorted.
func changedLines(v versions) []string {
	count := map[string]int{}
	for _, l := range v.Merged {
		count[l]++
	}
	for _, l := range v.Live {
		count[l]--
	}
	var out []string
	for l, n := range count {
		for ; n > 0; n-- {
			out = append(out, "+"+l)
		}
		for ; n < 0; n++ {
			out = append(out, "-"+l)
		}
	}
	slices.Sort(out)
	return out
}

// edited runs a command with a state directory that lasts.
type edited struct {
	t   *testing.T
	env func(string) (string, bool)
}

func (e edited) run(config, stdin string, code int, out, errOut string, args ...string) string {
	e.t.Helper()
	var o, eo bytes.Buffer
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	got := Run(ctx, "orka", append([]string{"--kubeconfig", config}, args...), strings.NewReader(stdin), &o, &eo, e.env)
	if got != code || !strings.Contains(o.String(), out) || !strings.Contains(eo.String(), errOut) {
		e.t.Fatalf("%v: exit %d, want %d; want %q and %q; got\n%s\n--- stderr\n%s", args, got, code, out, errOut, &o, &eo)
	}
	return o.String()
}

func TestE2EEdit(t *testing.T) {
	ns := namespace(t, "e2e-edit")
	e, admin := edited{t, isolated(t)}, kubeconfig(t)
	kubectl(t, "", "create", "deployment", "web", "-n", ns, "--image=registry.example/web:1", "--replicas=2")
	web := func(spec string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: " + ns + "}\nspec: " + spec + "\n"
	}
	target := "deployments.apps " + ns + "/web"
	get := func(path string) string {
		return kubectl(t, "", "get", "deployment", "web", "-n", ns, "-o", "jsonpath={"+path+"}")
	}

	// a field that nobody owns
	e.run(admin, web("{minReadySeconds: 7}"), ExitOK, "would be applied (dry-run)", "", "edit", "-f", "-", "--dry-run")
	if get(".spec.minReadySeconds") != "" {
		t.Fatal("a dry-run wrote")
	}
	e.run(admin, web("{minReadySeconds: 7}"), ExitOK, target+" applied (version ", "", "edit", "-f", "-", "--apply")
	if got := get(".spec.minReadySeconds"); got != "7" {
		t.Errorf("minReadySeconds is %q", got)
	}
	e.run(admin, web("{minReadySeconds: 7}"), ExitOK, target+" unchanged", "", "edit", "-f", "-", "--apply")
	e.run(admin, "", ExitOK, "minReadySeconds: 7", "it still looks so", "last-applied", "get", "deploy", "web", "-n", ns)

	// a field of kubectl's
	e.run(admin, web("{replicas: 5}"), ExitConflict, "+  replicas: 5", ".spec.replicas is owned by kubectl", "edit", "-f", "-", "--apply")
	if got := get(".spec.replicas"); got != "2" {
		t.Errorf("replicas is %s", got)
	}
	e.run(admin, web("{replicas: 5}"), ExitOK, "applied (version", "", "edit", "-f", "-", "--apply", "--force-conflicts")
	if get(".spec.replicas") != "5" || get(".spec.minReadySeconds") != "" && get(".spec.minReadySeconds") != "0" {
		t.Errorf("replicas %s, minReadySeconds %q", get(".spec.replicas"), get(".spec.minReadySeconds"))
	}

	// an immutable field, an invalid value: the server's words
	e.run(admin, web("{replicas: -1}"), ExitError, "", "spec.replicas", "edit", "-f", "-", "--apply")
	e.run(admin, web("{selector: {matchLabels: {app: other}}}"), ExitError, "", "immutable", "edit", "-f", "-", "--apply", "--force-conflicts")

	// another's change is drift
	kubectl(t, "", "scale", "deployment", "web", "-n", ns, "--replicas=1")
	e.run(admin, "", ExitDiffers, "-  replicas: 5\n+  replicas: 1", "it has changed since", "diff", "--last-applied", "deploy", "web", "-n", ns)

	// what is being deleted is not written to
	kubectl(t, "", "create", "configmap", "going", "-n", ns)
	kubectl(t, "", "patch", "configmap", "going", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":["e2e.orka.dev/hold"]}}`)
	kubectl(t, "", "delete", "configmap", "going", "-n", ns, "--wait=false")
	t.Cleanup(func() {
		kubectl(t, "", "patch", "configmap", "going", "-n", ns, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	})
	going := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: going, namespace: " + ns + "}\ndata: {a: b}\n"
	e.run(admin, going, ExitStale, "", "the object is being deleted", "edit", "-f", "-", "--apply")
	e.run(admin, strings.ReplaceAll(going, "going", "absent"), ExitError, "", "is not there, and orka edits what exists", "edit", "-f", "-", "--apply")

	// a Secret
	kubectl(t, "", "create", "secret", "generic", "token", "-n", ns, "--from-literal=password=hunter2")
	token := "apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: " + ns + "}\nstringData: {password: sesame}\n"
	out := e.run(admin, token, ExitOK, "***", "", "edit", "-f", "-", "--apply", "--force-conflicts")
	if strings.Contains(out, "sesame") || strings.Contains(out, "hunter2") {
		t.Errorf("a value is printed: %s", out)
	}
	if got := kubectl(t, "", "get", "secret", "token", "-n", ns, "-o", "jsonpath={.data.password}"); got != "c2VzYW1l" {
		t.Errorf("the password is %s", got)
	}
	e.run(admin, "", ExitOK, "live: same", "values of a Secret are not kept", "last-applied", "get", "secret", "token", "-n", ns)

	if home := os.Getenv("ORKA_E2E_HOME"); home != "" {
		kubectl(t, "", "create", "configmap", "looked-at", "-n", "team-a")
		t.Cleanup(func() { kubectl(t, "", "delete", "configmap", "looked-at", "-n", "team-a") })
		text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: looked-at, namespace: team-a}\ndata: {a: b}\n"
		e.run(filepath.Join(home, "reader.kubeconfig"), text, ExitError, "", "you may not patch it", "edit", "-f", "-", "--apply")
	}
}
