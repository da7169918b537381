package shard

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"orka/watch"
)

// fill is how full the pages of a World are, between 0 and 1.
func fill(w *World) float64 {
	pages := 0
	for _, s := range w.Shards {
		pages += len(s.Pages)
	}
	return float64(w.Len()) / float64(pages*PageSize)
}

func TestPagesStayFull(t *testing.T) {
	const n = 20_000
	sorted := make([]*watch.Object, n)
	for i := range sorted {
		sorted[i] = tiny(pods, "ns"+strconv.Itoa(i/1000+10), fmt.Sprintf("n%05d", i), i, 1)
	}
	reversed := make([]*watch.Object, n)
	for i, o := range sorted {
		reversed[n-1-i] = o
	}
	// Every other object is there; the rest arrives as a list.
	halves := make([]*watch.Object, 0, n)
	for i := 0; i < n; i += 2 {
		halves = append(halves, sorted[i])
	}
	for i := 1; i < n; i += 2 {
		halves = append(halves, sorted[i])
	}
	block := append(append(append([]*watch.Object{}, sorted[:5000]...), sorted[15000:]...), sorted[5000:15000]...)
	random := append([]*watch.Object{}, sorted...)
	rand.New(rand.NewPCG(3, 4)).Shuffle(n, func(i, j int) { random[i], random[j] = random[j], random[i] })

	for _, c := range []struct {
		name    string
		objects []*watch.Object
		least   float64
	}{
		{"a sorted list", sorted, 0.99},
		{"a sorted list between others", block, 0.98},
		{"random order", random, 0.75},
		{"reverse order", reversed, 0.60},
		{"a list interleaved with what is there", halves, 0.70},
	} {
		w := BuildWorld(Modulo(1), c.objects...)
		if err := w.Check(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if f := fill(w); f < c.least {
			t.Errorf("%s leaves pages %.0f%% full, want at least %.0f%%", c.name, 100*f, 100*c.least)
		}
	}
}

func TestPagesShrinkWithTheirObjects(t *testing.T) {
	s := NewSerial(Modulo(1))
	r := rand.New(rand.NewPCG(5, 6))
	var there []*watch.Object
	for i := range 10_000 {
		o := tiny(pods, "a", strconv.Itoa(i), i, 1)
		there = append(there, o)
		s.Apply(applied(o, 1))
	}
	r.Shuffle(len(there), func(i, j int) { there[i], there[j] = there[j], there[i] })
	for len(there) > 500 {
		s.Apply(deleted(there[0], 1))
		there = there[1:]
	}
	w := s.World()
	if err := w.Check(); err != nil {
		t.Fatal(err)
	}
	if f := fill(w); w.Len() != 500 || f < 0.4 {
		t.Errorf("%d objects are left in pages %.0f%% full, want 500 in pages at least 40%% full", w.Len(), 100*f)
	}
}

// TestWhatDoesNotChangeKeepsItsPointer is what followers rely on.
func TestWhatDoesNotChangeKeepsItsPointer(t *testing.T) {
	objects := somePods(10_000)
	s := NewSerial(Modulo(4))
	for _, o := range objects {
		s.Apply(applied(o, 1))
	}
	before := s.World()
	if s.World() != before {
		t.Error("a World was published although nothing changed")
	}
	for _, o := range objects {
		s.Apply(applied(o, 2)) // a relist that shows the same
	}
	if s.World() != before {
		t.Error("a relist without a change published a World")
	}
	changed := *objects[1234]
	changed.ResourceVersion = "999999"
	s.Apply(applied(&changed, 2))
	after := s.World()
	if err := after.Check(); err != nil {
		t.Fatal(err)
	}
	shards, pages, masks := 0, 0, 0
	for i, sh := range after.Shards {
		if sh != before.Shards[i] {
			shards++
		}
		for j, p := range sh.Pages {
			if was := before.Shards[i].Pages[j]; p != was {
				pages++
				if &p.Masks[0] != &was.Masks[0] || &p.LabelSets[0] != &was.LabelSets[0] {
					masks++
				}
			}
		}
	}
	if shards != 1 || pages != 1 || masks != 0 {
		t.Errorf("one changed version made %d new shards, %d new pages and %d new columns; want 1, 1 and 0", shards, pages, masks)
	}
	if before.Get(pods, changed.Namespace, changed.Name) != objects[1234] || after.Get(pods, changed.Namespace, changed.Name) != &changed {
		t.Error("the old World must hold the old version and the new World the new one")
	}
}

// TestTablesForgetLabelSets: label sets that come and go must not pile up in a shard.
func TestTablesForgetLabelSets(t *testing.T) {
	s := NewSerial(Modulo(1))
	var first uint64
	for round := range 200 {
		for i := range 50 {
			o := tiny(pods, "a", strconv.Itoa(i), i, round+1)
			o.Labels = watch.PackPairs(map[string]string{"run": fmt.Sprint(round, "-", i)})
			s.Apply(applied(o, 1))
		}
		w := s.World()
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Shards[0].LabelSets); n > 2*50+tableSlack+50 {
			t.Fatalf("round %d: the shard keeps %d label sets for 50 objects", round, n)
		}
		if round == 0 {
			first = w.Shards[0].Tables
		}
	}
	last := s.World().Shards[0].Tables
	if last == first {
		t.Error("ids were never renumbered, so Tables says nothing")
	}
	s.Forget(pods)
	s.Apply(applied(tiny(pods, "b", "0", 0, 1000), 2))
	if now := s.World().Shards[0].Tables; now == first || now == last {
		t.Error("a shard that was forgotten and is there again has the Tables of before")
	}
}

