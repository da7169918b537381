package ui

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// refreshEvery is the shortest time between two engine changes that reach the screen: 20 a second is as
// fast as anyone reads, and leaves the cores to the engine under flood.
const refreshEvery = 50 * time.Millisecond

// changeGate remembers when a change was let through last.
type changeGate struct{ last time.Time }

// changedMsg says that a newer View is there.
type changedMsg struct{ conn int }

// awaitChange waits for a View newer than m.view. The channel is taken before the View is, so that nothing
// published in between is missed.
func (m *Model) awaitChange() tea.Cmd {
	ch := m.engine.Changed()
	m.view = m.engine.View()
	life, conn, earliest := m.life, m.conn, m.changes.last.Add(refreshEvery)
	return m.run(func() tea.Msg {
		select {
		case <-ch:
		case <-life.Done():
			return nil
		}
		if wait := time.Until(earliest); wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-life.Done():
				return nil
			}
		}
		return changedMsg{conn}
	})
}

// refreshed is a screen that follows the engine.
type refreshed interface{ refresh(m *Model) tea.Cmd }

func (c changedMsg) apply(m *Model) tea.Cmd {
	if c.conn != m.conn {
		return nil
	}
	m.changes.last = time.Now()
	next := m.awaitChange()
	return tea.Batch(next, m.refresh())
}

// refresh lets the screen and the overlay look at the View anew.
func (m *Model) refresh() tea.Cmd {
	var cmds []tea.Cmd
	for _, s := range []screen{m.base(), m.overlay} {
		if r, ok := s.(refreshed); ok {
			cmds = append(cmds, r.refresh(m))
		}
	}
	return tea.Batch(cmds...)
}

// tickMsg comes once a second, for ages and countdowns.
type tickMsg struct{}

func (m *Model) tick() tea.Cmd {
	ctx := m.ctx
	return m.run(func() tea.Msg { return after(ctx, time.Second, tickMsg{}) })
}

// ticked is a screen with something that falls due by the clock.
type ticked interface{ ticked(m *Model) tea.Cmd }

func (tickMsg) apply(m *Model) tea.Cmd {
	m.meter.sample(m.view)
	if t, ok := m.base().(ticked); ok {
		return tea.Batch(m.tick(), t.ticked(m))
	}
	return m.tick()
}
