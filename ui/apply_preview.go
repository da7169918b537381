package ui

import (
	"fmt"
	"strings"

	"orka/apply"
	"orka/watch"
)

// guardFrom is the height, in lines, from which the whole guard stands below the difference.
const guardFrom = 30

// drawPreview shows the difference, what the server and we have to say about it, and the guard.
func (s *edit) drawPreview(m *Model, c *canvas, bottom int) {
	s.diff.layout(m.th, c.w)
	notes := s.noteLines(m)
	room := 1 + c.h/12
	var under []textLine
	if s.tab != tabGuard {
		under = s.guardUnder(m, c.w, c.h)
	}
	searching := s.tab == tabDiff && (s.diff.view.typing || s.diff.view.searchText != "")
	shown := min(len(notes), room)
	height := max(1, bottom-c.y()-2-shown-len(under)-boolInt(searching))
	if s.tab == tabDiff {
		s.diff.view.size(c.w, height) // the tabs say how far one has read
	}
	s.drawTabs(m, c)
	drawRule(c, "", "")
	for i, n := range notes[:shown] {
		if i == shown-1 && len(notes) > shown {
			n.text += fmt.Sprintf(" (and %d more: tab)", len(notes)-shown)
			n.spans = []styled{{0, len(n.text), m.th.warn}}
		}
		c.space(1)
		drawSpans(c, n)
		c.newline()
	}
	at := c.y()
	switch s.tab {
	case tabDiff:
		if s.preview.Diff.Empty() {
			drawEmpty(c, height, "the server would change nothing")
		} else {
			s.diff.view.draw(c, height)
		}
	case tabGuard:
		s.guard.wrap = true
		s.guard.set(s.guardText(m))
		s.guard.draw(c, height)
	default:
		s.drawFields(m, c, height)
	}
	c.fillTo(at + height)
	if searching {
		s.diff.view.drawSearch(c)
	}
	for _, l := range under {
		c.space(1)
		drawSpans(c, l)
		c.newline()
	}
}

// drawSpans writes one line with its styles.
func drawSpans(c *canvas, l textLine) {
	pos := 0
	for _, s := range l.spans {
		c.put("", l.text[pos:s.from])
		c.put(s.st, l.text[s.from:s.to])
		pos = s.to
	}
	c.put("", l.text[pos:])
}

func (s *edit) drawTabs(m *Model, c *canvas) {
	guard := "Guard"
	if n := len(apply.Failed(s.checks)); n > 0 {
		guard += fmt.Sprintf(" (%s %d)", m.th.glyph.bad, n)
	} else {
		guard += " (" + m.th.glyph.holds + ")"
	}
	fields := "Fields of others"
	if c.w < 70 {
		fields = "Fields"
	}
	if n := len(s.conflicts()); n > 0 {
		fields += fmt.Sprintf(" (%d)", n)
	}
	aside := diffCounts(m.th, s.preview.Diff)
	if s.tab == tabDiff && !s.preview.Diff.Empty() {
		aside += " " + m.th.glyph.dot + " " + s.diff.view.position()
	}
	drawTabs(c, []string{"Diff", guard, fields}, s.tab, aside, (*Model).editTo)
}

// noteLines are what is to be known of the preview: ours first, then the server's warnings.
func (s *edit) noteLines(m *Model) []textLine {
	var out []textLine
	add := func(st style, text string) {
		text = watch.Sanitize(text)
		out = append(out, textLine{text: text, spans: []styled{{0, len(text), st}}})
	}
	for _, n := range s.notes {
		add(m.th.warnBold, m.th.glyph.bad+" "+n)
	}
	if s.preview.Local != "" {
		add(m.th.warnBold, m.th.glyph.bad+" no dry-run: "+s.preview.Local)
	}
	for _, w := range s.preview.Warnings {
		add(m.th.warn, "the server warns: "+w)
	}
	for _, n := range s.preview.Notices {
		add(m.th.warn, n)
	}
	return out
}

