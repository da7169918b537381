package ui

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
)

// benchView is a View of n objects.
func benchView(b *testing.B, n int) *engine.View {
	b.Helper()
	v, err := testView(b.Context(), newCluster(1).fill(n), nil)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// benchModel is a Model at 200×50 whose first search has answered.
func benchModel(b *testing.B, v *engine.View, line string) *Model {
	b.Helper()
	m, err := New(context.Background(), Options{Engine: newFakeEngine(v), Info: Info{Context: "prod-eu-1"}, Query: line, th: plainTheme, now: func() time.Time { return testNow }})
	if err != nil {
		b.Fatal(err)
	}
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 50})
	answer(m, m.explore.parse(m))
	return m
}

// answer runs a search's Cmd and shows its answer.
func answer(m *Model, cmd tea.Cmd) {
	if cmd != nil {
		if msg := cmd(); msg != nil {
			m.Update(msg)
		}
	}
}

// BenchmarkFrame is one frame of 200×50 over 100,000 objects.
func BenchmarkFrame(b *testing.B) {
	v := benchView(b, 100_000)
	for _, line := range []string{"", "k:pod", "crash"} {
		for _, preview := range []bool{false, true} {
			b.Run(fmt.Sprintf("query=%s/preview=%v", line, preview), func(b *testing.B) {
				m := benchModel(b, v, line)
				m.explore.preview = preview
				b.ReportAllocs()
				for b.Loop() {
					m.dirty = true
					_ = m.View()
				}
				b.ReportMetric(float64(len(m.frame)), "B/frame")
			})
		}
	}
	b.Run("cached", func(b *testing.B) {
		m := benchModel(b, v, "k:pod")
		_ = m.View()
		b.ReportAllocs()
		for b.Loop() {
			_ = m.View()
		}
	})
}

// BenchmarkKeyToFrame is a key in the query line, its search over 100,000 objects, and the frame that shows the
// answer.
func BenchmarkKeyToFrame(b *testing.B) {
	m := benchModel(b, benchView(b, 100_000), "")
	keys := []tea.KeyMsg{keyMsg("a"), keyMsg("p"), keyMsg("i"), keyMsg("backspace"), keyMsg("backspace"), keyMsg("backspace")}
	i := 0
	for b.Loop() {
		_, cmd := m.Update(keys[i%len(keys)])
		answer(m, cmd)
		_ = m.View()
		i++
	}
}

// BenchmarkUpdateToFrame is a new View of 100,000 objects: search it again, find the cursor's object, draw.
func BenchmarkUpdateToFrame(b *testing.B) {
	v := benchView(b, 100_000)
	m := benchModel(b, v, "k:pod api")
	m.explore.moved(m)
	views := []*engine.View{v, {World: v.World, Index: v.Index, Health: v.Health, At: v.At}}
	i := 0
	for b.Loop() {
		m.view = views[i%2]
		i++
		answer(m, m.explore.refresh(m))
		m.dirty = true
		_ = m.View()
	}
}

// BenchmarkSortedUpdate is the same with all rows sorted by a column, the most a View can cost.
func BenchmarkSortedUpdate(b *testing.B) {
	m := benchModel(b, benchView(b, 100_000), "k:pod")
	m.explore.sorting = sorting{column: "RESTARTS", desc: true, kind: kindPod}
	for b.Loop() {
		answer(m, m.explore.refresh(m))
		m.dirty = true
		_ = m.View()
	}
}
