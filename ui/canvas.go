package ui

import (
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"
)

// canvas is a frame under construction: lines of at most w cells, at most h of them. Whatever does not fit is
// cut, so that no screen can break the frame.
type canvas struct {
	th   *theme
	w, h int

	buf  []byte
	ends []int // of each finished line in buf
	x    int   // cells used in the current line
	base style // background of the current line
	// fg and bg are what the terminal is set to at the end of buf.
	fg, bg style
	// padded fills every line to the full width, for what stands to the left of something else.
	padded bool
	hits   []hit
}

// hit is a region of one line that answers to the mouse.
type hit struct {
	y, x0, x1 int
	run       hitFunc
}

// hitFunc is what a click does.
type hitFunc func(*Model) tea.Cmd

func newCanvas(th *theme, w, h int) *canvas {
	return &canvas{th: th, w: w, h: h, buf: make([]byte, 0, w*h*2)}
}

// y is the number of finished lines.
func (c *canvas) y() int { return len(c.ends) }

// room is how many cells are left in the current line.
func (c *canvas) room() int {
	if c.y() >= c.h {
		return 0
	}
	return c.w - c.x
}

// rowsLeft is how many lines may still be written, the current one included.
func (c *canvas) rowsLeft() int { return c.h - c.y() }

func (c *canvas) set(fg style) {
	if c.base == c.th.selected && c.base != "" && (c.th.flatSelection || fg == c.th.dim) {
		fg = "" // could not be read on this background
	}
	if fg == c.fg && c.base == c.bg {
		return
	}
	if c.fg != "" || c.bg != "" {
		c.buf = append(c.buf, sgrReset...)
	}
	c.buf = append(c.buf, c.base...)
	c.buf = append(c.buf, fg...)
	c.fg, c.bg = fg, c.base
}

// put writes as much of s as fits.
func (c *canvas) put(st style, s string) {
	if s == "" || c.room() <= 0 {
		return
	}
	s, n := fit(clean(s), c.room(), c.th.glyph.ellipsis)
	c.set(st)
	c.buf = append(c.buf, s...)
	c.x += n
}

// space writes n blanks.
func (c *canvas) space(n int) {
	n = min(n, c.room())
	if n <= 0 {
		return
	}
	c.set("")
	for range n {
		c.buf = append(c.buf, ' ')
	}
	c.x += n
}

// to moves to column x with blanks.
func (c *canvas) to(x int) { c.space(x - c.x) }

// cellOptions say how a cell is cut and where its text stands.
type cellOptions struct{ right, middle, group bool }

// cell writes s in exactly w cells.
func (c *canvas) cell(st style, s string, w int, o cellOptions) {
	w = min(w, c.room())
	if w <= 0 {
		return
	}
	s = clean(s)
	var n int
	switch {
	case o.group:
		s, n = fitGroup(s, w, c.th.glyph.ellipsis)
	case o.middle:
		s, n = fitMiddle(s, w, c.th.glyph.ellipsis)
	default:
		s, n = fit(s, w, c.th.glyph.ellipsis)
	}
	if o.right {
		c.space(w - n)
	}
	if n > 0 {
		c.set(st)
		c.buf = append(c.buf, s...)
		c.x += n
		if len(s) != n && hasRightToLeft(s) {
			c.buf = append(c.buf, leftToRight...)
		}
	}
	if !o.right {
		c.space(w - n)
	}
}

