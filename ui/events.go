package ui

import (
	"context"
	"slices"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
	"orka/watch/columns"
)

// eventList are the events about one object, the newest first.
type eventList struct {
	rows    []*watch.Object
	kind    *watch.Kind
	list    list
	table   table
	epoch   uint64
	loaded  bool
	running bool
}

// eventsMsg is the answer to a look through the World's events.
type eventsMsg struct {
	conn  int
	ref   objectRef
	epoch uint64
	kind  *watch.Kind
	rows  []*watch.Object
}

// refresh looks through the World again, when it is another one.
func (l *eventList) refresh(m *Model, o *watch.Object) tea.Cmd {
	v := m.view
	if l.running || (l.loaded && l.epoch == v.World.Epoch) {
		return nil
	}
	l.running = true
	ctx, msg := m.life, eventsMsg{conn: m.conn, ref: m.object.ref, epoch: v.World.Epoch}
	return m.run(func() tea.Msg {
		msg.kind, msg.rows = eventsOf(ctx, v, o)
		return msg
	})
}

// eventKind is the kind that events are kept as: the core one, which every cluster serves.
func eventKind(h *engine.Health) *watch.Kind {
	for _, group := range []string{"", "events.k8s.io"} {
		for _, k := range h.Kinds {
			if k.Kind == "Event" && k.Group == group {
				return k
			}
		}
	}
	return nil
}

// eventsOf finds the events about an object: by uid, or by kind and name where an event carries none.
func eventsOf(ctx context.Context, v *engine.View, o *watch.Object) (*watch.Kind, []*watch.Object) {
	kind := eventKind(&v.Health)
	if kind == nil {
		return nil, nil
	}
	var out []*watch.Object
	for s := range v.World.Find(kind) {
		if ctx.Err() != nil {
			return kind, nil
		}
		for e := range s.All() {
			if about(e, o) {
				out = append(out, e)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *watch.Object) int { return int(lastSeen(b) - lastSeen(a)) })
	return kind, out
}

// about reports whether event e is about o.
func about(e, o *watch.Object) bool {
	prefix := "involvedObject."
	if e.Kind.Group != "" {
		prefix = "regarding."
	}
	if uid, ok := e.Fields.Get(prefix + "uid"); ok && uid != "" {
		return uid == o.UID || (uid == o.Name && o.Kind.Kind == "Node") // the kubelet names its node as uid
	}
	kind, _ := e.Fields.Get(prefix + "kind")
	name, _ := e.Fields.Get(prefix + "name")
	namespace, _ := e.Fields.Get(prefix + "namespace")
	if name != o.Name || kind != o.Kind.Kind {
		return false
	}
	// Events about cluster-scoped objects lie in some namespace; all others in that of their object.
	return namespace == o.Namespace && namespace != "" || namespace == "" && (o.Namespace == "" || e.Namespace == o.Namespace)
}

// lastSeen is the Unix time of an event: that of its LAST SEEN column, else its creation.
func lastSeen(e *watch.Object) int64 {
	for i, c := range e.Kind.Columns {
		if c.Name == "LAST SEEN" {
			if at, err := strconv.ParseInt(e.Cells.At(i), 10, 64); err == nil {
				return at
			}
		}
	}
	return e.Created
}

func (a eventsMsg) apply(m *Model) tea.Cmd {
	s := &m.object
	if a.conn != m.conn || a.ref != s.ref {
		return nil
	}
	l := &s.events
	at := l.selected()
	l.running, l.loaded = false, true
	l.epoch, l.kind, l.rows = a.epoch, a.kind, a.rows
	l.list.setLen(len(l.rows))
	if at != nil && l.list.cursor > 0 {
		if i := slices.IndexFunc(l.rows, func(e *watch.Object) bool { return e.UID == at.UID }); i >= 0 {
			l.list.follow(i)
		}
	}
	return nil
}

func (l *eventList) selected() *watch.Object {
	if l.list.cursor < len(l.rows) {
		return l.rows[l.list.cursor]
	}
	return nil
}

// draw writes the events, or why there are none.
func (l *eventList) draw(m *Model, c *canvas) {
	height := c.rowsLeft()
	switch {
	case !l.loaded:
		drawEmpty(c, height, m.th.glyph.loading+" looking for events")
		return
	case l.kind == nil:
		drawEmpty(c, height, "this cluster serves no events")
		return
	case len(l.rows) == 0:
		f := m.view.Health.Freshness(m.now, l.kind)
		if f.Least == nil {
			drawEmpty(c, height, "events are not watched")
		} else if text := notLoaded(m, f, "events", m.view.World.Count(l.kind)); text != nil {
			drawEmpty(c, height, text...)
		} else if lim := m.view.Health.Limits(l.kind); len(lim.Partial) > 0 && !slices.Contains(lim.Namespaces, m.object.ref.namespace) {
			drawEmpty(c, height, noneThere("events", lim))
		} else {
			drawEmpty(c, height, append([]string{"no events about it", "a cluster forgets events after about an hour"}, m.explore.asOf(m, f)...)...)
		}
		return
	}
	var cols []column
	for _, col := range kindColumns(l.kind, false, false) {
		if col.title == "NAME" || col.title == "OBJECT" {
			continue
		}
		if col.title == "MESSAGE" {
			col.priority, col.max = priorityName, 0
		}
		cols = append(cols, col)
	}
	l.table.gutter, l.table.sorted = gutterWidth, -1
	l.table.setColumns(cols)
	l.table.draw(c, &l.list, height, true, func(i int) row {
		o := l.rows[i]
		r := row{gutter: gutter(m.th, i == l.list.cursor, false, o, false)}
		for k, col := range l.kind.Columns {
			if col.Wide || col.Name == "NAME" || col.Name == "OBJECT" {
				continue
			}
			st := style("")
			if col.Name == "TYPE" {
				st = healthStyle(m.th, o)
			}
			r.cells = append(r.cells, columns.Render(col, k, o, m.now))
			r.styles = append(r.styles, st)
		}
		return r
	}, func(i int) hitFunc {
		return func(m *Model) tea.Cmd {
			m.object.events.list.to(i)
			return nil
		}
	})
}
