package apply_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"orka/apply"
	"orka/apply/history"
	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

// marker is in every value of the Secrets of these tests, and nowhere else. Its length is one that base64 encodes alike
// wherever it is followed by more.
const marker = "zq7Xw9Kp2"

// value is a secret one; what tells it apart.
func value(what string) string { return marker + "-" + what }

func encode(what string) string {
	return base64.StdEncoding.EncodeToString([]byte(value(what)))
}

// leaks are the forms under which the marker is looked for: as it is, and base64 at its three alignments.
var leaks = func() []string {
	out := []string{marker}
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("?", shift) + marker + "??"))
		from := (shift*8 + 5) / 6
		out = append(out, text[from:(shift+len(marker))*8/6])
	}
	return out
}()

func leak(text string) string {
	for _, l := range leaks {
		if i := strings.Index(text, l); i >= 0 {
			return text[max(0, i-200):min(len(text), i+200)]
		}
	}
	return ""
}

func TestLeaksAreFound(t *testing.T) {
	for _, prefix := range []string{"", "a", "ab", "abc", `{"data":{"x":"`} {
		for _, suffix := range []string{"-x", "-xy", "-xyz"} {
			if plain := prefix + marker + suffix; leak("text "+plain) == "" || leak("text "+base64.StdEncoding.EncodeToString([]byte(plain))) == "" {
				t.Errorf("%q is not found", plain)
			}
		}
	}
	if got := leak("text " + base64.StdEncoding.EncodeToString([]byte("something else entirely"))); got != "" {
		t.Errorf("found in %q", got)
	}
}

// vault is an engine at work on Secrets, with everything it says.
type vault struct {
	*world
	engine *engine.Engine
	log    *lockedBuffer
	addr   string
	kind   *watch.Kind
	shown  []string // what was shown: what it was, and the text
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{world: newCorner(t, openSim(t)), log: &lockedBuffer{}, kind: secrets}
	v.dir = t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port
	if err != nil {
		t.Fatal(err)
	}
	v.addr = l.Addr().String()
	_ = l.Close()
	cfg := v.cluster.config()
	client, err := kube.New(&rest.Config{Host: cfg.Host, Transport: v.tap}, kube.Options{Logger: slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	c := engine.DefaultConfig()
	c.DBPath = filepath.Join(v.dir, "history", "history.db")
	c.MetricsAddr = v.addr
	c.LogLevel = slog.LevelDebug
	c.Logger = slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Identity = apply.Identity{Cluster: "sim", Context: "test", User: "tester"}
	c.Select = func(s engine.Served) []*watch.Kind {
		for _, k := range s.Kinds {
			if k.ResourceName() == "secrets" {
				return []*watch.Kind{k}
			}
		}
		return nil
	}
	if v.engine, err = engine.New(c, client); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- v.engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		client.CloseIdle()
	})
	view, err := v.engine.Await(t.Context(), func(view *engine.View) bool {
		return view.Health.Server.Connected && len(view.Health.Watchers) == 1 && view.Health.Watchers[0].Complete
	})
	if err != nil {
		t.Fatal(err)
	}
	v.kind = view.Health.Watchers[0].Scope.Kind
	return v
}

// make makes the Secret of a test. Its values are copied into the annotations that tools keep.
func (v *vault) make(name string) apply.Target {
	v.t.Helper()
	v.admin.create(secrets, v.ns, fmt.Sprintf(`
apiVersion: v1
kind: Secret
metadata:
  name: %s
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"apiVersion":"v1","kind":"Secret","stringData":{"password":"%s"}}'
    tool.example/copy: 'password=%s'
    tool.example/encoded: '%s'
type: Opaque
data: {password: %[4]s, other: %[5]s}
`, name, value("applied"), value("old"), encode("old"), encode("other")))
	return apply.Target{Kind: v.kind, Namespace: v.ns, Name: name}
}

// show keeps what a person is shown.
func (v *vault) show(what string, parts ...any) {
	for _, p := range parts {
		v.shown = append(v.shown, what+": "+fmt.Sprintf("%+v", p))
	}
}

// showError keeps an error and the parts of it that screens show.
func (v *vault) showError(what string, err error) {
	v.t.Helper()
	if err == nil {
		v.t.Errorf("%s: no error", what)
		return
	}
	v.show(what, err.Error())
	v.show(what+" as a log has it", logged(err))
	var rejected *apply.RejectedError
	var changed *apply.ChangedError
	var conflict *apply.ConflictError
	var moved *apply.MovedError
	var draft *apply.DraftError
	var stale *apply.StaleError
	switch {
	case errors.As(err, &rejected):
		v.show(what, rejected.Message, rejected.Causes, rejected.Reason, rejected.Webhook)
	case errors.As(err, &changed):
		v.show(what, changed.Fields)
	case errors.As(err, &conflict):
		v.show(what, conflict.Conflicts)
	case errors.As(err, &draft):
		v.show(what, *draft)
	case errors.As(err, &stale):
		v.show(what, stale.Failed)
	case errors.As(err, &moved) && moved.Next != nil:
		v.showPreview(what, moved.Next)
	}
}

