package ui

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/search"
	"orka/watch"
	"orka/watch/columns"
)

// The gutter before each row: cursor or mark, health, staleness.
const gutterWidth = 4

// previewBesideFrom is the width from which the preview stands beside the table.
const previewBesideFrom = 160

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
	{title: "KIND", min: textMin, max: 32, priority: 95},
	{title: "NAMESPACE", min: textMin, max: textMax, priority: 90, middle: true},
	{title: "NAME", min: nameMin, max: nameMax, priority: priorityName, middle: true},
	{title: "STATUS", min: textMin, max: textMax, priority: 85},
	{title: "AGE", priority: priorityAge, right: true},
}

var mixedWideColumns = append(mixedColumns[:len(mixedColumns):len(mixedColumns)],
	column{title: "API VERSION", min: textMin, max: textMax, priority: 40},
	column{title: "LABELS", min: textMin, max: 80, priority: 30})

// kindColumns are a kind's kubectl columns, with NAMESPACE in front where it tells rows apart.
func kindColumns(k *watch.Kind, wide, namespace bool) []column {
	var cols []column
	if k.Namespaced && namespace {
		cols = append(cols, column{title: "NAMESPACE", min: textMin, max: textMax, priority: 90, middle: true})
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
		case watch.ColumnSince, watch.ColumnCountSince, watch.ColumnDuration:
			col.min = 0
		}
		if c.Name == "STATUS" || c.Name == "READY" {
			col.priority = 85
		}
		if c.Wide {
			col.priority -= 50
		}
		cols = append(cols, col)
	}
	return cols
}

// draw writes query line, notice, table and preview.
func (e *explore) draw(m *Model, c *canvas) {
	e.drawQuery(m, c)
	e.drawNotice(m, c)
	height := c.rowsLeft()
	selected := e.selected()
	title := ""
	if selected != nil {
		title = selected.Kind.Kind + " " + selected.NamespacedName()
	}
	switch {
	case !e.preview || selected == nil || height < 8:
		e.drawRows(m, c, height)
	case c.w >= previewBesideFrom:
		left := newCanvas(c.th, c.w*3/5, height)
		left.padded = true
		e.drawRows(m, left, height)
		left.fillTo(height)
		right := newCanvas(c.th, c.w-left.w-1, height)
		drawRule(right, title, c.th.bold)
		drawPreview(m, right, selected)
		c.beside(left, right)
	default:
		below := max(4, height*2/5)
		e.drawRows(m, c, height-below)
		c.fillTo(c.h - below)
		drawRule(c, title, c.th.bold)
		rest := newCanvas(c.th, c.w, below-1)
		drawPreview(m, rest, selected)
		rest.fillTo(below - 1)
		c.below(rest)
	}
}

// queryIndent is where the query text begins: after the prompt.
const queryIndent = 3

func (e *explore) drawQuery(m *Model, c *canvas) {
	st := c.th.dim
	if e.typing {
		st = c.th.accentBold
	}
	c.hit(0, c.w, (*Model).typeQuery)
	c.put(st, " "+c.th.glyph.prompt+" ")
	answer := e.answer(m)
	var wrong [2]int
	if e.syntax != nil {
		wrong = [2]int{e.syntax.Span.Start, e.syntax.Span.End}
	}
	room := c.w - queryIndent - width(answer) - 2
	if room < 16 {
		answer, room = "", c.w-queryIndent-1
	}
	e.input.draw(c, room, e.typing, "type to search everything: a name, k:pod, ns:team-*, label:app=web, is:unhealthy", wrong)
	c.to(c.w - width(answer) - 1)
	c.put(c.th.dim, answer)
	c.newline()
}

// answer is "1,204 of 102,314 · 0.8 ms".
func (e *explore) answer(m *Model) string {
	if !e.rows.loaded {
		return ""
	}
	s := fmt.Sprintf("%s of %s %s %s", count(e.rows.total), count(e.rows.world), m.th.glyph.dot, millis(e.rows.elapsed))
	if e.rows.partial != "" {
		s = "partial: " + s
	}
	return s
}

// millis writes a duration as milliseconds with the digits that matter.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms > 0 && ms < 0.1:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// drawNotice writes the line under the query: why it does not parse, or what is to be known of the rows.
func (e *explore) drawNotice(m *Model, c *canvas) {
	if e.syntax != nil {
		e.drawSyntax(c)
		return
	}
	text, st := e.noticeText(m)
	drawRule(c, text, st)
}

