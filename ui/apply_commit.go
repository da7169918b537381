package ui

import (
	"errors"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/watch"
)

// From the preview to what is stored: the guard, one question, the write, the watch.

// confirm asks whether to write, or says what is in the way.
func (m *Model) confirm() tea.Cmd {
	s := &m.edit
	s.check(m)
	switch {
	case s.outdated():
		return s.tryAgain(m)
	case s.waiting() > 0:
		s.tab = tabFields
		m.say("%s of others: f takes one over, t leaves it", plural(s.waiting(), "field"))
		return nil
	case s.preview.Diff.Empty():
		m.say("the server would change nothing: there is nothing to apply")
		return nil
	}
	if c := s.blocking(m); len(c) > 0 {
		m.sayFor(noticeLong, "%s", blockedText(c))
		return nil
	}
	s.ask = &question{s.confirmText(m), func(m *Model) tea.Cmd { return m.edit.send(m) }}
	return nil
}

// confirmText says what a y would do beyond the difference.
func (s *edit) confirmText(m *Model) string {
	var more []string
	if from := s.takenFrom(); from != "" {
		more = append(more, "takes over "+from)
	}
	if s.preview.Local != "" {
		more = append(more, "without a dry-run")
	}
	if len(s.moved(m)) > 0 {
		more = append(more, "it moved on: tried again first")
	}
	if len(more) == 0 {
		return ""
	}
	return strings.Join(more, ", ")
}

// moved are the conditions that a commit mends by itself: it tries the edit on the newer version, or anew, and asks again
// if that makes another difference.
func (s *edit) moved(m *Model) []apply.Check {
	var out []apply.Check
	for _, c := range apply.Failed(s.checks) {
		if s.mends(m, c) {
			out = append(out, c)
		}
	}
	return out
}

func (s *edit) mends(m *Model, c apply.Check) bool {
	switch c.Condition {
	case apply.DryRunFresh:
		return s.preview.Local == ""
	case apply.SnapshotAge:
		o := m.view.World.Get(s.target.Kind, s.target.Namespace, s.target.Name)
		return o != nil && o.UID == s.preview.Base.UID
	default:
		return false
	}
}

// blocking are the conditions that fail and that no commit mends.
func (s *edit) blocking(m *Model) []apply.Check {
	var out []apply.Check
	for _, c := range apply.Failed(s.checks) {
		if !s.mends(m, c) {
			out = append(out, c)
		}
	}
	return out
}

// blockedText says which condition fails, and what to do about it.
func blockedText(failed []apply.Check) string {
	c := failed[0]
	text := watch.Sanitize(c.Reason)
	if n := len(failed); n > 1 {
		text += fmt.Sprintf(" (and %d more)", n-1)
	}
	if out := wayOut(c.Condition); out != "" {
		text += ": " + out
	}
	return text
}

// wayOut is what a person can do about a condition that fails.
func wayOut(c apply.Condition) string {
	switch c {
	case apply.WatchLive, apply.NoSuspend:
		return "r tries the watch again"
	case apply.DryRunFresh, apply.SameIdentity:
		return "d makes a new dry-run"
	case apply.SnapshotAge, apply.SameObject:
		return "d tries the edit on what is there now"
	case apply.Consented:
		return "tab shows the fields"
	default:
		return ""
	}
}

func (m *Model) retryWatch() tea.Cmd {
	m.retry(m.edit.target.Kind)
	return nil
}

// answerYes is y to the question.
func (m *Model) answerYes() tea.Cmd {
	q := m.edit.ask
	m.edit.ask = nil
	return q.yes(m)
}

func (m *Model) answerNo() tea.Cmd {
	m.edit.ask = nil
	return nil
}

// committedMsg is the answer to a write.
type committedMsg struct {
	token
	result *apply.Result
	lines  map[string]int
	err    error
}

// send writes. The guard is looked at once more: it may have turned while the question stood.
func (s *edit) send(m *Model) tea.Cmd {
	s.check(m)
	if c := s.blocking(m); len(c) > 0 {
		m.sayFor(noticeLong, "%s", blockedText(c))
		return nil
	}
	ctx, cancel, t := s.begin(m, editSending, commitTimeout)
	engine, p, consent, text := m.engine, s.preview, s.consent, s.text
	return m.run(func() tea.Msg {
		defer cancel()
		r, err := engine.Commit(ctx, p, consent)
		return committedMsg{t, r, causeLines(text, err), err}
	})
}

func (c committedMsg) apply(m *Model) tea.Cmd {
	if !m.current(c.token) {
		return nil
	}
	s := &m.edit
	if c.err != nil {
		s.lines = c.lines
		s.refused(m, c.err)
		return nil
	}
	s.result = c.result
	var cmd tea.Cmd
	if s.path != "" { // it is what is stored now
		cmd = m.removeDraft(s.path)
		s.path = ""
	}
	s.enter(m, editPending)
	return tea.Batch(cmd, s.landed(m))
}

// landed ends the edit once the watch has delivered what was written.
func (s *edit) landed(m *Model) tea.Cmd {
	if !apply.Landed(m.view.World.Get(s.target.Kind, s.target.Namespace, s.target.Name), s.result) {
		return nil
	}
	if s.remarks() {
		s.enter(m, editStored)
		s.tab = tabDiff
		s.diff.set(s.result.Surprises)
		return nil
	}
	return s.finish(m, "applied: version "+s.version(), true, false)
}

// remarks reports whether there is something to read about what was stored.
func (s *edit) remarks() bool { return !s.result.Surprises.Empty() || len(s.result.Warnings) > 0 }

// refused goes to what stopped a write: back to the preview where that can be mended there.
func (s *edit) refused(m *Model, err error) {
	var moved *apply.MovedError
	var conflict *apply.ConflictError
	var stale *apply.StaleError
	switch {
	case errors.As(err, &moved) && moved.Next != nil:
		s.notes = []string{"it changed since, and this is another difference than the one you saw: nothing was written"}
		switch {
		case moved.Next.Diff.Empty():
			s.notes = []string{"somebody else has made the same change meanwhile: nothing was written, and nothing is left to apply"}
		case moved.Busy:
			s.notes = []string{"it changes faster than it can be applied to: nothing was written; look at the newest difference"}
		}
		s.take(m, moved.Next)
		s.tab = tabDiff
	case errors.As(err, &conflict):
		s.notes = []string{"others own fields of the edit: nothing was written"}
		s.enter(m, editPreview)
		if p := *s.preview; len(conflict.Conflicts) > 0 {
			p.Conflicts = mergeConflicts(p.Conflicts, conflict.Conflicts)
			s.take(m, &p)
		}
		s.tab = tabFields
	case errors.As(err, &stale):
		s.notes = []string{"not applied, nothing was written: " + watch.Sanitize(blockedText(stale.Failed))}
		s.enter(m, editPreview)
		s.check(m)
		s.tab = tabGuard
	default:
		s.fail(m, "apply to", err)
	}
}

// mergeConflicts is a with those of b that are not in it.
func mergeConflicts(a, b []apply.Conflict) []apply.Conflict {
	out := append([]apply.Conflict(nil), a...)
	known := map[apply.Conflict]bool{}
	for _, c := range a {
		known[identity(c)] = true
	}
	for _, c := range b {
		if !known[identity(c)] {
			out = append(out, c)
		}
	}
	return out
}