// verdictMark is how a verdict is shown: never by colour alone.
func verdictMark(th *theme, v apply.Verdict) (string, style) {
	switch v {
	case apply.Holds:
		return th.glyph.holds, th.good
	case apply.Fails:
		return th.glyph.bad, th.badBold
	case apply.Skipped:
		return th.glyph.skipped, th.warn
	default:
		return th.glyph.pending, th.dim
	}
}

// checkLine is a condition in words.
func (s *edit) checkLine(m *Model, k apply.Check) textLine {
	mark, st := verdictMark(m.th, k.Verdict)
	text := mark + " " + watch.Sanitize(k.Reason)
	if k.Verdict == apply.Fails {
		if s.mends(m, k) {
			text += ": applying tries it anew first"
		} else if out := wayOut(k.Condition); out != "" {
			text += ": " + out
		}
		return textLine{text: text, spans: []styled{{0, len(text), st}}}
	}
	return textLine{text: text, spans: []styled{{0, len(mark), st}}}
}

// guardUnder is the guard below a difference: all of it where there is room, else the names with their marks and what
// fails in words.
func (s *edit) guardUnder(m *Model, w, h int) []textLine {
	var out []textLine
	if s.preview.Diff != nil && s.preview.Diff.Unexplained > 0 && s.tab == tabDiff && h >= 12 {
		text := m.th.glyph.unasked + " not asked for by you: default or webhook"
		out = append(out, textLine{text: text, spans: []styled{{0, len(m.th.glyph.unasked), m.th.warnBold}, {len(m.th.glyph.unasked), len(text), m.th.dim}}})
	}
	if h >= guardFrom {
		rule := strings.Repeat(m.th.glyph.rule, max(0, w-2))
		out = append(out, textLine{text: rule, spans: []styled{{0, len(rule), m.th.dim}}})
		for _, k := range s.checks {
			out = append(out, s.checkLine(m, k))
		}
		return out
	}
	failed := apply.Failed(s.checks)
	for i, k := range failed {
		if i == 1+h/16 {
			break
		}
		out = append(out, s.checkLine(m, k))
	}
	if h < 12 {
		if len(failed) > 0 {
			return out
		}
		return append(out, s.guardCount(m))
	}
	return append(out, s.guardNames(m, w-2)...)
}

// guardCount is the guard in a few words.
func (s *edit) guardCount(m *Model) textLine {
	n := 0
	for _, k := range s.checks {
		n += boolInt(k.Verdict == apply.Holds)
	}
	text := fmt.Sprintf("%s %d of %d conditions hold", m.th.glyph.holds, n, len(s.checks))
	return textLine{text: text, spans: []styled{{0, len(m.th.glyph.holds), m.th.good}}}
}

// guardNames is every condition by its name, with its mark, in lines of w cells.
func (s *edit) guardNames(m *Model, w int) []textLine {
	var out []textLine
	var line textLine
	for _, k := range s.checks {
		mark, st := verdictMark(m.th, k.Verdict)
		text := mark + " " + string(k.Condition)
		if line.text != "" && width(line.text)+2+width(text) > w {
			out = append(out, line)
			line = textLine{}
		}
		if line.text != "" {
			line.text += "  "
		}
		line.spans = append(line.spans, styled{len(line.text), len(line.text) + len(mark), st})
		line.text += text
	}
	return append(out, line)
}

// guardText is the tab: every condition in words, and all there is to know of the preview.
func (s *edit) guardText(m *Model) []textLine {
	var out []textLine
	for _, k := range s.checks {
		out = append(out, s.checkLine(m, k))
	}
	if notes := s.noteLines(m); len(notes) > 0 {
		out = append(append(out, textLine{}), notes...)
	}
	text := "draft: " + watch.Sanitize(shortPath(s.path))
	return append(out, textLine{}, textLine{text: text, spans: []styled{{0, len(text), m.th.dim}}})
}