func TestTombstonesAreBounded(t *testing.T) {
	var d tombstones
	for i := range 3 * tombstoneCap {
		d.bury(strconv.Itoa(i), uint64(i%5))
	}
	if len(d.generation) != tombstoneCap || len(d.order) != tombstoneCap {
		t.Errorf("%d uids in a map, %d in order; want %d in both", len(d.generation), len(d.order), tombstoneCap)
	}
	if !d.buried(strconv.Itoa(3*tombstoneCap-1), 0) || d.buried("0", 0) {
		t.Error("the newest must be remembered and the oldest forgotten")
	}
	d.expire(4)
	if len(d.generation) != len(d.order) || len(d.order) > tombstoneCap/5+1 {
		t.Errorf("%d of %d are left of a fifth", len(d.order), tombstoneCap)
	}
}

// TestOrderingRules names the cases of watch.Sink's contract one by one.
func TestOrderingRules(t *testing.T) {
	o := func(uid, rv int) *watch.Object { return tiny(pods, "a", "x", uid, rv) }
	odd := func(uid int, rv string) *watch.Object { p := *o(uid, 1); p.ResourceVersion = rv; return &p }
	for _, c := range []struct {
		name   string
		deltas []watch.Delta
		want   string // uid@rv, or "" for none
	}{
		{"newer version", []watch.Delta{applied(o(1, 5), 1), applied(o(1, 6), 1)}, "uid-1@6"},
		{"older version", []watch.Delta{applied(o(1, 6), 1), applied(o(1, 5), 1)}, "uid-1@6"},
		{"older version of a newer list", []watch.Delta{applied(o(1, 6), 1), applied(o(1, 5), 2)}, "uid-1@5"},
		{"lower generation", []watch.Delta{applied(o(1, 6), 2), applied(o(1, 7), 1)}, "uid-1@6"},
		{"delete", []watch.Delta{applied(o(1, 6), 1), deleted(o(1, 7), 1)}, ""},
		{"delete of a lower generation", []watch.Delta{applied(o(1, 6), 2), deleted(o(1, 7), 1)}, "uid-1@6"},
		{"delete of another uid", []watch.Delta{applied(o(2, 6), 1), deleted(o(1, 7), 1)}, "uid-2@6"},
		{"recreated", []watch.Delta{applied(o(1, 6), 1), applied(o(2, 8), 1)}, "uid-2@8"},
		{"recreated, late delete of the old", []watch.Delta{applied(o(1, 6), 1), applied(o(2, 8), 1), deleted(o(1, 7), 1)}, "uid-2@8"},
		{"recreated, late event of the old", []watch.Delta{applied(o(2, 8), 1), applied(o(1, 6), 1)}, "uid-2@8"},
		{"late event after a delete", []watch.Delta{applied(o(1, 6), 1), deleted(o(1, 7), 1), applied(o(1, 6), 1)}, ""},
		{"delete before its event", []watch.Delta{deleted(o(1, 7), 1), applied(o(1, 6), 1)}, ""},
		{"a newer list shows a deleted uid", []watch.Delta{deleted(o(1, 7), 1), applied(o(1, 6), 2)}, "uid-1@6"},
		{"versions that can't be compared", []watch.Delta{applied(odd(1, "b"), 1), applied(odd(1, "a"), 1)}, "uid-1@a"},
	} {
		for _, coalesced := range []bool{false, true} {
			b := newBuilder(Key{Kind: pods})
			deltas := c.deltas
			if coalesced {
				q := coalescer{capacity: 10}
				for i := range deltas {
					q.add(&deltas[i], true)
				}
				deltas, _ = q.drain()
			}
			for i := range deltas {
				b.apply(&deltas[i], nil)
			}
			got := ""
			if o := b.get("a", "x"); o != nil {
				got = o.UID + "@" + o.ResourceVersion
			}
			if got != c.want {
				t.Errorf("%s (coalesced: %v): stored is %q, want %q", c.name, coalesced, got, c.want)
			}
		}
	}
}

// TestObjectsWithoutVersions: kinds like metrics.k8s.io's have neither uid nor resourceVersion.
func TestObjectsWithoutVersions(t *testing.T) {
	b := newBuilder(Key{Kind: pods})
	o := &watch.Object{Kind: pods, Namespace: "a", Name: "x", Cells: watch.PackCells("", "5m")}
	same, changed := *o, *o
	changed.Cells = watch.PackCells("", "9m")
	for i, c := range []struct {
		o    *watch.Object
		want verdict
	}{{o, replaced}, {&same, remarked}, {&changed, replaced}} {
		if e := b.apply(&watch.Delta{Object: c.o, Generation: uint64(i + 1)}, nil); e.verdict != c.want {
			t.Errorf("list %d: verdict %d, want %d", i+1, e.verdict, c.want)
		}
	}
	b.sweep("", 3, nil)
	if b.get("a", "x") != &changed {
		t.Error("a sweep removed what the list had shown")
	}
}
