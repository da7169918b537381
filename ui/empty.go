package ui

import (
	"fmt"
	"strings"

	"orka/engine"
	"orka/search/query"
	"orka/watch"
)

// drawEmpty writes lines where rows would be: the first one stands out.
func drawEmpty(c *canvas, height int, lines ...string) {
	end := min(c.h, c.y()+height)
	c.fillTo(min(end-len(lines), c.y()+max(0, min(height/3, 6))))
	for i, s := range lines {
		st := c.th.dim
		if i == 0 {
			st = c.th.bold
		}
		c.space(4)
		c.put(st, s)
		c.newline()
	}
	c.fillTo(end)
}

// emptyText says why there are no rows. Loading, none there, none that match, not permitted and not answering are
// different things, and a person on call must be able to tell.
func (e *explore) emptyText(m *Model) []string {
	h := &m.view.Health
	kinds, narrowed := kindsOf(e.query, h.Kinds)
	if !h.Server.Connected && len(h.Watchers) == 0 {
		return e.unconnectedText(m)
	}
	if narrowed && len(kinds) == 0 {
		if k := e.askedAlias(h); k != nil {
			return []string{e.askedKinds() + " is kept as " + k.ResourceName(), kindTerm(k, h.Kinds) + " finds the same objects"}
		}
		return []string{"no kind answers to " + e.askedKinds(), "K lists the kinds this cluster serves"}
	}
	var f engine.Freshness
	if narrowed {
		f = h.Freshness(m.now, kinds...)
	} else {
		f = h.Freshness(m.now)
	}
	what := "objects"
	if narrowed && len(kinds) == 1 {
		what = kinds[0].ResourceName()
	}
	there := 0
	for _, k := range kinds {
		there += m.view.World.Count(k)
	}
	if !e.rows.loaded {
		return []string{"searching"}
	}
	if f.Least == nil {
		return []string{what + ": not watched", "orka was started to look at other kinds"}
	}
	if text := notLoaded(m, f, what, there); text != nil {
		return text
	}
	if there > 0 && (!e.query.Empty() || len(m.namespaces) > 0) {
		return e.noneMatch(m, f, there, narrowed)
	}
	if l := m.limits(narrowedTo(kinds, narrowed)...); !l.None() {
		text := noneThere(what, l)
		lines := []string{text}
		if none, why, ok := strings.Cut(text, "; "); ok && width(text) > m.w-4 { // the reason must not be cut off
			lines = []string{none, why}
		}
		return append(append(lines, m.moreOfLimits(narrowed)...), e.asOf(m, f)...)
	}
	return append([]string{"there are no " + what}, e.asOf(m, f)...)
}

// narrowedTo are the kinds to judge: none, which is all, unless the query asks for some.
func narrowedTo(kinds []*watch.Kind, narrowed bool) []*watch.Kind {
	if !narrowed {
		return nil
	}
	return kinds
}

// moreOfLimits is where to learn more of what is not permitted.
func (m *Model) moreOfLimits(narrowed bool) []string {
	if m.view.Health.Reviewing {
		return []string{m.th.glyph.loading + " asking in which namespaces it is permitted"}
	}
	if narrowed {
		return []string{"asked again every 5 minutes; r asks now"}
	}
	return []string{"S shows which"}
}

// notLoaded is the text while nothing can be said of what is there: refused, loading, or not answering.
func notLoaded(m *Model, f engine.Freshness, what string, there int) []string {
	if n := len(f.Forbidden); n > 0 && f.Least.Phase == watch.Forbidden && there == 0 {
		lines := []string{m.th.glyph.forbidden + " " + deniedText(f.Forbidden[0])}
		if n > 1 {
			lines[0] += fmt.Sprintf(" (and %d more)", n-1)
		}
		if err := f.Forbidden[0].Err; err != "" {
			lines = append(lines, watch.Sanitize(err))
		}
		if m.view.Health.Reviewing {
			return append(lines, m.th.glyph.loading+" asking in which namespaces it is permitted")
		}
		return append(lines, "asked again every 5 minutes; r asks now")
	}
	if f.Loading {
		return []string{m.th.glyph.loading + " loading " + what + progress(f.Listed, f.Remaining)}
	}
	if f.Stale > 0 && !f.Least.Complete {
		return []string{m.th.glyph.stale + " " + trouble(m.th, f.Least, m.now), "nothing is known of them yet; r tries again now"}
	}
	return nil
}

func (e *explore) unconnectedText(m *Model) []string {
	s := m.view.Health.Server
	if s.Err == "" {
		return []string{m.th.glyph.loading + " connecting to " + watch.Sanitize(m.info.Context)}
	}
	lines := []string{m.th.glyph.stale + " the cluster does not answer", watch.Sanitize(s.Err)}
	if s.RetryAt.After(m.now) {
		lines = append(lines, "next try in "+until(s.RetryAt, m.now)+"; R tries now")
	}
	return lines
}

// noneMatch is "0 of 8,412 · esc clears".
func (e *explore) noneMatch(m *Model, f engine.Freshness, there int, narrowed bool) []string {
	clear := "esc clears the query"
	if e.query.Empty() {
		clear = "N chooses other namespaces"
	}
	lines := []string{fmt.Sprintf("0 of %s %s %s", count(there), m.th.glyph.dot, clear)}
	if len(m.namespaces) > 0 && !e.query.Empty() {
		lines = append(lines, "looked in "+strings.Join(m.namespaces, ", ")+"; N chooses other namespaces")
	}
	kinds, _ := kindsOf(e.query, m.view.Health.Kinds)
	l := m.limits(narrowedTo(kinds, narrowed)...)
	if n := len(l.Refused); n > 0 {
		lines = append(lines, fmt.Sprintf("%s may not be listed, so nothing is known of them: S shows which", plural(n, "kind")))
	}
	if n := len(l.Partial); n > 0 {
		lines = append(lines, fmt.Sprintf("%s may be listed %s: S shows which", plural(n, "kind"), onlyIn(l.Namespaces)))
	}
	return append(lines, e.asOf(m, f)...)
}

// asOf qualifies a "none" that rests on rows which are not fresh.
func (e *explore) asOf(m *Model, f engine.Freshness) []string {
	if f.Fresh || f.Stale == 0 {
		return nil
	}
	return []string{m.th.glyph.stale + " as far as is known: " + trouble(m.th, f.Least, m.now)}
}

// askedKinds are the kind and group filters of the query, as typed.
func (e *explore) askedKinds() string {
	var terms []string
	line := e.input.value()
	for _, t := range e.query.Terms {
		if (t.Filter == query.Kind || t.Filter == query.Group) && t.Span.End <= len(line) {
			terms = append(terms, watch.Sanitize(line[t.Span.Start:t.Span.End]))
		}
	}
	return strings.Join(terms, " ")
}

// askedAlias is the kind whose objects are those of the resource the query asks for under another group, or nil.
func (e *explore) askedAlias(h *engine.Health) *watch.Kind {
	for _, t := range e.query.Terms {
		for _, p := range t.Values {
			if name, ok := p.Literal(); ok && t.Filter == query.Kind {
				if k := h.Kind(name); k != nil {
					return k
				}
			}
		}
	}
	return nil
}

// plural is "1 watcher" or "3 watchers".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(n) + " " + noun + "s"
}
