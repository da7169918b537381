package ui

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// screenID names the screens that history can come back to.
type screenID uint8

const (
	screenExplore screenID = iota
	screenKinds
	screenObject
	screenStats
	screenApply
)

// Model is the one tea.Model: the screens as plain structs, what they share, and the frame drawn last.
type Model struct {
	// immutable
	opts Options
	th   *theme
	ctx  context.Context //nolint:containedctx // of Run; what every Cmd ends with

	// the connection; conn grows when it is another one, so that answers of the one before are dropped
	engine Engine
	info   Info
	conn   int
	stop   context.CancelFunc
	life   context.Context //nolint:containedctx // of the connection
	view   *engine.View

	// the terminal
	w, h  int
	now   time.Time
	mouse bool

	// the screens
	screen  screenID
	overlay screen // picker or help on top; nil when none
	explore explore
	kinds   kinds
	object  object
	stats   stats
	edit    edit
	hist    history

	// what the screens share
	namespaces []string        // the view is narrowed to; none is all
	marks      map[string]bool // uids; replaced, never written, as searches read it
	notice     string
	noticeTill time.Time
	wanted     []*watch.Kind
	meter      meter
	changes    changeGate

	// the frame drawn last
	dirty bool
	frame string
	hits  []hit

	crashed error
}

// New makes a Model; it starts nothing. ctx ends every Cmd.
func New(ctx context.Context, opts Options) (*Model, error) {
	if opts.Engine == nil {
		return nil, fmt.Errorf("ui: no engine")
	}
	if err := checkKeys(opts.Keys); err != nil {
		return nil, err
	}
	if opts.now == nil {
		opts.now = time.Now
	}
	m := &Model{opts: opts, ctx: ctx, th: opts.th, mouse: true, namespaces: opts.Namespaces, w: opts.w, h: opts.h}
	if m.th == nil {
		m.th = detectTheme(opts.Output)
	}
	m.now = opts.now()
	m.wire()
	m.connect(opts.Engine, opts.Info)
	m.explore.input.set(opts.Query)
	return m, nil
}

// wire makes the screens, empty.
func (m *Model) wire() {
	m.explore = newExplore()
	m.kinds = newKinds()
	m.object = object{}
	m.stats = newStats()
	m.edit = edit{}
	m.hist = history{}
}

// screens are all screens and overlays, for what holds of each.
func (m *Model) screens() []screen {
	return []screen{&m.explore, &m.kinds, &m.object, &m.stats, &m.edit, &help{}, newNamespacePicker(m), newContextPicker()}
}

// top is what takes keys: the overlay, or the screen.
func (m *Model) top() screen {
	if m.overlay != nil {
		return m.overlay
	}
	return m.base()
}

func (m *Model) base() screen {
	switch m.screen {
	case screenKinds:
		return &m.kinds
	case screenObject:
		return &m.object
	case screenStats:
		return &m.stats
	case screenApply:
		return &m.edit
	default:
		return &m.explore
	}
}

// connect takes another engine; all that was known of the one before is dropped.
func (m *Model) connect(e Engine, info Info) {
	if m.stop != nil {
		m.stop()
	}
	m.conn++
	m.engine, m.info = e, info
	m.life, m.stop = context.WithCancel(m.ctx)
	m.view = e.View()
	m.marks = nil
	m.wanted = nil
}

// Init starts what runs all the time: the wait for changes, the clock, the first search.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.awaitChange(), m.tick(), m.explore.enter(m, m.explore.input.value(), ""))
}

// applier is a message that knows what it changes: the answers of our own Cmds.
type applier interface{ apply(m *Model) tea.Cmd }

// Update takes a message. It never waits and never panics: what goes wrong in here ends the program with an error.
func (m *Model) Update(msg tea.Msg) (model tea.Model, cmd tea.Cmd) {
	defer func() {
		if r := recover(); r != nil {
			model, cmd = m, m.crash(r)
		}
	}()
	if m.crashed != nil {
		return m, tea.Quit
	}
	m.now = m.opts.now()
	m.dirty = true
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		return m, m.explore.reach(m)
	case tea.ResumeMsg: // bubbletea gives back the screen, not the mouse
		if m.mouse {
			return m, tea.EnableMouseCellMotion
		}
		return m, nil
	case tea.KeyMsg:
		return m, m.keys(msg)
	case tea.MouseMsg:
		return m, m.mouseEvent(msg)
	case applier:
		return m, msg.apply(m)
	}
	m.dirty = false
	return m, nil
}

// keys splits what a terminal sent in one piece: "/web" arrives as one message when it is typed fast or by a
// script, and its first key decides where the others go. A paste is text and never a command.
func (m *Model) keys(msg tea.KeyMsg) tea.Cmd {
	if msg.Paste {
		if m.top().focus() == nil {
			m.say("pasted text is ignored here; / types a query")
			return nil
		}
		if n := m.top().focus().tooMuch(len(msg.Runes)); n > 0 {
			m.say("the paste was cut: %s characters is the limit, %s too many", count(queryLimit), count(n))
		}
		return m.typed(msg)
	}
	if msg.Type != tea.KeyRunes || len(msg.Runes) < 2 || msg.Alt {
		return m.key(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		cmds = append(cmds, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}))
	}
	return tea.Batch(cmds...)
}

func (m *Model) key(msg tea.KeyMsg) tea.Cmd {
	if b := m.find(msg.String()); b != nil {
		return b.run(m)
	}
	if m.top().focus() != nil {
		return m.typed(msg)
	}
	return nil
}

// edited is a screen that reacts to what is typed.
type edited interface{ edited(m *Model) tea.Cmd }

func (m *Model) typed(msg tea.KeyMsg) tea.Cmd {
	s := m.top()
	if !s.focus().update(msg) {
		return nil
	}
	if e, ok := s.(edited); ok {
		return e.edited(m)
	}
	return nil
}

// run makes a Cmd of work that may take time. A panic in it ends the program with an error, not the process.
func (m *Model) run(f func() tea.Msg) tea.Cmd {
	return func() (msg tea.Msg) {
		defer func() {
			if r := recover(); r != nil {
				msg = crashMsg{r, debug.Stack()}
			}
		}()
		return f()
	}
}

type crashMsg struct {
	value any
	stack []byte
}

func (c crashMsg) apply(m *Model) tea.Cmd { return m.crashWith(c.value, c.stack) }

func (m *Model) crash(r any) tea.Cmd { return m.crashWith(r, debug.Stack()) }

func (m *Model) crashWith(r any, stack []byte) tea.Cmd {
	m.crashed = fmt.Errorf("the screen failed: %v", r)
	if m.opts.Logger != nil {
		m.opts.Logger.Error("the screen failed", "panic", fmt.Sprint(r), "stack", string(stack))
	}
	return tea.Quit
}

func (m *Model) retryAll() tea.Cmd {
	m.engine.Retry()
	m.say("every watcher tries again now")
	return nil
}

// retry makes the watchers of a kind try again.
func (m *Model) retry(k *watch.Kind) {
	if k == nil {
		return
	}
	m.engine.Retry(k)
	m.say("%s: trying again now", k.ResourceName())
}

// want tells the engine which kinds are looked at, when they are others than before.
func (m *Model) want(kinds ...*watch.Kind) {
	if sameKinds(kinds, m.wanted) {
		return
	}
	m.wanted = kinds
	m.engine.Want(kinds...)
}

func sameKinds(a, b []*watch.Kind) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
