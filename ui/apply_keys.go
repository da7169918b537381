package ui

import (
	tea "github.com/charmbracelet/bubbletea"
)

// sections are the keys of the stage the edit is in; of all stages while nothing is edited, for the list of commands.
func (s *edit) sections(*Model) []section {
	if s.stage == editIdle {
		return []section{s.askKeys(), s.waitKeys(), s.offerKeys(), s.previewKeys(), s.searchKeys(), s.storedKeys(), s.stoppedKeys(), s.nextKeys()}
	}
	if s.ask != nil {
		return []section{s.askKeys()}
	}
	switch s.stage {
	case editOffer:
		return []section{s.offerKeys()}
	case editPreview:
		return []section{s.previewKeys(), s.searchKeys()}
	case editStored:
		return []section{s.storedKeys()}
	case editStopped:
		return []section{s.stoppedKeys()}
	case editNext:
		return []section{s.nextKeys()}
	default:
		return []section{s.waitKeys()}
	}
}

func (s *edit) askKeys() section {
	return section{title: "The question", keys: []binding{
		{name: "yes", keys: []string{"y"}, hint: "yes", help: "yes: do it", run: (*Model).answerYes},
		{name: "no", keys: []string{"n", "esc"}, hint: "no", help: "no: nothing happens", run: (*Model).answerNo},
	}}
}

// waitKeys are in force while something is waited for.
func (s *edit) waitKeys() section {
	leavable := func(m *Model) bool { return m.edit.stage != editSending }
	return section{title: "While it is waited for", keys: []binding{
		{name: "leave-edit", keys: []string{"esc"}, hint: "leave", help: "leave; a draft is kept, and what was written stays written", run: (*Model).leaveEdit, when: leavable},
	}}
}

func (s *edit) offerKeys() section {
	return section{title: "An earlier draft", keys: []binding{
		{name: "go-on", keys: []string{"c"}, hint: "go on with it", help: "go on with the earlier draft", run: (*Model).goOnWithDraft, when: (*Model).goOnOffered},
		{name: "new-draft", keys: []string{"n"}, hint: "new draft", help: "begin anew from the object as it is now; the earlier draft is kept", run: (*Model).newDraft},
		{name: "discard", keys: []string{"x"}, hint: "delete it", help: "delete the earlier draft, after a question", run: (*Model).discardDraft},
		{name: "leave-edit", keys: []string{"esc"}, hint: "leave", help: "leave all as it is", run: (*Model).leaveEdit},
	}}
}

func (s *edit) previewKeys() section {
	onDiff := func(m *Model) bool { return m.edit.tab == tabDiff }
	onFields := func(m *Model) bool { return m.edit.tab == tabFields && len(m.edit.conflicts()) > 0 }
	keys := []binding{
		{name: "take-field", keys: []string{"f"}, hint: "take over", help: "take this field over from its owner", run: (*Model).takeField, when: onFields},
		{name: "leave-field", keys: []string{"t"}, hint: "leave it", help: "leave this field as it is; the next preview is without it", run: (*Model).leaveField, when: onFields},
		{name: "toggle-field", keys: []string{" "}, hint: "toggle", help: "undecided, take over, leave: the next of them for this field", run: (*Model).toggleField, when: onFields},
		{name: "apply", keys: []string{"a"}, hint: "apply", help: "apply it, after a question; or say what is in the way", run: (*Model).confirm},
		{name: "edit-again", keys: []string{"e"}, hint: "edit again", help: "open the draft in the editor again", run: (*Model).editAgain},
		{name: "dry-run", keys: []string{"d"}, hint: "dry-run", help: "have the server try it again, on the object as it is now", run: (*Model).dryRunAgain},
		{name: "next-hunk", keys: []string{"n"}, hint: "next change", help: "to the next change, or the next match of a search", run: diffStep(1), when: onDiff},
		{name: "previous-hunk", keys: []string{"N"}, help: "to the change or match before", run: diffStep(-1), when: onDiff},
		{name: "next-tab", keys: []string{"tab"}, hint: "next tab", help: "the difference, the guard, the fields of others", run: editTab(1)},
		{name: "previous-tab", keys: []string{"shift+tab"}, help: "the tab before", run: editTab(-1)},
		{name: "side-by-side", keys: []string{"s"}, hint: "two columns", help: "both sides beside each other, or one text", run: (*Model).toggleSide, when: onDiff},
		{name: "retry", keys: []string{"r"}, hint: "retry watch", help: "the watcher of the kind tries again now", run: (*Model).retryWatch},
		{name: "search-text", keys: []string{"/"}, hint: "search", help: "search the difference", run: (*Model).searchDiff, when: onDiff},
		{name: "wrap", keys: []string{"w"}, help: "wrap long lines, or cut them", run: diffAct((*textView).toggleWrap), when: onDiff},
		{name: "left", keys: []string{"left", "h"}, help: "scroll to the left", run: diffAct(func(t *textView) { t.sideways(-sideStep) }), when: onDiff},
		{name: "right", keys: []string{"right", "l"}, help: "scroll to the right", run: diffAct(func(t *textView) { t.sideways(sideStep) }), when: onDiff},
		{name: "leave-edit", keys: []string{"esc"}, hint: "leave", help: "leave; the draft is kept. Ends a search first", run: (*Model).leaveEdit},
	}
	return section{title: "In the preview", keys: append(keys, moving(editMover, true)...)}
}

