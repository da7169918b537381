package apply_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/apply"
	"orka/apply/history"
)

// Somebody else writes between the dry-run and the apply: rows 1 to 4 of the table in docs/reliability.md.

const settings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {theirs: "1", shared: old}
`

// moment is when the other writer comes: either orka sees it in its preflight, or only the server does, in its transaction.
type moment struct {
	name string
	// at arranges for f to be called then.
	at func(w *world, f func())
	// sent is how many writes the server gets of an apply that can't be rebased.
	sent int
}

var moments = []moment{
	{"before the preflight", func(_ *world, f func()) { f() }, 0},
	{"between preflight and write", func(w *world, f func()) { w.tap.once((*seen).write, f) }, 1},
}

// route makes the same kind of edit go one way or the other.
type route struct {
	route  apply.Route
	change func(e *edit)
	// path is the one that is shared with the other writer.
	path string
}

var routes = []route{
	{apply.ServerSideApply, func(e *edit) { e.replace("shared: old", "shared: mine") }, ".data.shared"},
	{apply.JSONPatch, func(e *edit) { e.replace("  shared: old\n", "") }, ".data.shared"},
}

func onEachMoment(t *testing.T, f func(t *testing.T, w *world, m moment, r route)) {
	t.Helper()
	for _, m := range moments {
		for _, r := range routes {
			t.Run(m.name+"/"+string(r.route), func(t *testing.T) {
				onEach(t, func(t *testing.T, w *world) { f(t, w, m, r) })
			})
		}
	}
}

func TestScenario01UnrelatedChange(t *testing.T) {
	onEachMoment(t, func(t *testing.T, w *world, m moment, r route) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target).replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
		r.change(e)
		p := e.mustPreview(all)
		if p.Route != r.route {
			t.Fatalf("route %s, want %s", p.Route, r.route)
		}
		m.at(w, func() { w.admin.merge(configMaps, w.ns, "settings", `{"data":{"theirs":"2","new":"1"}}`) })
		result, err := e.commit(p, all)
		if err != nil {
			t.Fatalf("commit: %v", err)
		}
		if result.Rebased != 1 || result.Surprises != nil {
			t.Errorf("rebased %d times with surprises %v, want once and none", result.Rebased, result.Surprises)
		}
		want := map[string]any{"theirs": "2", "new": "1", "ours": "1"}
		if r.route == apply.ServerSideApply {
			want["shared"] = "mine"
		}
		after := w.get(target)
		if diff := cmp.Diff(want, at(after, "data")); diff != "" {
			t.Errorf("data (-want +got):\n%s", diff)
		}
		if after.GetResourceVersion() != result.ResourceVersion {
			t.Errorf("result names version %s, the server has %s", result.ResourceVersion, after.GetResourceVersion())
		}
		theirs := owners(t, after, "theirs")
		for _, path := range []string{"Update .data.theirs", "Update .data.new", "Update .metadata.labels.app"} {
			if !strings.Contains(strings.Join(theirs, "\n")+"\n", path+"\n") {
				t.Errorf("theirs lost %s: %v", path, theirs)
			}
		}
		ours := map[apply.Route][]string{apply.ServerSideApply: {"Apply .data.ours", "Apply .data.shared"}, apply.JSONPatch: {"Update .data.ours"}}[r.route]
		if diff := cmp.Diff(ours, owners(t, after, apply.FieldManager)); diff != "" {
			t.Errorf("orka owns (-want +got):\n%s", diff)
		}
		w.wantWrites(m.sent+1, 1)
		states := w.states()
		if len(states) == 0 || states[len(states)-1] != history.Applied || strings.Contains(fmt.Sprint(states), string(history.Unknown)) {
			t.Errorf("history: %v, want it to end with applied", states)
		}
	})
}

// TestScenario01BusyObject moves the object at every attempt.
func TestScenario01BusyObject(t *testing.T) {
	for _, moves := range []int{3, 4} {
		t.Run(fmt.Sprintf("%d moves", moves), func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				e := w.open(target).replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
				p := e.mustPreview(apply.Consent{})
				n := 0
				w.tap.onBefore(func(s *seen) {
					if s.write() && n < moves {
						n++
						w.admin.merge(configMaps, w.ns, "settings", fmt.Sprintf(`{"data":{"theirs":"move %d"}}`, n))
					}
				})
				result, err := e.commit(p, apply.Consent{})
				after := w.get(target)
				if got := at(after, "data", "theirs"); got != fmt.Sprintf("move %d", moves) {
					t.Errorf("theirs is %v", got)
				}
				if moves == 3 {
					if err != nil || result.Rebased != 3 || at(after, "data", "ours") != "1" {
						t.Errorf("got %+v, %v, want it applied after three rebases", result, err)
					}
					w.wantWrites(4, 1)
					return
				}
				if moved := as[*apply.MovedError](t, err); !moved.Busy {
					t.Errorf("not told that it is busy: %v", err)
				}
				if got := at(after, "data", "ours"); got != nil {
					t.Errorf("ours was written: %v", got)
				}
				w.wantWrites(4, 0)
				for _, s := range w.states() {
					if s == history.Applied || s == history.Unknown {
						t.Errorf("history: %v", w.states())
					}
				}
			})
		})
	}
}

// TestScenario01OtherDifference changes something that makes the shown difference another one: it is to be looked at again.
func TestScenario01OtherDifference(t *testing.T) {
	for _, m := range moments {
		t.Run(m.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, w *world) {
				target := w.target(configMaps, "settings")
				w.admin.create(configMaps, w.ns, settings)
				e := w.open(target).replace("shared: old", "shared: mine").replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
				p := e.mustPreview(all)
				// They write one of the two changes themselves.
				m.at(w, func() { w.admin.merge(configMaps, w.ns, "settings", `{"data":{"ours":"1"}}`) })
				_, err := e.commit(p, all)
				moved := as[*apply.MovedError](t, err)
				if moved.Busy || moved.Next == nil {
					t.Fatalf("got %+v, want the next preview", moved)
				}
				if got := at(w.get(target), "data", "shared"); got != "old" {
					t.Errorf("shared was written: %v", got)
				}
				w.wantWrites(m.sent, 0)
				// Looked at and confirmed, it goes.
				w.tap.onBefore(nil)
				if _, err := e.commit(moved.Next, all); err != nil {
					t.Fatalf("the next preview: %v", err)
				}
				if got := at(w.get(target), "data", "shared"); got != "mine" {
					t.Errorf("shared is %v", got)
				}
			})
		})
	}
}

func TestScenario02SameField(t *testing.T) {
	onEachMoment(t, func(t *testing.T, w *world, m moment, r route) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target)
		r.change(e)
		p := e.mustPreview(all)
		m.at(w, func() { w.admin.merge(configMaps, w.ns, "settings", `{"data":{"shared":"theirs now"}}`) })
		_, err := e.commit(p, all)
		changed := as[*apply.ChangedError](t, err)
		if len(changed.Fields) != 1 {
			t.Fatalf("fields %+v, want one", changed.Fields)
		}
		f := changed.Fields[0]
		yours := map[apply.Route]string{apply.ServerSideApply: "mine", apply.JSONPatch: ""}[r.route]
		if f.Path != r.path || strings.TrimSpace(f.Base) != "old" || strings.TrimSpace(f.Yours) != yours || strings.TrimSpace(f.Their) != "theirs now" {
			t.Errorf("versions %+v", f)
		}
		if !strings.Contains(err.Error(), r.path) || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("error does not say it: %v", err)
		}
		if changed.Live == nil || at(changed.Live.Object, "data", "shared") != "theirs now" {
			t.Errorf("no live object to start again from: %+v", changed.Live)
		}
		if got := at(w.get(target), "data", "shared"); got != "theirs now" {
			t.Errorf("shared is %v, theirs was lost", got)
		}
		w.wantWrites(m.sent, 0)
		for _, s := range w.states() {
			if s != history.Refused {
				t.Errorf("history: %v, want nothing but refusals", w.states())
			}
		}
	})
}

func TestScenario03Deleted(t *testing.T) {
	onEachMoment(t, func(t *testing.T, w *world, m moment, r route) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target)
		r.change(e)
		p := e.mustPreview(all)
		m.at(w, func() { w.admin.remove(configMaps, w.ns, "settings") })
		_, err := e.commit(p, all)
		if gone := as[*apply.GoneError](t, err); gone.Recreated {
			t.Errorf("called recreated: %v", err)
		}
		if o := w.get(target); o != nil {
			t.Errorf("it was resurrected: %v", o.Object)
		}
		w.wantWrites(m.sent, 0)
		for _, s := range w.states() {
			if s != history.Refused {
				t.Errorf("history: %v, want nothing but refusals", w.states())
			}
		}
	})
}

// TestScenario03DeletedBeforePreview finds out at the dry-run.
func TestScenario03DeletedBeforePreview(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		for _, r := range routes {
			target := w.target(configMaps, "settings")
			w.admin.create(configMaps, w.ns, settings)
			e := w.open(target)
			r.change(e)
			w.admin.remove(configMaps, w.ns, "settings")
			_, err := e.preview(all)
			if gone := as[*apply.GoneError](t, err); gone.Recreated {
				t.Errorf("called recreated: %v", err)
			}
			w.wantWrites(0, 0)
		}
	})
}

// TestScenario03BeingDeleted has a finalizer hold the object.
func TestScenario03BeingDeleted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, strings.Replace(settings, "labels:", "finalizers: [orka.test/hold], labels:", 1))
		t.Cleanup(func() {
			w.admin.do("PATCH", objectPath(configMaps, w.ns, "settings"), nil, asMerge, []byte(`{"metadata":{"finalizers":null}}`))
		})
		e := w.open(target).replace("\ndata:\n", "\ndata:\n  ours: \"1\"\n")
		p := e.mustPreview(apply.Consent{})
		w.admin.remove(configMaps, w.ns, "settings")
		before := w.get(target)
		_, err := e.commit(p, apply.Consent{})
		if err == nil || !strings.Contains(err.Error(), "being deleted") {
			t.Errorf("got %v, want to be told that it is being deleted", err)
		}
		w.unchanged(target, before)
		w.wantWrites(0, 0)
	})
}

func TestScenario04Recreated(t *testing.T) {
	onEachMoment(t, func(t *testing.T, w *world, m moment, r route) {
		target := w.target(configMaps, "settings")
		w.admin.create(configMaps, w.ns, settings)
		e := w.open(target)
		r.change(e)
		p := e.mustPreview(all)
		m.at(w, func() {
			w.admin.remove(configMaps, w.ns, "settings")
			w.admin.create(configMaps, w.ns, settings)
		})
		_, err := e.commit(p, all)
		if gone := as[*apply.GoneError](t, err); !gone.Recreated {
			t.Errorf("not called recreated: %v", err)
		}
		after := w.get(target)
		if diff := cmp.Diff(map[string]any{"theirs": "1", "shared": "old"}, at(after, "data")); diff != "" {
			t.Errorf("the new object was written (-want +got):\n%s", diff)
		}
		if got := owners(t, after, apply.FieldManager); got != nil {
			t.Errorf("orka owns %v of the new object", got)
		}
		w.wantWrites(m.sent, 0)
	})
}