func logged(err error) string {
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Error("failed", "err", err)
	slog.New(slog.NewTextHandler(&b, nil)).Error("failed", "err", err)
	return b.String()
}

func (v *vault) showPreview(what string, p *apply.Preview) {
	v.show(what, p.Conflicts, p.Warnings, p.Notices, p.Local, p.Intent.Notices, p.Intent.Set, p.Intent.RemoveOwn, p.Intent.RemoveForeign)
	v.showDiff(what, p.Diff)
}

func (v *vault) showDiff(what string, d *apply.Diff) {
	if d == nil {
		return
	}
	v.show(what, d.Before, d.After)
	for _, h := range d.Hunks {
		for _, l := range h.Lines {
			v.show(what, l.Text)
		}
	}
}

// try is an edit up to where it ends: at an error, which is shown, or applied.
func (v *vault) try(what string, target apply.Target, edit func(draft string) string, consent apply.Consent, between func()) error {
	v.t.Helper()
	ctx := v.t.Context()
	base, draft, err := v.engine.OpenEdit(ctx, target)
	if err != nil {
		v.showError(what+": open", err)
		return err
	}
	if leak(string(draft)) == "" {
		v.t.Fatalf("%s: the draft has no values to be changed:\n%s", what, draft)
	}
	changed := edit(string(draft))
	if changed == string(draft) {
		v.t.Fatalf("%s: the draft was not changed:\n%s", what, draft)
	}
	i, err := v.engine.Intent(ctx, base, []byte(changed))
	if err != nil {
		v.showError(what+": intent", err)
		return err
	}
	p, err := v.engine.Preview(ctx, base, i, consent)
	if err != nil {
		v.showError(what+": preview", err)
		return err
	}
	v.showPreview(what+": preview", p)
	v.show(what+": checks", v.engine.Checks(p, consent))
	if between != nil {
		between()
	}
	r, err := v.engine.Commit(ctx, p, consent)
	if err != nil {
		v.showError(what+": commit", err)
		return err
	}
	v.show(what+": result", r.Warnings, r.Target.String())
	v.showDiff(what+": surprises", r.Surprises)
	return nil
}

func swap(old, new string) func(string) string {
	return func(draft string) string { return strings.Replace(draft, old, new, 1) }
}

