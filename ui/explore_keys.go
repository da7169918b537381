package ui

import (
	"maps"

	tea "github.com/charmbracelet/bubbletea"
)

// sections are the two modes of the screen: a line being typed, and the table with its single keys.
func (e *explore) sections(*Model) []section {
	listed := func(m *Model) bool { return m.explore.selected() != nil }
	inTable := []binding{
		{name: "query", keys: []string{"/", "i"}, hint: "query", help: "type into the query line", run: (*Model).typeQuery},
		{name: "open", keys: []string{"enter"}, hint: "open", help: "open the object", run: func(m *Model) tea.Cmd { return m.openSelected(tabOverview) }, when: listed},
		{name: "describe", keys: []string{"d"}, hint: "describe", help: "open it as kubectl describe shows it", run: func(m *Model) tea.Cmd { return m.openSelected(tabOverview) }, when: listed},
		{name: "yaml", keys: []string{"y"}, hint: "yaml", help: "open its YAML", run: func(m *Model) tea.Cmd { return m.openSelected(tabYAML) }, when: listed},
		{name: "events", keys: []string{"v"}, hint: "events", help: "open the events about it", run: func(m *Model) tea.Cmd { return m.openSelected(tabEvents) }, when: listed},
		{name: "edit", keys: []string{"e"}, hint: "edit", help: "edit it in $EDITOR and apply it; marked ones in turn", run: (*Model).editSelected, when: listed},
		{name: "preview", keys: []string{"p"}, hint: "preview", help: "preview of the row: beside the table, below it on narrow screens", run: (*Model).togglePreview},
		{name: "sort", keys: []string{"o"}, hint: "sort", help: "sort by the next column; after the last one as before", run: (*Model).cycleSort},
		{name: "reverse", keys: []string{"O"}, help: "turn the order round", run: (*Model).reverseSort},
		{name: "wide", keys: []string{"w"}, hint: "wide", help: "more columns, as kubectl -o wide", run: (*Model).toggleWide},
		{name: "mark", keys: []string{" "}, hint: "mark", help: "mark the row; is:marked finds the marked ones", run: (*Model).markSelected, when: listed},
		{name: "retry", keys: []string{"r"}, help: "the watcher of the row's kind tries again now", run: (*Model).retrySelected},
		{name: "clear", keys: []string{"esc"}, help: "clear the query", run: (*Model).clearQuery},
	}
	typing := []binding{
		{name: "to-table", keys: []string{"enter", "tab"}, hint: "table", help: "to the table, where single keys are commands", run: (*Model).toTable},
		{name: "to-table-or-clear", keys: []string{"esc"}, hint: "table", help: "to the table; clears the query when nothing matches it", run: (*Model).escapeQuery},
		{name: "clear-line", keys: []string{"ctrl+u"}, hint: "clear", help: "clear the query line", run: (*Model).clearQuery},
	}
	return []section{
		{title: "In the table", keys: append(inTable, moving(exploreMover, true)...)},
		{title: "While typing the query", typing: true, keys: append(typing, moving(exploreMoverFromQuery, false)...)},
	}
}

func exploreMover(m *Model) mover { return exploreMove{&m.explore} }

// exploreMoverFromQuery leaves the query line by moving.
func exploreMoverFromQuery(m *Model) mover {
	m.explore.typing = false
	return exploreMove{&m.explore}
}

// moved lets the screen follow a movement or a click.
func (m *Model) moved() tea.Cmd {
	if m.overlay == nil && m.screen == screenExplore {
		return m.explore.moved(m)
	}
	return nil
}

func (m *Model) typeQuery() tea.Cmd {
	m.explore.typing = true
	return nil
}

func (m *Model) toTable() tea.Cmd {
	m.explore.typing = false
	return m.moved()
}

func (m *Model) escapeQuery() tea.Cmd {
	if m.explore.input.value() != "" && len(m.explore.rows.hits) == 0 {
		return m.clearQuery()
	}
	return m.toTable()
}

func (m *Model) clearQuery() tea.Cmd {
	if m.explore.input.value() == "" {
		return nil
	}
	m.explore.input.set("")
	return m.explore.edited(m)
}

func (m *Model) openSelected(tab int) tea.Cmd {
	o := m.explore.selected()
	if o == nil {
		return nil
	}
	return m.visit(location{screen: screenObject, query: m.explore.input.value(), object: refOf(o), tab: tab})
}

func (m *Model) togglePreview() tea.Cmd {
	m.explore.preview = !m.explore.preview
	return nil
}

func (m *Model) toggleWide() tea.Cmd {
	e := &m.explore
	e.wide = !e.wide
	e.setKind(m, e.kind)
	if e.wide {
		m.say("wide: more columns, as far as there is room")
	}
	return nil
}

// markSelected marks or unmarks the row and goes on to the next one.
func (m *Model) markSelected() tea.Cmd {
	o := m.explore.selected()
	marks := maps.Clone(m.marks)
	if marks == nil {
		marks = map[string]bool{}
	}
	if marks[o.UID] {
		delete(marks, o.UID)
	} else {
		marks[o.UID] = true
	}
	m.marks = marks
	m.explore.list.move(1)
	return tea.Batch(m.moved(), m.explore.refresh(m))
}

func (m *Model) retrySelected() tea.Cmd {
	if o := m.explore.selected(); o != nil {
		m.retry(o.Kind)
		return nil
	}
	kinds, narrowed := kindsOf(m.explore.query, m.view.Health.Kinds)
	if !narrowed {
		return m.retryAll()
	}
	for _, k := range kinds {
		m.retry(k)
	}
	return nil
}

func (m *Model) cycleSort() tea.Cmd {
	e := &m.explore
	e.sorting = e.sorting.next(e.table.cols)
	return m.resort()
}

func (m *Model) reverseSort() tea.Cmd {
	e := &m.explore
	if e.sorting.column == "" {
		m.say("nothing is sorted: o sorts by a column first")
		return nil
	}
	e.sorting.desc = !e.sorting.desc
	return m.resort()
}

func (m *Model) resort() tea.Cmd {
	e := &m.explore
	e.table.sorted, e.table.desc = e.sorting.at(e.table.cols), e.sorting.desc
	e.table.forget()
	e.held = false
	return e.search.start(m, e.request(m))
}
