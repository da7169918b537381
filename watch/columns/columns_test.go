package columns

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"

	"orka/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newRand draws a seed and prints it; ORKA_SEED=… replays one.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ORKA_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("ORKA_SEED=%q: %v", s, err)
		}
		seed = n
	}
	t.Logf("ORKA_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// newObject makes an empty object of a built-in kind.
func newObject(t testing.TB, gvk watch.GVK) runtime.Object {
	t.Helper()
	if gvk.Kind == "CustomResourceDefinition" {
		return &apiextensionsv1.CustomResourceDefinition{}
	}
	o, err := scheme.Scheme.New(schema.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// tame are words that mean something to some kind, and are valid label values; hostile adds text that is not.
var (
	tame = []string{"True", "False", "Unknown", "web", "db", "api-1", "Completed", "Ready", "NodeLost", "InternalIP", "ExternalIP", "storage", "cpu",
		"memory", "pods", "limits.cpu", "Running", "Failed", "Available", "Always", "PodInitializing", "LoadBalancer", "ExternalName", "ClusterIP",
		"NodePort", "Complete", "ReadWriteOnce", "ReadOnlyMany", "Resource", "External", "Object", "Pods", "In", "Exists", "Terminating", "User", "Group",
		"ServiceAccount", "Approved", "Denied", "Dangling", "Limited", "Healthy", "Initialized", "PodScheduled", "SchedulingGated", "Suspended"}
	hostile = append([]string{"a\nb", "x\x1fy=z", "\u202eevil", strings.Repeat("long", 200)}, tame...)
)

// fill sets an object's fields at random: some left out, lists of up to four elements, strings out of words.
func fill(v reflect.Value, rng *rand.Rand, words []string, depth int) {
	if rng.IntN(5) == 0 || depth > 12 {
		return
	}
	switch v.Interface().(type) {
	case metav1.Time:
		v.Set(reflect.ValueOf(metav1.NewTime(time.Unix(1_700_000_000+rng.Int64N(1e6), 0))))
		return
	case metav1.MicroTime:
		v.Set(reflect.ValueOf(metav1.NewMicroTime(time.Unix(1_700_000_000+rng.Int64N(1e6), 0))))
		return
	case metav1.FieldsV1, runtime.RawExtension, apiextensionsv1.JSON:
		return
	case intstr.IntOrString:
		v.Set(reflect.ValueOf([]intstr.IntOrString{intstr.FromInt32(rng.Int32N(9)), intstr.FromString("50%")}[rng.IntN(2)]))
		return
	case resource.Quantity:
		v.Set(reflect.ValueOf(*resource.NewQuantity(rng.Int64N(1e6), resource.DecimalSI)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(words[rng.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int32, reflect.Int64:
		v.SetInt(rng.Int64N(10))
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		fill(p.Elem(), rng, words, depth+1)
		v.Set(p)
	case reflect.Slice:
		n := rng.IntN(5)
		s := reflect.MakeSlice(v.Type(), n, n)
		for i := range n {
			fill(s.Index(i), rng, words, depth+1)
		}
		v.Set(s)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		for range rng.IntN(4) {
			k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			for k.IsZero() { // neither labels nor resources have an empty key
				fill(k, rng, words, 0)
			}
			fill(e, rng, words, depth+1)
			m.SetMapIndex(k, e)
		}
		v.Set(m)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f, rng, words, depth+1)
			}
		}
	}
}

// TestEveryKind holds for every kind and any object: as many cells as columns, sorted and documented fields,
// nothing unsanitised, and the same projection the second time.
func TestEveryKind(t *testing.T) {
	rng := newRand(t)
	in := &watch.Interner{}
	for _, gvk := range Known() {
		t.Run(strings.ReplaceAll(gvk.String(), "/", "_"), func(t *testing.T) {
			columns := For(gvk)
			if len(columns) == 0 || !slices.ContainsFunc(columns, func(c watch.Column) bool { return c.Type == watch.ColumnName }) {
				t.Fatalf("columns %v hold no NAME", columns)
			}
			for i := range 300 {
				o := newObject(t, gvk)
				if i > 0 { // the first one is empty
					fill(reflect.ValueOf(o).Elem(), rng, hostile, 0)
				}
				p := Project(gvk, o, in)
				if got := strings.Count(string(p.Cells), "\x1f") + 1; got != len(columns) {
					t.Fatalf("%d cells for %d columns: %q", got, len(columns), p.Cells)
				}
				checkFields(t, gvk, p)
				for _, s := range []string{p.Status, strings.ReplaceAll(string(p.Cells), "\x1f", ""), strings.ReplaceAll(string(p.Fields), "\x1f", "")} {
					if watch.Sanitize(s) != s {
						t.Fatalf("not sanitised: %q", s)
					}
				}
				if again := Project(gvk, o, nil); again != p {
					t.Fatalf("projected again it differs:\n%+v\n%+v", p, again)
				}
				object := &watch.Object{Name: "x", Cells: p.Cells, Created: 1}
				for i, c := range columns {
					Render(c, i, object, time.Unix(1_800_000_000, 0))
				}
			}
		})
	}
}

func checkFields(t *testing.T, gvk watch.GVK, p Projection) {
	t.Helper()
	documented := map[string]bool{}
	for _, f := range Fields(gvk) {
		documented[f.Path] = true
	}
	last := ""
	for k, v := range p.Fields.All() {
		if k <= last {
			t.Fatalf("field %q comes after %q", k, last)
		}
		last = k
		if gvk.Kind == "ResourceQuota" {
			k = k[:len("status.hard.")] + "<resource>"
		}
		if !documented[k] {
			t.Fatalf("field %q is not documented", k)
		}
		if v == "" || len(v) > fieldCap+len("…") {
			t.Fatalf("field %q has %d bytes", k, len(v))
		}
	}
}

// TestDocumentedFieldsAppear makes sure that no documented field is a promise only.
func TestDocumentedFieldsAppear(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, gvk := range Known() {
		missing := map[string]bool{}
		paths := []string{}
		for _, f := range Fields(gvk) {
			missing[f.Path] = true
			paths = append(paths, f.Path)
		}
		if !slices.IsSorted(paths) {
			t.Errorf("%v: fields are not documented in order: %v", gvk, paths)
		}
		for range 2000 {
			o := newObject(t, gvk)
			fill(reflect.ValueOf(o).Elem(), rng, hostile, 0)
			for k := range Project(gvk, o, nil).Fields.All() {
				if gvk.Kind == "ResourceQuota" {
					k = k[:len("status.hard.")] + "<resource>"
				}
				delete(missing, k)
			}
			if len(missing) == 0 {
				break
			}
		}
		for k := range missing {
			t.Errorf("%v: field %s never appears", gvk, k)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	gvk := watch.GVK{Group: "example.org", Version: "v1", Kind: "Widget"}
	if got := fmt.Sprint(For(gvk)); got != fmt.Sprint(plainColumns) {
		t.Errorf("columns %v", got)
	}
	now := metav1.Now()
	p := Project(gvk, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}}, nil)
	if want := (Projection{Status: "Terminating", Health: watch.HealthProgressing}); p != want {
		t.Errorf("projection %+v, want %+v", p, want)
	}
}