// TestSecretsLeak walks Secrets through everything that can happen to an edit, and looks for their values in whatever is
// shown or kept: errors, previews, differences, warnings, the log at its most talkative, metrics, the history's files.
func TestSecretsLeak(t *testing.T) {
	v := newVault(t)
	ctx := t.Context()
	password := func(to string) func(string) string {
		return func(draft string) string {
			i := strings.Index(draft, "password: "+encode("old"))
			if i < 0 {
				t.Fatalf("no password in the draft:\n%s", draft)
			}
			return draft[:i] + "password: " + to + draft[i+len("password: "+encode("old")):]
		}
	}
	fresh := func(name string) func(string) string { return password(encode("new-" + name)) }

	// What the person did wrong.
	for name, edit := range map[string]func(string) string{
		"no base64":     password(value("not base64!")),
		"a map":         password("{nested: " + value("nested") + "}"),
		"a list":        password("[" + value("item") + "]"),
		"a number":      func(d string) string { return d + "stringData: {pin: [" + value("pin") + "]}\n" },
		"broken YAML":   password("\"" + value("unclosed")),
		"a tab":         password("x\n\t" + value("tab") + ": y"),
		"twice":         password("x\n  password: " + value("twice")),
		"an alias":      password("*" + value("alias")),
		"a tag":         password("!" + value("tag") + " x"),
		"two documents": func(d string) string { return d + "---\n" + value("document") + "\n" },
		"unknown field": func(d string) string { return d + "datum: " + value("field") + "\n" },
		"wrong data":    func(d string) string { return d + "stringData: " + value("whole") + "\n" },
		"another kind":  func(d string) string { return strings.Replace(fresh("kind")(d), "kind: Secret", "kind: ConfigMap", 1) },
		"a status":      func(d string) string { return d + "status: " + value("status") + "\n" },
		"the immutable": func(d string) string {
			return strings.Replace(fresh("type")(d), "type: Opaque", "type: "+value("type"), 1)
		},
		"an odd key":      func(d string) string { return d + "stringData: {\"not/a/key\": " + value("odd") + "}\n" },
		"the copy":        swap("tool.example/copy: ", "tool.example/copy: "+value("copy")+" "),
		"the copy's text": swap("password="+value("old"), "password="+value("elsewhere")),
	} {
		target := v.make("wrong-" + strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(name, " ", "-")), "'", ""))
		_ = v.try(name, target, edit, all, nil)
	}

	// What becomes of a good edit.
	if err := v.try("applied", v.make("applied"), fresh("applied"), all, nil); err != nil {
		t.Errorf("applied: %v", err)
	}
	if got := at(v.get(apply.Target{Kind: secrets, Namespace: v.ns, Name: "applied"}), "data", "password"); got != encode("new-applied") {
		t.Errorf("applied: the server has another value")
	}
	_ = v.try("no consent", v.make("no-consent"), fresh("consent"), apply.Consent{}, nil)
	_ = v.try("clear text", v.make("clear-text"), func(d string) string { return d + "stringData: {plain: " + value("clear") + "}\n" }, all, nil)
	_ = v.try("removed", v.make("removed"), swap("  other: "+encode("other")+"\n", ""), all, nil)
	_ = v.try("changed", v.make("changed"), fresh("changed"), all, func() {
		v.admin.merge(secrets, v.ns, "changed", `{"data":{"password":"`+encode("theirs")+`"}}`)
	})
	_ = v.try("changed, removing", v.make("changed-removing"), swap("  other: "+encode("other")+"\n", ""), all, func() {
		v.admin.merge(secrets, v.ns, "changed-removing", `{"data":{"other":"`+encode("theirs")+`"}}`)
	})
	_ = v.try("moved", v.make("moved"), func(d string) string {
		return fresh("moved")(d) + "stringData: {extra: " + value("extra") + "}\n"
	}, all, func() {
		v.admin.merge(secrets, v.ns, "moved", `{"data":{"extra":"`+encode("extra")+`"}}`)
	})
	_ = v.try("gone", v.make("gone"), fresh("gone"), all, func() { v.admin.remove(secrets, v.ns, "gone") })

	// What servers say.
	echo := func(o map[string]any) string { return fmt.Sprintf("%v and %s", o, value("echo")) }
	hooks := map[string]webhook{
		"deny":  {name: "deny.orka.test", review: func(o map[string]any, _ bool) verdict { return verdict{deny: echo(o)} }},
		"warn":  {name: "warn.orka.test", review: func(o map[string]any, _ bool) verdict { return verdict{warnings: []string{echo(o)}} }},
		"later": {name: "later.orka.test", review: func(o map[string]any, dryRun bool) verdict { return map[bool]verdict{false: {deny: echo(o)}}[dryRun] }},
		"mutate": {name: "mutate.orka.test", mutating: true, review: func(_ map[string]any, dryRun bool) verdict {
			return verdict{patch: []map[string]any{{"op": "add", "path": "/data/injected", "value": encode(fmt.Sprint("injected", dryRun))}}}
		}},
		"nodryrun": {name: "nodryrun.orka.test", noDryRun: true, review: func(map[string]any, bool) verdict { return verdict{} }},
	}
	for name, h := range hooks {
		target := v.make("hook-" + name)
		t.Run(name, func(t *testing.T) {
			v.cluster.hook(t, v.ns, h)
			consent := all
			if h.noDryRun {
				consent.WithoutDryRun = true
				_ = v.try("webhook "+name, target, fresh(name), all, nil)
			}
			_ = v.try("webhook "+name, target, fresh(name), consent, nil)
		})
	}
	for name, a := range map[string]answer{
		"status": {code: 422, header: map[string]string{"Content-Type": "application/json", "Warning": `299 - "` + value("warning") + `"`}, body: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422,
			"message":"Secret is invalid: data[password]: Invalid value: \"` + value("status") + `\"","details":{"name":"` + value("name") + `","causes":[{"reason":"` + value("reason") + `","message":"` + value("cause") + `","field":"data[password]"}]}}`},
		"conflict": {code: 409, header: map[string]string{"Content-Type": "application/json"}, body: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409,
			"message":"conflict: ` + value("message") + `","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"theirs\" using v1: ` + value("cause") + `","field":".data.password"}]}}`},
		"error":    {code: 500, header: map[string]string{"Content-Type": "application/json"}, body: `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500,"message":"` + value("internal") + `"}`},
		"text":     {code: 400, header: map[string]string{"Content-Type": "text/plain"}, body: value("text")},
		"html":     {code: 403, header: map[string]string{"Content-Type": "text/html"}, body: "<p>" + value("html")},
		"no json":  {code: 200, header: map[string]string{"Content-Type": "application/json"}, body: `{"data": "` + value("cut")},
		"no wrong": {code: 200, header: map[string]string{"Content-Type": "application/json"}, body: `["` + value("list") + `"]`},
		"moved":    {code: 307, header: map[string]string{"Location": "/" + value("location")}, body: ""},
	} {
		for _, real := range []bool{false, true} {
			target := v.make(fmt.Sprintf("answer-%s-%v", strings.ReplaceAll(name, " ", "-"), real))
			v.tap.instead(func(s *seen) *answer {
				if s.Method == http.MethodPatch && s.dryRun() != real {
					return &a
				}
				return nil
			})
			_ = v.try("answer "+name, target, fresh(name), all, nil)
			v.tap.instead(nil)
		}
	}
	lost := v.make("lost")
	v.tap.onBreak(func(s *seen) cut {
		if s.write() && s.Method == http.MethodPatch {
			return afterServer
		}
		return whole
	})
	_ = v.try("lost", lost, fresh("lost"), all, func() {})
	v.tap.onBreak(nil)

	// Files.
	v.make("filed")
	for name, text := range map[string]string{
		"good":   fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: filed, namespace: %s}\ndata: {password: %s}\n", v.ns, encode("file")),
		"clear":  fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: filed, namespace: %s}\nstringData: {password: %s}\n", v.ns, value("file")),
		"bad":    fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: filed, namespace: %s}\ndata: {password: %s}\n", v.ns, value("file!")),
		"broken": fmt.Sprintf("apiVersion: v1\nkind: Secret\ndata: {password: %s\n", value("file")),
		"field":  fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: filed, namespace: %s}\ndatum: {password: %s}\n", v.ns, value("file")),
		"absent": fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: absent, namespace: %s}\nstringData: {password: %s}\n", v.ns, value("file")),
	} {
		files, err := apply.ParseFiles(name+".yaml", []byte(text), 0, 0)
		if err != nil {
			v.showError("file "+name, err)
			continue
		}
		target := apply.Target{Kind: v.kind, Namespace: v.ns, Name: files[0].Object.GetName()}
		base, err := v.engine.FileBase(ctx, target)
		if err != nil {
			v.showError("file "+name, err)
			continue
		}
		i, err := v.engine.FileIntent(ctx, base, files[0])
		if err != nil {
			v.showError("file "+name, err)
			continue
		}
		p, err := v.engine.Preview(ctx, base, i, all)
		if err != nil {
			v.showError("file "+name, err)
			continue
		}
		v.showPreview("file "+name, p)
		if leak(string(p.Body)) == "" {
			t.Errorf("file %s: the patch has no value: %s", name, p.Body)
		}
	}

	v.judge()
}

