package ui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/shard"
	"orka/watch"
)

func slowestBuild(shards []shard.ShardStat) time.Duration {
	var d time.Duration
	for _, s := range shards {
		d = max(d, s.LastBuild)
	}
	return d
}

var watcherColumns = []column{
	{title: "WATCHER", min: 16, good: 34, max: 44, priority: priorityName, group: true},
	{title: "PHASE", priority: 95},
	{title: "SINCE", priority: 70, right: true},
	{title: "CONFIRMED", priority: 90},
	{title: "NEXT TRY", priority: 85},
	{title: "OBJECTS", priority: 60, right: true},
	{title: "RESTARTS", priority: 62, right: true},
	{title: "RELISTS", priority: 61, right: true},
	{title: "REASON", priority: 45},
	{title: "UNREADABLE", priority: 10, right: true},
	{title: "LAST ERROR", min: 24, max: 48, priority: 58},
}

func (s *stats) drawWatchers(m *Model, c *canvas) {
	if len(s.watchers) == 0 {
		drawEmpty(c, c.rowsLeft(), m.explore.unconnectedText(m)...)
		return
	}
	t, l := &s.tables[statsWatchers], &s.lists[statsWatchers]
	t.setColumns(watcherColumns)
	t.draw(c, l, c.rowsLeft(), true, func(i int) row { return watcherRow(m, s.watchers[i], i == l.cursor) }, func(i int) hitFunc {
		return func(m *Model) tea.Cmd { m.stats.lists[statsWatchers].to(i); return nil }
	})
}

func watcherRow(m *Model, w *watch.Status, current bool) row {
	phase := w.Phase.String()
	if w.Phase == watch.Backoff && w.Attempt > 0 {
		phase += fmt.Sprintf(" #%d", w.Attempt)
	}
	confirmed, next := "never", ""
	if !w.ConfirmedAt.IsZero() {
		confirmed = since(w.ConfirmedAt, m.now) + " ago"
	}
	if w.RetryAt.After(m.now) {
		next = "in " + until(w.RetryAt, m.now)
	}
	objects := count(m.view.World.Count(w.Scope.Kind))
	if w.Phase == watch.Listing && !w.Complete {
		objects = count(w.Listed)
		if w.Remaining > 0 {
			objects += " of ~" + count(w.Listed+w.Remaining)
		}
	}
	st := phaseStyle(m.th, w, m.now)
	return row{
		gutter: statusGutter(m.th, current, w, m.now),
		cells: []string{
			w.Scope.String(), phase, since(w.Since, m.now), confirmed, next, objects,
			count(w.Restarts), count(w.Relists), string(w.Reason), count(w.Undecodable), watch.Sanitize(w.Err),
		},
		styles: []style{"", st, m.th.dim, "", m.th.warn, "", "", "", m.th.dim, "", m.th.warn},
	}
}

var shardColumns = []column{
	{title: "SHARD", min: 16, max: 60, priority: priorityName, middle: true},
	{title: "OBJECTS", priority: 90, right: true},
	{title: "QUEUE", priority: 80, right: true},
	{title: "DROPPED", priority: 85, right: true},
	{title: "LAST BUILD", priority: 70, right: true},
	{title: "VERSION", priority: 20, right: true},
}

func (s *stats) drawShards(m *Model, c *canvas) {
	shards := m.view.Health.Shards
	t, l := &s.tables[statsShards], &s.lists[statsShards]
	l.setLen(len(shards))
	if len(shards) == 0 {
		drawEmpty(c, c.rowsLeft(), "no shards yet", "a shard is made with the first object of a kind")
		return
	}
	t.setColumns(shardColumns)
	t.draw(c, l, c.rowsLeft(), true, func(i int) row {
		x := shards[i]
		var queue, dropped style
		if x.QueueCap > 0 && x.QueueLen*2 > x.QueueCap {
			queue = m.th.warnBold
		}
		if x.Dropped > 0 {
			dropped = m.th.badBold
		}
		return row{
			gutter: cursorGutter(m.th, i == l.cursor),
			cells:  []string{x.Key.String(), count(x.Objects), fmt.Sprintf("%s of %s", count(x.QueueLen), count(x.QueueCap)), count(x.Dropped), millis(x.LastBuild), count(x.Version)},
			styles: []style{"", "", queue, dropped, "", m.th.dim},
		}
	}, nil)
}

