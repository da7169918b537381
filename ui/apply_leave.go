package ui

import (
	tea "github.com/charmbracelet/bubbletea"

	"orka/watch"
)

// finish ends the edit of one object. kept says whether its draft stays.
func (s *edit) finish(m *Model, outcome string, applied, kept bool) tea.Cmd {
	var cmd tea.Cmd
	if s.path != "" && !kept {
		cmd = m.removeDraft(s.path)
		s.path = ""
	}
	path := s.path
	s.enter(m, editNext)
	if len(s.queue) > 1 {
		if path != "" {
			outcome += "; the draft is kept: " + shortPath(path)
		}
		s.done = append(s.done, editOutcome{s.target, outcome, applied})
		s.at++
		return cmd
	}
	cmd = tea.Batch(cmd, s.goBack(m, outcome))
	if path != "" {
		m.sayKept("", path)
	}
	return cmd
}

// goBack leaves the screen for where the edit was begun.
func (s *edit) goBack(m *Model, notice string) tea.Cmd {
	s.enter(m, editIdle)
	from := s.from
	m.edit = edit{step: s.step}
	cmd := m.show(from)
	if notice != "" {
		m.say("%s", notice)
	}
	return cmd
}

// leave is what esc and q mean: one step out, never with a draft lost or a write forgotten.
func (s *edit) leave(m *Model) tea.Cmd {
	if s.ask != nil {
		s.ask = nil
		return nil
	}
	switch s.stage {
	case editSending:
		m.say("it has been sent and can't be taken back; its answer is waited for")
		return nil
	case editPending, editStored:
		return s.finish(m, "applied: version "+s.version(), true, false)
	case editNext:
		return s.goBack(m, "")
	case editPreview:
		if s.diff.view.searchText != "" {
			s.diff.view.endSearch()
			return nil
		}
	}
	return s.finish(m, "nothing was applied", false, true)
}

func (s *edit) version() string { return watch.Sanitize(s.result.ResourceVersion) }

// leaveEdit is esc.
func (m *Model) leaveEdit() tea.Cmd { return m.edit.leave(m) }
