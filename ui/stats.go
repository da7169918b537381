package ui

import (
	"fmt"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"orka/watch"
)

// The tabs of Stats.
const (
	statsWatchers = iota
	statsShards
	statsMemory
	statsKnobs
)

var statsTabs = []string{"Watchers", "Shards", "Memory", "Knobs"}

// stats is the screen of what the engine does and costs.
type stats struct {
	tab      int
	lists    [4]list
	tables   [4]table
	watchers []*watch.Status // in trouble first
	at       watch.Scope     // the watcher the cursor is on
}

func newStats() stats {
	s := stats{}
	for i := range s.tables {
		s.tables[i] = table{gutter: gutterWidth, sorted: -1}
	}
	s.tables[statsShards].gutter, s.tables[statsKnobs].gutter = 2, 2
	return s
}

func (m *Model) openStats() tea.Cmd {
	return m.visit(location{screen: screenStats, query: m.explore.input.value()})
}

func (s *stats) enter(m *Model) tea.Cmd { return s.refresh(m) }
func (s *stats) focus() *field          { return nil }

// refresh orders the watchers anew: those in trouble first, as that is what one comes here for. The cursor
// stays with its watcher.
func (s *stats) refresh(m *Model) tea.Cmd {
	if w := s.selected(); w != nil {
		s.at = w.Scope
	}
	h := &m.view.Health
	s.watchers = slices.Clone(h.Watchers)
	slices.SortStableFunc(s.watchers, func(a, b *watch.Status) int { return severity(b, m) - severity(a, m) })
	s.lists[statsWatchers].setLen(len(s.watchers))
	l := &s.lists[statsWatchers]
	if i := slices.IndexFunc(s.watchers, func(w *watch.Status) bool { return w.Scope == s.at }); i >= 0 && i != l.cursor {
		l.follow(i)
	}
	s.lists[statsShards].setLen(len(h.Shards))
	s.lists[statsKnobs].setLen(len(m.opts.Settings))
	return nil
}

func (s *stats) ticked(m *Model) tea.Cmd { return s.refresh(m) }

// severity orders watchers: failing, not to be believed, loading, refused, fine.
func severity(w *watch.Status, m *Model) int {
	switch {
	case w.Fresh(m.now), w.Phase == watch.Polling && w.Complete:
		return 0
	case w.Phase == watch.Queued:
		return 1
	case w.Phase == watch.Forbidden:
		return 2
	case w.Phase == watch.Listing:
		return 3
	case w.Phase == watch.Unconfirmed:
		return 4
	default:
		return 5
	}
}

func (s *stats) selected() *watch.Status {
	if i := s.lists[statsWatchers].cursor; i < len(s.watchers) {
		return s.watchers[i]
	}
	return nil
}

func (s *stats) sections(*Model) []section {
	onWatcher := func(m *Model) bool { return m.stats.tab == statsWatchers && m.stats.selected() != nil }
	turn := func(d int) func(*Model) tea.Cmd {
		return func(m *Model) tea.Cmd { return m.statsTab((m.stats.tab + d + len(statsTabs)) % len(statsTabs)) }
	}
	keys := []binding{
		{name: "next-tab", keys: []string{"tab"}, hint: "next tab", help: "the next tab", run: turn(1)},
		{name: "previous-tab", keys: []string{"shift+tab"}, help: "the tab before", run: turn(-1)},
		{name: "narrow", keys: []string{"enter"}, hint: "show its objects", help: "narrow the query to the watcher's kind", when: onWatcher, run: func(m *Model) tea.Cmd {
			return m.visit(location{screen: screenExplore, query: kindTerm(m.stats.selected().Scope.Kind, m.view.Health.Kinds) + " "})
		}},
		{name: "retry", keys: []string{"r"}, hint: "retry", help: "the watcher tries again now", when: onWatcher, run: func(m *Model) tea.Cmd { m.retry(m.stats.selected().Scope.Kind); return nil }},
		{name: "close", keys: []string{"esc"}, hint: "back", help: "back", run: (*Model).back},
	}
	return []section{{title: "In the stats", keys: append(keys, moving(func(m *Model) mover { return &m.stats.lists[m.stats.tab] }, true)...)}}
}

func (m *Model) statsTab(tab int) tea.Cmd {
	m.stats.tab = tab
	return nil
}

func (s *stats) draw(m *Model, c *canvas) {
	h := &m.view.Health
	ingest := fmt.Sprintf("epoch %s %s last build %s %s %s dropped", count(m.view.World.Epoch), m.th.glyph.dot,
		millis(slowestBuild(h.Shards)), m.th.glyph.dot, count(h.Store.Dropped))
	drawTabs(c, statsTabs, s.tab, ingest, (*Model).statsTab)
	text, st := "", style("")
	if w := s.selected(); w != nil && s.tab == statsWatchers {
		if text = trouble(m.th, w, m.now); text != "" {
			text, st = phaseGlyph(m.th, w, m.now)+" "+text, m.th.warnBold
		}
	}
	drawRule(c, text, st)
	switch s.tab {
	case statsWatchers:
		s.drawWatchers(m, c)
	case statsShards:
		s.drawShards(m, c)
	case statsMemory:
		drawMemory(m, c)
	case statsKnobs:
		s.drawKnobs(m, c)
	}
}