func (s *edit) searchKeys() section {
	typing := []binding{
		{name: "search-done", keys: []string{"enter"}, hint: "done", help: "keep the matches; n and N go through them", run: diffAct(func(t *textView) { t.typing = false })},
		{name: "search-cancel", keys: []string{"esc"}, hint: "cancel", help: "end the search", run: diffAct((*textView).endSearch)},
	}
	return section{title: "While typing a search", typing: true, keys: append(typing, moving(editMover, false)...)}
}

func (s *edit) storedKeys() section {
	keys := []binding{
		{name: "next-hunk", keys: []string{"n"}, hint: "next change", help: "to the next difference", run: diffStep(1)},
		{name: "previous-hunk", keys: []string{"N"}, help: "to the difference before", run: diffStep(-1)},
		{name: "side-by-side", keys: []string{"s"}, hint: "two columns", help: "both sides beside each other, or one text", run: (*Model).toggleSide},
		{name: "leave-edit", keys: []string{"enter", "esc"}, hint: "done", help: "back to where the edit was begun", run: (*Model).leaveEdit},
	}
	return section{title: "What was stored", keys: append(keys, moving(editMover, true)...)}
}

func (s *edit) stoppedKeys() section {
	has := func(f func(*stop) bool) func(*Model) bool { return func(m *Model) bool { return f(&m.edit.stop) } }
	keys := []binding{
		{name: "edit-again", keys: []string{"e"}, hint: "edit again", help: "edit again: the same draft, or a new one where the object is another by now", run: (*Model).editAgain, when: has(func(st *stop) bool { return st.again || st.anew })},
		{name: "apply", keys: []string{"a"}, hint: "try again", help: "back to the preview, to apply it once more", run: (*Model).backToPreview, when: has(func(st *stop) bool { return st.retry })},
		{name: "dry-run", keys: []string{"d"}, hint: "try again", help: "ask the server once more; nothing is written by that", run: (*Model).dryRunAgain, when: has(func(st *stop) bool { return st.dryRun })},
		{name: "without-dry-run", keys: []string{"w"}, hint: "without dry-run", help: "go on without a dry-run, after a question", run: (*Model).withoutDryRun, when: has(func(st *stop) bool { return st.without })},
		{name: "leave-edit", keys: []string{"esc"}, hint: "leave", help: "leave; the draft is kept", run: (*Model).leaveEdit},
	}
	return section{title: "What stopped it", keys: append(keys, moving(editMover, true)...)}
}

func (s *edit) nextKeys() section {
	more := func(m *Model) bool { return m.edit.at < len(m.edit.queue) }
	return section{title: "Between two objects", keys: []binding{
		{name: "next-object", keys: []string{"e", "enter"}, hint: "edit the next", help: "edit the next object", run: func(m *Model) tea.Cmd { return m.edit.open(m) }, when: more},
		{name: "skip", keys: []string{"s"}, hint: "skip it", help: "leave the next object out", run: (*Model).skipObject, when: more},
		{name: "leave-edit", keys: []string{"esc"}, hint: "stop", help: "back to where the edit was begun; the objects that are left stay as they are", run: (*Model).leaveEdit},
	}}
}

// editMover is what the movement keys move; nil while there is nothing.
func editMover(m *Model) mover {
	s := &m.edit
	switch {
	case s.ask != nil:
		return nil
	case s.stage == editStopped:
		return &s.stop.view
	case s.stage == editStored || (s.stage == editPreview && s.tab == tabDiff):
		return &s.diff.view
	case s.stage == editPreview && s.tab == tabGuard:
		return &s.guard
	case s.stage == editPreview:
		return &s.fields
	}
	return nil
}

func diffAct(f func(*textView)) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd {
		f(&m.edit.diff.view)
		return nil
	}
}

// diffStep goes through the matches of a search, or through the changes.
func diffStep(by int) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd {
		d := &m.edit.diff
		switch {
		case len(d.view.matches) > 0:
			d.view.step(by)
		case len(d.heads) < 2:
			m.say("%s", plural(len(d.heads), "run")+" of changes")
			d.step(by)
		default:
			d.step(by)
			m.say("change %d of %d", d.hunk+1, len(d.heads))
		}
		return nil
	}
}

func editTab(by int) func(*Model) tea.Cmd {
	return func(m *Model) tea.Cmd {
		s := &m.edit
		s.tab = (s.tab + by + 3) % 3
		return nil
	}
}

// editTo shows a tab.
func (m *Model) editTo(tab int) tea.Cmd {
	m.edit.tab = tab
	return nil
}

func (m *Model) toggleSide() tea.Cmd {
	m.edit.diff.toggleSide(m.w)
	return nil
}

func (m *Model) searchDiff() tea.Cmd {
	m.edit.diff.view.typing = true
	return nil
}

// backToPreview goes back to what was about to be applied, and asks again.
func (m *Model) backToPreview() tea.Cmd {
	m.edit.enter(m, editPreview)
	return m.confirm()
}

func (m *Model) skipObject() tea.Cmd {
	s := &m.edit
	ref := s.queue[s.at]
	s.target.Kind, s.target.Namespace, s.target.Name = ref.kind, ref.namespace, ref.name
	s.done = append(s.done, editOutcome{target: s.target, text: "skipped"})
	s.at++
	return nil
}
