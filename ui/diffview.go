package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"orka/apply"
	"orka/watch"
)

// sideBySideFrom is the width, in cells, from which two columns leave each side enough to read.
const sideBySideFrom = 140

// diffView shows a difference: unified, or both sides beside each other.
type diffView struct {
	view    textView
	diff    *apply.Diff
	chosen  bool // somebody chose a form; until then the width does
	side    bool // the form chosen
	hunk    int  // the hunk gone to last
	heads   []int
	builtOf *apply.Diff
	built   struct {
		th   *theme
		w    int
		side bool
	}
}

// set takes another difference. The place is kept where it is still there.
func (d *diffView) set(diff *apply.Diff) {
	if d.view.input.value() == "" && !d.view.typing {
		d.view.input = newField()
	}
	d.diff = diff
	d.hunk = 0
}

// beside reports whether both sides are shown beside each other at a width.
func (d *diffView) beside(w int) bool {
	if d.chosen {
		return d.side
	}
	return w >= sideBySideFrom
}

func (d *diffView) toggleSide(w int) {
	d.side, d.chosen = !d.beside(w), true
}

// layout makes the lines for a width, if they are not there yet.
func (d *diffView) layout(th *theme, w int) {
	side := d.beside(w)
	if d.builtOf == d.diff && d.built.th == th && d.built.side == side && (!side || d.built.w == w) {
		return
	}
	d.builtOf = d.diff
	d.built.th, d.built.w, d.built.side = th, w, side
	var lines []textLine
	d.heads = d.heads[:0]
	if d.diff != nil {
		for _, h := range d.diff.Hunks {
			d.heads = append(d.heads, len(lines))
			lines = append(lines, hunkHead(th, h))
			if side {
				lines = append(lines, sideLines(th, h, w-2)...)
			} else {
				lines = append(lines, unifiedLines(th, h)...)
			}
		}
	}
	d.view.set(lines)
}

// step goes to the next hunk, or to the one before.
func (d *diffView) step(by int) {
	if len(d.heads) == 0 {
		return
	}
	n := len(d.heads)
	d.hunk = ((d.hunk+by)%n + n) % n
	for i, r := range d.view.rows {
		if r.line == d.heads[d.hunk] {
			d.view.to(i)
			return
		}
	}
}

// diffCounts is "+3 −1, 2 not yours".
func diffCounts(th *theme, d *apply.Diff) string {
	if d.Empty() {
		return "no change"
	}
	s := fmt.Sprintf("+%s %s%s", count(d.Added), th.glyph.minus, count(d.Deleted))
	if d.Unexplained > 0 {
		s += fmt.Sprintf(", %s not yours", count(d.Unexplained))
	}
	return s
}

// hunkHead is "@@ -12,7 +12,8 @@".
func hunkHead(th *theme, h apply.Hunk) textLine {
	var old, new, oldN, newN int
	for _, l := range h.Lines {
		if l.Old > 0 {
			if old == 0 {
				old = l.Old
			}
			oldN++
		}
		if l.New > 0 {
			if new == 0 {
				new = l.New
			}
			newN++
		}
	}
	text := fmt.Sprintf("@@ -%d,%d +%d,%d @@", old, oldN, new, newN)
	return textLine{text: text, spans: []styled{{0, len(text), th.dim}}}
}

// diffStyles are the styles of a line and of what differs in it.
func diffStyles(th *theme, op apply.Op) (line, part style) {
	switch op {
	case apply.Insert:
		return th.added, th.addedPart
	case apply.Delete:
		return th.removed, th.removedPart
	default:
		return "", ""
	}
}

// diffLine is one line with its marks: what became of it, and whether anybody asked for that.
func diffLine(th *theme, l apply.Line) textLine {
	line, part := diffStyles(th, l.Op)
	op := string(rune(l.Op))
	mark := " "
	if l.Unexplained {
		mark = th.glyph.unasked
	}
	head := op + mark + " "
	var b strings.Builder
	b.WriteString(head)
	var spans []styled
	put := func(st style, s string) {
		from := b.Len()
		b.WriteString(watch.SanitizeText(s))
		if st != "" && b.Len() > from {
			spans = append(spans, styled{from, b.Len(), st})
		}
	}
	if line != "" {
		spans = append(spans, styled{0, len(op), line})
	}
	if l.Unexplained {
		spans = append(spans, styled{len(op), len(op) + len(mark), th.warnBold})
	}
	pos := 0
	if goodRanges(l) {
		for _, e := range l.Emphasis {
			put(line, l.Text[pos:e[0]])
			put(part, l.Text[e[0]:e[1]])
			pos = e[1]
		}
	}
	put(line, l.Text[pos:])
	return textLine{text: b.String(), spans: spans}
}

// goodRanges reports whether a line can be cut at its emphasis and each piece be sanitised by itself.
func goodRanges(l apply.Line) bool {
	pos := 0
	for _, e := range l.Emphasis {
		if e[0] < pos || e[1] < e[0] || e[1] > len(l.Text) {
			return false
		}
		for _, at := range e {
			if at < len(l.Text) && !utf8.RuneStart(l.Text[at]) {
				return false
			}
		}
		pos = e[1]
	}
	return true
}

func unifiedLines(th *theme, h apply.Hunk) []textLine {
	out := make([]textLine, len(h.Lines))
	for i, l := range h.Lines {
		out[i] = diffLine(th, l)
	}
	return out
}

// sideLines puts what goes beside what comes, in w cells.
func sideLines(th *theme, h apply.Hunk, w int) []textLine {
	half := (w - width(th.glyph.bar) - 2) / 2
	join := func(l, r textLine) textLine {
		l, r = padLine(th, l, half), padLine(th, r, half)
		left := l.text + " " + th.glyph.bar + " "
		spans := append(append([]styled(nil), l.spans...), styled{len(l.text) + 1, len(left) - 1, th.dim})
		for _, s := range r.spans {
			spans = append(spans, styled{s.from + len(left), s.to + len(left), s.st})
		}
		return textLine{text: left + r.text, spans: spans}
	}
	var out []textLine
	var gone, come []textLine
	flush := func() {
		for i := range max(len(gone), len(come)) {
			var l, r textLine
			if i < len(gone) {
				l = gone[i]
			}
			if i < len(come) {
				r = come[i]
			}
			out = append(out, join(l, r))
		}
		gone, come = nil, nil
	}
	for _, l := range h.Lines {
		t := diffLine(th, l)
		switch l.Op {
		case apply.Delete:
			gone = append(gone, t)
		case apply.Insert:
			come = append(come, t)
		default:
			flush()
			out = append(out, join(t, t))
		}
	}
	flush()
	return out
}

// padLine is a line in exactly w cells, cut with an ellipsis where it is longer.
func padLine(th *theme, l textLine, w int) textLine {
	text, n := fit(l.text, w, th.glyph.ellipsis)
	whole := len(text)
	if text != l.text {
		whole = max(0, len(text)-len(th.glyph.ellipsis))
	}
	var spans []styled
	for _, s := range l.spans {
		if s.to = min(s.to, whole); s.from < s.to {
			spans = append(spans, s)
		}
	}
	return textLine{text: text + strings.Repeat(" ", max(0, w-n)), spans: spans}
}
