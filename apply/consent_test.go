package apply

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch/sim"
)

// TestConsent: another manager owns both fields that are changed.
func TestConsent(t *testing.T) {
	const replicas, image = ".spec.replicas", `.spec.template.spec.containers[name="main"].image`
	take := func(paths ...string) map[string]bool {
		out := map[string]bool{}
		for _, p := range paths {
			out[p] = true
		}
		return out
	}
	for _, c := range []struct {
		name             string
		preview, commit  Consent
		missing          []string // in the commit's ConflictError
		wantN            int64
		wantImage        string
		conflictsInShown int
	}{
		{name: "none", missing: []string{replicas, image}, wantN: 3, wantImage: "nginx:1", conflictsInShown: 2},
		{name: "one of two", commit: Consent{Take: take(replicas)}, missing: []string{image}, wantN: 3, wantImage: "nginx:1", conflictsInShown: 2},
		{name: "another", commit: Consent{Take: take(".spec.paused")}, missing: []string{replicas, image}, wantN: 3, wantImage: "nginx:1", conflictsInShown: 2},
		{name: "both", commit: Consent{Take: take(replicas, image)}, wantN: 5, wantImage: "nginx:2", conflictsInShown: 2},
		{name: "all", commit: Consent{All: true}, wantN: 5, wantImage: "nginx:2", conflictsInShown: 2},
		{name: "leave one, take one", preview: Consent{Leave: take(replicas)}, commit: Consent{Leave: take(replicas), Take: take(image)}, wantN: 3, wantImage: "nginx:2", conflictsInShown: 1},
		{name: "leave one, no word on the other", preview: Consent{Leave: take(replicas)}, commit: Consent{Leave: take(replicas)}, missing: []string{image}, wantN: 3, wantImage: "nginx:1", conflictsInShown: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				f.apply("argocd", webTarget, webText)
				b, i := f.edit(webTarget, "replicas: 3", "replicas: 5", "nginx:1", "nginx:2")
				p, err := f.orka.Preview(t.Context(), b, i, c.preview)
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Conflicts) != c.conflictsInShown || !p.Force {
					t.Fatalf("conflicts %+v, force %t", p.Conflicts, p.Force)
				}
				for _, x := range p.Conflicts {
					if x.Manager != "argocd" {
						t.Errorf("manager %q", x.Manager)
					}
				}
				_, err = f.orka.Commit(t.Context(), p, c.commit)
				var missing []string
				var conflict *ConflictError
				if errors.As(err, &conflict) {
					for _, x := range conflict.Conflicts {
						missing = append(missing, x.Path)
					}
				} else if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.missing, missing); diff != "" {
					t.Errorf("missing consent (-want +got):\n%s", diff)
				}
				if len(c.missing) > 0 && len(f.wire.sent((*passed).write)) > 0 {
					t.Error("written without consent")
				}
				containers, _, _ := unstructured.NestedSlice(normal(t, f.stored(webTarget)).Object, "spec", "template", "spec", "containers")
				if got := containers[0].(map[string]any)["image"]; got != c.wantImage || f.replicas() != c.wantN {
					t.Errorf("stored: %d replicas of %s, want %d of %s", f.replicas(), got, c.wantN, c.wantImage)
				}
			})
		})
	}
	t.Run("leave all", func(t *testing.T) {
		flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
			f.apply("argocd", webTarget, webText)
			b, i := f.edit(webTarget, "replicas: 3", "replicas: 5")
			if _, err := f.orka.Preview(t.Context(), b, i, Consent{Leave: take(replicas)}); !errors.Is(err, ErrNoChange) {
				t.Errorf("error %v", err)
			}
		})
	})
}

// TestJSONPatchRoute: what others own is taken away by a JSON Patch, and what orka set by one is no conflict later.
func TestJSONPatchRoute(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(configTarget, configText)
		p := f.preview(configTarget, "  size: small\n", "", "color: blue", "color: red")
		if p.Route != JSONPatch || p.Force {
			t.Fatalf("route %s, force %t", p.Route, p.Force)
		}
		want := []Conflict{{Path: ".data.color", Manager: "kubectl-create"}, {Path: ".data.size", Manager: "kubectl-create", Removes: true}}
		got := append([]Conflict(nil), p.Conflicts...)
		for i := range got {
			if got[i].Message == "" {
				t.Errorf("no message for %s", got[i].Path)
			}
			got[i].Message = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("conflicts (-want +got):\n%s", diff)
		}
		asError[*ConflictError](t, errorOf(f.orka.Commit(t.Context(), p, Consent{Take: map[string]bool{".data.size": true}})))
		r, err := f.orka.Commit(t.Context(), p, Consent{Take: map[string]bool{".data.size": true, ".data.color": true}})
		if err != nil {
			t.Fatal(err)
		}
		writes := f.wire.sent((*passed).write)
		if len(writes) != 1 || writes[0].contentType != "application/json-patch+json" || string(writes[0].body) != string(p.Body) {
			t.Fatalf("writes %+v", writes)
		}
		if diff := cmp.Diff(url.Values{"fieldManager": {"orka"}, "fieldValidation": {"Strict"}}, writes[0].query); diff != "" {
			t.Errorf("query (-want +got):\n%s", diff)
		}
		for _, path := range []string{"/metadata/uid", "/metadata/resourceVersion", "/data/size"} {
			if !strings.Contains(string(p.Body), fmt.Sprintf(`"path":%q`, path)) {
				t.Errorf("no operation on %s in %s", path, p.Body)
			}
		}
		data, _, _ := unstructured.NestedStringMap(f.stored(configTarget).Object, "data")
		if diff := cmp.Diff(map[string]string{"color": "red"}, data); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		if r.Surprises != nil || f.log.states() != "applied" || f.log.begun[0].Route != "json-patch" {
			t.Errorf("result %+v, history %s", r, f.log.states())
		}

		p = f.preview(configTarget, "color: red", "color: green")
		if p.Route != ServerSideApply || len(p.Conflicts) != 0 || !p.Force {
			t.Errorf("after a JSON patch of ours: route %s, conflicts %+v, force %t", p.Route, p.Conflicts, p.Force)
		}
		if _, err := f.orka.Commit(t.Context(), p, Consent{}); err != nil {
			t.Error(err)
		}
	})
}
