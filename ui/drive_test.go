package ui

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"orka/engine"
	"orka/watch"
)

// driver runs a Model in virtual time as bubbletea does: Cmds run beside it, their messages come back one by
// one. It lives inside a synctest bubble.
type driver struct {
	t      *testing.T
	m      *Model
	engine *fakeEngine
	msgs   chan tea.Msg
	quit   bool
	system []tea.Msg // what only bubbletea itself understands: mouse, screen, suspend
	ticks  int
}

// stage is how a test's terminal and cluster look.
type stage struct {
	w, h    int
	objects []*watch.Object
	edit    func(*engine.Health)
	view    *engine.View // instead of objects
	opts    Options
	theme   *theme
}

// plainTheme is the theme of the golden files.
var plainTheme = newTheme(termenv.TrueColor, true, false)

// drive runs f on a Model whose first frame is there. It must be called in a test of its own.
func drive(t *testing.T, s stage, f func(*driver)) {
	t.Helper()
	if s.view == nil {
		v, err := testView(t.Context(), s.objects, s.edit)
		if err != nil {
			t.Fatal(err)
		}
		s.view = v
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		d := &driver{t: t, engine: newFakeEngine(s.view), msgs: make(chan tea.Msg, 1000)}
		o := s.opts
		o.Engine = d.engine
		o.th = s.theme
		if o.th == nil {
			o.th = plainTheme
		}
		if o.now == nil {
			o.now = func() time.Time { return testNow }
		}
		if o.Info.Context == "" {
			o.Info.Context = "prod-eu-1"
		}
		m, err := New(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		d.m = m
		d.exec(m.Init())
		d.send(tea.WindowSizeMsg{Width: s.w, Height: s.h})
		f(d)
		if m.crashed != nil {
			t.Fatalf("the screen failed: %v", m.crashed)
		}
	})
}

func (d *driver) exec(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		if msg := cmd(); msg != nil {
			d.msgs <- msg
		}
	}()
}

// send delivers a message and waits until all that follows from it is done.
func (d *driver) send(msg tea.Msg) {
	d.deliver(msg)
	for {
		synctest.Wait()
		select {
		case msg := <-d.msgs:
			d.deliver(msg)
		default:
			_ = d.m.View()
			return
		}
	}
}

func (d *driver) deliver(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range msg {
			d.exec(cmd)
		}
		return
	case tea.QuitMsg:
		d.quit = true
		return
	case tickMsg:
		d.ticks++
	case applier, tea.ResumeMsg, tea.KeyMsg, tea.WindowSizeMsg, tea.MouseMsg:
	default:
		d.system = append(d.system, msg)
		return
	}
	_, cmd := d.m.Update(msg)
	d.exec(cmd)
}

// key presses keys, written as tea.KeyMsg.String writes them.
func (d *driver) key(keys ...string) {
	for _, k := range keys {
		d.send(keyMsg(k))
	}
}

// text types a text.
func (d *driver) text(s string) {
	for _, r := range s {
		if r == ' ' {
			d.key(" ")
		} else {
			d.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		}
	}
}

var namedKeys = sync.OnceValue(func() map[string]tea.KeyType {
	out := map[string]tea.KeyType{}
	for k := tea.KeyType(-200); k < 200; k++ {
		if s := (tea.KeyMsg{Type: k}).String(); s != "" && k != tea.KeyRunes {
			out[s] = k
		}
	}
	out[" "] = tea.KeySpace
	return out
})

func keyMsg(s string) tea.KeyMsg {
	if t, ok := namedKeys()[s]; ok {
		if t == tea.KeySpace {
			return tea.KeyMsg{Type: t, Runes: []rune{' '}}
		}
		return tea.KeyMsg{Type: t}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s)}
}

// screen is the frame without styles, trailing blanks cut.
func (d *driver) screen() string {
	lines := strings.Split(ansi.Strip(d.m.View()), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// see fails unless the screen shows the text.
func (d *driver) see(text string) {
	d.t.Helper()
	if !strings.Contains(d.screen(), text) {
		d.t.Errorf("the screen does not show %q:\n%s", text, d.screen())
	}
}

// miss fails if the screen shows the text.
func (d *driver) miss(text string) {
	d.t.Helper()
	if strings.Contains(d.screen(), text) {
		d.t.Errorf("the screen shows %q:\n%s", text, d.screen())
	}
}

// current is the line of the table the cursor is on.
func (d *driver) current() string {
	for _, line := range strings.Split(d.screen(), "\n") {
		if strings.HasPrefix(line, "▸") || strings.HasPrefix(line, "◈") {
			return line
		}
	}
	return ""
}

// smallCluster is shared by tests that don't change it.
var smallCluster = sync.OnceValue(func() *engine.View {
	v, err := testView(context.Background(), newCluster(1).fill(400), nil)
	if err != nil {
		panic(err)
	}
	return v
})
