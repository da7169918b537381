package ui

import (
	"bytes"
	"errors"
	"maps"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/watch"
)

// From the editor to the preview: read the draft, find what it means to change, have the server try it.

// triedMsg is what became of a draft.
type triedMsg struct {
	token
	text      []byte
	unchanged bool // the draft is as it was
	emptied   bool
	intent    *apply.Intent
	preview   *apply.Preview
	consent   apply.Consent  // that the preview was made with
	lines     map[string]int // of the draft, by the paths the server objects to
	err       error
}

// atOnce is how soon an editor that left the draft alone is suspected of not having waited for its window.
const atOnce = 700 * time.Millisecond

// try reads the draft and has the server try what it changes.
func (s *edit) try(m *Model) tea.Cmd {
	ctx, cancel, t := s.begin(m, editTrying, tryTimeout)
	engine, folder, path, base, opened := m.engine, m.drafts(), s.path, s.base, s.opened
	// What was agreed to, and what was shown, was for another edit: of this one nothing is known until it is read.
	s.consent, s.left, s.intent, s.preview = apply.Consent{}, nil, nil, nil
	return m.run(func() tea.Msg {
		defer cancel()
		msg := triedMsg{token: t}
		if msg.text, msg.err = folder.read(path); msg.err != nil {
			return msg
		}
		msg.unchanged = opened != nil && bytes.Equal(msg.text, opened)
		msg.emptied = len(bytes.TrimSpace(msg.text)) == 0
		if msg.unchanged || msg.emptied {
			return msg
		}
		if msg.intent, msg.err = engine.Intent(ctx, base, msg.text); msg.err == nil {
			msg.preview, msg.err = engine.Preview(ctx, base, msg.intent, msg.consent)
			msg.lines = causeLines(msg.text, msg.err)
		}
		return msg
	})
}

// tryAgain makes another dry-run of the same edit. Where the object has moved since, Preview follows it, always from the
// base of the draft: what others changed meanwhile is told from what the edit changes.
func (s *edit) tryAgain(m *Model) tea.Cmd {
	if s.intent == nil { // it never came so far
		if s.path == "" {
			return s.open(m)
		}
		return s.try(m)
	}
	ctx, cancel, t := s.begin(m, editTrying, tryTimeout)
	engine, base, intent, consent, text := m.engine, s.base, s.intent, s.consent, s.text
	return m.run(func() tea.Msg {
		defer cancel()
		msg := triedMsg{token: t, intent: intent, consent: consent}
		msg.preview, msg.err = engine.Preview(ctx, base, intent, consent)
		msg.lines = causeLines(text, msg.err)
		return msg
	})
}

func (r triedMsg) apply(m *Model) tea.Cmd {
	if !m.current(r.token) {
		return nil
	}
	s := &m.edit
	if r.text != nil {
		s.text = r.text
	}
	if r.intent != nil {
		s.intent = r.intent
	}
	switch {
	case r.emptied:
		return s.finish(m, "the draft is empty: nothing was changed", false, false)
	case r.unchanged:
		notice := "nothing was changed"
		if s.elapsed < atOnce {
			notice += "; an editor with a window of its own needs to wait for it: EDITOR=\"code --wait\""
		}
		return s.finish(m, notice, false, false)
	case errors.Is(r.err, apply.ErrNoChange) && len(r.consent.Leave) > 0:
		s.enter(m, editPreview)
		s.check(m)
		m.say("without the fields you leave, nothing is left to apply")
		return nil
	case errors.Is(r.err, apply.ErrNoChange):
		return s.finish(m, watch.Sanitize(r.err.Error()), false, false)
	case r.err != nil:
		s.lines = r.lines
		s.fail(m, "try the edit of", r.err)
		return nil
	}
	s.take(m, r.preview)
	if n := len(s.left); n > 0 {
		m.say("the preview is without the %s you leave", plural(n, "field"))
	}
	return nil
}

// take shows a preview. What was agreed to stays agreed to where the same manager owns the same field.
func (s *edit) take(m *Model, p *apply.Preview) {
	known := map[apply.Conflict]bool{}
	for _, c := range s.conflicts() {
		known[identity(c)] = true
	}
	here := map[string]bool{}
	fresh := map[string]bool{} // fields that somebody owns who did not at the last preview
	for _, c := range p.Conflicts {
		here[c.Path] = true
		if !known[identity(c)] {
			fresh[c.Path] = true
		}
	}
	var left []apply.Conflict
	for _, c := range s.conflicts() {
		if s.consent.Leave[c.Path] && !here[c.Path] {
			left = append(left, c)
		}
	}
	take := maps.Clone(s.consent.Take)
	maps.DeleteFunc(take, func(path string, _ bool) bool { return fresh[path] || !here[path] })
	s.consent.Take = take
	s.left = left
	s.preview = p
	s.enter(m, editPreview)
	s.fields.setLen(len(s.conflicts()))
	s.diff.set(p.Diff)
	s.check(m)
}

func identity(c apply.Conflict) apply.Conflict {
	return apply.Conflict{Path: c.Path, Manager: c.Manager, Removes: c.Removes}
}

func (m *Model) dryRunAgain() tea.Cmd { return m.edit.tryAgain(m) }

// withoutDryRun goes on where a webhook can't take part in a dry-run, after a question.
func (m *Model) withoutDryRun() tea.Cmd {
	m.edit.ask = &question{"go on without a dry-run? what webhooks do to it is then not shown before", func(m *Model) tea.Cmd {
		m.edit.consent.WithoutDryRun = true
		return m.edit.tryAgain(m)
	}}
	return nil
}
