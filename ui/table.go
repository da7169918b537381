package ui

import (
	"slices"
)

// column is how one column of a table is laid out. What it shows is the table's caller's business.
type column struct {
	title string
	// min is what the column may shrink to before it leaves; 0 is the width of its text, which is then never cut.
	min int
	// good is what it takes before any other takes more than its min; 0 claims nothing.
	good int
	// max is what it takes while others are in want; 0 is no limit.
	max      int
	priority int // the lowest leaves first; the highest stays
	right    bool
	middle   bool // cut in the middle
	group    bool // cut in the group of a resource's name
}

// The widths and priorities of the columns every table has.
const (
	columnGap = 2

	nameMin, nameMax = 22, 64
	textMin, textMax = 8, 40
	// "CrashLoopBackOff" is what one looks for, and "Init:CreateContainerConfigError".
	statusMin, statusGood = 9, 32
	namespaceGood         = 24

	priorityName      = 100
	priorityStatus    = 86
	priorityReady     = 85
	priorityNamespace = 84
	priorityAge       = 75
	// priorityMinor is below what columns leave before others are cut.
	priorityMinor = 50
)

// fitColumns gives each column its width in room cells; 0 is left out. natural holds the widths of their texts.
func fitColumns(cols []column, natural []int, room int) []int {
	least := make([]int, len(cols))
	want := make([]int, len(cols)) // of each, before it takes more than its share
	kept := make([]int, len(cols))
	good := make([]int, len(cols))
	needLeast, needWant := -columnGap, -columnGap
	for i, c := range cols {
		least[i], want[i] = natural[i], natural[i]
		if c.min > 0 {
			least[i] = min(natural[i], max(c.min, len(c.title)))
		}
		if c.max > 0 {
			want[i] = min(natural[i], max(c.max, least[i]))
		}
		good[i] = min(natural[i], c.good)
		kept[i] = i
		needLeast += least[i] + columnGap
		needWant += want[i] + columnGap
	}
	// kept is in order of importance: the last one leaves first. Those of little importance leave before any other
	// is cut, the others only when cutting is not enough.
	slices.SortStableFunc(kept, func(a, b int) int { return cols[b].priority - cols[a].priority })
	for len(kept) > 1 {
		last := kept[len(kept)-1]
		if needLeast <= room && (needWant <= room || cols[last].priority >= priorityMinor) {
			break
		}
		kept = kept[:len(kept)-1]
		needLeast -= least[last] + columnGap
		needWant -= want[last] + columnGap
	}
	widths := make([]int, len(cols))
	left := room + columnGap
	for _, i := range kept {
		widths[i] = least[i]
		left -= least[i] + columnGap
	}
	if left < 0 { // one column, and even that too wide
		widths[kept[0]] = max(1, room)
		return widths
	}
	// What is left goes first to the good widths, then to what each column wants within its limit, then beyond it.
	for _, most := range [][]int{good, want, natural} {
		for _, i := range kept {
			most := most[i]
			if more := min(most-widths[i], left); more > 0 {
				widths[i] += more
				left -= more
			}
		}
	}
	return widths
}

// row is one line of a table, filled by the caller for visible rows only.
type row struct {
	gutter  []span // fixed-width marks before the first column
	cells   []string
	styles  []style // per cell; missing ones are plain
	matches [][]int // per cell, byte positions to highlight
	dim     bool
}

// span is a piece of text in one style.
type span struct {
	st   style
	text string
}

// table draws the visible rows of a list. It remembers how wide its texts have been, so that columns do not
// jump while rows pass by.
type table struct {
	cols    []column
	natural []int
	gutter  int // cells before the first column
	sorted  int // column the rows are sorted by, -1 for none
	desc    bool
}

// setColumns starts anew when the columns are others than before.
func (t *table) setColumns(cols []column) {
	if slices.Equal(t.cols, cols) {
		return
	}
	t.cols = slices.Clone(cols)
	t.forget()
}

// forget drops the remembered widths.
func (t *table) forget() {
	t.natural = make([]int, len(t.cols))
	for i, c := range t.cols {
		t.natural[i] = len(c.title) + 2*boolInt(t.sorted == i)
	}
}

// draw writes the head and as many rows as there is room for in height lines. rows must fill in the same
// number of cells as there are columns.
func (t *table) draw(c *canvas, l *list, height int, focused bool, rows func(i int) row, click func(i int) hitFunc) {
	height = min(height, c.rowsLeft())
	if height < 1 {
		return
	}
	l.show(height - 1)
	from, to := l.window()
	visible := make([]row, 0, to-from)
	for i := from; i < to; i++ {
		r := rows(i)
		for k, s := range r.cells {
			if k < len(t.natural) {
				t.natural[k] = max(t.natural[k], width(s))
			}
		}
		visible = append(visible, r)
	}
	if t.sorted >= 0 && t.sorted < len(t.cols) {
		t.natural[t.sorted] = max(t.natural[t.sorted], len(t.cols[t.sorted].title)+2)
	}
	widths := fitColumns(t.cols, t.natural, c.w-t.gutter-1)
	t.drawHead(c, widths)
	end := c.y() + height - 1
	for i, r := range visible {
		t.drawRow(c, widths, r, from+i == l.cursor, focused)
		if click != nil {
			y := c.y()
			c.hits = append(c.hits, hit{y: y, x0: 0, x1: c.w, run: click(from + i)})
		}
		c.newline()
	}
	c.fillTo(end)
}

func (t *table) drawHead(c *canvas, widths []int) {
	c.space(t.gutter)
	for i, col := range t.cols {
		if widths[i] == 0 {
			continue
		}
		title := col.title
		st := c.th.title
		if i == t.sorted {
			mark := c.th.glyph.asc
			if t.desc {
				mark = c.th.glyph.desc
			}
			title += " " + mark
			st = c.th.accentBold
		}
		c.cell(st, title, widths[i], cellOptions{right: col.right})
		c.space(columnGap)
	}
	c.newline()
}

func (t *table) drawRow(c *canvas, widths []int, r row, current, focused bool) {
	switch {
	case current && focused:
		c.base = c.th.selected
	case current:
		c.base = c.th.selectedDim
	}
	for _, s := range r.gutter {
		c.put(s.st, s.text)
	}
	c.to(t.gutter)
	for i, col := range t.cols {
		if widths[i] == 0 {
			continue
		}
		var st style
		if i < len(r.styles) {
			st = r.styles[i]
		}
		if r.dim {
			st = c.th.dim
		}
		if i < len(r.matches) && len(r.matches[i]) > 0 {
			c.marked(st, c.th.match, r.cells[i], r.matches[i], widths[i])
		} else {
			c.cell(st, r.cells[i], widths[i], cellOptions{right: col.right, middle: col.middle, group: col.group})
		}
		c.space(columnGap)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
