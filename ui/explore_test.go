package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"orka/engine"
	"orka/watch"
)

// publish makes a View of objects and lets the screen take it.
func (d *driver) publish(objects []*watch.Object, edit func(*engine.Health)) {
	d.t.Helper()
	v, err := testView(d.t.Context(), objects, edit)
	if err != nil {
		d.t.Fatal(err)
	}
	w := *v.World
	w.Epoch = d.m.view.World.Epoch + 1
	v.World = &w
	d.engine.publish(v)
	d.settle()
}

// settle waits for the engine's news to arrive.
func (d *driver) settle() {
	time.Sleep(2 * refreshEvery) // virtual
	d.send(nil)
}

func TestTypingNarrowsAtOnce(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.see("400 of 400")
		d.text("k:deploy web")
		d.see("7 of 400")
		d.see("UP-TO-DATE") // the columns of kubectl get deploy
		d.key("ctrl+u")
		d.see("400 of 400")
		d.see("KIND")
	})
}

func TestSelectionIsHeldByUID(t *testing.T) {
	objects := newCluster(1).fill(400)
	drive(t, stage{w: 100, h: 20, objects: objects, opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "pgdown", "down", "down")
		held := d.m.explore.cursor
		name := d.m.explore.selected().Name
		row := d.m.explore.list.cursor - d.m.explore.list.top

		// A hundred rows appear before it, and some others go.
		more := newCluster(9)
		for i := range 100 {
			more.pod("aaa", fmt.Sprintf("first-%03d", i), "api")
		}
		next := append(slices.Clone(more.out), objects[:len(objects)-5]...)
		d.publish(next, nil)
		if got := d.m.explore.selected(); got.UID != held {
			t.Fatalf("the cursor went from %s to %s", name, got.Name)
		}
		if now := d.m.explore.list.cursor - d.m.explore.list.top; now != row {
			t.Errorf("the row moved on the screen from line %d to %d", row, now)
		}
		for _, size := range [][2]int{{60, 12}, {200, 50}, {20, 5}, {80, 24}} {
			d.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			if got := d.m.explore.selected(); got.UID != held {
				t.Fatalf("at %v the cursor went to %s", size, got.Name)
			}
		}
		if !strings.Contains(d.current(), name) {
			t.Errorf("the row with the cursor is %q", d.current())
		}
		// The object itself goes: the cursor stays where it was.
		at := d.m.explore.list.cursor
		d.publish(slices.DeleteFunc(next, func(o *watch.Object) bool { return o.UID == held }), nil)
		if d.m.explore.list.cursor != at {
			t.Errorf("the cursor went from row %d to %d", at, d.m.explore.list.cursor)
		}
	})
}

func TestCursorStaysOnTheBestRowUntilMoved(t *testing.T) {
	objects := newCluster(1).fill(400)
	drive(t, stage{w: 100, h: 20, objects: objects, opts: Options{Query: "k:pod"}}, func(d *driver) {
		more := newCluster(9)
		more.pod("aaa", "the-first", "api")
		d.publish(append(more.out, objects...), nil)
		if !strings.Contains(d.current(), "the-first") {
			t.Errorf("the cursor is on %q", d.current())
		}
	})
}

func TestStaleAnswersAreDropped(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		e := &d.m.explore
		old := searchedMsg{conn: d.m.conn, seq: e.search.seq, results: e.rows}
		d.text("web")
		total := e.rows.total
		old.results.total = 12345
		d.send(old)
		if e.rows.total != total {
			t.Error("the answer to an earlier query was shown")
		}
		e.rows.total = 1
		d.send(searchedMsg{conn: d.m.conn - 1, seq: e.search.seq, results: old.results})
		if e.rows.total != 1 {
			t.Error("the answer of another cluster was shown")
		}
	})
}

func TestRowsBeyondTheFirstPage(t *testing.T) {
	c := newCluster(1)
	for i := range 6000 {
		c.pod("team-a", fmt.Sprintf("pod-%05d", i), "api")
	}
	drive(t, stage{w: 100, h: 20, objects: c.out, opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "G")
		if !strings.Contains(d.current(), "pod-05999") {
			t.Errorf("G went to %q", d.current())
		}
		d.key("g")
		if !strings.Contains(d.current(), "pod-00000") {
			t.Errorf("g went to %q", d.current())
		}
	})
	drive(t, stage{w: 100, h: 20, objects: c.out, opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc")
		for range 450 {
			d.key("pgdown")
		}
		if !strings.Contains(d.current(), "pod-05999") {
			t.Errorf("paging ended on %q", d.current())
		}
		if got := len(d.m.explore.rows.hits); got != 6000 {
			t.Errorf("%d rows are at hand", got)
		}
	})
}

