package ui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// sideStep is how far ← and → scroll a text, in cells.
const sideStep = 8

func (s *object) sections(*Model) []section {
	inText := func(m *Model) bool { return m.object.text() != nil }
	searched := func(m *Model) bool { t := m.object.text(); return t != nil && len(t.view.matches) > 0 }
	onEvents := func(m *Model) bool { return m.object.tab == tabEvents }
	view := func(f func(*textView)) func(*Model) tea.Cmd {
		return func(m *Model) tea.Cmd {
			if t := m.object.text(); t != nil {
				f(&t.view)
			}
			return nil
		}
	}
	keys := []binding{
		{name: "next-tab", keys: []string{"tab"}, hint: "next tab", help: "the next tab", run: (*Model).nextTab},
		{name: "previous-tab", keys: []string{"shift+tab"}, help: "the tab before", run: (*Model).previousTab},
		{name: "describe", keys: []string{"d"}, hint: "describe", help: "the Overview: what kubectl describe prints", run: func(m *Model) tea.Cmd { return m.objectTab(tabOverview) }},
		{name: "yaml", keys: []string{"y"}, hint: "yaml", help: "the YAML, without managedFields", run: func(m *Model) tea.Cmd { return m.objectTab(tabYAML) }},
		{name: "events", keys: []string{"v"}, hint: "events", help: "the events about it", run: func(m *Model) tea.Cmd { return m.objectTab(tabEvents) }},
		{name: "edit", keys: []string{"e"}, hint: "edit", help: "edit it in $EDITOR and apply it", run: (*Model).editObject},
		{name: "search-text", keys: []string{"/"}, hint: "search", help: "search the text", run: view(func(t *textView) { t.typing = true }), when: inText},
		{name: "next-match", keys: []string{"n"}, hint: "next match", help: "the next match", run: view(func(t *textView) { t.step(1) }), when: searched},
		{name: "previous-match", keys: []string{"N"}, help: "the match before", run: view(func(t *textView) { t.step(-1) }), when: searched},
		{name: "wrap", keys: []string{"w"}, hint: "wrap", help: "wrap long lines, or cut them", run: view((*textView).toggleWrap), when: inText},
		{name: "left", keys: []string{"left", "h"}, help: "scroll to the left", run: view(func(t *textView) { t.sideways(-sideStep) }), when: inText},
		{name: "right", keys: []string{"right", "l"}, help: "scroll to the right", run: view(func(t *textView) { t.sideways(sideStep) }), when: inText},
		{name: "read-again", keys: []string{"r"}, hint: "read again", help: "read the text from its source again", run: (*Model).readAgain, when: inText},
		{name: "open", keys: []string{"enter"}, hint: "open", help: "open the event", run: (*Model).openEvent, when: onEvents},
		{name: "close", keys: []string{"esc"}, hint: "back", help: "back; ends a search first", run: (*Model).closeObject},
	}
	typing := []binding{
		{name: "search-done", keys: []string{"enter"}, hint: "done", help: "keep the matches; n and N go through them", run: view(func(t *textView) { t.typing = false })},
		{name: "search-cancel", keys: []string{"esc"}, hint: "cancel", help: "end the search", run: view((*textView).endSearch)},
	}
	return []section{
		{title: "In the object", keys: append(keys, moving(objectMover, true)...)},
		{title: "While typing a search", typing: true, keys: append(typing, moving(objectMover, false)...)},
	}
}

func (m *Model) readAgain() tea.Cmd {
	m.object.text().asked = true
	return m.object.fetch(m)
}

func objectMover(m *Model) mover {
	if t := m.object.text(); t != nil {
		return &t.view
	}
	return &m.object.events.list
}

// endSearch forgets a search.
func (t *textView) endSearch() {
	t.typing = false
	t.input.set("")
	t.search("")
}

func (m *Model) closeObject() tea.Cmd {
	if t := m.object.text(); t != nil && t.view.searchText != "" {
		t.view.endSearch()
		return nil
	}
	return m.back()
}

func (m *Model) nextTab() tea.Cmd { return m.objectTab((m.object.tab + 1) % len(objectTabs)) }
func (m *Model) previousTab() tea.Cmd {
	return m.objectTab((m.object.tab + len(objectTabs) - 1) % len(objectTabs))
}

func (m *Model) objectTab(tab int) tea.Cmd {
	m.object.tab = tab
	return m.object.refresh(m)
}

func (m *Model) openEvent() tea.Cmd {
	o := m.object.events.selected()
	if o == nil {
		return nil
	}
	return m.visit(location{screen: screenObject, query: m.explore.input.value(), object: refOf(o), tab: tabYAML})
}
