package sim

import (
	"encoding/json"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/watch"
)

// Tables: custom resources get the columns their definition asks for, built-in kinds those of Config.Tabulate, else name
// and age: the printers of the real server live in k8s.io/kubernetes, which can't be imported.

func (s *Server) columnDefinitions(sv *served) []metav1.TableColumnDefinition {
	if s.cfg.Tabulate != nil && sv.goType != nil {
		if defs, _ := s.cfg.Tabulate(sv.typed(), time.Now()); defs != nil {
			return defs
		}
	}
	defs := []metav1.TableColumnDefinition{{Name: "Name", Type: "string", Format: "name", Description: "Name must be unique within a namespace."}}
	if sv.Columns == nil {
		return append(defs, metav1.TableColumnDefinition{Name: "Age", Type: "date", Description: "Time since creation."})
	}
	for _, c := range sv.Columns {
		defs = append(defs, metav1.TableColumnDefinition{Name: c.Name, Type: c.Type, Format: c.Format, Description: c.Description})
	}
	return defs
}

// table lists objects as rows.
func (s *Server) table(sv *served, q *request, items []*object, m metav1.ListMeta) (*metav1.Table, error) {
	t := &metav1.Table{TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"}, ListMeta: m,
		ColumnDefinitions: s.columnDefinitions(sv), Rows: []metav1.TableRow{}}
	rd := s.reader()
	for _, o := range items {
		row, err := s.row(sv, q.query.Get("includeObject"), o, rd)
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, row)
		t.ResourceVersion = max(t.ResourceVersion, m.ResourceVersion)
	}
	if t.ResourceVersion == "" && len(items) == 1 {
		t.ResourceVersion = strconv.FormatUint(items[0].rev, 10)
	}
	return t, nil
}

func (s *Server) row(sv *served, include string, o *object, rd *reader) (metav1.TableRow, error) {
	var row metav1.TableRow
	body, err := rd.body(o)
	if err != nil {
		return row, err
	}
	doc, err := sv.decode(o.version, body)
	if err != nil {
		return row, err
	}
	if s.cfg.Tabulate != nil && sv.goType != nil {
		_, row.Cells = s.cfg.Tabulate(doc, time.Now())
	}
	if row.Cells == nil {
		row.Cells = []any{doc.GetName()}
		if sv.Columns == nil {
			row.Cells = append(row.Cells, age(doc.GetCreationTimestamp()))
		}
		for _, c := range sv.Columns {
			row.Cells = append(row.Cells, cell(c, doc))
		}
	}
	switch metav1.IncludeObjectPolicy(include) {
	case metav1.IncludeNone:
	case metav1.IncludeObject:
		doc.GetObjectKind().SetGroupVersionKind(sv.gvk())
		row.Object.Raw, err = json.Marshal(doc)
	default:
		p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: objectMeta(doc)}
		row.Object = runtime.RawExtension{}
		row.Object.Raw, err = json.Marshal(p)
	}
	return row, err
}

func age(t metav1.Time) string {
	if t.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(t.Time))
}

// cell is the value of one printer column, as apiextensions-apiserver's table convertor makes it: the first value at the
// path, if it is of the column's type.
func cell(c Column, doc document) any {
	u, ok := doc.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	steps, err := parsePath(c.JSONPath)
	if err != nil {
		return nil
	}
	found := follow(steps, u.Object)
	if len(found) == 0 || found[0] == nil {
		return nil
	}
	switch v := found[0].(type) {
	case int64:
		switch c.Type {
		case "integer":
			return v
		case "number":
			return float64(v)
		}
	case float64:
		switch c.Type {
		case "integer":
			return int64(v)
		case "number":
			return v
		}
	case bool:
		if c.Type == "boolean" {
			return v
		}
	case string:
		if c.Type == "date" {
			t, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return "<invalid>"
			}
			return age(metav1.NewTime(t))
		}
	}
	if c.Type == "string" {
		return cellText(found[0])
	}
	return nil
}

// appendTableFrame is a watch event whose object is a table of one row; the first one says what the columns are.
func (st *stream) appendTableFrame(b []byte, typ watch.EventType, o *object) ([]byte, error) {
	t, err := st.s.table(st.sv, st.q, []*object{o}, metav1.ListMeta{ResourceVersion: strconv.FormatUint(o.rev, 10)})
	if err != nil {
		return nil, err
	}
	if st.tableHead {
		t.ColumnDefinitions = nil
	}
	st.tableHead = true
	raw, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return appendJSONFrame(b, typ, raw), nil
}

func (st *stream) tableBookmark(m metav1.ObjectMeta) ([]byte, error) {
	p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: m}
	obj, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	t := &metav1.Table{TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"},
		ListMeta: metav1.ListMeta{ResourceVersion: m.ResourceVersion}, Rows: []metav1.TableRow{{Cells: []any{}, Object: runtime.RawExtension{Raw: obj}}}}
	return st.frameOf(t)
}
