package ui

import (
	"unicode/utf8"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"orka/watch"
)

// field is a line that is typed into: bubbles' editing, drawn with our own styles.
type field struct {
	in     textinput.Model
	offset int // first visible rune
}

// queryLimit bounds a query in runes: beyond it a paste is a mistake, not a query.
const queryLimit = 1024

func newField() field {
	in := textinput.New()
	in.CharLimit = queryLimit
	// Reading the clipboard would run a program; terminals paste by themselves.
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled())
	in.Focus()
	return field{in: in}
}

func (f *field) value() string { return f.in.Value() }

// set replaces the text and puts the cursor at its end.
func (f *field) set(s string) {
	f.in.SetValue(s)
	f.in.CursorEnd()
	f.offset = 0
}

// tooMuch is how many of n more runes would not fit.
func (f *field) tooMuch(n int) int {
	return max(0, utf8.RuneCountInString(f.value())+n-f.in.CharLimit)
}

// update edits the text and reports whether it changed.
func (f *field) update(msg tea.Msg) bool {
	before := f.in.Value()
	f.in, _ = f.in.Update(msg)
	return f.in.Value() != before
}

// draw writes the text in w cells, scrolled so that the cursor is seen. wrong is the byte range of what does
// not parse; typing says whether the cursor is shown.
func (f *field) draw(c *canvas, w int, typing bool, placeholder string, wrong [2]int) {
	end := c.x + min(w, c.room())
	runes := []rune(f.value())
	pos := min(f.in.Position(), len(runes))
	if len(runes) == 0 {
		f.offset = 0
		if typing {
			c.put(c.th.cursor, " ")
		}
		if room := end - c.x; room > 0 {
			s, _ := fit(placeholder, room, c.th.glyph.ellipsis)
			c.put(c.th.dim, s)
		}
		c.to(end)
		return
	}
	f.offset = min(f.offset, pos)
	for f.offset < pos && width(watch.Sanitize(string(runes[f.offset:pos])))+1 >= end-c.x {
		f.offset++
	}
	// What was cut at the front comes back when there is room for it again.
	for f.offset > 0 && width(watch.Sanitize(string(runes[f.offset-1:])))+1 < end-c.x {
		f.offset--
	}
	at := len(string(runes[:f.offset]))
	for i := f.offset; i <= len(runes); i++ {
		text := " "
		if i < len(runes) {
			text = watch.Sanitize(string(runes[i]))
		}
		if c.x+width(text) > end {
			break
		}
		st := c.th.bold
		if wrong[1] > wrong[0] && at >= wrong[0] && at < wrong[1] {
			st = c.th.badBold
		}
		if i == pos && typing {
			st = c.th.cursor
		} else if i == len(runes) {
			break
		}
		c.put(st, text)
		at += len(text)
	}
	c.to(end)
}

// column is the cell, counted from where draw begins, of byte position at of the text.
func (f *field) column(at int) int {
	s := f.value()
	runes := []rune(s)
	skip := len(string(runes[:min(f.offset, len(runes))]))
	if at <= skip {
		return 0
	}
	return width(watch.Sanitize(s[skip:min(at, len(s))]))
}
