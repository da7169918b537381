package ui

import (
	"cmp"
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
)

// editStage is where an edit stands.
type editStage uint8

// The stages, in the order they are gone through.
const (
	editIdle    editStage = iota
	editOpening           // the object is read
	editOffer             // an earlier draft of it is there
	editEditor            // the draft is written, and the editor has the terminal
	editTrying            // the draft is read and the server tries it
	editPreview           // the difference is looked at
	editSending           // it is being written
	editPending           // the watch has not delivered it yet
	editStored            // it is applied, and there is something to read about it
	editStopped           // something stopped it
	editNext              // between two objects, or after the last one of several
)

// How long each step may take: a server that does not answer must not hold the screen for ever.
const (
	openTimeout   = 30 * time.Second
	tryTimeout    = time.Minute
	commitTimeout = 2 * time.Minute
)

// edit is the screen of the Apply flow: one object, or several one after the other. What runs beside the screen bears the
// step it was started in; answers to an earlier one are dropped.
type edit struct {
	from   location // where one goes back to
	queue  []objectRef
	at     int
	done   []editOutcome // of those before, for several
	stage  editStage
	since  time.Time // of the stage
	step   int
	cancel context.CancelFunc // ends the step that runs
	warned bool               // that a write is on its way
	ask    *question          // stands over the stage until it is answered

	// the object and its draft
	target  apply.Target
	base    *apply.Base
	argv    []string // of the editor
	opened  []byte   // the draft as it was made; nil when an earlier one is gone on with
	path    string   // of the draft; "" while there is none
	text    []byte   // as the editor left it; not to be shown for a Secret
	olds    []oldDraft
	notes   []string       // to be known while looking at the preview
	elapsed time.Duration  // in the editor
	lines   map[string]int // of the draft, by the paths the server objected to

	// the preview
	intent  *apply.Intent
	preview *apply.Preview
	consent apply.Consent
	left    []apply.Conflict // conflicts of an earlier preview that are left as they are
	checks  []apply.Check
	tab     int
	diff    diffView
	fields  list
	guard   textView

	result *apply.Result
	stop   stop
}

// The tabs of a preview.
const (
	tabDiff = iota
	tabGuard
	tabFields
)

// editOutcome is what became of one object of several.
type editOutcome struct {
	target  apply.Target
	text    string
	applied bool
}

// question is asked in one line; y does what it is about, every other answer nothing.
type question struct {
	text string
	yes  func(*Model) tea.Cmd
}

// token tells the step that something was started in.
type token struct{ conn, step int }

// begin starts a step: what ran before is cancelled and its answer dropped.
func (s *edit) begin(m *Model, stage editStage, timeout time.Duration) (context.Context, context.CancelFunc, token) {
	s.enter(m, stage)
	ctx, cancel := context.WithTimeout(m.life, timeout)
	s.cancel = cancel
	return ctx, cancel, token{m.conn, s.step}
}

// enter goes to a stage; whatever runs is cancelled.
func (s *edit) enter(m *Model, stage editStage) {
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
	s.step++
	m.notice = "" // of another stage
	s.stage, s.since, s.ask, s.warned = stage, m.now, nil, false
}

// current reports whether the answer is that of the step the edit is in.
func (m *Model) current(t token) bool {
	return t.conn == m.conn && t.step == m.edit.step && m.edit.stage != editIdle
}

// secret reports whether nothing of the draft may be on the screen.
func (s *edit) secret() bool {
	return s.target.Kind != nil && s.target.Kind.Group == "" && s.target.Kind.Kind == "Secret"
}

// startEdit edits objects one after the other and comes back here afterwards.
func (m *Model) startEdit(refs []objectRef) tea.Cmd {
	switch {
	case len(refs) == 0:
		return nil
	case m.info.ReadOnly:
		m.say("%s", m.readOnlyText())
		return nil
	case m.opts.StateDir == "":
		m.say("nothing can be edited: there is no state directory for drafts")
		return nil
	}
	from := m.here()
	if m.screen == screenExplore {
		from.row = refs[0].uid
	}
	m.edit = edit{from: from, queue: refs, step: m.edit.step + 1}
	m.screen, m.overlay = screenApply, nil
	return m.edit.open(m)
}

// editSelected edits the marked objects, or the one under the cursor.
func (m *Model) editSelected() tea.Cmd {
	if len(m.marks) == 0 {
		if o := m.explore.selected(); o != nil {
			return m.startEdit([]objectRef{refOf(o)})
		}
		return nil
	}
	hits := m.explore.rows.hits
	if len(hits) > 0 && !slices.ContainsFunc(hits, func(h hitRow) bool { return m.marks[h.Object.UID] }) {
		m.sayFor(noticeLong, "e edits the %s marked, none of which is in this list: is:marked shows them, space marks the one under the cursor too", plural(len(m.marks), "object"))
		return nil
	}
	var refs []objectRef
	for o := range m.view.World.All() { // a walk of the World is as fast as drawing it
		if m.marks[o.UID] {
			refs = append(refs, refOf(o))
		}
	}
	sortRefs(refs)
	if len(refs) == 0 {
		m.say("what was marked is not there any more")
	}
	return m.startEdit(refs)
}

// sortRefs puts objects into the order of the table: kind, namespace, name.
func sortRefs(refs []objectRef) {
	slices.SortFunc(refs, func(a, b objectRef) int {
		return cmp.Or(a.kind.Compare(b.kind.GVK), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

func (m *Model) editObject() tea.Cmd {
	if m.object.gone != "" {
		m.say("%s is %s", m.object.ref.name, m.object.gone)
		return nil
	}
	ref := m.object.ref
	if m.object.last != nil {
		ref = refOf(m.object.last)
	}
	return m.startEdit([]objectRef{ref})
}

// refresh looks at the guard anew, and for what was written.
func (s *edit) refresh(m *Model) tea.Cmd {
	s.check(m)
	if s.stage == editPending {
		return s.landed(m)
	}
	return nil
}

func (s *edit) ticked(m *Model) tea.Cmd { return s.refresh(m) }

// check asks the guard how it stands now.
func (s *edit) check(m *Model) {
	if s.preview != nil && s.stage == editPreview {
		s.checks = m.engine.Checks(s.preview, s.consent)
	}
}

// focus is the search line while it is typed into.
func (s *edit) focus() *field {
	if s.stage == editPreview && s.diff.view.typing {
		return &s.diff.view.input
	}
	return nil
}

// edited searches the difference as one types.
func (s *edit) edited(*Model) tea.Cmd {
	s.diff.view.search(s.diff.view.input.value())
	s.diff.view.nearest()
	return nil
}

// waits reports whether the edit waits for a person.
func (s *edit) waits() bool {
	switch s.stage {
	case editOffer, editPreview, editStored, editStopped, editNext:
		return s.ask == nil
	default:
		return false
	}
}

// readOnlyText says why nothing can be edited.
func (m *Model) readOnlyText() string {
	if m.info.Recording != nil {
		return "this is a recording: nothing can be edited"
	}
	return "orka is read-only (ORKA_READONLY): nothing can be edited"
}
