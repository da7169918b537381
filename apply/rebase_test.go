package apply

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/watch/sim"
)

// TestRebase: somebody else writes another field right before each of our writes.
func TestRebase(t *testing.T) {
	for moves := range maxRebases + 2 {
		t.Run(fmt.Sprint(moves), func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				p := f.scaled()
				n := 0
				f.wire.onBefore(func(s *passed) error {
					if s.write() && n < moves {
						n++
						f.merge("theirs", webTarget, fmt.Sprintf(`{metadata: {labels: {team: "red-%d"}}}`, n))
					}
					return nil
				})
				r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
				if moves <= maxRebases {
					if err != nil || r.Rebased != moves || f.replicas() != 5 {
						t.Fatalf("result %+v, error %v, %d replicas", r, err, f.replicas())
					}
				} else {
					moved := asError[*MovedError](t, err)
					if !moved.Busy || moved.Next == nil || f.replicas() != 3 {
						t.Fatalf("error %+v, %d replicas", moved, f.replicas())
					}
					if _, err = f.orka.Commit(t.Context(), moved.Next, Consent{All: true}); err != nil || f.replicas() != 5 {
						t.Fatalf("committing Next: %v", err)
					}
				}
				if moves > 0 && f.stored(webTarget).GetLabels()["team"] != fmt.Sprintf("red-%d", moves) {
					t.Errorf("their change is lost: %v", f.stored(webTarget).GetLabels())
				}
				for _, s := range f.wire.sent((*passed).write) {
					if s.code/100 != 2 && s.code != http.StatusConflict {
						t.Errorf("a write was answered %d", s.code)
					}
				}
			})
		})
	}
}

// TestRebaseBetweenReadAndDryRun: the object moves each time it was read, so not even dry-runs get through.
func TestRebaseBetweenReadAndDryRun(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		n := 0
		f.wire.onBefore(func(s *passed) error {
			if s.dry() || s.write() {
				n++
				f.merge("theirs", webTarget, fmt.Sprintf(`{metadata: {labels: {team: "red-%d"}}}`, n))
			}
			return nil
		})
		moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
		if !moved.Busy || moved.Next == nil || f.replicas() != 3 {
			t.Errorf("error %+v", moved)
		}
		f.wire.onBefore(nil)
		if _, err := f.orka.Commit(t.Context(), moved.Next, Consent{All: true}); err != nil || f.replicas() != 5 {
			t.Errorf("committing Next: %v", err)
		}
	})
}

// TestPreviewFollows: the object moved since it was opened; the preview is of what it is now.
func TestPreviewFollows(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(webTarget, webText)
		b, i := f.edit(webTarget, "replicas: 3", "replicas: 5")
		f.merge("theirs", webTarget, `{metadata: {labels: {team: red}}}`)
		p, err := f.orka.Preview(t.Context(), b, i, Consent{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Base.ResourceVersion != f.stored(webTarget).GetResourceVersion() || p.Diff.Added != 1 || p.Diff.Deleted != 1 {
			t.Errorf("base %s, diff +%d -%d", p.Base.ResourceVersion, p.Diff.Added, p.Diff.Deleted)
		}

		n := 0
		f.wire.onBefore(func(s *passed) error {
			if s.dry() {
				n++
				f.merge("theirs", webTarget, fmt.Sprintf(`{metadata: {labels: {team: "red-%d"}}}`, n))
			}
			return nil
		})
		_, err = f.orka.Preview(t.Context(), b, i, Consent{})
		if moved := asError[*MovedError](t, err); !moved.Busy || moved.Next != nil {
			t.Errorf("error %+v", moved)
		}
		f.wire.onBefore(nil)

		f.merge("theirs", webTarget, `{spec: {replicas: 4}}`)
		_, err = f.orka.Preview(t.Context(), b, i, Consent{})
		changed := asError[*ChangedError](t, err)
		want := []Versions{{Path: ".spec.replicas", Base: "3", Yours: "5", Their: "4"}}
		if diff := cmp.Diff(want, changed.Fields); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
		if changed.Live == nil || changed.Live.ResourceVersion != f.stored(webTarget).GetResourceVersion() {
			t.Errorf("live %+v", changed.Live)
		}

		f.remove(webTarget)
		_, err = f.orka.Preview(t.Context(), b, i, Consent{})
		if gone := asError[*GoneError](t, err); gone.Recreated {
			t.Errorf("error %+v", gone)
		}
	})
}

