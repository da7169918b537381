package ui

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/apply"
)

// fakeApplier answers what a test tells it to; what it is not told goes well. The guard is the real one.
type fakeApplier struct {
	mu      sync.Mutex
	calls   []string
	base    *apply.Base // that was opened last
	preview *apply.Preview

	onOpen    func(apply.Target) error
	onIntent  func(draft string) error
	onPreview func(apply.Consent, *apply.Preview) (*apply.Preview, error)
	onCommit  func(*apply.Preview, apply.Consent) (*apply.Result, error)
	hold      chan struct{} // a commit waits for it
	holdOpen  chan struct{}
	version   string // of the base; that of the View by default
}

func (f *fakeApplier) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fakeApplier) called() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, " ")
}

const sampleDraft = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: checkout
spec:
  replicas: 3
  template:
    spec:
      containers:
      - image: registry.local/web:1.2.3
        name: web
`

func (f *fakeEngine) OpenEdit(ctx context.Context, t apply.Target) (*apply.Base, []byte, error) {
	a := &f.applier
	a.note("open:%s", t.Name)
	if a.holdOpen != nil {
		select {
		case <-a.holdOpen:
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
	if a.onOpen != nil {
		if err := a.onOpen(t); err != nil {
			return nil, nil, err
		}
	}
	b := &apply.Base{Target: t, UID: "uid", ResourceVersion: "100140", At: testNow, Object: &unstructured.Unstructured{Object: map[string]any{"kind": t.Kind.Kind}}}
	if o := f.View().World.Get(t.Kind, t.Namespace, t.Name); o != nil {
		b.UID, b.ResourceVersion = o.UID, o.ResourceVersion
	}
	if a.version != "" {
		b.ResourceVersion = a.version
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.base = b
	return b, []byte(sampleDraft), nil
}

func (f *fakeEngine) Intent(_ context.Context, b *apply.Base, draft []byte) (*apply.Intent, error) {
	f.applier.note("intent")
	if on := f.applier.onIntent; on != nil {
		if err := on(string(draft)); err != nil {
			return nil, err
		}
	}
	return &apply.Intent{Target: b.Target}, nil
}

func (f *fakeEngine) Preview(_ context.Context, b *apply.Base, i *apply.Intent, c apply.Consent) (*apply.Preview, error) {
	a := &f.applier
	a.note("preview")
	p := &apply.Preview{Base: b, Intent: i, Route: apply.ServerSideApply, Diff: sampleDiff(), At: testNow.Add(-3 * time.Second)}
	var err error
	if a.onPreview != nil {
		p, err = a.onPreview(c, p)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.preview = p
	return p, err
}

func (f *fakeEngine) Checks(p *apply.Preview, c apply.Consent) []apply.Check {
	v := f.View()
	facts := apply.Facts{Now: testNow, Preview: p, Consent: c}
	for _, s := range v.Health.Watchers {
		if s.Scope.Kind == p.Base.Kind {
			facts.Sight.Status = s
		}
	}
	facts.Sight.Object = v.World.Get(p.Base.Kind, p.Base.Namespace, p.Base.Name)
	return apply.Guard(facts)
}

func (f *fakeEngine) Commit(_ context.Context, p *apply.Preview, c apply.Consent) (*apply.Result, error) {
	a := &f.applier
	a.note("commit")
	if a.hold != nil {
		<-a.hold
	}
	if a.onCommit != nil {
		return a.onCommit(p, c)
	}
	return &apply.Result{Target: p.Base.Target, UID: p.Base.UID, ResourceVersion: "100999"}, nil
}

// sampleDiff has a change that was asked for, one within a line, and one that a webhook makes.
func sampleDiff() *apply.Diff {
	return &apply.Diff{
		Hunks: []apply.Hunk{
			{Lines: []apply.Line{
				{Op: apply.Equal, Text: "  namespace: checkout", Old: 5, New: 5},
				{Op: apply.Equal, Text: "spec:", Old: 6, New: 6},
				{Op: apply.Delete, Text: "  replicas: 3", Old: 7, Emphasis: [][2]int{{12, 13}}},
				{Op: apply.Insert, Text: "  replicas: 5", New: 7, Emphasis: [][2]int{{12, 13}}},
				{Op: apply.Equal, Text: "  template:", Old: 8, New: 8},
			}},
			{Lines: []apply.Line{
				{Op: apply.Equal, Text: "      - image: registry.local/web:1.2.3", Old: 11, New: 11},
				{Op: apply.Insert, Text: "        imagePullPolicy: IfNotPresent", New: 12, Unexplained: true},
				{Op: apply.Insert, Text: "        note: \"a\tb\x1b[2J\"", New: 13, Unexplained: true},
				{Op: apply.Equal, Text: "        name: web", Old: 12, New: 14},
			}},
		},
		Added: 3, Deleted: 1, Unexplained: 2,
	}
}

// change is an editor that changes the replicas.
func change(path string) error { return replaceIn(path, "replicas: 3", "replicas: 5") }

func replaceIn(path, old, replacement string) error {
	text, err := os.ReadFile(path) //nolint:gosec // a draft of the test
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o600)
}

// webQuery finds the deployment that most tests edit.
const webQuery = "k:deploy ns:checkout name:web"

// editing is the stage of an edit: the editor is a function, and the state directory one of the test's own, which is the
// working directory so that paths on screen are the same everywhere.
func editing(t *testing.T, s stage, editor func(path string) error) stage {
	t.Helper()
	t.Chdir(t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "my-editor") // it must be there; exec runs the function in its place
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBE_EDITOR", name)
	s.opts.StateDir = "state"
	s.opts.suffix = letters()
	s.opts.exec = func(c tea.ExecCommand, done tea.ExecCallback) tea.Cmd {
		return func() tea.Msg { return done(editor(c.(*editorCommand).path)) }
	}
	return s
}

// letters are suffixes in order: "aaaaaaaa", "bbbbbbbb".
func letters() func() string {
	n := -1
	return func() string { n++; return strings.Repeat(string(rune('a'+n)), 8) }
}
