package engine

import (
	"slices"
	"strconv"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
	"orka/watch/sim"
	"orka/watch/watchtest"
)

func gauge(name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "custom.example.dev/v1", "kind": "Gauge", "metadata": map[string]any{"namespace": "default", "name": name},
	}}
}

// TestAggregatedAPIDownForTenMinutes is fault 23: a group that is served by another server answers 503, to discovery and to
// requests. Its rows stay and are not fresh; the other kinds are, at every moment.
func TestAggregatedAPIDownForTenMinutes(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		if err := server.AddResource(sim.Resource{Group: "custom.example.dev", Version: "v1", Plural: "gauges", Kind: "Gauge", Namespaced: true}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			if err := server.Create(gauge(name)); err != nil {
				t.Fatal(err)
			}
		}
		create(t, server, pod("default", "web"))
		v := await(t, e, "first lists", func(v *View) bool { return complete(v) && len(find(t, v, "k:gauge")) == 3 })
		gauges, pods := v.Health.Kind("gauges"), v.Health.Kind("v1/Pod")
		time.Sleep(2 * time.Second)
		fault := server.Inject(sim.Fault{Action: sim.Unavailable{Group: "custom.example.dev", Version: "v1"}})
		server.CloseStreams()
		e.Retry(gauges)
		await(t, e, "the failure", func(v *View) bool {
			return statusOf(v, "gauges").Phase == watch.Unavailable && len(v.Health.Discovery) == 1
		})
		for second := range 600 {
			time.Sleep(time.Second)
			if !e.View().Health.Freshness(time.Now(), pods).Fresh {
				time.Sleep(200 * time.Millisecond) // a periodic relist may be under way at this very moment
			}
			v := e.View()
			now := time.Now()
			if !v.Health.Freshness(now, pods).Fresh || v.Health.Freshness(now, gauges).Fresh {
				t.Fatalf("second %d: pods %+v, gauges %+v", second, *statusOf(v, "v1/Pod"), *statusOf(v, "gauges"))
			}
			if n := len(find(t, v, "k:gauge")); n != 3 {
				t.Fatalf("%d rows of the group that is down, want 3", n)
			}
		}
		if err := server.Delete(schema.GroupVersionResource{Group: "custom.example.dev", Version: "v1", Resource: "gauges"}, "default", "b"); err != nil {
			t.Fatal(err)
		}
		fault.Remove()
		v = await(t, e, "recovery", func(v *View) bool {
			return len(v.Health.Discovery) == 0 && v.Health.Freshness(time.Now(), gauges).Fresh && len(find(t, v, "k:gauge")) == 2
		})
		if v.Health.Kind("gauges") != gauges {
			t.Error("the kind was given up and made anew")
		}
	})
}

// widgetType defines widgets of example.dev, served in one version.
func widgetType(version string) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "widgets.example.dev"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "example.dev", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "widgets", Singular: "widget", Kind: "Widget", ListKind: "WidgetList"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object"}},
			}},
		},
	}
}

func widget(version, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "example.dev/" + version, "kind": "Widget", "metadata": map[string]any{"namespace": "default", "name": name},
	}}
}

// TestTypeChangesItsVersion is fault 24: a CRD is deleted and made again with another version, or changed in place. Each is
// a new generation, and no World holds objects of both.
func TestTypeChangesItsVersion(t *testing.T) {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	for name, change := range map[string]func(t *testing.T, server *sim.Server){
		"deleted and made again": func(t *testing.T, server *sim.Server) {
			if err := server.Delete(crds, "", "widgets.example.dev"); err != nil {
				t.Fatal(err)
			}
			if err := server.Create(widgetType("v2")); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a", "c"} {
				if err := server.Create(widget("v2", name)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"changed in place": func(t *testing.T, server *sim.Server) {
			if err := server.Update(widgetType("v2")); err != nil {
				t.Fatal(err)
			}
			if err := server.Delete(schema.GroupVersionResource{Group: "example.dev", Version: "v2", Resource: "widgets"}, "default", "b"); err != nil {
				t.Fatal(err)
			}
			if err := server.Create(widget("v2", "c")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
				await(t, e, "first lists", complete)
				if err := server.Create(widgetType("v1")); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"a", "b"} {
					if err := server.Create(widget("v1", name)); err != nil {
						t.Fatal(err)
					}
				}
				v := await(t, e, "the widgets", func(v *View) bool { return len(find(t, v, "k:widget")) == 2 && complete(v) })
				before := statusOf(v, "widgets").Generation
				time.Sleep(5 * time.Second)
				change(t, server)
				v = await(t, e, "the other version", func(v *View) bool {
					versions := map[string]bool{}
					for o := range v.World.All() {
						if o.Kind.Kind == "Widget" {
							versions[o.Kind.Version] = true
						}
					}
					if len(versions) > 1 {
						t.Errorf("a World holds %v side by side", versions)
					}
					return versions["v2"] && complete(v)
				})
				if got := find(t, v, "k:widget"); !slices.Equal(got, []string{"Widget default/a", "Widget default/c"}) {
					t.Errorf("found %v", got)
				}
				if s := statusOf(v, "widgets"); s.Scope.Kind.Version != "v2" || s.Generation <= before {
					t.Errorf("status %+v, want v2 and a generation above %d", s, before)
				}
				if err := v.World.Check(); err != nil {
					t.Error(err)
				}
				if err := watchtest.Agree(t.Context(), e.client, statusOf(v, "widgets").Scope.Kind, v.World, e.store.Body); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestMemoryCapOfFortyPercent is fault 28: with two fifths of the memory in use as its budget, bodies go, and all that lists
// and searches need stays.
func TestMemoryCapOfFortyPercent(t *testing.T) {
	used := residentBytes()
	if used == 0 {
		used = heapBytes()
	}
	budget := func(e *Engine) { e.cfg.MaxRSS = used * 2 / 5 }
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		for i := range 500 {
			create(t, server, pod("default", "web-"+strconv.Itoa(i)))
		}
		await(t, e, "first lists", complete)
		held := func() uint64 { return e.store.Stats().RawBytes }
		for range 300 {
			time.Sleep(time.Second)
		}
		v := e.View()
		if m := e.memory.Load(); m.Stage != stageCritical || held() > 2<<10 { // what has arrived since the last look
			t.Errorf("stage %s with %d bytes of bodies; want critical and hardly any", m.Stage, held())
		}
		pods := v.Health.Kind("v1/Pod")
		if err := watchtest.Agree(t.Context(), e.client, pods, v.World, nil); err != nil {
			t.Error(err)
		}
		if err := v.World.Check(); err != nil {
			t.Error(err)
		}
		if !v.Health.Freshness(time.Now(), pods).Fresh || len(find(t, v, "web-499")) != 1 {
			t.Error("what lists and searches need has suffered")
		}
		text, source, err := e.YAML(t.Context(), v.World.Get(pods, "default", "web-7"))
		if err != nil || source != FromServer || len(text) == 0 {
			t.Errorf("YAML from %s: %v", source, err)
		}
		create(t, server, pod("default", "late"))
		await(t, e, "a created pod", func(v *View) bool { return len(find(t, v, "late k:pod")) == 1 })
	}, budget)
}
