package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch/sim"
)

func TestEditNeedsToBeTold(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	file := b.file("s.yaml", settings("  colour: red\n"))
	b.want(b.run("", "edit", "-f", file), ExitUsage, "", "--dry-run")
	b.want(b.run("", "edit", "-f", file, "--dry-run", "--apply"), ExitUsage, "", "want one of them")
	b.want(b.run("", "edit", "--apply"), ExitUsage, "", "want -f FILE")
	b.want(b.run("", "edit", "-f", file, "--apply", "--readonly", "true"), ExitError, "", "read-only")
	if w := b.writes(); len(w) > 0 {
		t.Errorf("wrote %v", w)
	}
}

// TestEditConflict: what others own is taken only when told to.
func TestEditConflict(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	file := b.file("s.yaml", settings("  colour: red\n"))
	for _, how := range []string{"--dry-run", "--apply"} {
		a := b.run("", "edit", "-f", file, how)
		b.want(a, ExitConflict, "+  colour: red\n", "conflict: configmaps default/settings: .data.colour is owned by kube-controller-manager")
		b.want(a, ExitConflict, "", "nothing was written: 1 of 1 document refused")
		b.want(a, ExitConflict, "", "--force-conflicts")
		got := b.reports(b.run("", "edit", "-f", file, how, "-o", "json"))
		if len(got) != 1 || got[0].Outcome != outcomeRefused || got[0].Error == nil || got[0].Error.Code != codeConflict {
			t.Errorf("%+v", got)
		}
	}
	if w := b.writes(); len(w) > 0 {
		t.Errorf("wrote %v", w)
	}
	a := b.run("", "edit", "-f", file, "--apply", "--force-conflicts")
	b.want(a, ExitOK, "configmaps default/settings applied (version ", "")
	if got := b.data("settings")["colour"]; got != "red" {
		t.Errorf("colour is %s", got)
	}
	b.want(b.run("", "edit", "-f", file, "--apply"), ExitOK, "configmaps default/settings unchanged\n", "")
}