func TestSortCycle(t *testing.T) {
	drive(t, stage{w: 120, h: 30, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc")
		before := d.screen()
		restarts := func() []float64 {
			var out []float64
			for _, h := range d.m.explore.rows.hits {
				out = append(out, cellKey(kindPod.Columns[3], h.Object, 3).number)
			}
			return out
		}
		d.key("o", "o", "o", "o", "o")
		d.see("RESTARTS ▲")
		if !slices.IsSorted(restarts()) {
			t.Error("not sorted by RESTARTS")
		}
		d.key("O")
		d.see("RESTARTS ▼")
		got := restarts()
		slices.Reverse(got)
		if !slices.IsSorted(got) {
			t.Error("not sorted downwards")
		}
		d.key("o", "o")
		if d.screen() != before {
			t.Errorf("after the last column the order is not as before:\n%s", d.screen())
		}
	})
}

func TestCompareNatural(t *testing.T) {
	sorted := []string{"", "a", "a1", "a2", "a10", "a10b", "b", "pod-9", "pod-10", "pod-010x"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := compareNatural(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("compareNatural(%q, %q) = %d", a, b, got)
			}
		}
	}
}

func TestMarks(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", " ", "down", " ")
		d.see("2 marked")
		d.key("/", "ctrl+u")
		d.text("is:marked")
		d.see("2 of 400")
		d.key("esc", " ")
		d.see("1 of 400")
	})
}

func TestEscape(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.text("zzzzqqq")
		d.see("0 of 400 · esc clears the query")
		d.key("esc")
		d.see("400 of 400")
		d.text("web")
		d.key("esc") // there are rows: to the table
		d.see("TABLE")
		d.see("❯ web")
		d.key("esc")
		d.see("400 of 400")
		d.key("q")
		if !d.quit {
			t.Error("q does not quit at the root")
		}
	})
}

func TestSyntaxErrorKeepsTheRows(t *testing.T) {
	drive(t, stage{w: 120, h: 20, view: smallCluster()}, func(d *driver) {
		d.text("web")
		d.text(" is:sick")
		d.see(`unknown state "sick"`)
		if got := d.m.explore.rows.request.query.String(); got != "web is" {
			t.Errorf("the rows are those of %q, not of the last line that was a query", got)
		}
		var caret, sick int
		for _, line := range strings.Split(d.screen(), "\n") {
			if i := strings.Index(line, "sick"); i >= 0 && sick == 0 {
				sick = width(line[:i])
			}
			if i := strings.Index(line, "▴"); i >= 0 {
				caret = width(line[:i])
			}
		}
		if caret != sick {
			t.Errorf("the mark is in column %d, the mistake in %d:\n%s", caret, sick, d.screen())
		}
	})
	drive(t, stage{w: 120, h: 20, view: smallCluster(), opts: Options{Query: "is:sick"}}, func(d *driver) {
		d.see(`unknown state "sick"`)
		d.see("400 of 400")
	})
}

func TestWant(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.text("k:pod,svc")
		if !sameKinds(d.engine.wanted, []*watch.Kind{kindPod, kindService}) {
			t.Errorf("wanted %v", d.engine.wanted)
		}
		d.key("ctrl+u")
		if len(d.engine.wanted) != 0 {
			t.Errorf("wanted %v", d.engine.wanted)
		}
	})
}

func TestRetry(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster(), opts: Options{Query: "k:svc"}}, func(d *driver) {
		d.key("esc", "r", "R")
		if want := []string{"services", "all"}; !slices.Equal(d.engine.retried, want) {
			t.Errorf("retried %v, want %v", d.engine.retried, want)
		}
	})
}

func TestNamespaces(t *testing.T) {
	drive(t, stage{w: 120, h: 30, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "N")
		d.text("pay")
		d.key("enter")
		d.see("ns payments")
		d.miss("NAMESPACE") // all rows are of one
		d.miss("checkout")
		d.key("N", "down", " ", " ", "enter")
		d.see("ns checkout, identity, payments")
		d.see("NAMESPACE")
		d.key("N", "enter")
		d.see("all namespaces")
		d.key("N", "down", "esc")
		d.see("all namespaces")
	})
}

func TestMouse(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		click := func(x, y int) {
			d.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
		}
		click(10, 6)
		d.see("TABLE")
		if d.m.explore.list.cursor != 2 {
			t.Errorf("the cursor is on row %d", d.m.explore.list.cursor)
		}
		click(10, 6)
		d.see("Overview")
		click(13, 2)
		d.see("apiVersion: v1")
		d.key("esc")
		for range 10 {
			d.send(tea.MouseMsg{Button: tea.MouseButtonWheelDown, Action: tea.MouseActionPress})
		}
		if d.m.explore.list.top != 30 {
			t.Errorf("the wheel scrolled to %d", d.m.explore.list.top)
		}
		click(5, 1)
		d.see("TYPING")
	})
}
