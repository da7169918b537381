package ui

import (
	"fmt"
	"strings"

	"orka/apply"
	"orka/watch"
)

func (s *edit) draw(m *Model, c *canvas) {
	asked := 0
	if s.ask != nil {
		asked = 1 + boolInt(s.ask.text != "" && s.applying())
	}
	s.drawTitle(m, c)
	bottom := c.h - asked
	switch s.stage {
	case editOffer:
		s.drawOffer(m, c, bottom)
	case editPreview:
		s.drawPreview(m, c, bottom)
	case editStored:
		s.drawStored(m, c, bottom)
	case editStopped:
		s.drawStopped(m, c, bottom)
	case editNext:
		s.drawNext(m, c, bottom)
	default:
		s.drawWaiting(m, c, bottom)
	}
	if s.ask != nil {
		c.fillTo(bottom)
		s.drawQuestion(m, c)
	}
}

// applying reports whether the question is the one before a write.
func (s *edit) applying() bool { return s.stage == editPreview }

// drawTitle says what is done with which object, and where in the queue it is.
func (s *edit) drawTitle(m *Model, c *canvas) {
	if s.stage == editNext {
		drawRule(c, fmt.Sprintf("%d of %s done", len(s.done), plural(len(s.queue), "object")), m.th.bold)
		return
	}
	dot := " " + m.th.glyph.dot + " "
	right := ""
	if len(s.queue) > 1 {
		right = fmt.Sprintf("object %d of %d", min(s.at+1, len(s.queue)), len(s.queue))
	}
	verb, more := "edit", []string(nil)
	if p := s.preview; p != nil && s.stage >= editPreview && s.stage != editStopped {
		verb = "apply to"
		more = append(more, routeText(p.Route))
		if p.Local != "" {
			more = append(more, "no dry-run")
		} else {
			more = append(more, "dry-run "+since(p.At, m.now)+" ago")
		}
	}
	c.put("", " ")
	c.put(m.th.dim, verb+" ")
	tail := dot + strings.Join(more, dot)
	if len(more) == 0 {
		tail = ""
	}
	reserve := 1
	if right != "" {
		reserve = width(right) + 3
	}
	name := s.target.Kind.ResourceName() + " "
	if ns := s.target.Namespace; ns != "" {
		name += watch.Sanitize(ns) + "/"
	}
	name += watch.Sanitize(s.target.Name)
	room := c.room() - reserve - width(tail)
	if room < 20 { // the name tells more than how it is applied
		tail, room = "", c.room()-reserve
	}
	name, _ = fitMiddle(name, room, m.th.glyph.ellipsis)
	c.put(m.th.bold, name)
	c.put(m.th.dim, tail)
	if right != "" {
		c.to(c.w - width(right) - 1)
		c.put(m.th.accentBold, right)
	}
	c.newline()
}

func routeText(r apply.Route) string {
	if r == apply.JSONPatch {
		return "JSON patch"
	}
	return "server-side apply"
}

// drawWaiting says what is waited for.
func (s *edit) drawWaiting(m *Model, c *canvas, bottom int) {
	drawRule(c, "", "")
	name := watch.Sanitize(s.target.String())
	var lines []string
	switch s.stage {
	case editOpening:
		lines = []string{"reading " + name + " from the server", "esc cancels"}
	case editEditor:
		lines = []string{"the editor has the terminal"}
	case editTrying:
		lines = []string{"the server tries the edit: nothing is written by that", "esc leaves; the draft is kept"}
	case editSending:
		lines = []string{"writing " + name, "it has been sent and can't be taken back"}
	case editPending:
		lines = []string{"written as version " + s.version() + "; waiting for the watch to show it", "esc leaves: it is applied already"}
		if s.result.Resolved {
			lines = append(lines, "the answer was lost, and what became of it was found by reading the object")
		}
		f := m.view.Health.Freshness(m.now, s.target.Kind)
		if f.Stale > 0 {
			lines = append(lines, m.th.glyph.stale+" "+trouble(m.th, f.Least, m.now))
		}
	}
	if age := m.now.Sub(s.since); age.Seconds() >= 1 && s.stage != editEditor {
		lines[0] += " " + m.th.glyph.dot + " " + since(s.since, m.now)
	}
	lines[0] = m.th.glyph.loading + " " + lines[0]
	drawEmpty(c, bottom-c.y(), lines...)
}

