package ui

import (
	"context"
	"errors"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/search"
	"orka/search/query"
	"orka/watch"
)

// The pages of hits: the first is more than any screen shows and costs a search next to nothing; each
// further one is four times as large, so that the end of a million rows is five keys away.
const (
	firstPage  = 1000
	pageGrowth = 4
)

// restFactor keeps a slow search (all rows, sorted) from taking more than a quarter of a core while the
// cluster changes all the time: it rests three times as long as it took.
const restFactor = 3

// request is what a search is asked for.
type request struct {
	query      query.Query
	namespaces []string
	marks      map[string]bool
	sorting    sorting
}

// hitRow is one row found.
type hitRow = search.Hit

// results are the rows found for one request in one View.
type results struct {
	request request
	epoch   uint64
	hits    []hitRow
	total   int // exact, also when hits is shorter
	world   int // objects in the World searched
	kind    *watch.Kind
	elapsed time.Duration
	partial string // why the search did not look at everything; "" when it did
	err     error
	loaded  bool // set once any search has answered
}

// searcher runs one search at a time. A newer query cancels the running one; a newer View waits for it, so that
// a flood of changes can't starve the screen.
type searcher struct {
	seq     uint64 // of the newest search; answers of others are dropped
	running bool
	cancel  context.CancelFunc
	dirty   bool // a newer View came while running
	pages   int  // how often the limit was raised
}

// searchedMsg is a search's answer.
type searchedMsg struct {
	conn    int
	seq     uint64
	results results
}

// start searches for a request, cancelling what runs.
func (s *searcher) start(m *Model, r request) tea.Cmd {
	if s.cancel != nil {
		s.cancel()
	}
	s.seq++
	s.running, s.dirty = true, false
	ctx, cancel := context.WithCancel(m.life)
	s.cancel = cancel
	return m.run(searchIn(ctx, m.engine, m.view, r, s.options(m, r), searchedMsg{conn: m.conn, seq: s.seq}))
}

// again searches a newer View, after the search that runs.
func (s *searcher) again(m *Model, r request) tea.Cmd {
	if s.running {
		s.dirty = true
		return nil
	}
	return s.start(m, r)
}

// more searches with a limit of at least n hits, unless such a search runs already.
func (s *searcher) more(m *Model, r request, n int) tea.Cmd {
	if s.running && s.limit(m) >= n {
		return nil
	}
	for s.limit(m) < n {
		s.pages++
	}
	return s.start(m, r)
}

func (s *searcher) limit(m *Model) int {
	n := max(m.opts.Search.Limit, firstPage)
	for range s.pages {
		n *= pageGrowth
	}
	return n
}

func (s *searcher) options(m *Model, r request) search.Options {
	o := m.opts.Search
	o.Limit = s.limit(m)
	if r.sorting.column != "" {
		o.Limit = m.view.World.Len() + 1 // the first rows by a column may be any of them
	}
	o.Namespaces = r.namespaces
	o.Now = m.now
	o.Stale = stale(&m.view.Health, m.now)
	marks := r.marks
	o.Marked = func(uid string) bool { return marks[uid] }
	return o
}

// searchIn makes the work of a search: nothing in it touches the Model.
func searchIn(ctx context.Context, e Controller, v *engine.View, r request, o search.Options, msg searchedMsg) func() tea.Msg {
	return func() tea.Msg {
		msg.results = results{request: r, loaded: true}
		found, err := v.Index.Search(ctx, r.query, o)
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			msg.results.err = err
			return msg
		}
		e.ObserveSearch(found.Candidates, found.Elapsed, found.Partial != "")
		msg.results.epoch = found.Epoch
		msg.results.hits, msg.results.total = found.Hits, found.Total
		msg.results.world = v.Index.World().Len()
		msg.results.elapsed, msg.results.partial = found.Elapsed, found.Partial
		msg.results.kind = kindShown(r.query, v.Health.Kinds, found.Hits, found.Total)
		r.sorting.sort(msg.results.hits)
		return msg
	}
}

// kindShown is the one kind that the query asks for or that all hits are of; nil when there are several.
func kindShown(q query.Query, kinds []*watch.Kind, hits []hitRow, total int) *watch.Kind {
	if of, narrowed := kindsOf(q, kinds); narrowed && len(of) == 1 {
		return of[0]
	}
	if q.Empty() || len(hits) == 0 || len(hits) < total {
		return nil
	}
	for _, h := range hits[1:] {
		if h.Object.Kind != hits[0].Object.Kind {
			return nil
		}
	}
	return hits[0].Object.Kind
}

func (s searchedMsg) apply(m *Model) tea.Cmd {
	e := &m.explore
	if s.conn != m.conn || s.seq != e.search.seq {
		return nil
	}
	e.search.running = false
	e.search.cancel()
	if s.results.err != nil {
		e.rows.err = s.results.err
	} else {
		m.meter.search(s.results.elapsed, s.results.partial != "")
		e.take(m, s.results)
	}
	if !e.search.dirty || m.screen != screenExplore {
		return nil
	}
	if rest := restFactor * s.results.elapsed; rest > refreshEvery {
		life, msg := m.life, restedMsg{m.conn}
		return m.run(func() tea.Msg { return after(life, rest, msg) })
	}
	return e.search.start(m, e.request(m))
}

// restedMsg says that a slow search may run again.
type restedMsg struct{ conn int }

func (r restedMsg) apply(m *Model) tea.Cmd {
	if r.conn != m.conn || m.explore.search.running || m.screen != screenExplore {
		return nil
	}
	return m.explore.refresh(m)
}

// after returns msg when d has passed, or nil when ctx ends before.
func after(ctx context.Context, d time.Duration, msg tea.Msg) tea.Msg {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return msg
	case <-ctx.Done():
		return nil
	}
}
