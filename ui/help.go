package ui

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// help lists every key of the screen below it, and what the marks mean. What is typed narrows it.
type help struct {
	filter field
	text   textView
	below  screen
}

func (m *Model) helpOffered() bool {
	_, open := m.overlay.(*help)
	return !open
}

func (m *Model) openHelp() tea.Cmd {
	h := &help{filter: newField(), below: m.top()}
	m.overlay = h
	h.fill(m)
	return nil
}

func (h *help) focus() *field { return &h.filter }

func (h *help) edited(m *Model) tea.Cmd {
	h.text.top = 0
	h.fill(m)
	return nil
}

func (h *help) sections(*Model) []section {
	keys := []binding{{name: "leave-help", keys: []string{"esc", "enter"}, hint: "back", help: "back to the screen", run: (*Model).leaveHelp}}
	return []section{{title: "In Help", typing: true, keys: append(keys, moving(helpMover, false)...)}}
}

func helpMover(m *Model) mover {
	if h, ok := m.overlay.(*help); ok {
		return &h.text
	}
	return nil
}

func (m *Model) leaveHelp() tea.Cmd {
	if h, ok := m.overlay.(*help); ok {
		m.overlay = nil
		if p, ok := h.below.(*picker); ok {
			m.overlay = p
		}
	}
	return m.refresh()
}

// helpEntry is one line of Help.
type helpEntry struct{ left, right string }

type helpBlock struct {
	title   string
	entries []helpEntry
}

// helpKeyWidth is the width of the keys' column.
const helpKeyWidth = 22

// blocks are all there is to say about the screen below.
func (h *help) blocks(m *Model) []helpBlock {
	var out []helpBlock
	sections := append([]section(nil), h.below.sections(m)...)
	if _, list := h.below.(*picker); !list {
		here := everywhere()
		here.keys = slices.DeleteFunc(here.keys, func(b binding) bool { return !b.offered(m) })
		sections = append(sections, here)
	}
	for _, sec := range append(sections, always()) {
		b := helpBlock{title: sec.title}
		for i := range sec.keys {
			k := &sec.keys[i]
			b.entries = append(b.entries, helpEntry{m.caps(k), k.help})
		}
		out = append(out, b)
	}
	if _, ok := h.below.(*explore); ok {
		out = append(out, helpBlock{"The query: terms parted by spaces, all must match", queryHelp})
	}
	if _, ok := h.below.(*edit); ok {
		out = append(out, helpBlock{"Marks of an edit", h.editMarks(m)})
	}
	return append(out, helpBlock{"Marks", h.marks(m)})
}

// caps are the keys of a binding as people write them.
func (m *Model) caps(b *binding) string {
	var caps []string
	for _, k := range m.keysOf(b) {
		caps = append(caps, m.th.keyCap(k))
	}
	return strings.Join(caps, " ")
}

var queryHelp = []helpEntry{
	{"text", "fuzzy over kind, namespace/name and projected fields"},
	{"ns:team-a ns:team-*", "namespace; * stands for anything, a,b for either"},
	{"k:pod k:deploy,sts", "kind, plural or short name"},
	{"g:apps g:core", "API group"},
	{"name:web-*", "name"},
	{"label:app=web label:app", "label value, or that the label is there; != too"},
	{"anno:owner=me", "the same for annotations"},
	{"field:spec.nodeName=n1", "projected field; > and < for numbers and quantities"},
	{"is:unhealthy", "also is:terminating is:stale is:marked"},
	{"age:<1h age:>7d", "time since creation"},
	{"-term !term", "what must not match"},
	{`"two words"`, "quotes keep spaces, and colons from being filters"},
}

func (h *help) editMarks(m *Model) []helpEntry {
	g := m.th.glyph
	return []helpEntry{
		{"+ -", "a line that comes, a line that goes"},
		{g.unasked, "not asked for by you: a default or a webhook of the server"},
		{g.holds + " " + g.bad, "a condition of the guard that holds, one that fails"},
		{g.pending + " " + g.skipped, "looked at right before the write; left out, with your consent or by a knob"},
	}
}

func (h *help) marks(m *Model) []helpEntry {
	g := m.th.glyph
	return []helpEntry{
		{g.bad, "unhealthy: needs a person"},
		{g.progressing, "on its way: rolling out, starting, terminating"},
		{g.unread, "could not be decoded; its YAML shows what the server sends"},
		{g.stale, "stale: shown as last seen, not confirmed since"},
		{g.mark + " " + g.markCursor, "marked; marked and under the cursor"},
		{g.fresh + " " + g.polled, "fresh; polled, where the server offers no watch"},
		{g.loading + " " + g.forbidden, "loading; no permission"},
	}
}

// fill makes the lines that hold every word typed.
func (h *help) fill(m *Model) {
	words := strings.Fields(strings.ToLower(h.filter.value()))
	var lines []textLine
	for _, b := range h.blocks(m) {
		first := true
		for _, e := range b.entries {
			if !holdsAll(strings.ToLower(b.title+" "+e.left+" "+e.right), words) {
				continue
			}
			if first {
				if len(lines) > 0 {
					lines = append(lines, textLine{})
				}
				lines = append(lines, textLine{text: b.title, spans: []styled{{0, len(b.title), m.th.title}}})
				first = false
			}
			pad := max(1, helpKeyWidth-width(e.left))
			text := "  " + e.left + strings.Repeat(" ", pad) + e.right
			lines = append(lines, textLine{text: text, spans: []styled{{2, 2 + len(e.left), m.th.key}}})
		}
	}
	h.text.set(lines)
}

func holdsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

func (h *help) draw(m *Model, c *canvas) {
	h.text.size(c.w, c.h-2)
	drawFilter(c, "Help", &h.filter, true, h.text.position())
	drawRule(c, "", "")
	if len(h.text.lines) == 0 {
		drawEmpty(c, c.rowsLeft(), "no key or mark answers to that")
		return
	}
	h.text.draw(c, c.rowsLeft())
}
