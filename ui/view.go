package ui

// The smallest terminal that is of any use, in cells.
const (
	minWidth  = 40
	minHeight = 10
)

// View is the frame. bubbletea asks for it after every message; it is built anew only when something it shows
// may have changed.
func (m *Model) View() string {
	if !m.dirty {
		return m.frame
	}
	defer func() {
		if r := recover(); r != nil { // the program ends at the next message; until then the last frame stays
			m.crash(r)
		}
	}()
	m.dirty = false
	m.frame = m.drawFrame()
	return m.frame
}

func (m *Model) drawFrame() string {
	if m.w == 0 || m.h == 0 {
		return "" // the terminal has not said how large it is
	}
	c := newCanvas(m.th, m.w, m.h)
	if m.w < minWidth || m.h < minHeight {
		drawTooSmall(m, c)
		return c.String()
	}
	drawHeader(m, c)
	body := newCanvas(m.th, m.w, m.h-2)
	m.top().draw(m, body)
	body.fillTo(body.h)
	c.below(body)
	drawFooter(m, c)
	m.hits = c.hits
	return c.String()
}

func drawTooSmall(m *Model, c *canvas) {
	m.hits = nil
	c.fillTo(max(0, m.h/2-1))
	c.line(m.th.bold, "orka needs 40×10")
	c.line(m.th.dim, "this is "+count(m.w)+"×"+count(m.h))
	c.line(m.th.dim, "ctrl-c quits")
}
