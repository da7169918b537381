package ui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// The tabs of an object.
const (
	tabOverview = iota
	tabYAML
	tabEvents
)

var objectTabs = []string{"Overview", "YAML", "Events"}

// How soon a text is fetched anew after the object has changed: YAML is mostly at hand, a description costs
// the server several requests.
const (
	yamlEvery     = time.Second
	describeEvery = 10 * time.Second
)

// fetchTimeout bounds one fetch of a text.
const fetchTimeout = 30 * time.Second

// objectRef is which object is looked at; the uid tells it from a later one of the same name.
type objectRef struct {
	kind                 *watch.Kind
	namespace, name, uid string
}

func refOf(o *watch.Object) objectRef {
	return objectRef{o.Kind, o.Namespace, o.Name, o.UID}
}

// fetched is a text and what is known of where it is from.
type fetched struct {
	view     textView
	loaded   bool
	fetching bool
	asked    bool // a person asked for it, and is told when it is there
	seq      int
	err      string
	source   engine.Source // "" for a description: always from the server
	at       time.Time     // when it was asked for
	version  string        // resourceVersion it is of
}

// object is the screen of one object.
type object struct {
	ref  objectRef
	last *watch.Object // as last seen; nil only while nothing is open
	gone string        // why it is no longer there; "" while it is
	tab  int

	texts  [2]fetched // by tab: overview, YAML
	events eventList
}

// enter shows a tab of an object. Coming back to the same one keeps what was read.
func (s *object) enter(m *Model, ref objectRef, tab int) tea.Cmd {
	if s.ref != ref || s.last == nil {
		*s = object{ref: ref}
		for i := range s.texts {
			s.texts[i].view.input = newField()
		}
	}
	s.tab = tab
	m.want(ref.kind)
	return s.refresh(m)
}

// focus is the search line of the text shown, while it is typed into.
func (s *object) focus() *field {
	if t := s.text(); t != nil && t.view.typing {
		return &t.view.input
	}
	return nil
}

// text is the text of the tab shown, or nil.
func (s *object) text() *fetched {
	if s.tab < len(s.texts) {
		return &s.texts[s.tab]
	}
	return nil
}

// edited searches the text as one types.
func (s *object) edited(*Model) tea.Cmd {
	if t := s.text(); t != nil {
		t.view.search(t.view.input.value())
		t.view.nearest()
	}
	return nil
}

// refresh looks the object up in the new View, and reads what is shown if that was never read.
func (s *object) refresh(m *Model) tea.Cmd {
	if s.ref.kind == nil {
		return nil
	}
	o := m.view.World.Get(s.ref.kind, s.ref.namespace, s.ref.name)
	switch {
	case o == nil:
		s.gone = "deleted"
	case s.ref.uid != "" && o.UID != s.ref.uid:
		s.gone = "deleted; another object has its name now"
	default:
		s.gone, s.last = "", o
	}
	if s.last == nil {
		return nil
	}
	if s.tab == tabEvents {
		return s.events.refresh(m, s.last)
	}
	if t := s.text(); !t.loaded && !t.fetching && t.err == "" {
		return s.fetch(m)
	}
	return nil
}

// ticked reads a text anew when the object has changed since, at a pace the server can bear.
func (s *object) ticked(m *Model) tea.Cmd {
	t := s.text()
	if t == nil || s.last == nil || s.gone != "" || !t.loaded || t.fetching || t.version == s.last.ResourceVersion {
		return nil
	}
	every := yamlEvery
	if s.tab == tabOverview {
		every = describeEvery
	}
	if m.now.Sub(t.at) < every {
		return nil
	}
	return s.fetch(m)
}

// fetch reads the text of the tab shown.
func (s *object) fetch(m *Model) tea.Cmd {
	t := s.text()
	if t == nil || s.last == nil {
		return nil
	}
	t.fetching, t.err = true, ""
	t.at = m.now
	t.seq++
	msg := fetchedMsg{conn: m.conn, ref: s.ref, tab: s.tab, seq: t.seq, version: s.last.ResourceVersion}
	return m.run(fetchText(m.life, m.engine, m.th, s.last, msg))
}
