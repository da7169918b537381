package sim

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
)

func discoveryClient(t *testing.T, s *Server, legacy bool) *discovery.DiscoveryClient {
	t.Helper()
	cfg := restConfig(s)
	c, err := discovery.NewDiscoveryClientForConfigAndClient(cfg, httpClient(t, cfg))
	if err != nil {
		t.Fatal(err)
	}
	c.UseLegacyDiscovery = legacy
	return c
}

// lines lists resources as "group/version resource kind verbs".
func resourceLines(lists []*metav1.APIResourceList) (out []string) {
	for _, l := range lists {
		for _, r := range l.APIResources {
			verbs := slices.Clone(r.Verbs)
			slices.Sort(verbs)
			line := l.GroupVersion + " " + r.Name + " " + r.Kind
			if r.Namespaced {
				line += " namespaced"
			}
			for _, v := range verbs {
				line += " " + v
			}
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

// TestDiscovery asks in both forms: they must say the same.
func TestDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Config{})
		mustCreate(t, s, widgets())
		if err := s.AddResource(Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: []string{"get", "list"}}); err != nil {
			t.Fatal(err)
		}
		groups, aggregated, err := discoveryClient(t, s, false).ServerGroupsAndResources()
		if err != nil {
			t.Fatal(err)
		}
		if n := s.RequestCount(); n != 2 {
			t.Errorf("aggregated discovery took %d requests, want 2", n)
		}
		legacyGroups, legacy, err := discoveryClient(t, s, true).ServerGroupsAndResources()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(resourceLines(legacy), resourceLines(aggregated)); diff != "" {
			t.Errorf("resources (-legacy +aggregated):\n%s", diff)
		}
		if len(groups) != len(legacyGroups) || len(groups) < 20 {
			t.Errorf("%d groups, legacy %d", len(groups), len(legacyGroups))
		}
		for _, want := range []string{
			"v1 pods Pod namespaced create delete deletecollection get list patch update watch",
			"v1 pods/status Pod namespaced get patch update",
			"v1 componentstatuses ComponentStatus get list",
			"example.test/v1 widgets Widget namespaced create delete deletecollection get list patch update watch",
			"example.test/v1beta1 widgets Widget namespaced create delete deletecollection get list patch update watch",
			"metrics.k8s.io/v1beta1 pods PodMetrics namespaced get list",
		} {
			if !slices.Contains(resourceLines(aggregated), want) {
				t.Errorf("discovery has no line %q", want)
			}
		}
		v, err := discoveryClient(t, s, false).ServerVersion()
		if err != nil || v.GitVersion != DefaultVersion || v.Major != "1" || v.Minor != "36" {
			t.Errorf("version %+v, %v", v, err)
		}
	})
}

// TestDiscoveryUnavailable takes one group down: the others are still found, in both forms.
func TestDiscoveryUnavailable(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{})
			if err := s.AddResource(Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: []string{"get", "list"}}); err != nil {
				t.Fatal(err)
			}
			s.Inject(Fault{Action: Unavailable{Group: "metrics.k8s.io"}})
			_, lists, err := discoveryClient(t, s, legacy).ServerGroupsAndResources()
			failed, ok := discovery.GroupDiscoveryFailedErrorGroups(err)
			if !ok || len(failed) != 1 {
				t.Errorf("legacy=%v: error %v, want one failed group", legacy, err)
			}
			for gv := range failed {
				if gv.Group != "metrics.k8s.io" {
					t.Errorf("legacy=%v: %v failed", legacy, gv)
				}
			}
			if n := len(resourceLines(lists)); n < 60 {
				t.Errorf("legacy=%v: %d resources besides", legacy, n)
			}
		})
	}
}
