package ui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/watch"
)

// From the key to the editor: read the object, look for an earlier draft, write a new one, give the terminal away.

// openedMsg is an object that was read for editing.
type openedMsg struct {
	token
	argv []string // of the editor
	base *apply.Base
	text []byte
	olds []oldDraft
	err  error
}

// open reads the object that is next.
func (s *edit) open(m *Model) tea.Cmd {
	ref := s.queue[s.at]
	ctx, cancel, t := s.begin(m, editOpening, openTimeout)
	s.forget()
	s.target = apply.Target{Kind: ref.kind, Namespace: ref.namespace, Name: ref.name}
	m.want(ref.kind)
	target, engine, info, folder := s.target, m.engine, m.info, m.drafts()
	return m.run(func() tea.Msg {
		defer cancel()
		msg := openedMsg{token: t}
		if msg.argv, msg.err = findEditor(); msg.err != nil { // nothing is asked of the server for an edit that can't begin
			return msg
		}
		if msg.base, msg.text, msg.err = engine.OpenEdit(ctx, target); msg.err == nil {
			msg.olds = folder.find(baseOf(msg.base, info))
		}
		return msg
	})
}

// forget drops all that is known of the object before.
func (s *edit) forget() {
	*s = edit{from: s.from, queue: s.queue, at: s.at, done: s.done, stage: s.stage, since: s.since, step: s.step, cancel: s.cancel}
	s.diff.set(nil)
}

func (o openedMsg) apply(m *Model) tea.Cmd {
	if !m.current(o.token) {
		return nil
	}
	s := &m.edit
	if o.err != nil {
		s.fail(m, "read", o.err)
		return nil
	}
	s.argv, s.base, s.opened, s.olds = o.argv, o.base, o.text, o.olds
	if want := s.queue[s.at].uid; want != "" && o.base.UID != want {
		s.notes = append(s.notes, "the object was made anew since it was last seen here: this is the new one")
	}
	if len(s.olds) > 0 {
		s.enter(m, editOffer)
		return nil
	}
	return s.write(m)
}

// wroteMsg is a draft that was written.
type wroteMsg struct {
	token
	path string
	err  error
}

// write makes a new draft of the object that was read.
func (s *edit) write(m *Model) tea.Cmd {
	s.enter(m, editEditor)
	t := token{m.conn, s.step}
	folder, of, base, text := m.drafts(), s.target, baseOf(s.base, m.info), s.opened
	return m.run(func() tea.Msg {
		path, err := folder.write(of, base, text)
		return wroteMsg{t, path, err}
	})
}

func (w wroteMsg) apply(m *Model) tea.Cmd {
	switch {
	case !m.current(w.token):
		if w.err == nil { // nobody has seen it
			return m.removeDraft(w.path)
		}
		return nil
	case w.err != nil:
		m.edit.fail(m, "write the draft of", w.err)
		return nil
	}
	m.edit.path = w.path
	return m.edit.launch(m)
}

// goOn edits an earlier draft. What it means to change is found against the object as it is now.
func (m *Model) goOnWithDraft() tea.Cmd {
	s := &m.edit
	old := s.olds[0]
	s.path, s.opened = old.path, nil
	if old.base.ResourceVersion != s.base.ResourceVersion {
		note := fmt.Sprintf("the draft is of version %s and the object is at %s now: ", old.base.ResourceVersion, s.base.ResourceVersion)
		if base := old.base.restored(s.target); base != nil {
			s.base = base
			note += "what it changes is carried over"
		} else {
			note += "what others changed meanwhile would be put back"
		}
		s.notes = append(s.notes, note)
	}
	return s.launch(m)
}

// goOnOffered: a draft of another object of this name is none of this one.
func (m *Model) goOnOffered() bool {
	s := &m.edit
	return len(s.olds) > 0 && s.base != nil && s.olds[0].base.UID == s.base.UID
}

func (m *Model) newDraft() tea.Cmd { return m.edit.write(m) }

// discardDraft deletes the earlier draft that is offered, after a question.
func (m *Model) discardDraft() tea.Cmd {
	s := &m.edit
	s.ask = &question{"delete that draft for good?", func(m *Model) tea.Cmd {
		s := &m.edit
		path := s.olds[0].path
		s.olds = s.olds[1:]
		if len(s.olds) > 0 {
			return m.removeDraft(path)
		}
		return tea.Batch(m.removeDraft(path), s.write(m))
	}}
	return nil
}

// removedMsg says that a draft could not be removed.
type removedMsg struct{ err error }

func (r removedMsg) apply(m *Model) tea.Cmd {
	if r.err != nil {
		m.say("%s", watch.Sanitize(r.err.Error()))
	}
	return nil
}

func (m *Model) removeDraft(path string) tea.Cmd {
	folder := m.drafts()
	return m.run(func() tea.Msg { return removedMsg{folder.remove(path)} })
}

// editedMsg says that the editor has ended and the terminal is ours again.
type editedMsg struct {
	token
	err  error
	took time.Duration
}

// launch gives the terminal to the editor.
func (s *edit) launch(m *Model) tea.Cmd {
	s.enter(m, editEditor)
	m.overlay = nil
	t, now, begun := token{m.conn, s.step}, m.opts.now, m.now
	exec := m.opts.exec
	if exec == nil {
		exec = tea.Exec
	}
	return exec(&editorCommand{argv: s.argv, path: s.path, away: m.opts.Away}, func(err error) tea.Msg {
		return editedMsg{t, err, now().Sub(begun)}
	})
}

func (e editedMsg) apply(m *Model) tea.Cmd {
	var mouse tea.Cmd // bubbletea gives back the screen, not the mouse
	if m.mouse {
		mouse = tea.EnableMouseCellMotion
	}
	if !m.current(e.token) {
		return mouse
	}
	s := &m.edit
	if e.err != nil {
		s.stopWith(m, stop{title: editorFailure(s.argv, e.err), body: paragraphs("nothing was sent anywhere"), again: true})
		return mouse
	}
	s.elapsed = e.took
	return tea.Batch(mouse, s.try(m))
}

// editAgain opens the same draft once more; after a change underneath, a new draft of the object as it is now.
func (m *Model) editAgain() tea.Cmd {
	s := &m.edit
	if s.stage == editStopped && s.stop.anew {
		old := s.path
		cmd := s.open(m)
		s.notes = append(s.notes, "your draft before this one is kept: "+shortPath(old))
		return cmd
	}
	return s.launch(m)
}
