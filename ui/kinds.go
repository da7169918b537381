package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// kinds is the screen of every served kind: how many there are of each and how far that may be believed.
type kinds struct {
	filter field
	typing bool
	list   list
	table  table
	rows   []kindLine
	at     *watch.Kind // the row the cursor is on
}

// kindLine is one row.
type kindLine struct {
	kind   *watch.Kind
	count  int
	fresh  engine.Freshness
	status *watch.Status // the least fresh one; nil when the kind is not watched
}

func newKinds() kinds {
	return kinds{filter: newField(), table: table{gutter: gutterWidth, sorted: -1}}
}

func (m *Model) openKinds() tea.Cmd {
	return m.visit(location{screen: screenKinds, query: m.explore.input.value()})
}

func (s *kinds) enter(m *Model) tea.Cmd { return s.refresh(m) }

func (s *kinds) focus() *field {
	if s.typing {
		return &s.filter
	}
	return nil
}

func (s *kinds) edited(m *Model) tea.Cmd {
	s.list.to(0)
	s.at = nil
	return s.refresh(m)
}

// refresh counts anew. The cursor stays with its kind.
func (s *kinds) refresh(m *Model) tea.Cmd {
	if o := s.selected(); o != nil {
		s.at = o
	}
	v := m.view
	s.rows = s.rows[:0]
	for _, k := range v.Health.Kinds {
		if !kindAnswers(k, s.filter.value()) {
			continue
		}
		f := v.Health.Freshness(m.now, k)
		s.rows = append(s.rows, kindLine{kind: k, count: v.World.Count(k), fresh: f, status: f.Least})
	}
	s.list.setLen(len(s.rows))
	if i := slices.IndexFunc(s.rows, func(r kindLine) bool { return r.kind == s.at }); i >= 0 && i != s.list.cursor {
		s.list.follow(i)
	}
	return nil
}

func (s *kinds) ticked(m *Model) tea.Cmd { return s.refresh(m) }

// kindAnswers reports whether any of a kind's names holds the text.
func kindAnswers(k *watch.Kind, text string) bool {
	names := strings.ToLower(strings.Join(append([]string{k.Kind, k.ResourceName(), k.Version}, k.ShortNames...), " "))
	for _, part := range strings.Fields(strings.ToLower(text)) {
		if !strings.Contains(names, part) {
			return false
		}
	}
	return true
}

func (s *kinds) selected() *watch.Kind {
	if s.list.cursor < len(s.rows) {
		return s.rows[s.list.cursor].kind
	}
	return nil
}

func (s *kinds) sections(*Model) []section {
	listed := func(m *Model) bool { return m.kinds.selected() != nil }
	of := func(m *Model) mover { return &m.kinds.list }
	keys := []binding{
		{name: "narrow", keys: []string{"enter"}, hint: "show its objects", help: "narrow the query to the kind", run: (*Model).narrowToKind, when: listed},
		{name: "filter", keys: []string{"/"}, hint: "filter", help: "filter the kinds by name", run: func(m *Model) tea.Cmd { m.kinds.typing = true; return nil }},
		{name: "retry", keys: []string{"r"}, hint: "retry", help: "the kind's watcher tries again now", run: func(m *Model) tea.Cmd { m.retry(m.kinds.selected()); return nil }, when: listed},
		{name: "close", keys: []string{"esc"}, hint: "back", help: "back; clears the filter first", run: (*Model).closeKinds},
	}
	typing := []binding{
		{name: "filter-done", keys: []string{"enter", "tab"}, hint: "done", help: "keep the filter", run: func(m *Model) tea.Cmd { m.kinds.typing = false; return nil }},
		{name: "filter-cancel", keys: []string{"esc"}, hint: "clear", help: "clear the filter", run: func(m *Model) tea.Cmd { return m.kinds.clear(m) }},
	}
	return []section{
		{title: "In the kinds", keys: append(keys, moving(of, true)...)},
		{title: "While typing the filter", typing: true, keys: append(typing, moving(of, false)...)},
	}
}

func (s *kinds) clear(m *Model) tea.Cmd {
	s.typing = false
	s.filter.set("")
	return s.refresh(m)
}

func (m *Model) closeKinds() tea.Cmd {
	if m.kinds.filter.value() != "" {
		return m.kinds.clear(m)
	}
	return m.back()
}

func (m *Model) narrowToKind() tea.Cmd {
	k := m.kinds.selected()
	return m.visit(location{screen: screenExplore, query: kindTerm(k, m.view.Health.Kinds) + " "})
}

var kindColumnsShown = []column{
	{title: "KIND", min: 16, good: 34, max: 40, priority: priorityName, middle: true},
	{title: "GROUP", min: 6, max: 40, priority: 60},
	{title: "VERSION", priority: 50},
	{title: "OBJECTS", priority: 95, right: true},
	{title: "PHASE", priority: 90},
	{title: "CONFIRMED", priority: 85},
	{title: "SHORT", min: 5, max: 20, priority: 40},
	{title: "SCOPE", priority: 30},
	{title: "NOTE", min: 24, max: 48, priority: 65},
}