func TestEditAppliesAndRemembers(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	file := b.file("s.yaml", settings("  size: \"1\"\n"))

	a := b.run("", "edit", "-f", file, "--dry-run")
	b.want(a, ExitOK, "+  size: \"1\"\n", "")
	b.want(a, ExitOK, "configmaps default/settings would be applied (dry-run)\n  holds    writable", "")
	b.want(a, ExitOK, "  pending  same-object", "")
	if w := b.writes(); len(w) > 0 {
		t.Fatalf("a dry-run wrote %v", w)
	}
	got := b.reports(b.run("", "edit", "-f", file, "--apply", "-o", "json"))
	if len(got) != 1 || got[0].Outcome != outcomeApplied || got[0].Version == "" || got[0].Delivered == nil || !*got[0].Delivered || !got[0].Changed || len(got[0].Checks) == 0 {
		t.Fatalf("%+v", got)
	}
	if w := b.writes(); len(w) != 1 {
		t.Errorf("wrote %v", w)
	}
	if diff := cmp.Diff(map[string]string{"colour": "blue", "size": "1"}, b.data("settings")); diff != "" {
		t.Error(diff)
	}
	a = b.run("", "last-applied", "get", "cm", "settings")
	b.want(a, ExitOK, "\n  size: \"1\"\n", "version "+got[0].Version+"; it still looks so")
	b.want(b.run("", "diff", "--last-applied", "cm/settings"), ExitSame, "", "")

	// what orka applied and the file lacks now goes, what others own stays
	b.want(b.run("", "edit", "-f", b.file("s.yaml", settings("  shape: round\n")), "--apply"), ExitOK, "applied (version", "")
	if diff := cmp.Diff(map[string]string{"colour": "blue", "shape": "round"}, b.data("settings")); diff != "" {
		t.Error(diff)
	}
	a = b.run("", "last-applied", "get", "cm", "settings", "--all")
	if lines := strings.Split(strings.TrimSpace(a.out), "\n"); a.code != ExitOK || len(lines) != 3 || !strings.Contains(lines[1], "same") || !strings.Contains(lines[2], "differs") {
		t.Errorf("exit %d: %s%s", a.code, a.out, a.err)
	}
	b.want(b.run("", "last-applied", "get", "cm", "settings", "--version", got[0].Version), ExitOK, "size:", "changed since")
	b.want(b.run("", "last-applied", "get", "cm", "settings", "--version", "7x"), ExitError, "", `version "7x" is not kept`)
	b.want(b.run("", "last-applied", "get", "cm", "settings", "-o", "name"), ExitOK, "configmaps/settings\n", "")

	// somebody else writes: drift
	o, err := b.server.Get(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "default", "settings")
	if err != nil {
		t.Fatal(err)
	}
	cm := o.(*corev1.ConfigMap)
	cm.Data["shape"] = "square"
	if err := b.server.Update(cm); err != nil {
		t.Fatal(err)
	}
	for _, how := range [][]string{{"cm", "settings"}, {"-f", filepath.Join(b.dir, "s.yaml")}} {
		a = b.run("", append([]string{"diff", "--last-applied"}, how...)...)
		b.want(a, ExitDiffers, "--- APPLIED/v1.ConfigMap.default.settings\n+++ LIVE/v1.ConfigMap.default.settings\n", "changed since")
		b.want(a, ExitDiffers, "-  shape: round\n+  shape: square\n", "")
	}
	// gone, and the server with it
	if err := b.server.Delete(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "default", "settings"); err != nil {
		t.Fatal(err)
	}
	b.want(b.run("", "last-applied", "get", "configmap", "settings"), ExitOK, "shape: round", "it is gone")
	b.want(b.run("", "diff", "--last-applied", "configmap", "settings"), ExitDiffers, "", "it is gone")
	b.server.Close()
	b.want(b.run("", "last-applied", "get", "configmap", "settings"), ExitOK, "shape: round", "what follows is the history's")
	b.want(b.run("", "last-applied", "get", "configmap", "other"), ExitError, "", `the history has no "other" of the kind "configmap"`)
	b.want(b.run("", "last-applied", "get", "cm", "settings"), ExitError, "", "it has a settings among configmaps")
}