// marked writes s in exactly w cells, cut in the middle, with the characters at the byte positions in at (ascending)
// in style on.
func (c *canvas) marked(st, on style, s string, at []int, w int) {
	w = min(w, c.room())
	if w <= 0 {
		return
	}
	end := c.x + w
	if len(at) == 0 || clean(s) != s {
		c.cell(st, s, w, cellOptions{middle: true})
		return
	}
	if width(s) > w {
		if !plainASCII(s) || w < 4 {
			c.cell(st, s, w, cellOptions{middle: true})
			return
		}
		s, at = cutMarked(s, at, w, c.th.glyph.ellipsis)
	}
	pos := 0
	for i := 0; i < len(at); {
		from := at[i]
		if from < pos || from >= len(s) {
			i++
			continue
		}
		to := from
		for i < len(at) && at[i] == to {
			_, n := utf8.DecodeRuneInString(s[to:])
			to += n
			i++
		}
		c.put(st, s[pos:from])
		c.put(on, s[from:to])
		pos = to
	}
	c.put(st, s[pos:])
	c.to(end)
}

// cutMarked cuts an ASCII string in the middle and moves the marked positions along; those cut off are left out.
func cutMarked(s string, at []int, w int, ellipsis string) (string, []int) {
	tail := (w - 1) / 2
	head := w - 1 - tail
	cut := s[:head] + ellipsis + s[len(s)-tail:]
	moved := make([]int, 0, len(at))
	for _, i := range at {
		switch {
		case i < head:
			moved = append(moved, i)
		case i >= len(s)-tail:
			moved = append(moved, i-(len(s)-tail)+head+len(ellipsis))
		}
	}
	return cut, moved
}

// newline ends the current line.
func (c *canvas) newline() {
	if c.y() >= c.h {
		return
	}
	if c.base != "" || c.padded {
		c.space(c.room())
	}
	if c.fg != "" || c.bg != "" {
		c.buf = append(c.buf, sgrReset...)
		c.fg, c.bg = "", ""
	}
	c.ends = append(c.ends, len(c.buf))
	c.x, c.base = 0, ""
}

// line writes one whole line in one style.
func (c *canvas) line(st style, s string) {
	c.put(st, s)
	c.newline()
}

// fillTo adds empty lines until y lines are there.
func (c *canvas) fillTo(y int) {
	for c.y() < min(y, c.h) {
		c.newline()
	}
}

// hit makes the cells from x0 to x1 of the current line answer to a click.
func (c *canvas) hit(x0, x1 int, run hitFunc) {
	c.hits = append(c.hits, hit{y: c.y(), x0: x0, x1: x1, run: run})
}

// lineAt is finished line i, or "".
func (c *canvas) lineAt(i int) []byte {
	if i >= len(c.ends) {
		return nil
	}
	start := 0
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.buf[start:c.ends[i]]
}

// beside writes left and right next to each other, parted by a bar. left must be padded.
func (c *canvas) beside(left, right *canvas) {
	top := c.y()
	for i := range left.h {
		if c.rowsLeft() <= 0 {
			break
		}
		c.buf = append(c.buf, left.lineAt(i)...)
		c.x += left.w
		c.put(c.th.dim, c.th.glyph.bar)
		c.set("")
		c.buf = append(c.buf, right.lineAt(i)...)
		c.newline()
	}
	c.adopt(left, 0, top)
	c.adopt(right, left.w+1, top)
}

// below writes the lines of d at the current line.
func (c *canvas) below(d *canvas) {
	top := c.y()
	for i := range d.y() {
		if c.rowsLeft() <= 0 {
			break
		}
		c.buf = append(c.buf, d.lineAt(i)...)
		c.newline()
	}
	c.adopt(d, 0, top)
}

func (c *canvas) adopt(d *canvas, dx, dy int) {
	for _, h := range d.hits {
		h.y, h.x0, h.x1 = h.y+dy, h.x0+dx, h.x1+dx
		c.hits = append(c.hits, h)
	}
}

// String is the frame: exactly h lines.
func (c *canvas) String() string {
	if c.x > 0 {
		c.newline()
	}
	c.fillTo(c.h)
	out := make([]byte, 0, len(c.buf)+c.h)
	for i := range c.h {
		if i > 0 {
			out = append(out, '\n')
		}
		out = append(out, c.lineAt(i)...)
	}
	return string(out)
}