// drawOffer shows the earlier draft.
func (s *edit) drawOffer(m *Model, c *canvas, bottom int) {
	drawRule(c, "", "")
	old := s.olds[0]
	lines := []string{"an earlier draft of it was not applied"}
	switch {
	case old.base.UID != s.base.UID:
		lines = append(lines, "it is of an object that is gone, which had the same name: only a new draft can be made")
	case old.base.ResourceVersion != s.base.ResourceVersion && old.base.Object != nil:
		lines = append(lines, "the object has changed since: going on carries over what the draft changes, and stops where others changed the same")
	case old.base.ResourceVersion != s.base.ResourceVersion:
		lines = append(lines, "the object has changed since: going on would put back what others changed meanwhile; the preview shows it")
	default:
		lines = append(lines, "the object has not changed since")
	}
	lines = append(lines, "last written "+since(old.modified, m.now)+" ago, of version "+watch.Sanitize(old.base.ResourceVersion), watch.Sanitize(shortPath(old.path)))
	if n := len(s.olds); n > 1 {
		lines = append(lines, fmt.Sprintf("and %s before it, in the same folder", plural(n-1, "draft")))
	}
	v := textView{wrap: true}
	var text []textLine
	for i, l := range lines {
		st := m.th.dim
		if i == 0 {
			st = m.th.bold
		}
		text = append(text, textLine{text: "  " + l, spans: []styled{{0, len(l) + 2, st}}})
	}
	v.set(text)
	c.newline()
	v.draw(c, bottom-c.y())
}

// drawStored shows what is different from what was promised.
func (s *edit) drawStored(m *Model, c *canvas, bottom int) {
	drawRule(c, m.th.glyph.holds+" applied: version "+s.version(), m.th.good)
	if !s.result.Surprises.Empty() {
		c.line(m.th.warnBold, " the server stored something other than the preview (- promised, + stored)")
	}
	for _, w := range s.result.Warnings {
		c.put(m.th.warn, " "+m.th.glyph.bad+" "+watch.Sanitize(w))
		c.newline()
	}
	s.diff.layout(m.th, c.w)
	s.diff.view.draw(c, bottom-c.y())
}

// drawStopped shows what stopped the edit, and where the draft is.
func (s *edit) drawStopped(m *Model, c *canvas, bottom int) {
	drawRule(c, m.th.glyph.bad+" "+watch.Sanitize(s.stop.title), m.th.badBold)
	kept := []textLine(nil)
	if s.path != "" {
		v := textView{wrap: true}
		v.set(plainLines("the draft is kept: " + watch.Sanitize(shortPath(s.path))))
		v.layout(c.w - 2)
		for _, r := range v.rows {
			kept = append(kept, textLine{text: v.lines[r.line].text[r.from:r.to]})
		}
	}
	s.stop.layout(m.th, c.w)
	height := max(1, bottom-c.y()-len(kept)-boolInt(len(kept) > 0))
	s.stop.view.draw(c, height)
	if len(kept) > 0 {
		c.fillTo(bottom - len(kept))
		for _, l := range kept {
			c.put("", " ")
			c.put(m.th.accent, l.text)
			c.newline()
		}
	}
}

// drawNext says what became of the objects before, and which one is next.
func (s *edit) drawNext(m *Model, c *canvas, bottom int) {
	var lines []textLine
	for _, d := range s.done {
		mark := m.th.glyph.skipped
		st := m.th.dim
		if d.applied {
			mark, st = m.th.glyph.holds, m.th.good
		}
		lines = append(lines, textLine{text: mark + " " + watch.Sanitize(d.target.String()) + ": " + watch.Sanitize(d.text), spans: []styled{{0, len(mark), st}}})
	}
	lines = append(lines, textLine{})
	if s.at < len(s.queue) {
		next := s.queue[s.at]
		text := fmt.Sprintf("next, object %d of %d: ", s.at+1, len(s.queue))
		t := apply.Target{Kind: next.kind, Namespace: next.namespace, Name: next.name}
		lines = append(lines, textLine{text: text + watch.Sanitize(t.String()), spans: []styled{{0, len(text), m.th.bold}}})
	} else {
		lines = append(lines, textLine{text: "that was the last one; esc goes back", spans: []styled{{0, len("that was the last one; esc goes back"), m.th.bold}}})
	}
	v := textView{wrap: true}
	v.set(lines)
	v.size(c.w, bottom-c.y())
	v.to(farEnd) // the newest outcome and what is next
	v.draw(c, bottom-c.y())
}

// drawQuestion asks in the last lines, with the context as the header shows it.
func (s *edit) drawQuestion(m *Model, c *canvas) {
	if !s.applying() {
		c.put(m.th.warnBold, " "+s.ask.text+" y/n")
		c.newline()
		return
	}
	if s.ask.text != "" {
		c.put(m.th.warnBold, " "+s.ask.text)
		c.newline()
	}
	ctx, _ := fitMiddle(orElse(watch.Sanitize(m.info.Context), "no context"), 24, m.th.glyph.ellipsis)
	name := watch.Sanitize(s.target.Name)
	if s.target.Namespace != "" {
		name = watch.Sanitize(s.target.Namespace) + "/" + name
	}
	name, _ = fitMiddle(name, max(8, c.w-width(" apply to  in context   ? y/n")-width(ctx)), m.th.glyph.ellipsis)
	c.put("", " apply to ")
	c.put(m.th.bold, name)
	c.put("", " in context ")
	c.put(m.th.context(m.info.Context), " "+ctx+" ")
	c.put(m.th.bold, "? y/n")
	c.newline()
}
