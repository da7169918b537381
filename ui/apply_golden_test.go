package ui

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"orka/apply"
	"orka/engine"
	"orka/watch"
)

// editSceneOf is one screen of the Apply flow.
type editSceneOf struct {
	name    string
	query   string
	edit    func(*engine.Health)
	editor  func(path string) error // change by default
	prepare func(*testing.T, *fakeApplier)
	do      func(*driver) // begins in the table, on the object
}

// editScenes are the screens of the Apply flow, each a way to get there.
var editScenes = []editSceneOf{
	{name: "reading", prepare: func(_ *testing.T, a *fakeApplier) { a.holdOpen = make(chan struct{}) }},
	{name: "not-permitted", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onOpen = func(t apply.Target) error {
			return &apply.PermissionError{Target: t, Verb: "patch", Reason: `no RBAC rule for "oncall"`}
		}
	}},
	{name: "earlier-draft", do: func(d *driver) { d.key("e", "esc", "e") }},
	{name: "draft-error", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onIntent = func(string) error {
			return &apply.DraftError{Line: 7, Column: 3, Path: ".spec.replicas", Message: "want a number, got a list; write the number alone"}
		}
	}},
	{name: "editor-failed", editor: func(string) error { return errors.New("fork/exec: permission denied") }},
	{name: "preview"},
	{name: "preview-notes", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) {
			p.Warnings = []string{`spec.template.spec.containers[0].ports[1]: duplicate port name "http"`, "policy/v1beta1 is deprecated"}
			p.Notices = []string{".spec.template.spec.tolerations is replaced as a whole: the list is atomic", "a second notice"}
			p.Route = apply.JSONPatch
			return p, nil
		}
	}},
	{name: "preview-searched", do: func(d *driver) { d.key("e", "/"); d.text("replicas"); d.key("enter") }},
	{name: "guard", do: func(d *driver) { d.key("e", "tab") }},
	{name: "stale-watch", edit: staleDeployments, do: func(d *driver) { d.key("e", "a") }},
	{name: "moved-on", prepare: func(_ *testing.T, a *fakeApplier) { a.version = "100001" }, do: func(d *driver) { d.key("e", "a") }},
	{name: "fields", prepare: conflicting, do: func(d *driver) { d.key("e", "a", "f", "t") }},
	{name: "confirm", do: func(d *driver) { d.key("e", "a") }},
	{name: "confirm-taking", prepare: conflicting, do: func(d *driver) { d.key("e", "a", "f", "f", "f", "shift+tab", "shift+tab", "a") }},
	{name: "sending", prepare: func(t *testing.T, a *fakeApplier) { a.hold = make(chan struct{}) }, do: func(d *driver) { d.key("e", "a", "y", "esc") }},
	{name: "pending", do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "stored", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) {
			return &apply.Result{Target: p.Base.Target, UID: p.Base.UID, ResourceVersion: p.Base.ResourceVersion, Surprises: sampleDiff(), Warnings: []string{"it is applied, but the history can't be written: disk full"}}, nil
		}
	}, do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "changed", prepare: refusing(func(t apply.Target) error {
		return &apply.ChangedError{Target: t, Fields: []apply.Versions{
			{Path: ".spec.replicas", Base: "3", Yours: "5", Their: "7"},
			{Path: ".spec.strategy", Base: "type: RollingUpdate\nrollingUpdate:\n  maxSurge: 1\n", Yours: "type: Recreate\n", Their: ""},
		}}
	}), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "moved", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) {
			next := *p
			next.At = testNow
			return nil, &apply.MovedError{Target: p.Base.Target, Next: &next}
		}
	}, do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "conflict", prepare: func(_ *testing.T, a *fakeApplier) {
		a.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) {
			return nil, &apply.ConflictError{Target: p.Base.Target, Conflicts: sampleConflicts()}
		}
	}, do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "stale", prepare: refusing(func(t apply.Target) error {
		return &apply.StaleError{Target: t, Failed: []apply.Check{{Condition: apply.NoSuspend, Verdict: apply.Fails, Reason: "the machine slept since the view was last confirmed"}}}
	}), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "gone", prepare: refusing(func(t apply.Target) error { return &apply.GoneError{Target: t, Recreated: true} }), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "rejected", prepare: trying(func(t apply.Target) error {
		return &apply.RejectedError{Target: t, Code: 422, Reason: "Invalid", Message: `Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0`,
			Causes: []apply.Cause{{Path: "spec.replicas", Message: "Invalid value: -1: must be greater than or equal to 0"}, {Path: "spec.template.spec.containers[0].image", Message: "Required value"}}}
	})},
	{name: "webhook", prepare: trying(func(t apply.Target) error {
		return &apply.RejectedError{Target: t, Code: 400, Reason: "BadRequest", Webhook: "policy.example.com", NoDryRun: true, Message: `admission webhook "policy.example.com" does not support dry run`}
	}), do: func(d *driver) { d.key("e", "w") }},
	{name: "unknown", prepare: refusing(func(t apply.Target) error { return &apply.UnknownError{Target: t, Err: errors.New("unexpected EOF")} }), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "unknown-absent", prepare: refusing(func(t apply.Target) error {
		return &apply.UnknownError{Target: t, Err: errors.New("the server refused (504 Gateway Timeout)"), Absent: true}
	}), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "not-applied", prepare: refusing(func(t apply.Target) error {
		return &apply.NotAppliedError{Target: t, Err: errors.New("connection reset by peer")}
	}), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "journal", prepare: refusing(func(apply.Target) error {
		return &apply.JournalError{Err: errors.New("history.db: no space left on device")}
	}), do: func(d *driver) { d.key("e", "a", "y") }},
	{name: "next", query: "k:pod ns:checkout", do: func(d *driver) { d.key(" ", " ", " ", "e", "a", "y", "esc") }},
	{name: "ascii", prepare: conflicting, do: func(d *driver) { d.m.th = newTheme(termenv.Ascii, true, true); d.key("e") }},
}

