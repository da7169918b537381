package ui

import (
	"fmt"
	"strings"
	"time"

	"orka/watch"
	"orka/watch/columns"
)

// facts writes what the snapshot itself knows of an object: it is there at once, before anything is fetched.
type facts struct {
	th    *theme
	lines []textLine
}

// title starts a block.
func (f *facts) title(s string) {
	if len(f.lines) > 0 {
		f.lines = append(f.lines, textLine{})
	}
	f.lines = append(f.lines, textLine{text: s, spans: []styled{{0, len(s), f.th.title}}})
}

// factWidth is the width of the names of facts.
const factWidth = 14

// fact writes "Name   value"; an empty value is left out.
func (f *facts) fact(name, value string, st style) {
	if value == "" {
		return
	}
	w := max(factWidth, width(name)+1)
	text := name + strings.Repeat(" ", w-width(name)) + value
	f.lines = append(f.lines, textLine{text: text, spans: []styled{
		{0, len(name), f.th.dim}, {len(text) - len(value), len(text), st},
	}})
}

// overviewLines is the summary of an object, from the snapshot alone; its name stands above it.
func overviewLines(th *theme, o *watch.Object, isStale bool, now time.Time) []textLine {
	f := &facts{th: th}
	status := o.Status
	if o.Undecodable {
		status = "undecodable: the object could not be read; its YAML shows what the server sends"
	}
	if o.Health != watch.HealthUnknown {
		if status != "" {
			status += "  "
		}
		status += healthGlyph(th, o.Health) + " " + o.Health.String()
	}
	f.fact("Status", status, healthStyle(th, o))
	if o.Deleted != 0 {
		f.fact("Terminating", "for "+since(time.Unix(o.Deleted, 0), now), th.warn)
	}
	if o.Created != 0 {
		f.fact("Created", time.Unix(o.Created, 0).Local().Format(time.DateTime)+", "+columns.Age(o.Age(now))+" ago", "")
	}
	if isStale {
		f.fact("Freshness", th.glyph.stale+" stale: as last seen", th.warn)
	}
	for _, w := range o.Owners {
		role := ""
		if w.Controller {
			role = " (controller)"
		}
		f.fact("Owner", w.Kind+"/"+w.Name+role, "")
	}
	for i, c := range o.Kind.Columns {
		if c.Type == watch.ColumnName || c.Type == watch.ColumnAge || c.Name == "STATUS" {
			continue
		}
		if s := columns.Render(c, i, o, now); s != "" && s != "<none>" {
			f.fact(sentence(c.Name), s, "")
		}
	}
	f.pairs("Labels", o.Labels)
	f.pairs("Annotations", o.Annos)
	f.pairs("Fields a query can ask for (field:)", o.Fields)
	f.title("Identity")
	f.fact("API version", o.Kind.GroupVersion(), th.dim)
	f.fact("UID", o.UID, th.dim)
	f.fact("Version", o.ResourceVersion, th.dim)
	return f.lines
}

func (f *facts) pairs(title string, p watch.Pairs) {
	if p == "" {
		return
	}
	f.title(fmt.Sprintf("%s (%d)", title, p.Len()))
	for k, v := range p.All() {
		text := "  " + k + "=" + v
		f.lines = append(f.lines, textLine{text: text, spans: []styled{{2, 2 + len(k), f.th.yamlKey}, {2 + len(k), 3 + len(k), f.th.dim}}})
	}
}

func healthGlyph(th *theme, h watch.Health) string {
	switch h {
	case watch.HealthBad:
		return th.glyph.bad
	case watch.HealthProgressing:
		return th.glyph.progressing
	default:
		return th.glyph.fresh
	}
}

// sentence writes a column head as a word: "NOMINATED NODE" is "Nominated node".
func sentence(s string) string {
	if s == "" || strings.ToUpper(s) != s || len(s) <= 3 {
		return s
	}
	return s[:1] + strings.ToLower(s[1:])
}

// drawPreview writes the summary of the row the cursor is on.
func drawPreview(m *Model, c *canvas, o *watch.Object) {
	t := textView{}
	t.set(overviewLines(m.th, o, stale(&m.view.Health, m.now)(o), m.now))
	t.draw(c, c.rowsLeft())
	c.fillTo(c.h)
}