// TestEditIsAllOrNothingBeforeTheFirstWrite: one refused document keeps all of them back.
func TestEditIsAllOrNothingBeforeTheFirstWrite(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	b.configMap("settings", map[string]string{"colour": "blue"})
	good := settings("  size: \"1\"\n")
	for _, tt := range []struct {
		bad  string
		code int
		want string
	}{
		{strings.ReplaceAll(good, "settings", "absent"), ExitError, "configmaps default/absent is not there, and orka edits what exists; `kubectl create -f "},
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-root-ca.crt}\ndatum: {}\n", ExitUsage, "datum"},
		{"apiVersion: v1\nkind: Configmap\nmetadata: {name: x}\n", ExitUsage, "did you mean apiVersion v1, kind ConfigMap?"},
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x}\n", ExitUsage, "an apply needs a name of its own"},
		{"apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: x}\n", ExitUsage, "an object must have a name"},
		{"apiVersion: v1\nkind: Node\nmetadata: {name: x, namespace: shop}\n", ExitUsage, "nodes have no namespace"},
	} {
		b.configMap("kube-root-ca.crt", nil)
		a := b.run(good+"---\n"+tt.bad, "edit", "-f", "-", "--apply")
		b.want(a, tt.code, "", tt.want)
		if w := b.writes(); len(w) > 0 {
			t.Errorf("wrote %v beside %s", w, tt.bad)
		}
		if err := b.server.Delete(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "default", "kube-root-ca.crt"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEditStopsAtTheFirstFailedWrite, says which documents were left, and goes on where it stopped when run again.
func TestEditStopsAtTheFirstFailedWrite(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		b.configMap(name, nil)
		all = append(all, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "+name+"}\ndata: {size: \"1\"}\n")
	}
	text := strings.Join(all, "---\n")
	b.server.Inject(sim.Fault{Match: sim.Match{Verb: "patch", Resource: "configmaps", Name: "b"}, Skip: 1, Action: sim.Status{Code: 403, Reason: "Forbidden", Message: "not today"}})
	a := b.run(text, "edit", "-f", "-", "--apply")
	b.want(a, ExitError, "configmaps default/a applied", "not today")
	b.want(a, ExitError, "", "configmaps default/c: not attempted")
	b.want(a, ExitError, "", "1 applied, 1 refused, 1 not attempted")
	if b.data("c")["size"] != "" {
		t.Error("c was written")
	}
	b.server.Heal()
	b.want(b.run(text, "edit", "-f", "-", "--apply"), ExitOK, "configmaps default/a unchanged\n", "")
	if b.data("b")["size"] != "1" || b.data("c")["size"] != "1" {
		t.Error("running it again does not go on")
	}
}

// TestEditStale: a view that can't be confirmed keeps writes back, and the code says so.
func TestEditStale(t *testing.T) {
	authorize := func(_, verb, _, resource, _ string) (bool, string) {
		return resource != "configmaps" || verb != "list" && verb != "watch", "no rule"
	}
	b := newBench(t, sim.Config{Authorize: authorize}, "")
	b.configMap("settings", nil)
	file := b.file("s.yaml", settings("  size: \"1\"\n"))
	for _, how := range []string{"--dry-run", "--apply"} {
		a := b.run("", "edit", "-f", file, how)
		b.want(a, ExitStale, "+  size: \"1\"\n", "nothing was written")
		b.want(a, ExitStale, "", "the watch of configmaps is not live (Forbidden)")
	}
	b.want(b.run("", "edit", "-f", file, "--dry-run"), ExitStale, "  fails    watch-live", "")
	if w := b.writes(); len(w) > 0 {
		t.Errorf("wrote %v", w)
	}
	b.want(b.run("", "edit", "-f", file, "--apply", "--disable-apply-preflight", "true"), ExitOK, "applied (version", "")
}

// TestEditSecret: nothing that is printed or kept holds a value, and the value that is stored is right.
func TestEditSecret(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	if err := b.server.Create(secret("token")); err != nil {
		t.Fatal(err)
	}
	file := b.file("s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: token}\nstringData: {password: sesame-open, user: ali-baba}\n")
	const conflicts = "--force-conflicts"
	for _, args := range [][]string{
		{"diff", "-f", file}, {"diff", "-f", file, "-o", "json"}, {"edit", "-f", file, "--dry-run", conflicts}, {"edit", "-f", file, "--validate", "-o", "json"},
		{"edit", "-f", file, "--apply"}, {"edit", "-f", file, "--apply", conflicts, "-o", "json"},
		{"last-applied", "get", "secret", "token"}, {"last-applied", "get", "secret", "token", "-o", "json"}, {"last-applied", "get", "secret", "token", "--all"},
		{"diff", "--last-applied", "secret", "token"},
	} {
		a := b.run("", args...)
		if a.out == "" && a.err == "" {
			t.Errorf("%v prints nothing", args)
		}
		for _, value := range []string{"sesame", "ali-baba", "hunter2", "aHVudGVyMg", "c2VzYW1l", "YWxpLWJhYmE"} {
			if strings.Contains(a.out+a.err, value) {
				t.Errorf("%v prints %s:\n%s%s", args, value, a.out, a.err)
			}
		}
	}
	o, err := b.server.Get(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "default", "token")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.(*corev1.Secret).Data["password"]); got != "sesame-open" {
		t.Errorf("the password is %q", got)
	}
	b.want(b.run("", "last-applied", "get", "secret", "token"), ExitOK, "live: same", "not kept")
	s := o.(*corev1.Secret)
	s.Data["password"] = []byte("other")
	if err := b.server.Update(s); err != nil {
		t.Fatal(err)
	}
	b.want(b.run("", "diff", "--last-applied", "secret", "token"), ExitDiffers, "", "it has changed since")
}