func (s *kinds) draw(m *Model, c *canvas) {
	drawFilter(c, "Kinds", &s.filter, s.typing, fmt.Sprintf("%s of %s", count(len(s.rows)), plural(len(m.view.Health.Kinds), "kind")))
	s.drawNotice(m, c)
	if len(s.rows) == 0 {
		if len(m.view.Health.Kinds) == 0 {
			drawEmpty(c, c.rowsLeft(), m.explore.unconnectedText(m)...)
		} else {
			drawEmpty(c, c.rowsLeft(), fmt.Sprintf("0 of %s %s esc clears the filter", plural(len(m.view.Health.Kinds), "kind"), m.th.glyph.dot))
		}
		return
	}
	s.table.setColumns(kindColumnsShown)
	s.table.draw(c, &s.list, c.rowsLeft(), !s.typing, func(i int) row { return s.row(m, i) }, func(i int) hitFunc {
		return func(m *Model) tea.Cmd {
			if m.kinds.list.cursor == i {
				return m.narrowToKind()
			}
			m.kinds.list.to(i)
			return nil
		}
	})
}

// drawNotice says what is wrong with the kind under the cursor, else which groups are not known at all.
func (s *kinds) drawNotice(m *Model, c *canvas) {
	if s.list.cursor < len(s.rows) {
		if w := s.rows[s.list.cursor].status; w != nil && trouble(m.th, w, m.now) != "" {
			drawRule(c, phaseGlyph(m.th, w, m.now)+" "+trouble(m.th, w, m.now), m.th.warnBold)
			return
		}
	}
	text := ""
	if n := len(m.view.Health.Discovery); n > 0 {
		d := m.view.Health.Discovery[0]
		text = m.th.glyph.stale + " " + d.GroupVersion + " does not answer, its kinds may be missing"
		if n > 1 {
			text += fmt.Sprintf(" (and %s more)", plural(n-1, "group"))
		}
		text += " " + m.th.glyph.dot + " " + watch.Sanitize(d.Err)
	}
	drawRule(c, text, m.th.warn)
}

func (s *kinds) row(m *Model, i int) row {
	r := s.rows[i]
	k := r.kind
	group := k.Group
	if group == "" {
		group = "core"
	}
	scope := "cluster"
	if k.Namespaced {
		scope = "namespaced"
	}
	phase, confirmed, note := "not watched", "", ""
	if !k.Verbs.Has(watch.VerbList) {
		phase = "no list verb"
	}
	st := m.th.dim
	if r.status != nil {
		phase, st = r.status.Phase.String(), phaseStyle(m.th, r.status, m.now)
		if !r.status.ConfirmedAt.IsZero() {
			confirmed = since(r.status.ConfirmedAt, m.now) + " ago"
		}
		if !r.status.Fresh(m.now) {
			note = strings.Join(causes(r.status, m.now), " "+m.th.glyph.dot+" ")
		}
	}
	if l := m.view.Health.Limits(k); len(l.Partial) > 0 {
		note = strings.TrimSuffix(onlyIn(l.Namespaces)+" "+m.th.glyph.dot+" "+note, " "+m.th.glyph.dot+" ")
	}
	objects := count(r.count)
	if r.status == nil || (!r.status.Complete && r.count == 0) {
		objects = "?" // not known is not none
	}
	out := row{
		gutter: statusGutter(m.th, i == s.list.cursor, r.status, m.now),
		cells:  []string{k.Kind, group, k.Version, objects, phase, confirmed, strings.Join(k.ShortNames, ","), scope, note},
		styles: []style{"", m.th.dim, m.th.dim, "", st, "", m.th.dim, m.th.dim, st},
	}
	return out
}

// statusGutter marks the cursor and how far a watcher may be believed.
func statusGutter(th *theme, current bool, s *watch.Status, now time.Time) []span {
	cursor := " "
	if current {
		cursor = th.glyph.cursor
	}
	return []span{{th.accentBold, cursor}, {phaseStyle(th, s, now), phaseGlyph(th, s, now)}}
}

// phaseGlyph is the phase of a watcher in one cell.
func phaseGlyph(th *theme, s *watch.Status, now time.Time) string {
	switch {
	case s == nil:
		return " "
	case s.Phase == watch.Forbidden:
		return th.glyph.forbidden
	case s.Fresh(now):
		return th.glyph.fresh
	case s.Phase == watch.Polling && s.Complete:
		return th.glyph.polled
	case !s.Complete && (s.Phase == watch.Queued || s.Phase == watch.Listing):
		return th.glyph.loading
	default:
		return th.glyph.stale
	}
}

func phaseStyle(th *theme, s *watch.Status, now time.Time) style {
	switch {
	case s == nil:
		return th.dim
	case s.Fresh(now) || (s.Phase == watch.Polling && s.Complete):
		return th.good
	case s.Phase == watch.Queued:
		return th.dim
	case s.Phase == watch.Backoff || s.Phase == watch.Unavailable || s.Phase == watch.Diverged:
		return th.badBold
	default:
		return th.warn
	}
}

// drawFilter writes a title with a filter line.
func drawFilter(c *canvas, title string, f *field, typing bool, aside string) {
	c.put("", " ")
	c.put(c.th.bold, title)
	if typing || f.value() != "" {
		st := c.th.dim
		if typing {
			st = c.th.accentBold
		}
		c.put(st, "  / ")
		f.draw(c, c.room()-width(aside)-2, typing, "type a part of it", [2]int{})
	}
	c.to(c.w - width(aside) - 1)
	c.put(c.th.dim, aside)
	c.newline()
}