func cursorGutter(th *theme, current bool) []span {
	if current {
		return []span{{th.accentBold, th.glyph.cursor}}
	}
	return nil
}

var knobColumns = []column{
	{title: "KNOB", priority: priorityName},
	{title: "VALUE", min: 8, max: 30, priority: 95},
	{title: "FROM", min: 8, max: 50, priority: 90, middle: true},
	{title: "WHAT IT DOES", min: 16, priority: 50},
}

func (s *stats) drawKnobs(m *Model, c *canvas) {
	knobs := m.opts.Settings
	t, l := &s.tables[statsKnobs], &s.lists[statsKnobs]
	l.setLen(len(knobs))
	if len(knobs) == 0 {
		drawEmpty(c, c.rowsLeft(), "no knobs are known", "orka stats prints them")
		return
	}
	t.setColumns(knobColumns)
	t.draw(c, l, c.rowsLeft(), true, func(i int) row {
		k := knobs[i]
		from := m.th.dim
		if k.Source != "default" {
			from = m.th.accent
		}
		return row{
			gutter: cursorGutter(m.th, i == l.cursor),
			cells:  []string{k.Name, watch.Sanitize(k.Value), watch.Sanitize(k.Source), k.Doc},
			styles: []style{"", m.th.bold, from, m.th.dim},
		}
	}, nil)
}

// gaugeWidth is the width of the bars in Memory.
const gaugeWidth = 30

func drawMemory(m *Model, c *canvas) {
	mem, st := m.view.Health.Memory, m.view.Health.Store
	c.newline()
	drawGauge(c, "resident", mem.RSS, mem.Budget, stageStyle(m.th, mem.Stage))
	drawGauge(c, "heap", mem.Heap, mem.Budget, "")
	for _, x := range mem.Classes {
		drawGauge(c, x.Name, x.Bytes, x.Cap, "")
	}
	c.newline()
	fact := func(name, value string, st style) {
		c.space(2)
		c.cell(m.th.dim, name, 16, cellOptions{})
		c.put(st, value)
		c.newline()
	}
	fact("stage", mem.Stage, stageStyle(m.th, mem.Stage))
	if len(m.meter.rss) > 1 {
		line := sparkline(m.meter.rss, min(meterSamples, c.w-30), m.th.glyph == asciiGlyphs)
		fact("last 2 minutes", line, m.th.accent)
	}
	fact("objects", fmt.Sprintf("%s in %s label sets", count(st.Objects), count(st.LabelSets)), "")
	if st.Bodies > 0 {
		fact("bodies", fmt.Sprintf("%s kept, %s of %s as the server sent them; %s let go", count(st.Bodies), size(st.RawBytes), size(st.PlainBytes), count(st.BodiesDropped)), "")
	}
	c.newline()
	t := &m.meter
	fact("search", fmt.Sprintf("p50 %s %s p99 %s %s %s, %s partial", millis(t.percentile(50)), m.th.glyph.dot, millis(t.percentile(99)),
		m.th.glyph.dot, searches(t.total), count(t.partial)), "")
	fact("publish", fmt.Sprintf("%s deltas waiting, %s dropped", count(st.QueueLen), count(st.Dropped)), "")
}

func searches(n int) string {
	if n == 1 {
		return "1 search"
	}
	return count(n) + " searches"
}

func stageStyle(th *theme, stage string) style {
	switch stage {
	case "soft":
		return th.warn
	case "hard", "critical":
		return th.badBold
	default:
		return th.good
	}
}

// drawGauge writes one bar; a gauge without a cap is a number alone.
func drawGauge(c *canvas, name string, value, limit uint64, st style) {
	c.space(2)
	c.cell(c.th.dim, name, 16, cellOptions{})
	c.cell("", size(value), 10, cellOptions{right: true})
	c.space(2)
	if limit == 0 {
		c.put(c.th.dim, "no cap of its own")
	} else {
		c.put(st, gauge(c.th, value, limit, min(gaugeWidth, max(4, c.room()-24))))
		c.put(c.th.dim, fmt.Sprintf(" %d%% of %s", value*100/limit, size(limit)))
	}
	c.newline()
}