// TestEditNamesAndNamespaces: -n, the document and the context say where.
func TestEditNamesAndNamespaces(t *testing.T) {
	b := newBench(t, sim.Config{}, "")
	one := int32(1)
	for _, ns := range []string{"default", "shop"} {
		labels := map[string]string{"app": "web"}
		if err := b.server.Create(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "web"}, Spec: appsv1.DeploymentSpec{
			Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.example/web:1"}}}},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	web := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web%s, labels: {team: red}}\n"
	a := b.run(fmt.Sprintf(web, ""), "edit", "-f", "-", "--apply", "-n", "shop")
	b.want(a, ExitOK, "deployments.apps shop/web applied (version", "")
	a = b.run(fmt.Sprintf(web, ", namespace: shop"), "edit", "-f", "-", "--apply", "-n", "default")
	b.want(a, ExitUsage, "", "stdin:1: deployments.apps web is in namespace shop, and -n says default")
	a = b.run(fmt.Sprintf(web, ", namespace: shop")+"---\n"+fmt.Sprintf(web, ", namespace: default"), "edit", "-f", "-", "--apply")
	b.want(a, ExitOK, "deployments.apps shop/web unchanged\ndeployments.apps default/web applied (version", "")
}

// TestEditInterrupted: ctrl-c before the first write says that nothing was written.
func TestEditInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var interrupt sync.Once
	authorize := func(_, verb, _, resource, _ string) (bool, string) {
		if verb == "patch" && resource == "configmaps" { // the dry-run is on its way
			interrupt.Do(func() { cancel(errInterrupted) })
		}
		return true, ""
	}
	b := newBench(t, sim.Config{Authorize: authorize}, "")
	b.configMap("settings", nil)
	b.server.Inject(sim.Fault{Match: sim.Match{Verb: "patch", Resource: "configmaps"}, Action: sim.Hang{}})
	a := b.runCtx(ctx, settings("  size: \"1\"\n"), "edit", "-f", "-", "--apply")
	b.want(a, ExitInterrupt, "", "interrupted: nothing was written")
	if w := b.writes(); len(w) > 0 {
		t.Errorf("wrote %v", w)
	}
}

// TestEditInterruptedBetweenWrites: ctrl-c between two writes says which were made, and leaves the others.
func TestEditInterruptedBetweenWrites(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	var b *bench
	authorize := func(_, _, _, resource, _ string) (bool, string) {
		if resource == "configmaps" && b != nil && len(b.writes()) > 0 { // what comes after the first write
			cancel(errInterrupted)
		}
		return true, ""
	}
	b = newBench(t, sim.Config{Authorize: authorize}, "")
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		b.configMap(name, nil)
		all = append(all, strings.ReplaceAll(settings("  size: \"1\"\n"), "settings", name))
	}
	got := b.runCtx(ctx, strings.Join(all, "---\n"), "edit", "-f", "-", "--apply")
	b.want(got, ExitInterrupt, "configmaps default/a applied (version", "interrupted: 1 applied, 2 not attempted")
	if w := b.writes(); len(w) != 1 {
		t.Errorf("wrote %v", w)
	}
}

// TestLastAppliedForThoseWhoMayNotWrite: looking needs no leave to write.
func TestLastAppliedForThoseWhoMayNotWrite(t *testing.T) {
	mayWrite := true
	authorize := func(_, verb, _, resource, _ string) (bool, string) {
		return mayWrite || resource != "configmaps" || verb != "patch", "no rule"
	}
	b := newBench(t, sim.Config{Authorize: authorize}, "")
	b.configMap("settings", nil)
	file := b.file("s.yaml", settings("  size: \"1\"\n"))
	b.want(b.run("", "edit", "-f", file, "--apply"), ExitOK, "applied (version", "")
	mayWrite = false
	b.want(b.run("", "last-applied", "get", "cm", "settings"), ExitOK, "size:", "it still looks so")
	b.want(b.run("", "edit", "-f", file, "--apply"), ExitError, "", "you may not patch it")
	b.want(b.run("", "diff", "-f", file), ExitPartial, "", "you may not patch it")
}
