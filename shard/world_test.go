package shard

import (
	"slices"
	"strings"
	"testing"

	"orka/watch"
)

func TestWorldLookups(t *testing.T) {
	objects := somePods(3000)
	node := tiny(nodes, "", "worker-1", 7, 7)
	for name, p := range planners {
		w := BuildWorld(p, append([]*watch.Object{node}, objects...)...)
		if err := w.Check(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if w.Len() != 3001 || w.Count(pods) != 3000 || w.Count(nodes) != 1 || w.Count(roles) != 0 {
			t.Errorf("%s: %d objects, %d pods, %d nodes, %d roles", name, w.Len(), w.Count(pods), w.Count(nodes), w.Count(roles))
		}
		for _, o := range objects {
			if w.Get(pods, o.Namespace, o.Name) != o {
				t.Fatalf("%s: %s is not found", name, o.NamespacedName())
			}
		}
		for _, key := range [][2]string{{"", ""}, {"team-000", "a"}, {"team-096", "zzz"}, {"nowhere", objects[0].Name}} {
			if w.Get(pods, key[0], key[1]) != nil {
				t.Errorf("%s: %v is found", name, key)
			}
		}
		if w.Get(nodes, "", "worker-1") != node || w.Get(roles, "", "worker-1") != nil {
			t.Errorf("%s: a node is found by its kind alone", name)
		}
		got := slices.SortedFunc(w.All(), (*watch.Object).CompareName)
		if len(got) != 3001 {
			t.Errorf("%s: All yields %d objects", name, len(got))
		}
	}
}

// TestCheckFindsWhatIsBroken breaks one invariant at a time.
func TestCheckFindsWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		want   string
		damage func(w *World)
	}{
		{"comes after", func(w *World) {
			p := w.Shards[0].Pages[0]
			slices.Reverse(p.Objects)
			slices.Reverse(p.Masks)
			slices.Reverse(p.Namespaces)
			slices.Reverse(p.LabelSets)
		}},
		{"comes after", func(w *World) { o := w.Shards[0].Pages[0].Objects; o[1] = o[0] }},
		{"shard", func(w *World) { w.Shards[0], w.Shards[1] = w.Shards[1], w.Shards[0] }},
		{"mask is", func(w *World) { w.Shards[1].Pages[0].Masks[3] ^= 4 }},
		{"namespace id", func(w *World) { w.Shards[1].Pages[0].Namespaces[3] = 1 << 20 }},
		{"label set id", func(w *World) { w.Shards[1].Pages[0].LabelSets[0]++ }},
		{"columns of", func(w *World) { p := w.Shards[1].Pages[0]; p.Masks = p.Masks[1:] }},
		{"holds 0 objects", func(w *World) { w.Shards[0].Pages = append(w.Shards[0].Pages, &Page{}) }},
		{"pages hold", func(w *World) { w.Shards[0].Len++ }},
		{"its shards hold", func(w *World) { w.objects++ }},
		{"belongs into", func(w *World) { w.planner = Modulo(3) }},
		{"is a v1/Node", func(w *World) { w.Shards[0].Pages[0].Objects[0] = tiny(nodes, "", "x", 1, 1) }},
		{"has version", func(w *World) { w.Shards[0].Version = 99 }},
	} {
		w := BuildWorld(Modulo(2), somePods(500)...)
		if err := w.Check(); err != nil {
			t.Fatal(err)
		}
		c.damage(w)
		if err := w.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Check says %v, want an error with %q", err, c.want)
		}
	}
}

// TestDigest: any field counts, the order of arrival does not.
func TestDigest(t *testing.T) {
	objects := somePods(200)
	want := BuildWorld(Modulo(1), objects...).Digest()
	backwards := slices.Clone(objects)
	slices.Reverse(backwards)
	if got := BuildWorld(Modulo(7), backwards...).Digest(); got != want {
		t.Errorf("digest %s in 7 shards and reverse order, want %s", got, want)
	}
	if BuildWorld(Modulo(1), objects[1:]...).Digest() == want {
		t.Error("a missing object leaves the digest as it is")
	}
	for name, change := range map[string]func(*watch.Object){
		"version":  func(o *watch.Object) { o.ResourceVersion += "0" },
		"uid":      func(o *watch.Object) { o.UID += "0" },
		"created":  func(o *watch.Object) { o.Created++ },
		"deleted":  func(o *watch.Object) { o.Deleted++ },
		"owner":    func(o *watch.Object) { o.Owners = nil },
		"labels":   func(o *watch.Object) { o.Labels = "" },
		"annos":    func(o *watch.Object) { o.Annos = "" },
		"status":   func(o *watch.Object) { o.Status += "x" },
		"cells":    func(o *watch.Object) { o.Cells += "x" },
		"fields":   func(o *watch.Object) { o.Fields = "a=b" },
		"health":   func(o *watch.Object) { o.Health = watch.HealthBad },
		"readable": func(o *watch.Object) { o.Undecodable = true },
	} {
		o := *objects[0]
		change(&o)
		if BuildWorld(Modulo(1), append([]*watch.Object{&o}, objects[1:]...)...).Digest() == want {
			t.Errorf("another %s leaves the digest as it is", name)
		}
	}
}

func TestPlannersAreStable(t *testing.T) {
	// Recorded streams and benchmarks rest on these: a change of the hash is a change of the format.
	for ns, want := range map[string]uint16{"": 0, "default": 8, "kube-system": 2, "team-a": 7} {
		if got := Modulo(16).Plan(pods, ns).Bucket; got != want {
			t.Errorf("namespace %q is in bucket %d of 16, was in %d", ns, got, want)
		}
	}
	seen := map[uint16]int{}
	for i := range 1000 {
		seen[Modulo(16).Plan(pods, "team-"+itoa(uint16(i))).Bucket]++
	}
	for b := range uint16(16) {
		if seen[b] < 30 || seen[b] > 100 {
			t.Errorf("bucket %d has %d of 1000 namespaces", b, seen[b])
		}
	}
	if k := ExactNamespace().Plan(pods, "a"); k != (Key{Kind: pods, Namespace: "a"}) {
		t.Errorf("the exact planner says %v", k)
	}
	if k := Modulo(0).Plan(pods, "a"); k != (Key{Kind: pods}) {
		t.Errorf("no buckets are one: %v", k)
	}
}

// TestEveryObjectIsFound: the first of a page and the last, and nothing before, between and after them.
func TestEveryObjectIsFound(t *testing.T) {
	objects := somePods(3 * PageSize)
	w := BuildWorld(Modulo(1), objects...)
	if n := len(w.Shards[0].Pages); n < 2 {
		t.Fatalf("%d pages", n)
	}
	for _, o := range objects {
		if got := w.Get(pods, o.Namespace, o.Name); got != o {
			t.Fatalf("%s/%s is not found: %v", o.Namespace, o.Name, got)
		}
		if got := w.Get(pods, o.Namespace, o.Name+"\x00"); got != nil {
			t.Fatalf("%v is found for the name after it", got)
		}
	}
	if got := w.Get(pods, "", ""); got != nil {
		t.Errorf("%v is found for no name", got)
	}
}
