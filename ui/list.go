package ui

// list is a cursor in n rows of which some are visible. It knows nothing about what the rows are.
type list struct {
	n, cursor, top int
	rows           int // visible rows when last drawn
}

// setLen takes a new number of rows.
func (l *list) setLen(n int) {
	l.n = n
	l.clamp()
}

// move moves the cursor by d rows and stops at the ends.
func (l *list) move(d int) { l.to(l.cursor + d) }

// page moves by d screenfuls, keeping a line of context.
func (l *list) page(d int) { l.move(d * max(1, l.rows-1)) }

// to puts the cursor on row i.
func (l *list) to(i int) {
	l.cursor = i
	l.clamp()
}

// follow puts the cursor on row i and keeps it at the same height of the screen: what happens to the rows
// around it does not move it under the eye.
func (l *list) follow(i int) {
	l.top += i - l.cursor
	l.cursor = i
	l.clamp()
}

// scroll moves what is visible by d rows, and the cursor only as far as it must to stay in sight.
func (l *list) scroll(d int) {
	l.top = max(0, min(l.top+d, l.n-l.rows))
	if l.rows > 0 {
		l.cursor = max(l.top, min(l.cursor, l.top+l.rows-1))
	}
	l.clamp()
}

// show sets how many rows are visible.
func (l *list) show(rows int) {
	l.rows = rows
	l.clamp()
}

// window is the half-open range of visible rows.
func (l *list) window() (from, to int) { return l.top, min(l.n, l.top+max(0, l.rows)) }

func (l *list) clamp() {
	l.cursor = max(0, min(l.cursor, l.n-1))
	rows := max(1, l.rows)
	l.top = max(0, min(l.top, l.n-rows))
	if l.cursor < l.top {
		l.top = l.cursor
	}
	if l.cursor >= l.top+rows {
		l.top = l.cursor - rows + 1
	}
}