// judge looks for values in what was shown and kept.
func (v *vault) judge() {
	t := v.t
	t.Helper()
	store, err := v.engine.History()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := store.Find(t.Context(), history.Query{Body: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 5 {
		t.Errorf("the history has only %d entries", len(entries))
	}
	for _, e := range entries {
		v.show("history entry", e, string(e.Intent.Body), string(e.Outcome.Object))
		versions, err := store.Versions(t.Context(), e.Intent.UID)
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range versions {
			v.show("history version", version, string(version.Object))
		}
	}
	files := 0
	err = filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		v.shown = append(v.shown, "file "+path+": "+string(b))
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files: %v", files, err)
	}
	resp, err := http.Get("http://" + v.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	metrics, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(metrics), "apply_attempts") {
		t.Errorf("metrics: %v: %d bytes", err, len(metrics))
	}
	http.DefaultClient.CloseIdleConnections()
	v.shown = append(v.shown, "metrics: "+string(metrics), "log: "+v.log.String())
	if len(v.shown) < 100 {
		t.Errorf("only %d texts were looked at", len(v.shown))
	}
	for _, text := range v.shown {
		if l := leak(text); l != "" {
			what, _, _ := strings.Cut(text, ": ")
			t.Errorf("a value is shown: %s: … %s …", what, l)
		}
	}
	t.Logf("%d texts, %d entries, %d files", len(v.shown), len(entries), files)
}

// TestSecretsLeakInPanic ends a process in the middle of a commit: what it prints on the way has no values either.
func TestSecretsLeakInPanic(t *testing.T) {
	for _, point := range []string{"guarded", "recorded", "sent", "answered", "finished"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, openSim(t))
			w.admin.create(secrets, w.ns, fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: settings}, data: {shared: %s}}", encode("old")))
			cmd, _ := child(t, w, envPoint+"=apply:"+point, envSecret+"=yes", "GOTRACEBACK=all")
			out, err := cmd.CombinedOutput()
			if err == nil || !bytes.Contains(out, []byte("goroutine")) {
				t.Fatalf("no panic: %v\n%s", err, out)
			}
			if l := leak(string(out)); l != "" {
				t.Errorf("a value is shown: … %s …", l)
			}
			if l := leak(fmt.Sprintf("%+v", w.entriesOf(t))); l != "" {
				t.Errorf("a value is in the history: … %s …", l)
			}
		})
	}
}
