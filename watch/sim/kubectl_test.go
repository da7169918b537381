package sim

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kubectl runs the real kubectl against a server on loopback.
type kubectl struct {
	t          *testing.T
	bin        string
	kubeconfig string
	home       string
}

func newKubectl(t *testing.T, s *Server) *kubectl {
	t.Helper()
	bin, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not on PATH: the proof that it can talk to the simulated server is left out")
	}
	if _, err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	k := &kubectl{t: t, bin: bin, home: t.TempDir()}
	k.kubeconfig = filepath.Join(k.home, "kubeconfig")
	if err := os.WriteFile(k.kubeconfig, s.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kubectl) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.bin, append([]string{"--kubeconfig", k.kubeconfig, "--cache-dir", k.home}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+k.home)
	return cmd
}

// run returns what kubectl prints, both outputs.
func (k *kubectl) run(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	cmd := k.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// want runs kubectl and looks for texts in what it prints.
func (k *kubectl) want(stdin string, args []string, texts ...string) {
	k.t.Helper()
	out, err := k.run(stdin, args...)
	if err != nil {
		k.t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
		return
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			k.t.Errorf("kubectl %s: no %q in\n%s", strings.Join(args, " "), text, out)
		}
	}
}

const manifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {colour: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.test/web:1"}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
`

// TestKubectl is the proof that a real kubectl takes the server for one, over HTTP and over TLS with HTTP/2.
func TestKubectl(t *testing.T) {
	for _, tls := range []bool{false, true} {
		t.Run(map[bool]string{false: "http", true: "tls"}[tls], func(t *testing.T) {
			s := newServer(t, Config{TLS: tls})
			k := newKubectl(t, s)
			mustCreate(t, s, testPod("default", "p1"), testPod("kube-system", "p2"))

			k.want("", []string{"version"}, "Server Version: "+DefaultVersion)
			k.want("", []string{"api-resources"}, "deployments", "deploy", "apps/v1", "customresourcedefinitions", "networkpolicies")
			k.want("", []string{"get", "pods", "-A"}, "p1", "p2", "kube-system", "AGE")
			k.want("", []string{"get", "pods", "-A", "--chunk-size=1", "-o", "name"}, "pod/p1", "pod/p2")
			k.want("", []string{"get", "pod", "p1", "-o", "yaml"}, "image: example.test/web:1", "kind: Pod")
			k.want(manifest, []string{"create", "-f", "-"}, "configmap/settings created", "deployment.apps/web created",
				"customresourcedefinition.apiextensions.k8s.io/widgets.example.test created")
			k.want("", []string{"wait", "--for=condition=Established", "crd/widgets.example.test"}, "condition met")
			k.want("apiVersion: example.test/v1\nkind: Widget\nmetadata: {name: w1}\nspec: {size: 7}\n", []string{"create", "-f", "-"}, "widget.example.test/w1 created")
			k.want("", []string{"get", "wd"}, "NAME", "SIZE", "w1", "7")
			k.want("", []string{"get", "deploy,cm"}, "deployment.apps/web", "configmap/settings")
			k.want("", []string{"label", "configmap", "settings", "tier=front"}, "configmap/settings labeled")
			k.want("", []string{"get", "cm", "-l", "tier=front", "-o", "jsonpath={.items[*].data.colour}"}, "blue")
			k.want("", []string{"annotate", "deploy", "web", "note=x"}, "annotated")
			k.want("", []string{"patch", "deploy", "web", "-p", `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"example.test/web:2"}]}}}}`}, "patched")
			k.want("", []string{"get", "deploy", "web", "-o", "jsonpath={.spec.template.spec.containers[*].image} {.metadata.generation}"}, "example.test/web:2 3")
			k.want("", []string{"describe", "pod", "p1"}, "Name:", "example.test/web:1")
			applied := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {a: "
			k.want(applied+"one}\n", []string{"apply", "-f", "-"}, "configmap/applied created")
			if out, err := k.run(applied+"two}\n", "diff", "-f", "-"); err == nil || !strings.Contains(out, "+  a: two") || strings.Contains(out, "+  resourceVersion") {
				t.Errorf("kubectl diff: %v\n%s", err, out)
			}
			k.want(applied+"two}\n", []string{"apply", "-f", "-"}, "configmap/applied configured")
			k.want(applied+"two}\n", []string{"apply", "-f", "-"}, "configmap/applied unchanged")
			k.want("", []string{"auth", "can-i", "list", "pods"}, "yes")
			k.want("", []string{"auth", "whoami"}, adminUser)
			k.want("", []string{"delete", "cm", "settings"}, `configmap "settings" deleted`)
			k.want("", []string{"delete", "pods", "--all", "-n", "kube-system"}, `pod "p2" deleted`)
			k.want("", []string{"delete", "crd", "widgets.example.test"}, "deleted")
			if out, err := k.run("", "get", "wd"); err == nil {
				t.Errorf("get of a deleted kind succeeded:\n%s", out)
			}
			if out, err := k.run("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\nnonsense: 1\n", "create", "-f", "-"); err == nil || !strings.Contains(out, `unknown field "nonsense"`) {
				t.Errorf("an unknown field: %v\n%s", err, out)
			}
		})
	}
}

// TestKubectlWatch sees a create in kubectl get -w.
func TestKubectlWatch(t *testing.T) {
	s := newServer(t, Config{})
	k := newKubectl(t, s)
	mustCreate(t, s, testPod("default", "first"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := k.command(ctx, "get", "pods", "-w", "--no-headers", "-o", "name")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("kubectl get -w ended: %v", lines.Err())
		}
		return lines.Text()
	}
	if got := next(); got != "pod/first" {
		t.Errorf("first line %q", got)
	}
	mustCreate(t, s, testPod("default", "second"))
	if got := next(); got != "pod/second" {
		t.Errorf("after a create: %q", got)
	}
	cancel()
	if err := cmd.Wait(); err == nil {
		t.Error("kubectl get -w ended by itself")
	}
}
