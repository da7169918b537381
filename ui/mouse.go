package ui

import tea "github.com/charmbracelet/bubbletea"

// wheelRows is how far one notch of the wheel scrolls.
const wheelRows = 3

// scroller is what the wheel scrolls without moving the cursor more than it must.
type scroller interface{ scroll(d int) }

func (m *Model) mouseEvent(msg tea.MouseMsg) tea.Cmd {
	switch {
	case msg.Button == tea.MouseButtonWheelDown:
		return m.wheel(wheelRows)
	case msg.Button == tea.MouseButtonWheelUp:
		return m.wheel(-wheelRows)
	case msg.Action == tea.MouseActionPress && msg.Button == tea.MouseButtonLeft:
		for i := len(m.hits) - 1; i >= 0; i-- {
			if h := m.hits[i]; h.y == msg.Y && msg.X >= h.x0 && msg.X < h.x1 {
				return h.run(m)
			}
		}
	default:
		m.dirty = false
	}
	return nil
}

func (m *Model) wheel(d int) tea.Cmd {
	var v mover
	switch s := m.top().(type) {
	case *explore:
		v = &s.list
	case *kinds:
		v = &s.list
	case *object:
		v = objectMover(m)
	case *edit:
		v = editMover(m)
	case *stats:
		v = &s.lists[s.tab]
	case *help:
		v = &s.text
	case *picker:
		v = &s.list
	}
	if s, ok := v.(scroller); ok {
		s.scroll(d)
	} else if v != nil {
		v.move(d)
	}
	return m.moved()
}

func (m *Model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if m.mouse {
		m.say("mouse on: wheel and click")
		return tea.EnableMouseCellMotion
	}
	m.say("mouse off: the terminal selects text; m turns it on again")
	return tea.DisableMouse
}
