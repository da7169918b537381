package ui

import tea "github.com/charmbracelet/bubbletea"

// location is a view one can come back to.
type location struct {
	screen screenID
	query  string    // of Explore
	row    string    // uid the cursor is on in Explore; "" is the best row
	object objectRef // of Object
	tab    int
}

// historyLimit bounds how far back one can go, in views; nobody counts further.
const historyLimit = 100

// history is where one has been, as a browser has it.
type history struct {
	entries []location
	pos     int
}

// visit leaves here for there; what lay ahead is forgotten.
func (h *history) visit(here, there location) {
	if len(h.entries) == 0 {
		h.entries = []location{here}
	}
	h.entries[h.pos] = here
	h.entries = append(h.entries[:h.pos+1], there)
	if extra := len(h.entries) - historyLimit; extra > 0 {
		h.entries = append([]location(nil), h.entries[extra:]...)
	}
	h.pos = len(h.entries) - 1
}

// step goes d views back (-1) or forward (+1) from here.
func (h *history) step(here location, d int) (location, bool) {
	if to := h.pos + d; len(h.entries) > 0 && to >= 0 && to < len(h.entries) {
		h.entries[h.pos] = here
		h.pos = to
		return h.entries[to], true
	}
	return location{}, false
}

func (m *Model) here() location {
	l := location{screen: m.screen, query: m.explore.input.value()}
	if m.explore.held {
		l.row = m.explore.cursor
	}
	if m.screen == screenObject {
		l.object, l.tab = m.object.ref, m.object.tab
	}
	return l
}

// visit goes to a view, remembering this one.
func (m *Model) visit(to location) tea.Cmd {
	m.hist.visit(m.here(), to)
	return m.show(to)
}

func (m *Model) back() tea.Cmd    { return m.step(-1, "this is the first view") }
func (m *Model) forward() tea.Cmd { return m.step(+1, "there is nothing ahead") }

func (m *Model) step(d int, none string) tea.Cmd {
	to, ok := m.hist.step(m.here(), d)
	if !ok {
		if d < 0 && m.screen != screenExplore {
			to = m.here()
			to.screen = screenExplore
			return m.show(to)
		}
		m.say("%s", none)
		return nil
	}
	return m.show(to)
}

// quitOrBack quits on the first screen and goes back everywhere else.
func (m *Model) quitOrBack() tea.Cmd {
	switch m.screen {
	case screenExplore:
		return tea.Quit
	case screenApply:
		return m.leaveEdit()
	default:
		return m.back()
	}
}

// show makes a view the current one.
func (m *Model) show(to location) tea.Cmd {
	m.screen = to.screen
	m.overlay = nil
	switch to.screen {
	case screenExplore:
		return m.explore.enter(m, to.query, to.row)
	case screenObject:
		return m.object.enter(m, to.object, to.tab)
	case screenKinds:
		return m.kinds.enter(m)
	case screenApply: // never a place to come back to
		m.screen = screenExplore
		return m.explore.enter(m, to.query, to.row)
	default:
		return m.stats.enter(m)
	}
}