func (e *explore) drawSyntax(c *canvas) {
	st := c.th.badBold
	if e.syntax.Incomplete {
		st = c.th.warn
	}
	text := e.syntax.Problem
	if e.syntax.Want != "" {
		text += ": want " + e.syntax.Want
	}
	if len(e.syntax.Suggestions) > 0 {
		text += " (did you mean " + strings.Join(e.syntax.Suggestions, " or ") + "?)"
	}
	text = watch.Sanitize(text)
	at := queryIndent + e.input.column(e.syntax.Span.Start)
	at = min(at, max(0, c.w-2))
	if at+2+width(text) > c.w { // the text stands before its mark when there is no room behind
		if w := width(text); w+2 <= at {
			c.to(at - w - 1)
			c.put(st, text+" "+c.th.glyph.caret)
			c.newline()
			return
		}
		at = min(at, max(queryIndent, c.w-2-width(text)))
	}
	c.to(at)
	c.put(st, c.th.glyph.caret+" "+text)
	c.newline()
}

// noticeText is what the person must know about the rows shown.
func (e *explore) noticeText(m *Model) (string, style) {
	h := &m.view.Health
	kinds, narrowed := kindsOf(e.query, h.Kinds)
	if !narrowed {
		kinds = nil
	}
	if e.rows.err != nil {
		return watch.Sanitize(e.rows.err.Error()), m.th.bad
	}
	if len(e.rows.hits) == 0 {
		return "", m.th.dim // said where the rows would be
	}
	if !h.Server.Connected && h.Server.Err != "" {
		return e.serverText(m), m.th.warnBold
	}
	f := h.Freshness(m.now, kinds...)
	switch {
	case f.Stale > 0:
		text := m.th.glyph.stale + " "
		if f.Stale > 1 {
			text += fmt.Sprintf("%s stale (S shows which) %s ", plural(f.Stale, "watcher"), m.th.glyph.dot)
		}
		return text + trouble(f.Least, m.now), m.th.warnBold
	case f.Loading && len(kinds) == 1:
		return m.th.glyph.loading + " loading " + nameOf(f.Least) + progress(f.Listed, f.Remaining), m.th.warn
	case f.Loading:
		return m.th.glyph.loading + " still loading" + progress(f.Listed, f.Remaining), m.th.warn
	case len(f.Forbidden) > 0 && narrowed:
		return m.th.glyph.forbidden + " " + deniedText(f.Forbidden[0]), m.th.warn
	case e.rows.partial != "":
		return "partial: " + watch.Sanitize(e.rows.partial), m.th.warn
	}
	return "", m.th.dim
}

func (e *explore) serverText(m *Model) string {
	s := m.view.Health.Server
	text := m.th.glyph.stale + " not connected " + m.th.glyph.dot + " " + watch.Sanitize(s.Err)
	if s.RetryAt.After(m.now) {
		text += " " + m.th.glyph.dot + " next try in " + until(s.RetryAt, m.now)
	}
	return text
}

// drawRule writes a thin line with a text in it.
func drawRule(c *canvas, text string, st style) {
	g := c.th.glyph
	if text == "" {
		c.put(c.th.dim, strings.Repeat(g.rule, c.w))
		c.newline()
		return
	}
	c.put(c.th.dim, g.rule+" ")
	s, _ := fit(clean(text), c.room()-3, g.ellipsis)
	c.put(st, s)
	c.space(1)
	if n := c.room(); n > 0 {
		c.put(c.th.dim, strings.Repeat(g.rule, n))
	}
	c.newline()
}

// drawRows writes the table, or why there is none.
func (e *explore) drawRows(m *Model, c *canvas, height int) {
	if len(e.rows.hits) == 0 {
		drawEmpty(c, height, e.emptyText(m)...)
		return
	}
	isStale := stale(&m.view.Health, m.now)
	mixed := e.kind == nil
	e.table.draw(c, &e.list, height, !e.typing, func(i int) row {
		o := e.rows.hits[i].Object
		r := row{dim: isStale(o)}
		r.gutter = gutter(c.th, i == e.list.cursor, m.marks[o.UID], o, r.dim)
		var at []int
		if e.query.Ranked() {
			at = search.Highlight(e.rows.request.query, o)
		}
		if mixed {
			mixedRow(&r, c.th, o, m.now, e.wide, at)
		} else {
			kindRow(&r, c.th, e.kind, o, m.now, e.wide, len(m.namespaces) != 1, at)
		}
		return r
	}, func(i int) hitFunc {
		return func(m *Model) tea.Cmd { return m.clickRow(i) }
	})
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

func (m *Model) clickRow(i int) tea.Cmd {
	e := &m.explore
	e.typing = false
	if i == e.list.cursor && e.held {
		return m.openSelected(tabOverview)
	}
	e.list.to(i)
	return m.moved()
}