// TestMovedNext: between dry-run and write somebody else began to own the field, with the value it had. The change is the
// same, but it takes something from them now, and that wants consent.
func TestMovedNext(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(configTarget, configText)
		first := f.preview(configTarget, "color: blue", "color: red")
		if _, err := f.orka.Commit(t.Context(), first, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		p := f.preview(configTarget, "color: red", "color: green")
		if len(p.Conflicts) != 0 {
			t.Fatalf("conflicts %+v", p.Conflicts)
		}
		f.apply("argocd", configTarget, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {color: red}}`)
		moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{})))
		if moved.Busy || moved.Next == nil || len(moved.Next.Conflicts) != 1 || moved.Next.Conflicts[0].Manager != "argocd" {
			t.Fatalf("error %+v, next %+v", moved, moved.Next)
		}
		if got := f.stored(configTarget).Object["data"].(map[string]any)["color"]; got != "red" {
			t.Fatalf("written all the same: %v", got)
		}
		asError[*ConflictError](t, errorOf(f.orka.Commit(t.Context(), moved.Next, Consent{})))
		if _, err := f.orka.Commit(t.Context(), moved.Next, Consent{Take: map[string]bool{".data.color": true}}); err != nil {
			t.Fatal(err)
		}
		if got := f.stored(configTarget).Object["data"].(map[string]any)["color"]; got != "green" {
			t.Errorf("stored %v", got)
		}
	})
}

// TestRemovalSharedMeanwhile: what orka alone owned when it was previewed is shared at the write, so leaving it out would
// no longer remove it.
func TestRemovalSharedMeanwhile(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(configTarget, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {color: blue}}`)
		add := f.preview(configTarget, "color: blue", "color: blue\n  size: small")
		if _, err := f.orka.Commit(t.Context(), add, Consent{}); err != nil {
			t.Fatal(err)
		}
		p := f.preview(configTarget, "  size: small\n", "")
		if p.Route != ServerSideApply || p.Intent.RemoveOwn.Empty() {
			t.Fatalf("route %s, own %s", p.Route, p.Intent.RemoveOwn)
		}
		f.apply("argocd", configTarget, `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default}, data: {size: small}}`)
		moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{})))
		next := moved.Next
		if next.Route != JSONPatch || len(next.Conflicts) != 1 || !next.Conflicts[0].Removes {
			t.Fatalf("next: route %s, conflicts %+v", next.Route, next.Conflicts)
		}
		if _, err := f.orka.Commit(t.Context(), next, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		if _, there := f.stored(configTarget).Object["data"].(map[string]any)["size"]; there {
			t.Error("it is still there")
		}
	})
}

// TestOldDryRunIsRepeated: the write bears what the newer dry-run tried.
func TestOldDryRunIsRepeated(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		p := f.scaled()
		pass(MaxDryRunAge + time.Second)
		if failed := Failed(f.orka.Checks(p, Consent{All: true})); len(failed) != 1 || failed[0].Condition != DryRunFresh {
			t.Errorf("checks %+v", failed)
		}
		before := len(f.wire.sent((*passed).dry))
		r, err := f.orka.Commit(t.Context(), p, Consent{All: true})
		if err != nil || r.Rebased != 0 || f.replicas() != 5 {
			t.Fatalf("result %+v, error %v", r, err)
		}
		if n := len(f.wire.sent((*passed).dry)) - before; n != 2 { // one without force, one with
			t.Errorf("%d dry-runs", n)
		}
	})
}

func TestGoneAndRecreated(t *testing.T) {
	for _, c := range []struct {
		name  string
		route []string
	}{
		{"apply", []string{"color: blue", "color: red"}},
		{"json-patch", []string{"  color: blue\n", ""}},
	} {
		for _, recreated := range []bool{false, true} {
			for _, late := range []bool{false, true} { // after the read that comes before the write
				t.Run(fmt.Sprintf("%s recreated=%t late=%t", c.name, recreated, late), func(t *testing.T) {
					flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
						f.create(configTarget, configText)
						p := f.preview(configTarget, c.route...)
						if string(p.Route) != c.name {
							t.Fatalf("route %s", p.Route)
						}
						vanish := func() {
							f.remove(configTarget)
							if recreated {
								f.create(configTarget, configText)
							}
						}
						if late {
							f.wire.onBefore(func(s *passed) error {
								if s.write() {
									vanish()
								}
								return nil
							})
						} else {
							vanish()
						}
						gone := asError[*GoneError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
						if gone.Recreated != recreated {
							t.Errorf("error %+v", gone)
						}
						all := f.sim.Requests(sim.Match{Verb: "get", Resource: "configmaps", Name: "settings"})
						if len(all) == 0 {
							t.Error("nothing was read")
						}
						list, err := f.sim.List(configMapGVR)
						if err != nil {
							t.Fatal(err)
						}
						if _, there := list["default/settings"]; there != recreated {
							t.Errorf("there is one: %t", there)
						}
						if recreated && f.stored(configTarget).Object["data"].(map[string]any)["color"] != "blue" {
							t.Error("the new object was written to")
						}
					})
				})
			}
		}
	}
}

// TestSomebodyElseDidTheSame: nothing is left to do, and that is shown rather than written.
func TestSomebodyElseDidTheSame(t *testing.T) {
	for _, c := range []struct {
		name  string
		edit  []string
		patch string
	}{
		{"set", []string{"color: blue", "color: red"}, `{data: {color: red}}`},
		{"removed", []string{"  size: small\n", ""}, `{data: {size: null}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				f.create(configTarget, configText)
				p := f.preview(configTarget, c.edit...)
				f.merge("theirs", configTarget, c.patch)
				moved := asError[*MovedError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{All: true})))
				if moved.Busy || moved.Next == nil || !moved.Next.Diff.Empty() || len(f.wire.sent((*passed).write)) != 0 {
					t.Errorf("error %+v", moved)
				}
			})
		})
	}
}
