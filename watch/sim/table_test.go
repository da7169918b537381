package sim

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestCells(t *testing.T) {
	doc := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{"example.test/a": "x"}},
		"spec":     map[string]any{"size": int64(3), "ratio": 0.5, "on": true, "tags": []any{"a", "b"}},
		"status": map[string]any{"conditions": []any{
			map[string]any{"type": "Ready", "status": "True"}, map[string]any{"type": "Other", "status": "False"}}},
	}}
	for _, tc := range []struct {
		typ, path string
		want      any
	}{
		{"integer", ".spec.size", int64(3)},
		{"number", ".spec.size", float64(3)},
		{"string", ".spec.size", "3"},
		{"integer", ".spec.on", nil},
		{"boolean", ".spec.on", true},
		{"number", ".spec.ratio", 0.5},
		{"string", ".spec.tags", `["a","b"]`},
		{"string", ".spec.tags[1]", "b"},
		{"string", ".spec.tags[-1]", "b"},
		{"string", ".spec.tags[7]", nil},
		{"string", ".spec.tags[*]", "a"},
		{"string", `.metadata.annotations.example\.test/a`, "x"},
		{"string", `.metadata.annotations['example.test/a']`, "x"},
		{"string", `.status.conditions[?(@.type=="Other")].status`, "False"},
		{"string", `.status.conditions[?(@.type=='None')].status`, nil},
		{"string", ".nothing.here", nil},
		{"string", "spec", nil},
		{"string", ".spec[", nil},
		{"string", ".spec[x]", nil},
		{"date", ".metadata.annotations['example.test/a']", "<invalid>"},
	} {
		if diff := cmp.Diff(tc.want, cell(Column{Type: tc.typ, JSONPath: tc.path}, doc)); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.typ, tc.path, diff)
		}
	}
}

// TestTables asks for tables of a custom kind and, with and without Config.Tabulate, of pods.
func TestTables(t *testing.T) {
	phases := func(obj runtime.Object, _ time.Time) ([]metav1.TableColumnDefinition, []any) {
		p, ok := obj.(*corev1.Pod)
		if !ok {
			return nil, nil
		}
		return []metav1.TableColumnDefinition{{Name: "Name"}, {Name: "Phase"}}, []any{p.Name, string(p.Status.Phase)}
	}
	for _, tc := range []struct {
		path     string
		tabulate func(runtime.Object, time.Time) ([]metav1.TableColumnDefinition, []any)
		columns  []string
		cells    []any
	}{
		{"/api/v1/pods", nil, []string{"Name", "Age"}, []any{"a", "90s"}},
		{"/api/v1/pods", phases, []string{"Name", "Phase"}, []any{"a", "Running"}},
		{"/api/v1/namespaces/default", phases, []string{"Name", "Age"}, []any{"default", "90s"}},
		{"/apis/example.test/v1/widgets", phases, []string{"Name", "Size", "Ready"}, []any{"w", float64(3), nil}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newServer(t, Config{Tabulate: tc.tabulate})
			mustCreate(t, s, testPod("default", "a"), widgets(), widget("v1", "w", 3))
			time.Sleep(90 * time.Second)
			b, err := typedClient(t, restConfig(s)).CoreV1().RESTClient().Get().AbsPath(tc.path).
				SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").Do(testContext(t)).Raw()
			if err != nil {
				t.Fatal(err)
			}
			var table metav1.Table
			if err := json.Unmarshal(b, &table); err != nil {
				t.Fatal(err)
			}
			var columns []string
			for _, c := range table.ColumnDefinitions {
				columns = append(columns, c.Name)
			}
			if diff := cmp.Diff(tc.columns, columns); diff != "" {
				t.Errorf("%s columns (-want +got):\n%s", tc.path, diff)
			}
			if diff := cmp.Diff(tc.cells, table.Rows[0].Cells); diff != "" {
				t.Errorf("%s cells (-want +got):\n%s", tc.path, diff)
			}
		})
	}
}
