package cluster

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	v1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func digests(t *testing.T, cfg Config) (out [][32]byte, keys []key) {
	t.Helper()
	for o := range Generate(cfg) {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatalf("%s: %v", keyOf(o), err)
		}
		out = append(out, sha256.Sum256(b))
		keys = append(keys, keyOf(o))
	}
	return out, keys
}

func TestSameConfigSameBytes(t *testing.T) {
	a, _ := digests(t, testConfig(1500))
	b, _ := digests(t, testConfig(1500))
	if !slices.Equal(a, b) {
		t.Fatal("two clusters of one config differ")
	}
	other := testConfig(1500)
	other.Seed++
	if c, _ := digests(t, other); slices.Equal(a, c) {
		t.Fatal("two seeds give the same cluster")
	}
}

func TestGrowingOnlyAdds(t *testing.T) {
	big, keys := digests(t, testConfig(4000))
	for _, n := range []int{1, 20, 333, 2500} {
		small, _ := digests(t, testConfig(n))
		if len(small) != n {
			t.Errorf("%d objects asked for, %d came", n, len(small))
		}
		for i := range small {
			if small[i] != big[i] {
				t.Errorf("of %d objects number %d (%s) differs from that of 4000", n, i, keys[i])
				break
			}
		}
	}
}

func TestObjectsAreValid(t *testing.T) {
	seen := map[key]bool{}
	uids := map[string]key{}
	for o := range Generate(testConfig(3000)) {
		k, m := keyOf(o), o.(metav1.Object)
		if seen[k] {
			t.Errorf("%s comes twice", k)
		}
		seen[k] = true
		if prev, ok := uids[string(m.GetUID())]; ok {
			t.Errorf("%s and %s share a uid", k, prev)
		}
		uids[string(m.GetUID())] = k
		if o.GetObjectKind().GroupVersionKind().Version == "" {
			t.Errorf("%s: no apiVersion", k)
		}
		valid := apivalidation.NameIsDNSSubdomain
		switch k.kind {
		case "Namespace", "Service":
			valid = apivalidation.NameIsDNSLabel
		case "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding":
			valid = func(string, bool) []string { return nil } // path segments
		}
		errs := apivalidation.ValidateObjectMetaAccessor(m, k.namespace != "", valid, field.NewPath("metadata"))
		errs = append(errs, v1validation.ValidateManagedFields(m.GetManagedFields(), field.NewPath("managedFields"))...)
		if err := managedfields.ValidateManagedFields(m.GetManagedFields()); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		for _, err := range errs {
			t.Errorf("%s: %v", k, err)
		}
		if created := m.GetCreationTimestamp(); created.IsZero() || created.After(testNow) {
			t.Errorf("%s: created %v", k, created)
		}
		if _, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
}

// TestCreatable holds that whatever an object needs in order to be created comes before it.
func TestCreatable(t *testing.T) {
	uids := map[string]bool{}
	namespaces := map[string]bool{}
	served := map[string]bool{}
	for o := range Generate(testConfig(6000)) {
		k, m := keyOf(o), o.(metav1.Object)
		if k.namespace != "" && !namespaces[k.namespace] {
			t.Errorf("%s comes before its namespace", k)
		}
		if k.kind == "Namespace" {
			namespaces[k.name] = true
		}
		if k.kind == "CustomResourceDefinition" {
			served[k.name[strings.IndexByte(k.name, '.')+1:]] = true
		}
		if g := o.GetObjectKind().GroupVersionKind().Group; strings.HasSuffix(g, domain) && !served[g] {
			t.Errorf("%s comes before its definition", k)
		}
		for _, ref := range m.GetOwnerReferences() {
			if !uids[string(ref.UID)] {
				t.Errorf("%s comes before its owner %s %s", k, ref.Kind, ref.Name)
			}
		}
		uids[string(m.GetUID())] = true
	}
}

// whole is a cluster that ends at the end of an app.
func whole(t *testing.T, atLeast int) Config {
	t.Helper()
	c, err := New(testConfig(atLeast))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for u := range c.planner.units() {
		c.renderer.out = c.renderer.out[:0]
		c.renderer.unit(u, c.planner.now)
		if n += len(c.renderer.out); n >= atLeast {
			break
		}
	}
	return testConfig(n)
}

func TestEverythingAddsUp(t *testing.T) {
	for _, n := range []int{700, 3000} {
		w := newWorld(Generate(whole(t, n)))
		for _, bad := range slices.Concat(w.checkOwners(), w.checkSettled(), w.checkEvents()) {
			t.Error(bad)
		}
	}
}

// TestObjectsShareNothing changes what an object can hold by reference and looks for it in its neighbours.
func TestObjectsShareNothing(t *testing.T) {
	c := testConfig(1200)
	want, _ := digests(t, c)
	i := 0
	for o := range Generate(c) {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256(b) != want[i] {
			t.Fatalf("%s changed with an object before it", keyOf(o))
		}
		i++
		m := o.(metav1.Object)
		for k := range m.GetLabels() {
			m.GetLabels()[k] = "x"
		}
		for _, mf := range m.GetManagedFields() {
			clear(mf.FieldsV1.Raw)
		}
		switch o := o.(type) {
		case *corev1.Pod:
			o.Spec.Containers[0].Env = append(o.Spec.Containers[0].Env[:0], corev1.EnvVar{Name: "X"})
			clear(o.Spec.NodeSelector)
			clear(o.Spec.Containers[0].Resources.Requests)
		case *appsv1.Deployment:
			o.Spec.Template.Labels["x"] = "y"
			o.Spec.Template.Spec.Volumes[0].Name = "x"
			o.Spec.Selector.MatchLabels["x"] = "y"
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  Config
		want string
	}{
		"fine":     {testConfig(1), ""},
		"none":     {Config{Now: testNow}, "simulated cluster: 0 objects asked for; choose from 1 to 5000000"},
		"too many": {testConfig(MaxObjects + 1), "simulated cluster: 5000001 objects asked for; choose from 1 to 5000000"},
		"no time":  {Config{Objects: 5}, "simulated cluster: no time given; set Config.Now"},
	} {
		got := ""
		if err := tc.cfg.Validate(); err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for range Generate(Config{}) {
		t.Fatal("an invalid config yields an object")
	}
}
