package ui

import (
	"fmt"
	"strings"
	"time"

	"orka/watch"
)

// part is a piece of the header, in forms from long to short. Parts shorten, from the least important on, until
// the line fits; the most important ones keep at least their short form.
type part struct {
	st    style
	forms []string
}

// drawHeader writes what is always on screen: where one is, how fresh it is, how much there is and what it costs.
func drawHeader(m *Model, c *canvas) {
	c.base = m.th.bar
	parts := []part{m.contextPart()}
	if m.info.Recording != nil {
		parts = append(parts, m.recordingPart())
	} else if m.info.ReadOnly { // a recording is, too
		parts = append(parts, part{m.th.badgeWarn, []string{" READ-ONLY "}})
	}
	if who := watch.Sanitize(m.info.Impersonating); who != "" {
		cut, _ := fitMiddle(who, 16, m.th.glyph.ellipsis)
		parts = append(parts, part{m.th.badgeBad, []string{" IMPERSONATING " + who + " ", " IMPERSONATING " + cut + " ", " IMPERSONATING "}})
	}
	parts = append(parts, m.namespacePart(), m.freshPart())
	if p, ok := m.limitsPart(); ok {
		parts = append(parts, p)
	}
	if p, ok := m.backoffPart(); ok {
		parts = append(parts, p)
	}
	left := len(parts)
	parts = append(parts, m.objectsPart(), m.memoryPart())
	forms, gap := fitParts(parts, c.w-1)
	c.space(1)
	for i, p := range parts {
		if i == left { // what follows stands at the right end
			rest := 0
			for k := i; k < len(parts); k++ {
				rest += width(forms[k]) + gap
			}
			c.to(c.w - rest + gap - 1)
		}
		c.put(p.st, forms[i])
		if i < len(parts)-1 {
			c.space(gap)
		}
	}
	c.newline()
}

// fitParts chooses a form of each part, and the gap between them, so that all fit into w cells. The part that
// gains most shortens first.
func fitParts(parts []part, w int) (forms []string, gap int) {
	chosen := make([]int, len(parts))
	gap = 2
	total := func() int {
		n := 0
		for i, p := range parts {
			n += width(p.forms[chosen[i]]) + gap
		}
		return n
	}
	for total() > w {
		next := -1
		for i, p := range parts {
			if chosen[i]+1 < len(p.forms) && (next < 0 || saving(p, chosen[i]) >= saving(parts[next], chosen[next])) {
				next = i
			}
		}
		if next < 0 {
			gap = 1
			break
		}
		chosen[next]++
	}
	for i, p := range parts {
		forms = append(forms, p.forms[chosen[i]])
	}
	return forms, gap
}

func saving(p part, chosen int) int { return width(p.forms[chosen]) - width(p.forms[chosen+1]) }

func (m *Model) contextPart() part {
	name := watch.Sanitize(m.info.Context)
	if name == "" {
		name = "no context"
	}
	forms := []string{" " + name + " "}
	for _, w := range []int{24, 16, 10} {
		if width(name) > w {
			s, _ := fitMiddle(name, w, m.th.glyph.ellipsis)
			forms = append(forms, " "+s+" ")
		}
	}
	return part{m.th.context(m.info.Context), forms}
}

// recordingPart says that what is shown is none of now, and of when it is.
func (m *Model) recordingPart() part {
	at := m.info.Recording().Local()
	return part{m.th.badgeWarn, []string{
		" RECORDING of " + at.Format(time.DateTime) + " ", " RECORDING " + at.Format("01-02 15:04:05") + " ", " RECORDING ",
	}}
}

func (m *Model) namespacePart() part {
	switch n := len(m.namespaces); n {
	case 0:
		return part{m.th.dim, []string{"all namespaces", "ns all", "all"}}
	case 1:
		s, _ := fitMiddle(m.namespaces[0], 14, m.th.glyph.ellipsis)
		return part{m.th.accentBold, []string{"ns " + m.namespaces[0], "ns " + s}}
	default:
		return part{m.th.accentBold, []string{"ns " + strings.Join(m.namespaces, ", "), fmt.Sprintf("%d namespaces", n), fmt.Sprintf("%d ns", n)}}
	}
}

