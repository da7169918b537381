package columns

import (
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// Projection is what orka keeps of an object beside its metadata.
type Projection struct {
	Status string // one word for lists of several kinds
	Cells  watch.Cells
	Fields watch.Pairs
	Health watch.Health
}

// FieldDoc describes one projected field of a kind.
type FieldDoc struct {
	Path string
	// Type is "text", "number", "quantity" or "boolean".
	Type string
	Doc  string
}

// table is what this package knows of one built-in kind.
type table struct {
	columns []watch.Column
	fields  []FieldDoc
	// project fills r and reports whether obj has the table's type.
	project func(obj any, r *row) bool
}

// family is a file's share of the built-in kinds.
type family map[watch.GVK]table

var tables = merge(pods, workloads, jobs, services, network, nodes, storage, config, policy, access, events, extensions, cluster)

func merge(families ...family) family {
	all := family{}
	for _, f := range families {
		maps.Copy(all, f)
	}
	return all
}

// typed makes the table of a kind whose Go type is T.
func typed[T any](project func(*T, *row), columns []watch.Column, fields ...FieldDoc) table {
	return table{columns: columns, fields: fields, project: func(obj any, r *row) bool {
		t, ok := obj.(*T)
		if ok {
			project(t, r)
		}
		return ok
	}}
}

// For is what kubectl prints for a built-in kind, in its order; NAME and AGE for a kind that is not known
// here. The slice is shared and must not be changed.
func For(gvk watch.GVK) []watch.Column {
	if t, ok := tables[gvk]; ok {
		return t.columns
	}
	if a, ok := aggregated[gvk]; ok {
		return a.columns
	}
	return plainColumns
}

// Known lists the built-in kinds with columns of their own, in order.
func Known() []watch.GVK {
	return slices.SortedFunc(maps.Keys(tables), watch.GVK.Compare)
}

// Fields documents the projected fields of a built-in kind, in order of their paths; nil for a kind that is
// not known here. Those of custom resources follow from their printer columns: see [ProjectJSON].
func Fields(gvk watch.GVK) []FieldDoc {
	return tables[gvk].fields
}

// Project makes the projection of a typed k8s.io/api object (a pointer). A kind that is not known here has
// no cells beyond NAME and AGE, no fields and no health. Values of Secrets are not looked at, only
// counted. in may be nil.
func Project(gvk watch.GVK, obj any, in *watch.Interner) Projection {
	r := rows.Get().(*row)
	defer rows.Put(r)
	r.reset(in)
	if t, ok := tables[gvk]; !ok || !t.project(obj, r) {
		r.reset(in)
	}
	if m, ok := obj.(metav1.Object); ok && m.GetDeletionTimestamp() != nil {
		r.terminating()
	}
	return r.projection()
}
