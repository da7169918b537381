package ui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// objectHead is how many lines stand above a text: title, tabs, rule.
const objectHead = 3

func (s *object) draw(m *Model, c *canvas) {
	t := s.text()
	height := c.h - objectHead
	if t != nil {
		if t.view.typing || t.view.searchText != "" {
			height--
		}
		t.view.size(c.w, height) // the tabs say how far one has read
	}
	s.drawTitle(m, c)
	names := append([]string(nil), objectTabs...)
	if s.events.loaded {
		names[tabEvents] = fmt.Sprintf("Events (%d)", len(s.events.rows))
	}
	drawTabs(c, names, s.tab, s.aside(m), (*Model).objectTab)
	s.drawNotice(m, c)
	if s.last == nil {
		drawEmpty(c, c.rowsLeft(), s.ref.kind.Kind+" "+s.ref.name+" is not there any more", "esc goes back")
		return
	}
	if s.tab == tabEvents {
		s.events.draw(m, c)
		return
	}
	if t.loaded {
		t.view.draw(c, height)
	} else { // what the snapshot knows is there at once
		v := textView{}
		v.set(overviewLines(m.th, s.last, stale(&m.view.Health, m.now)(s.last), m.now))
		v.draw(c, height)
	}
	if t.view.typing || t.view.searchText != "" {
		c.fillTo(c.h - 1)
		t.view.drawSearch(c)
	}
}

// drawNotice writes what is to be known of what the tab shows.
func (s *object) drawNotice(m *Model, c *canvas) {
	if t := s.text(); t != nil && t.err != "" {
		what := " not read (r tries again) "
		if m.info.Recording != nil {
			what = " not read "
		}
		drawRule(c, m.th.glyph.bad+what+m.th.glyph.dot+" "+t.err, m.th.badBold)
		return
	}
	kind := s.ref.kind
	if s.tab == tabEvents && s.events.kind != nil {
		kind = s.events.kind
	}
	f := m.view.Health.Freshness(m.now, kind)
	if f.Stale > 0 {
		least := f.Least
		if own := m.view.Health.Covering(); s.last != nil && kind == s.ref.kind && own(s.last) != nil {
			least = own(s.last) // that of another namespace says nothing of this object
		}
		if text := trouble(m.th, least, m.now); text != "" {
			drawRule(c, m.th.glyph.stale+" "+text, m.th.warnBold)
			return
		}
	}
	drawRule(c, "", "")
}

// drawTitle names the object and says how it is.
func (s *object) drawTitle(m *Model, c *canvas) {
	c.put("", " ")
	c.put(m.th.dim, s.ref.kind.Kind+" ")
	if s.ref.namespace != "" {
		c.put("", s.ref.namespace+"/")
	}
	c.put(m.th.bold, s.ref.name)
	if o := s.last; o != nil {
		c.put("", "  ")
		if o.Health != watch.HealthUnknown {
			c.put(healthStyle(m.th, o), healthGlyph(m.th, o.Health)+" ")
		}
		c.put(healthStyle(m.th, o), o.Status)
		if o.Created != 0 {
			c.put(m.th.dim, "  "+ageText(o, m.now))
		}
		if o.Deleted != 0 {
			c.put(m.th.warn, "  terminating for "+since(time.Unix(o.Deleted, 0), m.now))
		}
	}
	if s.gone != "" {
		c.put("", "  ")
		c.put(m.th.badgeWarn, " "+s.gone+" ")
	} else if s.last != nil && stale(&m.view.Health, m.now)(s.last) {
		c.put(m.th.warnBold, "  "+m.th.glyph.stale+" stale")
	}
	c.newline()
}

// aside says where a text is from and how far one has read.
func (s *object) aside(m *Model) string {
	t := s.text()
	if t == nil {
		return ""
	}
	dot := " " + m.th.glyph.dot + " "
	switch {
	case t.fetching && !t.loaded:
		return "asking the server"
	case !t.loaded:
		return ""
	}
	from := "read " + since(t.at, m.now) + " ago"
	if t.source == engine.FromWatch {
		from = "kept from the watch"
	}
	if s.gone == "" && s.last != nil && t.version != s.last.ResourceVersion {
		from += ", changed since"
	}
	return from + dot + t.view.position()
}

// drawTabs writes a line of tabs, the active one marked, and a text at the right end.
func drawTabs(c *canvas, names []string, active int, aside string, choose func(*Model, int) tea.Cmd) {
	c.space(1)
	for i, name := range names {
		from := c.x
		if i == active {
			c.put(c.th.badgeRead, " "+name+" ")
		} else {
			c.put(c.th.dim, " "+name+" ")
		}
		c.hit(from, c.x, func(m *Model) tea.Cmd { return choose(m, i) })
		c.space(1)
	}
	if aside != "" && width(aside)+2 < c.room() {
		c.to(c.w - width(aside) - 1)
		c.put(c.th.dim, aside)
	}
	c.newline()
}

// drawSearch writes the search line of a text.
func (t *textView) drawSearch(c *canvas) {
	at := fmt.Sprintf("%d of %d", min(t.current+1, len(t.matches)), len(t.matches))
	if t.searchText != "" && len(t.matches) == 0 {
		at = "no match"
	}
	st := c.th.dim
	if t.typing {
		st = c.th.accentBold
	}
	c.put(st, " / ")
	t.input.draw(c, c.room()-width(at)-2, t.typing, "text to look for; lower case finds any case", [2]int{})
	c.to(c.w - width(at) - 1)
	c.put(c.th.dim, at)
	c.newline()
}