// freshPart is how fresh the rows on screen are; the least fresh kind is named.
func (m *Model) freshPart() part {
	v := m.judge(m.kindsShown()...)
	p := part{st: v.st}
	for _, t := range v.texts {
		p.forms = append(p.forms, v.glyph+" "+t)
	}
	return p
}

// limitsPart says that permissions keep something from the view: what is fresh may not be all there is.
func (m *Model) limitsPart() (part, bool) {
	if m.screen == screenObject || m.screen == screenApply {
		return part{}, false // one object is not a view of all
	}
	kinds := m.kindsShown()
	if m.screen == screenExplore && kinds == nil {
		if _, narrowed := kindsOf(m.explore.query, m.view.Health.Kinds); narrowed {
			return part{}, false // no kind answers
		}
	}
	l := m.limits(kinds...)
	g := m.th.glyph.forbidden
	n := len(l.Partial) + len(l.Refused)
	switch {
	case n == 0 || (len(kinds) == 1 && len(l.Refused) == 1):
		return part{}, false // that one is said where the freshness stands
	case len(l.Refused) == 0 && l.Even:
		return part{m.th.warn, []string{g + " " + onlyIn(l.Namespaces), fmt.Sprintf("%s only %d ns", g, len(l.Namespaces)), g}}, true
	case len(l.Partial) == 0:
		return part{m.th.warn, []string{fmt.Sprintf("%s %s not permitted", g, plural(n, "kind")), g + " " + plural(n, "kind"), g + " " + short(n), g}}, true
	default:
		return part{m.th.warn, []string{fmt.Sprintf("%s %s not fully permitted", g, plural(n, "kind")), g + " " + plural(n, "kind"), g + " " + short(n), g}}, true
	}
}

// kindsShown are the kinds whose objects are on screen; none is all.
func (m *Model) kindsShown() []*watch.Kind {
	switch m.screen {
	case screenObject:
		if m.object.ref.kind != nil {
			return []*watch.Kind{m.object.ref.kind}
		}
	case screenApply:
		if m.edit.target.Kind != nil {
			return []*watch.Kind{m.edit.target.Kind}
		}
	case screenExplore:
		if kinds, narrowed := kindsOf(m.explore.query, m.view.Health.Kinds); narrowed {
			return kinds
		}
	}
	return nil
}

// backoffPart counts down to the next try of whoever waits for one: of the watcher that the freshness names, as the two are
// read together, else of the first.
func (m *Model) backoffPart() (part, bool) {
	var first time.Time
	waiting := 0
	note := func(at time.Time) {
		if at.After(m.now) {
			waiting++
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	for _, s := range m.view.Health.Watchers {
		if s.Phase == watch.Backoff || s.Phase == watch.Unavailable {
			note(s.RetryAt)
		}
	}
	if server := m.view.Health.Server; server.Err != "" {
		note(server.RetryAt)
	}
	if waiting == 0 {
		return part{}, false
	}
	if least := m.view.Health.Freshness(m.now, m.kindsShown()...).Least; least != nil && least.RetryAt.After(m.now) {
		first = least.RetryAt
	}
	in := until(first, m.now)
	return part{m.th.warnBold, []string{fmt.Sprintf("next try in %s (%d waiting)", in, waiting), "next try " + in, "try " + in}}, true
}

func (m *Model) objectsPart() part {
	n := m.view.World.Len()
	return part{"", []string{plural(n, "object"), count(n), short(n)}}
}

func (m *Model) memoryPart() part {
	mem := m.view.Health.Memory
	u := used(mem)
	st := m.th.dim
	if mem.Stage != "ok" {
		st = stageStyle(m.th, mem.Stage)
	}
	if mem.Budget == 0 {
		return part{st, []string{"mem " + size(u)}}
	}
	stage := ""
	if mem.Stage != "ok" && mem.Stage != "" {
		stage = " " + mem.Stage
	}
	percent := u * 100 / mem.Budget
	return part{st, []string{
		fmt.Sprintf("mem %s %s of %s%s", gauge(m.th, u, mem.Budget, 8), size(u), size(mem.Budget), stage),
		fmt.Sprintf("mem %s of %s%s", size(u), size(mem.Budget), stage),
		fmt.Sprintf("mem %d%%%s", percent, stage),
	}}
}
