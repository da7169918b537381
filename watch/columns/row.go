package columns

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// fieldCap is how many bytes of a projected value are kept: enough for every list of images and hosts in
// ordinary use, little enough that a message or a list of subjects can't fill the memory.
const fieldCap = 512

// internCells is the length up to which packed cells are interned: those of ConfigMaps or ServiceAccounts
// are few and short, those of pods hold an address and are all different.
const internCells = 24

// unknown and none are what kubectl prints for what isn't there.
const (
	unknown = "<unknown>"
	none    = "<none>"
	unset   = "<unset>"
)

// row is the projection of one object in the making. Rows are reused, with their buffers.
type row struct {
	in     *watch.Interner
	cells  []byte
	n      int // cells so far
	fields []byte
	value  int // where the open field's value starts in fields
	status []byte
	health watch.Health
	// ownStatus is set by kinds whose status says by itself that they are being deleted.
	ownStatus bool
}

var rows = sync.Pool{New: func() any { return new(row) }}

func (r *row) reset(in *watch.Interner) {
	if in == nil {
		in = new(watch.Interner)
	}
	*r = row{in: in, cells: r.cells[:0], fields: r.fields[:0], status: r.status[:0]}
}

func (r *row) projection() Projection {
	p := Projection{Status: r.in.Bytes(r.status), Fields: watch.Pairs(r.fields), Health: r.health}
	if len(r.cells) <= internCells {
		p.Cells = watch.Cells(r.in.Bytes(r.cells))
	} else {
		p.Cells = watch.Cells(r.cells)
	}
	r.in = nil // the pool must not keep it alive
	return p
}

// terminating marks an object that is being deleted.
func (r *row) terminating() {
	if r.ownStatus {
		return
	}
	r.setStatus("Terminating")
	if r.health != watch.HealthBad {
		r.health = watch.HealthProgressing
	}
}

func (r *row) setStatus(s string) { r.status = watch.AppendSanitized(r.status[:0], s) }

// setRatio makes the status "ready/desired".
func (r *row) setRatio(ready, desired int64) { r.status = appendRatio(r.status[:0], ready, desired) }

func appendRatio(b []byte, x, y int64) []byte {
	return strconv.AppendInt(append(strconv.AppendInt(b, x, 10), '/'), y, 10)
}

// cell opens the next cell; what is appended to r.cells until the next one is its text.
func (r *row) cell() {
	r.cells = watch.AppendCell(r.cells, r.n, "")
	r.n++
}

// text is a cell of text. Like kubectl it shows the first line of several.
func (r *row) text(s string) {
	r.cell()
	if i := strings.IndexAny(s, "\f\n\r"); i >= 0 {
		r.cells = append(watch.AppendSanitized(r.cells, s[:i]), "..."...)
		return
	}
	r.cells = watch.AppendSanitized(r.cells, s)
}

// textOr is a cell of text, or of what kubectl prints without one.
func (r *row) textOr(s, otherwise string) {
	if s == "" {
		s = otherwise
	}
	r.text(s)
}

// name and age are the cells of ColumnName and ColumnAge: empty, for the object itself holds both.
func (r *row) name() { r.cell() }
func (r *row) age()  { r.cell() }

func (r *row) int(n int64) {
	r.cell()
	r.cells = strconv.AppendInt(r.cells, n, 10)
}

func (r *row) bool(b bool) {
	r.cell()
	r.cells = strconv.AppendBool(r.cells, b)
}

func (r *row) ratio(x, y int64) {
	r.cell()
	r.cells = appendRatio(r.cells, x, y)
}

// since is a cell of a time, or of what kubectl prints without one.
func (r *row) since(t time.Time, otherwise string) {
	r.cell()
	if t.IsZero() {
		r.cells = append(r.cells, otherwise...)
		return
	}
	r.cells = strconv.AppendInt(r.cells, t.Unix(), 10)
}

// created is the cell of kubectl's CREATED AT.
func (r *row) created(t metav1.Time) {
	r.cell()
	r.cells = t.UTC().AppendFormat(r.cells, time.RFC3339)
}

// labels is a cell of a map as kubectl prints it: "a=b,c=d" in order of the keys, "<none>" when empty.
func (r *row) labels(m map[string]string) {
	r.cell()
	if len(m) == 0 {
		r.cells = append(r.cells, none...)
		return
	}
	r.cells = appendLabels(r.cells, m)
}

func appendLabels(b []byte, m map[string]string) []byte {
	var few [8]string
	keys := few[:0]
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(watch.AppendSanitized(b, k), '=')
		b = watch.AppendSanitized(b, m[k])
	}
	return b
}

// selector is a cell of a label selector; empty is what kubectl prints for one that selects everything or
// nothing, invalid for one that makes no sense. Labels are valid, or the server would not have taken them.
func (r *row) selector(s *metav1.LabelSelector, empty, invalid string) {
	r.cell()
	start := len(r.cells)
	if s != nil && len(s.MatchExpressions) == 0 {
		r.cells = appendLabels(r.cells, s.MatchLabels)
	} else if s != nil {
		parsed, err := metav1.LabelSelectorAsSelector(s)
		if err != nil {
			r.cells = append(r.cells, invalid...)
			return
		}
		r.cells = watch.AppendSanitized(r.cells, parsed.String())
	}
	if len(r.cells) == start {
		r.cells = append(r.cells, empty...)
	}
}

// field adds a projected field unless it is empty; fields come in order of their paths.
func (r *row) field(path, value string) {
	if value == "" {
		return
	}
	r.key(path)
	r.fields = watch.AppendSanitized(r.fields, value)
	r.close()
}

func (r *row) fieldInt(path string, n int64) {
	r.key(path)
	r.fields = strconv.AppendInt(r.fields, n, 10)
}

func (r *row) fieldBool(path string, b bool) {
	r.key(path)
	r.fields = strconv.AppendBool(r.fields, b)
}

// key opens a field; what is appended to r.fields until close is its value.
func (r *row) key(path string) {
	r.fields = watch.AppendPair(r.fields, path, "")
	r.value = len(r.fields)
}

// close ends the open field, cut at fieldCap.
func (r *row) close() {
	if len(r.fields)-r.value <= fieldCap {
		return
	}
	end := r.value + fieldCap
	for end > r.value && !utf8.RuneStart(r.fields[end]) {
		end--
	}
	r.fields = append(r.fields[:end], "…"...)
}

// fieldJoin adds a field of items joined by commas, unless there are none. item returns "" to leave one out.
func fieldJoin[T any](r *row, path string, items []T, item func(*T) string) {
	opened := false
	for i := range items {
		s := item(&items[i])
		switch {
		case s == "":
			continue
		case !opened:
			r.key(path)
			opened = true
		default:
			r.fields = append(r.fields, ',')
		}
		r.fields = watch.AppendSanitized(r.fields, s)
		if len(r.fields)-r.value > fieldCap {
			break
		}
	}
	if opened {
		r.close()
	}
}
