package ui

import (
	"strings"
	"time"

	"orka/watch"
	"orka/watch/columns"
)

// What the rows of objects look like, in the mixed table and in that of one kind.

// The gutter before each row: cursor or mark, health, staleness.
const gutterWidth = 4

// statusColumns are the columns that say how an object is, the most telling first: the first of them that a
// kind has takes the colour of its health.
var statusColumns = []string{"STATUS", "READY", "PHASE", "AVAILABLE", "COMPLETIONS", "TYPE"}

// setKind lays out the columns of one kind, or of the mixed table.
func (e *explore) setKind(m *Model, k *watch.Kind) {
	e.kind = k
	cols := mixedColumns
	if k != nil {
		cols = kindColumns(k, e.wide, len(m.namespaces) != 1)
	} else if e.wide {
		cols = mixedWideColumns
	}
	if e.sorting.kind != k {
		e.sorting = sorting{kind: k}
	}
	e.table.sorted, e.table.desc = e.sorting.at(cols), e.sorting.desc
	e.table.setColumns(cols)
}

var mixedColumns = []column{
	{title: "KIND", min: 9, good: 11, max: 32, priority: 95},
	{title: "NAMESPACE", min: textMin, good: namespaceGood, max: textMax, priority: priorityNamespace, middle: true},
	{title: "NAME", min: nameMin, max: nameMax, priority: priorityName, middle: true},
	{title: "STATUS", min: statusMin, good: statusGood, max: textMax, priority: priorityStatus},
	{title: "AGE", priority: priorityAge, right: true},
}

var mixedWideColumns = append(mixedColumns[:len(mixedColumns):len(mixedColumns)],
	column{title: "API VERSION", min: textMin, max: textMax, priority: 40},
	column{title: "LABELS", min: textMin, max: 80, priority: 30})

// kindColumns are a kind's kubectl columns, with NAMESPACE in front where it tells rows apart.
func kindColumns(k *watch.Kind, wide, namespace bool) []column {
	var cols []column
	if k.Namespaced && namespace {
		cols = append(cols, column{title: "NAMESPACE", min: textMin, good: namespaceGood, max: textMax, priority: priorityNamespace, middle: true})
	}
	for i, c := range k.Columns {
		if c.Wide && !wide {
			continue
		}
		col := column{title: c.Name, min: textMin, max: textMax, priority: 70 - i}
		switch c.Type {
		case watch.ColumnName:
			col.priority, col.middle, col.min, col.max = priorityName, true, nameMin, nameMax
		case watch.ColumnAge:
			col.priority, col.min, col.right = priorityAge, 0, true
		case watch.ColumnNumber:
			col.min, col.right = 0, true
		case watch.ColumnSince, watch.ColumnDuration:
			col.min = 0
		}
		switch c.Name {
		case "STATUS":
			col.priority, col.min, col.good = priorityStatus, statusMin, statusGood
		case "READY":
			col.priority, col.min, col.good = priorityReady, statusMin, statusGood
		case "MESSAGE":
			col.priority, col.max = 82, 2*textMax
		}
		if c.Wide {
			col.priority -= 50
		}
		cols = append(cols, col)
	}
	return cols
}

// gutter is what stands before a row, so that nothing is told by colour alone.
func gutter(th *theme, current, marked bool, o *watch.Object, isStale bool) []span {
	g := th.glyph
	spans := make([]span, 0, 3)
	switch {
	case current && marked:
		spans = append(spans, span{th.accentBold, g.markCursor})
	case current:
		spans = append(spans, span{th.accentBold, g.cursor})
	case marked:
		spans = append(spans, span{th.accentBold, g.mark})
	default:
		spans = append(spans, span{"", " "})
	}
	switch {
	case o.Undecodable:
		spans = append(spans, span{th.badBold, g.unread})
	case o.Health == watch.HealthBad:
		spans = append(spans, span{th.badBold, g.bad})
	case o.Health == watch.HealthProgressing:
		spans = append(spans, span{th.warn, g.progressing})
	default:
		spans = append(spans, span{"", " "})
	}
	if isStale {
		return append(spans, span{th.warn, g.stale})
	}
	return append(spans, span{"", " "})
}

// healthStyle is the style of the cell that says how an object is.
func healthStyle(th *theme, o *watch.Object) style {
	switch {
	case o.Health == watch.HealthBad || o.Undecodable:
		return th.badBold
	case o.Health == watch.HealthProgressing || o.Deleted != 0:
		return th.warn
	default:
		return ""
	}
}

// splitMatches parts the positions in "namespace/name" between the two cells.
func splitMatches(o *watch.Object, at []int) (namespace, name []int) {
	if o.Namespace == "" {
		return nil, at
	}
	for _, i := range at {
		if i < len(o.Namespace) {
			namespace = append(namespace, i)
		} else if i > len(o.Namespace) {
			name = append(name, i-len(o.Namespace)-1)
		}
	}
	return namespace, name
}

func mixedRow(r *row, th *theme, o *watch.Object, now time.Time, wide bool, at []int) {
	ns, name := splitMatches(o, at)
	status := o.Status
	if o.Undecodable {
		status = "undecodable"
	}
	r.cells = []string{o.Kind.Kind, o.Namespace, o.Name, status, ageText(o, now)}
	r.styles = []style{th.dim, "", "", healthStyle(th, o), th.dim}
	r.matches = [][]int{nil, ns, name}
	if wide {
		r.cells = append(r.cells, o.Kind.GroupVersion(), labelText(o.Labels))
		r.styles = append(r.styles, th.dim, th.dim)
	}
}

func ageText(o *watch.Object, now time.Time) string {
	if o.Created == 0 {
		return ""
	}
	return columns.Age(o.Age(now))
}

// labelText is "app=web,tier=front".
func labelText(p watch.Pairs) string {
	var b strings.Builder
	for k, v := range p.All() {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(k)
		b.WriteByte('=')
		b.WriteString(v)
	}
	return b.String()
}

func kindRow(r *row, th *theme, k *watch.Kind, o *watch.Object, now time.Time, wide, namespace bool, at []int) {
	n := len(k.Columns) + 1
	r.cells, r.styles, r.matches = make([]string, 0, n), make([]style, 0, n), make([][]int, 0, n)
	add := func(s string, st style, at []int) {
		r.cells, r.styles, r.matches = append(r.cells, s), append(r.styles, st), append(r.matches, at)
	}
	ns, name := splitMatches(o, at)
	if k.Namespaced && namespace {
		add(o.Namespace, "", ns)
	}
	telling := tellingColumn(k)
	for i, c := range k.Columns {
		if c.Wide && !wide {
			continue
		}
		text := columns.Render(c, i, o, now)
		switch {
		case c.Type == watch.ColumnName:
			add(text, "", name)
		case i == telling:
			if o.Undecodable {
				text = "undecodable"
			}
			add(text, healthStyle(th, o), nil)
		case c.Type == watch.ColumnAge:
			add(text, th.dim, nil)
		default:
			add(text, "", nil)
		}
	}
}

// tellingColumn is the index of the column that says how an object of the kind is, -1 when it has none.
func tellingColumn(k *watch.Kind) int {
	for _, name := range statusColumns {
		for i, c := range k.Columns {
			if c.Name == name {
				return i
			}
		}
	}
	return -1
}
