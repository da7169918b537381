package ui

import (
	"sort"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// textLine is one line of text, sanitised, with styled ranges.
type textLine struct {
	text  string
	spans []styled // ascending, not overlapping
}

// styled is a byte range of a line in one style.
type styled struct {
	from, to int
	st       style
}

// found is one match of a text search.
type found struct{ line, from, to int }

// textRow is one row on screen: a line, or with wrapping a part of one.
type textRow struct{ line, from, to int }

// textView shows text: it scrolls, wraps and searches.
type textView struct {
	lines []textLine
	top   int // first visible row
	left  int // cells scrolled off to the left, without wrapping
	wrap  bool

	rows       []textRow
	rowsWidth  int // what rows were made for; 0 makes them anew
	width      int // when last drawn
	height     int
	input      field
	typing     bool
	matches    []found
	current    int // index into matches
	searchText string
}

// set takes new lines and stays at the same place.
func (t *textView) set(lines []textLine) {
	t.lines = lines
	t.rows, t.rowsWidth = nil, 0
	t.search(t.searchText)
}

func (t *textView) move(d int) { t.to(t.top + d) }
func (t *textView) page(d int) { t.move(d * max(1, t.height-1)) }
func (t *textView) to(i int)   { t.top = max(0, min(i, len(t.rows)-t.height)) }

// sideways scrolls by d cells, as far as there is text.
func (t *textView) sideways(d int) {
	if t.wrap {
		return
	}
	widest := 0
	for _, l := range t.lines {
		widest = max(widest, width(l.text))
	}
	t.left = max(0, min(t.left+d, widest-t.width))
}

func (t *textView) toggleWrap() {
	line := t.topLine()
	t.wrap, t.left = !t.wrap, 0
	t.rowsWidth = 0
	t.layout(t.width)
	t.top = sort.Search(len(t.rows), func(i int) bool { return t.rows[i].line >= line })
}

func (t *textView) topLine() int {
	if t.top < len(t.rows) {
		return t.rows[t.top].line
	}
	return 0
}

// layout cuts the lines into rows for a width.
func (t *textView) layout(w int) {
	if t.rowsWidth == w && t.rows != nil {
		return
	}
	t.rowsWidth = w
	t.rows = t.rows[:0]
	for i, l := range t.lines {
		if !t.wrap || width(l.text) <= w || w < 2 {
			t.rows = append(t.rows, textRow{i, 0, len(l.text)})
			continue
		}
		for from := 0; from < len(l.text); {
			n := len(ansi.Truncate(l.text[from:], w, ""))
			if n == 0 {
				n = len(l.text) - from
			}
			t.rows = append(t.rows, textRow{i, from, from + n})
			from += n
		}
	}
}

// search finds all matches of s, letter case aside unless s has upper case.
func (t *textView) search(s string) {
	t.searchText = s
	t.matches = t.matches[:0]
	if s == "" {
		return
	}
	fold := strings.ToLower(s) == s
	for i, l := range t.lines {
		for from := 0; ; {
			at := indexFold(l.text[from:], s, fold)
			if at < 0 {
				break
			}
			t.matches = append(t.matches, found{i, from + at, from + at + len(s)})
			from += at + len(s)
		}
	}
	t.current = min(t.current, max(0, len(t.matches)-1))
}

// indexFold is strings.Index, with ASCII letters alike whatever their case when fold is set.
func indexFold(s, sub string, fold bool) int {
	if !fold {
		return strings.Index(s, sub)
	}
	for i := 0; i+len(sub) <= len(s); i++ {
		j := 0
		for j < len(sub) && lower(s[i+j]) == sub[j] {
			j++
		}
		if j == len(sub) {
			return i
		}
	}
	return -1
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// nearest makes the first match at or below the top the current one and shows it.
func (t *textView) nearest() {
	line := t.topLine()
	t.current = sort.Search(len(t.matches), func(i int) bool { return t.matches[i].line >= line })
	if t.current == len(t.matches) {
		t.current = 0
	}
	t.reveal()
}

// step goes d matches on and wraps round at the ends.
func (t *textView) step(d int) {
	if n := len(t.matches); n > 0 {
		t.current = ((t.current+d)%n + n) % n
		t.reveal()
	}
}

// reveal scrolls the current match into sight.
func (t *textView) reveal() {
	if t.current >= len(t.matches) {
		return
	}
	t.layout(t.width)
	hit := t.matches[t.current]
	row := sort.Search(len(t.rows), func(i int) bool {
		r := t.rows[i]
		return r.line > hit.line || (r.line == hit.line && r.to > hit.from)
	})
	if row < t.top || row >= t.top+t.height {
		t.to(row - t.height/3)
	}
	if t.wrap || hit.line >= len(t.lines) {
		return
	}
	from, to := width(t.lines[hit.line].text[:hit.from]), width(t.lines[hit.line].text[:hit.to])
	if to <= t.width {
		t.left = 0
	} else if from < t.left || to > t.left+t.width {
		t.left = max(0, from-t.width/3)
	}
}

// size takes the room there is, in cells.
func (t *textView) size(w, height int) {
	t.width, t.height = w-2, height
	t.layout(t.width)
	t.to(t.top)
}

// draw writes the visible rows in height lines.
func (t *textView) draw(c *canvas, height int) {
	height = min(height, c.rowsLeft())
	t.size(c.w, height)
	first := sort.Search(len(t.matches), func(i int) bool { return t.matches[i].line >= t.topLine() })
	matches := t.matches[first:]
	for i := t.top; i < len(t.rows) && i < t.top+height; i++ {
		r := t.rows[i]
		c.space(1)
		t.drawRow(c, r, matches)
		c.newline()
	}
}

// drawRow writes one row: the line's styles, with the matches over them.
func (t *textView) drawRow(c *canvas, r textRow, matches []found) {
	l := t.lines[r.line]
	from := r.from
	if t.left > 0 {
		from += skipCells(l.text[r.from:r.to], t.left)
	}
	put := func(st style, a, b int) {
		if a, b = max(a, from), min(b, r.to); a < b {
			c.put(st, l.text[a:b])
		}
	}
	spans := l.spans
	plain := func(a, b int) { // the line's own styles between a and b
		for len(spans) > 0 && a < b {
			s := spans[0]
			if s.to <= a {
				spans = spans[1:]
				continue
			}
			if s.from >= b {
				break
			}
			put("", a, s.from)
			put(s.st, max(a, s.from), min(b, s.to))
			a = min(b, s.to)
		}
		put("", a, b)
	}
	pos := r.from
	for i, hit := range matches {
		if hit.line < r.line || hit.to <= r.from {
			continue
		}
		if hit.line > r.line || hit.from >= r.to {
			break
		}
		plain(pos, hit.from)
		st := c.th.found
		if &matches[i] == &t.matches[t.current] {
			st = c.th.foundHere
		}
		put(st, hit.from, hit.to)
		pos = hit.to
	}
	plain(max(pos, r.from), r.to)
}

// skipCells is how many bytes of s take the first n cells.
func skipCells(s string, n int) int {
	if plainASCII(s) {
		return min(n, len(s))
	}
	return len(ansi.Truncate(s, n, ""))
}

// position is "12-40 of 310", or "all" when everything is in sight.
func (t *textView) position() string {
	n := len(t.rows)
	if n <= t.height {
		return "all"
	}
	if t.top+t.height >= n {
		return "end"
	}
	return count(t.top*100/max(1, n-t.height)) + "%"
}

// plainLines cuts sanitised text into lines without styles.
func plainLines(text string) []textLine {
	text = strings.TrimRight(text, "\n")
	parts := strings.Split(text, "\n")
	lines := make([]textLine, len(parts))
	for i, p := range parts {
		lines[i].text = p
	}
	return lines
}