func staleDeployments(h *engine.Health) {
	setStatus(h, kindDeployment, func(s *watch.Status) {
		s.Phase, s.Attempt, s.Reason, s.ConfirmedAt = watch.Backoff, 4, watch.ReasonNetwork, testNow.Add(-3*time.Minute)
		s.Err, s.RetryAt = "dial tcp 10.0.0.1:6443: connect: connection refused", testNow.Add(9*time.Second)
	})
}

func sampleConflicts() []apply.Conflict {
	return []apply.Conflict{
		{Path: ".spec.replicas", Manager: "kube-controller-manager (scale)"},
		{Path: `.spec.template.spec.containers[name="web"].image`, Manager: "argocd"},
		{Path: ".metadata.annotations.owner", Manager: "nobody", Removes: true},
	}
}

// conflicting makes others own fields of the edit.
func conflicting(_ *testing.T, a *fakeApplier) {
	a.onPreview = func(c apply.Consent, p *apply.Preview) (*apply.Preview, error) {
		for _, x := range sampleConflicts() {
			if !c.Leave[x.Path] {
				p.Conflicts = append(p.Conflicts, x)
			}
		}
		p.Force = true
		return p, nil
	}
}

// refusing makes a commit fail.
func refusing(err func(apply.Target) error) func(*testing.T, *fakeApplier) {
	return func(_ *testing.T, a *fakeApplier) {
		a.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) { return nil, err(p.Base.Target) }
	}
}

// trying makes a dry-run fail.
func trying(err func(apply.Target) error) func(*testing.T, *fakeApplier) {
	return func(_ *testing.T, a *fakeApplier) {
		a.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) { return nil, err(p.Base.Target) }
	}
}

// editScene drives a scene to its screen and calls f there.
func editScene(t *testing.T, name string, w, h int, f func(*driver)) {
	t.Helper()
	i := slices.IndexFunc(editScenes, func(s editSceneOf) bool { return s.name == name })
	scene := editScenes[i]
	editor := scene.editor
	if editor == nil {
		editor = change
	}
	view, err := testView(t.Context(), newCluster(1).fill(400), scene.edit)
	if err != nil {
		t.Fatal(err)
	}
	query := scene.query
	if query == "" {
		query = webQuery
	}
	drive(t, editing(t, stage{w: w, h: h, view: view, opts: Options{Query: query}}, editor), func(d *driver) {
		if scene.prepare != nil {
			scene.prepare(t, &d.engine.applier)
		}
		d.key("esc")
		if scene.do == nil {
			d.key("e")
		} else {
			scene.do(d)
		}
		f(d)
		for _, hold := range []chan struct{}{d.engine.applier.hold, d.engine.applier.holdOpen} {
			if hold != nil {
				close(hold)
			}
		}
	})
}

func TestGoldenApply(t *testing.T) {
	for _, scene := range editScenes {
		t.Run(scene.name, func(t *testing.T) {
			var b strings.Builder
			home, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range goldenSizes[:4] {
				editScene(t, scene.name, size[0], size[1], func(d *driver) {
					fmt.Fprintf(&b, "== %dx%d\n%s\n", size[0], size[1], d.screen())
				})
			}
			file := filepath.Join(home, "testdata", "apply-"+scene.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file) //nolint:gosec // a golden file
			if err != nil {
				t.Fatalf("%v; go test ./ui -run TestGoldenApply -update writes it", err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
				t.Errorf("the screen is not as in %s (-want +got); -update takes the new one:\n%s", file, diff)
			}
		})
	}
}
