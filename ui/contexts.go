package ui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"orka/watch"
)

// contextsOffered: another context ends an edit, whose draft is kept; a write that is on its way is waited for.
func (m *Model) contextsOffered() bool {
	return m.opts.Contexts != nil && (notEditing(m) || m.edit.waits())
}

func newContextPicker() *picker {
	p := newPicker("Contexts", []column{
		{title: "CONTEXT", min: 16, priority: priorityName, middle: true},
		{title: "CLUSTER", min: 8, max: 40, priority: 60, middle: true},
		{title: "USER", min: 8, max: 40, priority: 50, middle: true},
		{title: "NAMESPACE", min: 8, max: 24, priority: 40, middle: true},
	})
	p.busy = "reading the kubeconfig"
	p.empty = "the kubeconfig has no contexts"
	p.choose = switchContext
	return p
}

func (m *Model) openContexts() tea.Cmd {
	p := newContextPicker()
	m.overlay = p
	contexts, current := m.opts.Contexts, m.info.Context
	return m.run(func() tea.Msg {
		list, err := contexts.List()
		msg := contextsMsg{to: p, err: err}
		for _, c := range list {
			msg.items = append(msg.items, pickItem{
				value: c.Name,
				cells: []string{watch.Sanitize(c.Name), watch.Sanitize(c.Cluster), watch.Sanitize(c.User), watch.Sanitize(c.Namespace)},
				here:  c.Name == current,
			})
		}
		return msg
	})
}

// contextsMsg is the list of contexts.
type contextsMsg struct {
	to    *picker
	items []pickItem
	err   error
}

func (c contextsMsg) apply(m *Model) tea.Cmd {
	if m.overlay != screen(c.to) {
		return nil
	}
	if c.err != nil {
		c.to.err = watch.Sanitize(c.err.Error())
		c.to.empty = "the kubeconfig could not be read"
	}
	c.to.take(c.items)
	return nil
}

// switchedMsg is the answer to a switch of contexts.
type switchedMsg struct {
	to     *picker
	engine Engine
	info   Info
	err    error
}

func switchContext(m *Model, values []string) tea.Cmd {
	name := values[0]
	if name == m.info.Context {
		m.overlay = nil
		return m.refresh()
	}
	p := m.picker()
	ctx, cancel := context.WithCancel(m.ctx)
	p.busy, p.err, p.cancel = "connecting to "+watch.Sanitize(name), "", cancel
	contexts := m.opts.Contexts
	return m.run(func() tea.Msg {
		defer cancel()
		e, info, err := contexts.Switch(ctx, name)
		return switchedMsg{to: p, engine: e, info: info, err: err}
	})
}

func (s switchedMsg) apply(m *Model) tea.Cmd {
	if s.err != nil {
		s.to.busy = ""
		s.to.err = watch.Sanitize(s.err.Error())
		if m.overlay != screen(s.to) {
			m.say("still in %s", watch.Sanitize(m.info.Context)) // cancelled
		}
		return nil
	}
	// Also when it was cancelled too late: the engine before this one has ended.
	line, kept := m.explore.input.value(), m.edit.path
	m.connect(s.engine, s.info)
	m.namespaces = nil
	m.meter = meter{}
	wide, preview := m.explore.wide, m.explore.preview
	m.wire()
	m.explore.input.set(line)
	m.explore.wide, m.explore.preview, m.explore.typing = wide, preview, false
	m.screen, m.overlay = screenExplore, nil
	m.say("now in %s", watch.Sanitize(m.info.Context))
	if kept != "" {
		m.sayKept("now in "+watch.Sanitize(m.info.Context)+"; ", kept)
	}
	return tea.Batch(m.awaitChange(), m.explore.enter(m, line, ""))
}
