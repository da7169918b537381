package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// binding is one command: its keys, what it is called, and what it does. The key tables are made of these, and
// are all that dispatch, footer and Help know.
type binding struct {
	name string   // for remapping: "open"
	keys []string // as tea.KeyMsg.String writes them
	// hint is the word in the footer; "" leaves the command to Help.
	hint string
	help string // one line, for Help
	run  func(*Model) tea.Cmd
	// when says whether the command does anything now; nil is always. Without it the key is neither shown nor taken.
	when func(*Model) bool
}

// section is a titled group of bindings.
type section struct {
	title string
	keys  []binding
	// typing marks commands that are in force while a line is typed into; only the others may be single letters.
	typing bool
}

// screen is one full-screen view. Screens are plain structs in the Model; none is a tea.Model of its own.
type screen interface {
	// sections are the commands of the screen, of all its modes.
	sections(m *Model) []section
	// focus is the line being typed into, or nil.
	focus() *field
	// draw writes the screen between header and footer.
	draw(m *Model, c *canvas)
}

// everywhere are the commands of every screen while nothing is typed.
func everywhere() section {
	return section{title: "Everywhere", keys: []binding{
		{name: "kinds", keys: []string{"K"}, hint: "kinds", help: "every served kind, its count and freshness", run: (*Model).openKinds, when: leavable(screenKinds)},
		{name: "namespaces", keys: []string{"N"}, hint: "namespaces", help: "choose the namespaces to look at", run: (*Model).openNamespaces, when: (*Model).namespacesOffered},
		{name: "contexts", keys: []string{"C"}, hint: "contexts", help: "move to another context of the kubeconfig", run: (*Model).openContexts, when: (*Model).contextsOffered},
		{name: "stats", keys: []string{"S"}, hint: "stats", help: "watchers, shards, memory, search latency, knobs", run: (*Model).openStats, when: leavable(screenStats)},
		{name: "retry-all", keys: []string{"R"}, help: "every watcher tries again now", run: (*Model).retryAll},
		{name: "back", keys: []string{"["}, help: "back to the view before", run: (*Model).back, when: notEditing},
		{name: "forward", keys: []string{"]"}, help: "forward again", run: (*Model).forward, when: notEditing},
		{name: "mouse", keys: []string{"m"}, help: "mouse on or off: off lets the terminal select text", run: (*Model).toggleMouse},
		{name: "redraw", keys: []string{"ctrl+l"}, help: "draw the screen anew", run: func(*Model) tea.Cmd { return tea.ClearScreen }},
		{name: "help", keys: []string{"?"}, hint: "help", help: "the keys of this screen and the query language", run: (*Model).openHelp},
		{name: "quit", keys: []string{"q"}, help: "back; on the first screen quit", run: (*Model).quitOrBack},
	}}
}

// notEditing: an edit is left by its own keys, so that none is lost by looking elsewhere.
func notEditing(m *Model) bool { return m.screen != screenApply }

// leavable offers to go to a screen from every other one.
func leavable(to screenID) func(*Model) bool {
	return func(m *Model) bool { return m.screen != to && notEditing(m) }
}

// interrupt quits; while a write is on its way only when asked twice.
func (m *Model) interrupt() tea.Cmd {
	if m.edit.stage == editSending && !m.edit.warned {
		m.edit.warned = true
		m.say("a write is on its way; ctrl-c again quits without its answer (the history has it as unknown)")
		return nil
	}
	return tea.Quit
}

// always are the commands that work even while a line is typed into.
func always() section {
	return section{title: "Always", typing: true, keys: []binding{
		{name: "help-anywhere", keys: []string{"f1"}, hint: "help", help: "this help, also while typing", run: (*Model).openHelp, when: (*Model).helpOffered},
		{name: "suspend", keys: []string{"ctrl+z"}, help: "suspend orka; fg in the shell resumes it", run: func(*Model) tea.Cmd { return tea.Suspend }},
		{name: "interrupt", keys: []string{"ctrl+c"}, help: "quit orka at once", run: (*Model).interrupt},
	}}
}

