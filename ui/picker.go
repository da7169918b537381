package ui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// pickItem is one thing to choose.
type pickItem struct {
	value string
	cells []string // what its row shows, by the picker's columns; the first is what is typed against
	here  bool     // it is what is chosen now
}

// picker chooses from a list by typing a part of a name. It is put on top of a screen.
type picker struct {
	title  string
	cols   []column
	filter field
	list   list
	table  table
	all    []pickItem
	shown  []pickItem
	marked map[string]bool // nil where only one can be chosen
	turned bool            // marks were changed: they are what is chosen, not the row
	busy   string          // what is waited for; "" when the list is there
	err    string
	empty  string // why there is nothing to choose

	// choose takes what was chosen.
	choose func(m *Model, values []string) tea.Cmd
	cancel func() // ends what is waited for
	// follow makes the items anew of a newer View; nil where they don't depend on it
	follow func(m *Model) tea.Cmd
}

func newPicker(title string, cols []column) *picker {
	return &picker{title: title, cols: cols, filter: newField(), table: table{gutter: gutterWidth, sorted: -1}}
}

func (p *picker) focus() *field { return &p.filter }

func (p *picker) edited(*Model) tea.Cmd {
	p.list.to(0)
	p.sift()
	return nil
}

func (p *picker) refresh(m *Model) tea.Cmd {
	if p.follow == nil {
		return nil
	}
	return p.follow(m)
}

// take shows items; the cursor stays with its own.
func (p *picker) take(items []pickItem) {
	at, ok := p.selected()
	p.all, p.busy = items, ""
	p.sift()
	if !ok {
		return
	}
	for i, it := range p.shown {
		if it.value == at.value {
			p.list.follow(i)
			return
		}
	}
}

// sift keeps the items that hold every word typed.
func (p *picker) sift() {
	words := strings.Fields(strings.ToLower(p.filter.value()))
	p.shown = p.shown[:0]
next:
	for _, it := range p.all {
		name := strings.ToLower(it.cells[0])
		for _, w := range words {
			if !strings.Contains(name, w) {
				continue next
			}
		}
		p.shown = append(p.shown, it)
	}
	p.list.setLen(len(p.shown))
}

func (p *picker) selected() (pickItem, bool) {
	if p.list.cursor < len(p.shown) {
		return p.shown[p.list.cursor], true
	}
	return pickItem{}, false
}

// sections are all in force while typing, as the filter always has the focus.
func (p *picker) sections(*Model) []section {
	several := func(m *Model) bool { q := m.picker(); return q != nil && q.marked != nil }
	keys := []binding{
		{name: "choose", keys: []string{"enter"}, hint: "choose", help: "choose the row, or the marked ones", run: (*Model).choosePicked},
		{name: "mark-choice", keys: []string{" "}, hint: "mark", help: "mark the row: several can be chosen", run: (*Model).markPicked, when: several},
		{name: "leave", keys: []string{"esc"}, hint: "cancel", help: "leave all as it was", run: (*Model).leavePicker},
	}
	return []section{{title: "In the list", typing: true, keys: append(keys, moving(pickerMover, false)...)}}
}

func pickerMover(m *Model) mover {
	if p := m.picker(); p != nil {
		return &p.list
	}
	return nil
}

func (m *Model) picker() *picker {
	p, _ := m.overlay.(*picker)
	return p
}

func (m *Model) choosePicked() tea.Cmd {
	p := m.picker()
	if p == nil || p.busy != "" {
		return nil
	}
	var values []string
	if p.turned {
		for _, it := range p.all {
			if p.marked[it.value] {
				values = append(values, it.value)
			}
		}
	} else if it, ok := p.selected(); ok {
		values = []string{it.value}
	} else {
		return nil
	}
	return p.choose(m, values)
}

func (m *Model) markPicked() tea.Cmd {
	p := m.picker()
	it, ok := p.selected()
	if !ok {
		return nil
	}
	p.turned = true
	if p.marked[it.value] {
		delete(p.marked, it.value)
	} else {
		p.marked[it.value] = true
	}
	p.list.move(1)
	return nil
}

func (m *Model) leavePicker() tea.Cmd {
	if p := m.picker(); p != nil && p.cancel != nil {
		p.cancel()
	}
	m.overlay = nil
	return m.refresh()
}

func (p *picker) draw(m *Model, c *canvas) {
	drawFilter(c, p.title, &p.filter, true, plural(len(p.all), "choice"))
	switch {
	case p.err != "":
		drawRule(c, m.th.glyph.bad+" "+p.err, m.th.badBold)
	default:
		drawRule(c, "", "")
	}
	switch {
	case p.busy != "":
		drawEmpty(c, c.rowsLeft(), m.th.glyph.loading+" "+p.busy, "esc cancels")
		return
	case len(p.all) == 0:
		drawEmpty(c, c.rowsLeft(), p.empty)
		return
	case len(p.shown) == 0:
		drawEmpty(c, c.rowsLeft(), "0 of "+plural(len(p.all), "choice")+" "+m.th.glyph.dot+" no name holds what was typed")
		return
	}
	p.table.setColumns(p.cols)
	p.table.draw(c, &p.list, c.rowsLeft(), true, func(i int) row { return p.row(m, i) }, func(i int) hitFunc {
		return func(m *Model) tea.Cmd {
			if q := m.picker(); q != nil && q.list.cursor == i {
				return m.choosePicked()
			}
			p.list.to(i)
			return nil
		}
	})
}

func (p *picker) row(m *Model, i int) row {
	it := p.shown[i]
	g := m.th.glyph
	marked := p.marked[it.value]
	first := " "
	switch {
	case i == p.list.cursor && marked:
		first = g.markCursor
	case i == p.list.cursor:
		first = g.cursor
	case marked:
		first = g.mark
	}
	here := span{"", " "}
	if it.here {
		here = span{m.th.good, g.fresh}
	}
	styles := make([]style, len(it.cells))
	for k := 1; k < len(styles); k++ {
		styles[k] = m.th.dim
	}
	return row{gutter: []span{{m.th.accentBold, first}, here}, cells: it.cells, styles: styles}
}
