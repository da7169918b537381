package ui

import (
	"errors"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"orka/search/query"
	"orka/watch"
)

// explore is the home screen: a query line over a live table of what it finds.
type explore struct {
	input  field
	typing bool

	query  query.Query
	syntax *query.SyntaxError // why the line is no query; the rows are those of the last one that was

	search  searcher
	rows    results
	list    list
	table   table
	kind    *watch.Kind // whose columns are shown; nil is the mixed table
	cursor  string      // uid of the row the cursor is on
	toEnd   bool        // the cursor goes to the last row once that is fetched
	held    bool        // the cursor stays with its object; until someone moves it, it stays on the best row
	sorting sorting
	wide    bool
	preview bool
}

func newExplore() explore {
	return explore{input: newField(), typing: true, table: table{sorted: -1, gutter: gutterWidth}}
}

// enter makes the screen the current one with a query; the cursor goes to the object with the uid, if any.
func (e *explore) enter(m *Model, line, uid string) tea.Cmd {
	if line != e.input.value() {
		e.input.set(line)
		e.typing = false
		e.reset()
	}
	if uid != "" {
		e.cursor, e.held = uid, true
	}
	return e.parse(m)
}

// focus is the query line while it is typed into.
func (e *explore) focus() *field {
	if e.typing {
		return &e.input
	}
	return nil
}

// edited takes a changed query line: the cursor goes to the best row.
func (e *explore) edited(m *Model) tea.Cmd {
	e.reset()
	return e.parse(m)
}

func (e *explore) reset() {
	e.list.to(0)
	e.held, e.toEnd, e.cursor = false, false, ""
	e.search.pages = 0
	e.sorting = sorting{}
	e.table.sorted = -1
	e.table.forget()
}

// parse reads the line and searches for it. A line that is no query leaves the rows as they are and says so.
func (e *explore) parse(m *Model) tea.Cmd {
	q, err := query.Parse(e.input.value())
	e.syntax = nil
	if err != nil {
		if !errors.As(err, &e.syntax) {
			e.syntax = &query.SyntaxError{Problem: err.Error()}
		}
		if e.rows.loaded {
			return nil
		}
	} else {
		e.query = q
	}
	if kinds, narrowed := kindsOf(q, m.view.Health.Kinds); narrowed {
		m.want(kinds...)
	} else {
		m.want()
	}
	return e.search.start(m, e.request(m))
}

// refresh searches the new View for the same query.
func (e *explore) refresh(m *Model) tea.Cmd { return e.search.again(m, e.request(m)) }

func (e *explore) request(m *Model) request {
	return request{query: e.query, namespaces: m.namespaces, marks: m.marks, sorting: e.sorting}
}

// take shows new results. The cursor stays with its object, and the object at its height on the screen.
func (e *explore) take(m *Model, r results) {
	e.rows = r
	e.setKind(m, r.kind)
	e.list.setLen(len(r.hits))
	if e.toEnd && len(r.hits) == r.total {
		e.toEnd = false
		e.list.to(farEnd)
		e.note()
		return
	}
	switch {
	case !e.held:
		e.list.to(0)
	case e.cursor != "":
		at := e.list.cursor
		if at >= len(r.hits) || r.hits[at].Object.UID != e.cursor {
			at = slices.IndexFunc(r.hits, func(h hitRow) bool { return h.Object.UID == e.cursor })
		}
		if at >= 0 {
			e.list.follow(at)
		}
	}
	e.note()
}

// note remembers which object the cursor is on.
func (e *explore) note() {
	if o := e.selected(); o != nil {
		e.cursor = o.UID
	}
}

// selected is the object the cursor is on, or nil.
func (e *explore) selected() *watch.Object {
	if e.list.cursor < len(e.rows.hits) {
		return e.rows.hits[e.list.cursor].Object
	}
	return nil
}

// moved follows a movement of the cursor: it is held from now on.
func (e *explore) moved(m *Model) tea.Cmd {
	e.held = true
	e.note()
	return e.reach(m)
}

// reach fetches more rows when the cursor is near the end of those at hand.
func (e *explore) reach(m *Model) tea.Cmd {
	n := len(e.rows.hits)
	switch {
	case n >= e.rows.total:
		e.toEnd = false
		return nil
	case e.toEnd:
		return e.search.more(m, e.request(m), e.rows.total)
	case e.list.cursor+2*max(e.list.rows, 20) >= n:
		return e.search.more(m, e.request(m), n+1)
	}
	return nil
}

// exploreMove moves the cursor; the last row may be one that is not fetched yet.
type exploreMove struct{ *explore }

func (x exploreMove) move(d int) { x.toEnd = false; x.list.move(d) }
func (x exploreMove) page(d int) { x.toEnd = false; x.list.page(d) }
func (x exploreMove) to(i int) {
	x.toEnd = i == farEnd
	x.list.to(i)
}
