package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/watch"
)

// The fields that others own: each is decided on by itself, and nothing is taken without a key for exactly that field.

// decision is what is to become of a field that others own.
type decision uint8

const (
	undecided decision = iota
	takeOver
	leaveTheirs
)

// conflicts are the fields to decide on: those of the preview, and those left out of it.
func (s *edit) conflicts() []apply.Conflict {
	if s.preview == nil {
		return nil
	}
	return append(slices.Clone(s.preview.Conflicts), s.left...)
}

func (s *edit) decided(c apply.Conflict) decision {
	switch {
	case s.consent.Leave[c.Path]:
		return leaveTheirs
	case s.consent.Take[c.Path]:
		return takeOver
	default:
		return undecided
	}
}

// decide sets what becomes of a field. The maps are replaced, never written: a step that runs may read them.
func (s *edit) decide(c apply.Conflict, d decision) {
	set := func(of map[string]bool, on bool) map[string]bool {
		next := maps.Clone(of)
		if next == nil {
			next = map[string]bool{}
		}
		if delete(next, c.Path); on {
			next[c.Path] = true
		}
		return next
	}
	s.consent.Take = set(s.consent.Take, d == takeOver)
	s.consent.Leave = set(s.consent.Leave, d == leaveTheirs)
}

func (s *edit) selectedField() (apply.Conflict, bool) {
	all := s.conflicts()
	if s.fields.cursor < len(all) {
		return all[s.fields.cursor], true
	}
	return apply.Conflict{}, false
}

func (m *Model) toggleField() tea.Cmd {
	s := &m.edit
	if c, ok := s.selectedField(); ok {
		s.decide(c, (s.decided(c)+1)%3)
		s.check(m)
	}
	return nil
}

func (m *Model) takeField() tea.Cmd {
	s := &m.edit
	if c, ok := s.selectedField(); ok {
		s.decide(c, takeOver)
		s.fields.move(1)
		s.check(m)
	}
	return nil
}

func (m *Model) leaveField() tea.Cmd {
	s := &m.edit
	if c, ok := s.selectedField(); ok {
		s.decide(c, leaveTheirs)
		s.fields.move(1)
		s.check(m)
	}
	return nil
}

// waiting is how many fields nothing was said about.
func (s *edit) waiting() int {
	n := 0
	for _, c := range s.conflicts() {
		if s.decided(c) == undecided {
			n++
		}
	}
	return n
}

// outdated reports whether the preview is not that of what was decided: fields to leave are still in it, or fields that
// were left are wanted after all.
func (s *edit) outdated() bool {
	for _, c := range s.preview.Conflicts {
		if s.consent.Leave[c.Path] {
			return true
		}
	}
	for _, c := range s.left {
		if !s.consent.Leave[c.Path] {
			return true
		}
	}
	return false
}

var fieldColumns = []column{
	{title: "DECISION", min: 9, priority: 90},
	{title: "FIELD", min: 12, priority: priorityName, middle: true},
	{title: "OWNED BY", min: 16, good: 24, max: 40, priority: 80, middle: true},
	{title: "THE EDIT", priority: 60},
}

func (s *edit) drawFields(m *Model, c *canvas, height int) {
	all := s.conflicts()
	if len(all) == 0 {
		drawEmpty(c, height, "no field of others is touched")
		return
	}
	t := table{gutter: 2, sorted: -1}
	t.setColumns(fieldColumns)
	t.draw(c, &s.fields, height, true, func(i int) row {
		f := all[i]
		word, st := "undecided", m.th.warnBold
		switch s.decided(f) {
		case takeOver:
			word, st = "take over", m.th.badBold
		case leaveTheirs:
			word, st = "leave", m.th.good
		}
		does := "changes it"
		if f.Removes {
			does = "removes it"
		}
		mark := " "
		if i == s.fields.cursor {
			mark = m.th.glyph.cursor
		}
		return row{
			gutter: []span{{m.th.accentBold, mark}, {"", " "}},
			cells:  []string{word, watch.Sanitize(f.Path), watch.Sanitize(f.Manager), does}, styles: []style{st, "", m.th.accent, m.th.dim},
		}
	}, func(i int) hitFunc {
		return func(m *Model) tea.Cmd { m.edit.fields.to(i); return nil }
	})
}

// takenFrom names the owners that fields are taken from: "2 fields of kube-controller-manager".
func (s *edit) takenFrom() string {
	n := 0
	owners := map[string]bool{}
	for _, c := range s.preview.Conflicts {
		if s.consent.Take[c.Path] {
			n++
			owners[watch.Sanitize(c.Manager)] = true
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s", plural(n, "field"), strings.Join(slices.Sorted(maps.Keys(owners)), ", "))
}
