package ui

import (
	"context"
	"maps"
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// allNamespaces is the item that chooses all of them; it is no valid name of one.
const allNamespaces = "*"

// namespacesOffered: an object is in one namespace, and N goes through the matches of a search in it.
func (m *Model) namespacesOffered() bool { return m.screen != screenObject && notEditing(m) }

func (m *Model) openNamespaces() tea.Cmd {
	p := newNamespacePicker(m)
	m.overlay = p
	return p.follow(m)
}

func newNamespacePicker(m *Model) *picker {
	p := newPicker("Namespaces", []column{
		{title: "NAMESPACE", min: 16, priority: priorityName, middle: true},
		{title: "STATUS", priority: 60},
		{title: "OBJECTS", priority: 80, right: true},
		{title: "AGE", priority: 50, right: true},
	})
	p.busy = "looking for namespaces"
	p.marked = map[string]bool{}
	for _, ns := range m.namespaces {
		p.marked[ns] = true
	}
	p.choose = chooseNamespaces
	p.follow = func(m *Model) tea.Cmd {
		life, v, now, msg := m.life, m.view, m.now, namespacesMsg{conn: m.conn, to: p}
		chosen := slices.Clone(m.namespaces)
		return m.run(func() tea.Msg {
			msg.items = namespaceItems(life, v, chosen, func(o *watch.Object) string { return ageText(o, now) })
			return msg
		})
	}
	return p
}

// namespacesMsg is the list of namespaces in a View.
type namespacesMsg struct {
	conn  int
	to    *picker
	items []pickItem
}

func (n namespacesMsg) apply(m *Model) tea.Cmd {
	if n.conn == m.conn && m.overlay == screen(n.to) {
		n.to.take(n.items)
	}
	return nil
}

// namespaceItems are the namespaces that are there: those listed, and those that objects are in, as namespaces
// themselves may not be permitted to be listed.
func namespaceItems(ctx context.Context, v *engine.View, chosen []string, age func(*watch.Object) string) []pickItem {
	counts := map[string]int{}
	objects := map[string]*watch.Object{}
	for _, s := range v.World.Shards {
		if ctx.Err() != nil {
			return nil
		}
		if s.Kind.Kind == "Namespace" && s.Kind.Group == "" {
			for o := range s.All() {
				objects[o.Name] = o
				counts[o.Name] += 0
			}
		}
		if !s.Kind.Namespaced {
			continue
		}
		perID := make([]int, len(s.Namespaces))
		for _, page := range s.Pages {
			for _, id := range page.Namespaces {
				perID[id]++
			}
		}
		for id, n := range perID {
			counts[s.Namespaces[id]] += n
		}
	}
	for _, ns := range chosen {
		counts[ns] += 0
	}
	items := []pickItem{{value: allNamespaces, cells: []string{"all namespaces", "", count(v.World.Len()), ""}, here: len(chosen) == 0}}
	for _, ns := range slices.Sorted(maps.Keys(counts)) {
		status, since := "", ""
		if o := objects[ns]; o != nil {
			status, since = o.Status, age(o)
		}
		items = append(items, pickItem{value: ns, cells: []string{ns, status, count(counts[ns]), since}, here: slices.Contains(chosen, ns)})
	}
	return items
}

// chooseNamespaces narrows the view. All of them is what no choice means, too.
func chooseNamespaces(m *Model, values []string) tea.Cmd {
	if slices.Contains(values, allNamespaces) {
		values = nil
	}
	m.namespaces = values
	m.overlay = nil
	m.explore.reset()
	m.explore.setKind(m, m.explore.kind)
	if m.screen != screenExplore {
		return m.refresh()
	}
	return m.explore.parse(m)
}
