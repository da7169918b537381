package ui

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/search"
	"orka/watch"
)

// previewBesideFrom is the width from which the preview stands beside the table.
const previewBesideFrom = 160

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
		if e.syntax != nil && e.rows.loaded && room > 26 {
			answer = "old rows"
			room -= width(answer) + 1
		}
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
	if e.syntax != nil {
		if e.query.Empty() {
			return fmt.Sprintf("%s of %s, unfiltered", count(e.rows.total), count(e.rows.world))
		}
		return "rows of the last valid query"
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
		return text + trouble(m.th, f.Least, m.now), m.th.warnBold
	case f.Loading && len(kinds) == 1:
		return m.th.glyph.loading + " loading " + nameOf(f.Least) + progress(f.Listed, f.Remaining), m.th.warn
	case f.Loading:
		return m.th.glyph.loading + " still loading" + progress(f.Listed, f.Remaining), m.th.warn
	case len(f.Forbidden) > 0 && narrowed:
		l := m.limits(kinds...)
		if l.None() {
			break // nothing is missing from the namespaces shown
		}
		if len(l.Partial) == 1 && len(l.Refused) == 0 {
			return m.th.glyph.forbidden + " " + onlyIn(l.Namespaces) + ": " + deniedText(f.Forbidden[0]), m.th.warn
		}
		return m.th.glyph.forbidden + " " + deniedText(f.Forbidden[0]), m.th.warn
	}
	if e.rows.partial != "" {
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
		old := isStale(o)
		r := row{dim: old || e.syntax != nil} // rows of another query than the line's are no answer to it
		r.gutter = gutter(c.th, i == e.list.cursor, m.marks[o.UID], o, old)
		var at []int
		if e.query.Ranked() && e.syntax == nil {
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

func (m *Model) clickRow(i int) tea.Cmd {
	e := &m.explore
	e.typing = false
	if i == e.list.cursor && e.held {
		return m.openSelected(tabOverview)
	}
	e.list.to(i)
	return m.moved()
}