// mover is what the movement keys move: the cursor of a list, or a text.
type mover interface {
	move(d int)
	page(d int)
	to(i int)
}

// farEnd is further than any list or text goes.
const farEnd = 1 << 40

// moving are the movement commands; of finds what moves. letters adds the keys that can't be used while typing.
func moving(of func(*Model) mover, letters bool) []binding {
	act := func(f func(mover)) func(*Model) tea.Cmd {
		return func(m *Model) tea.Cmd {
			if v := of(m); v != nil {
				f(v)
			}
			return m.moved()
		}
	}
	keys := func(always string, more ...string) []string {
		if letters {
			return append([]string{always}, more...)
		}
		return []string{always}
	}
	b := []binding{
		{name: "down", keys: keys("down", "j"), help: "one row down", run: act(func(v mover) { v.move(1) })},
		{name: "up", keys: keys("up", "k"), help: "one row up", run: act(func(v mover) { v.move(-1) })},
		{name: "page-down", keys: keys("pgdown", "ctrl+f"), help: "one page down", run: act(func(v mover) { v.page(1) })},
		{name: "page-up", keys: keys("pgup", "ctrl+b"), help: "one page up", run: act(func(v mover) { v.page(-1) })},
	}
	if letters {
		b = append(b,
			binding{name: "first", keys: []string{"g", "home"}, help: "to the first row", run: act(func(v mover) { v.to(0) })},
			binding{name: "last", keys: []string{"G", "end"}, help: "to the last row", run: act(func(v mover) { v.to(farEnd) })},
		)
	}
	return b
}

// inForce are the sections that take keys now: those of the mode the screen is in.
func (m *Model) inForce() []section {
	s := m.top()
	typing := s.focus() != nil
	var out []section
	for _, sec := range s.sections(m) {
		if sec.typing == typing {
			out = append(out, sec)
		}
	}
	if !typing {
		out = append(out, everywhere())
	}
	return append(out, always())
}

// find is the binding that answers to a key, nil when none does.
func (m *Model) find(key string) *binding {
	for _, sec := range m.inForce() {
		for i := range sec.keys {
			b := &sec.keys[i]
			if slices.Contains(m.keysOf(b), key) && b.offered(m) {
				return b
			}
		}
	}
	return nil
}

func (b *binding) offered(m *Model) bool { return b.when == nil || b.when(m) }

// keysOf are the keys of a binding, as remapped.
func (m *Model) keysOf(b *binding) []string {
	if k, ok := m.opts.Keys[b.name]; ok {
		return k
	}
	return b.keys
}

// Commands lists the names that Options.Keys may remap.
func Commands() []string {
	names := map[string]bool{}
	m := &Model{}
	m.wire()
	for _, s := range m.screens() {
		for _, sec := range append(s.sections(m), everywhere(), always()) {
			for _, b := range sec.keys {
				names[b.name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// checkKeys refuses names that are no commands, and a map that would leave no way out.
func checkKeys(keys map[string][]string) error {
	known := Commands()
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("keys: %q is no command; want one of %s", name, strings.Join(known, ", "))
		}
		if len(keys[name]) == 0 {
			return fmt.Errorf("keys: %q has no key; name at least one", name)
		}
	}
	if k, ok := keys["interrupt"]; ok && !slices.Contains(k, "ctrl+c") {
		return fmt.Errorf("keys: interrupt must keep ctrl+c, the way out that always works")
	}
	return nil
}

var keyCaps = map[string]string{
	" ": "space", "pgdown": "PgDn", "pgup": "PgUp", "home": "Home", "end": "End", "f1": "F1",
	"shift+tab": "shift-tab", "up": "↑", "down": "↓", "left": "←", "right": "→",
}

var asciiCaps = map[string]string{"up": "up", "down": "down", "left": "left", "right": "right"}

// keyCap is how a key is written for people.
func (th *theme) keyCap(key string) string {
	if th.glyph == asciiGlyphs {
		if s, ok := asciiCaps[key]; ok {
			return s
		}
	}
	if s, ok := keyCaps[key]; ok {
		return s
	}
	return strings.ReplaceAll(key, "ctrl+", "ctrl-")
}
