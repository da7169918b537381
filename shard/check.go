package shard

import (
	"fmt"

	"orka/watch"
)

// Check returns an error that names the first broken invariant of a World, or nil. It reads everything: tests
// run it at every publication (Config.Check).
func (w *World) Check() error {
	total := 0
	for i, s := range w.Shards {
		if i > 0 {
			// Two Kinds of one GVK may stand side by side while a type changes.
			prev := w.Shards[i-1]
			if c := prev.Compare(s.Key); c > 0 || c == 0 && prev.Kind == s.Kind {
				return fmt.Errorf("world %d: shard %s comes after %s", w.Epoch, s.Key, prev.Key)
			}
		}
		if s.Version > w.Epoch {
			return fmt.Errorf("world %d: shard %s has version %d", w.Epoch, s.Key, s.Version)
		}
		if err := s.check(w.planner); err != nil {
			return fmt.Errorf("world %d: shard %s: %w", w.Epoch, s.Key, err)
		}
		total += s.Len
	}
	if total != w.Len() {
		return fmt.Errorf("world %d: Len is %d, its shards hold %d", w.Epoch, w.Len(), total)
	}
	return nil
}

func (s *Shard) check(planner Planner) error {
	total := 0
	var prev *watch.Object
	for i, p := range s.Pages {
		n := len(p.Objects)
		if n == 0 || n > PageSize {
			return fmt.Errorf("page %d holds %d objects", i, n)
		}
		if len(p.Masks) != n || len(p.Namespaces) != n || len(p.LabelSets) != n {
			return fmt.Errorf("page %d: columns of %d, %d and %d for %d objects", i, len(p.Masks), len(p.Namespaces), len(p.LabelSets), n)
		}
		for j, o := range p.Objects {
			// Order that never stands still is uniqueness within the shard; membership makes it uniqueness in the World.
			if prev != nil && prev.CompareName(o) >= 0 {
				return fmt.Errorf("page %d: %s comes after %s", i, o.NamespacedName(), prev.NamespacedName())
			}
			prev = o
			if err := s.checkObject(p, j, planner); err != nil {
				return fmt.Errorf("page %d: %s: %w", i, o.NamespacedName(), err)
			}
		}
		total += n
	}
	if total != s.Len {
		return fmt.Errorf("Len is %d, its pages hold %d", s.Len, total) //nolint:staticcheck // Len is a name
	}
	return nil
}

func (s *Shard) checkObject(p *Page, j int, planner Planner) error {
	o := p.Objects[j]
	if o.Kind != s.Kind {
		return fmt.Errorf("is a %s", o.Kind.GVK)
	}
	if key := planner.Plan(o.Kind, o.Namespace); key != s.Key {
		return fmt.Errorf("belongs into shard %s", key)
	}
	if m := MaskOf(o); m != p.Masks[j] {
		return fmt.Errorf("mask is %#x, should be %#x", p.Masks[j], m)
	}
	if id := p.Namespaces[j]; int(id) >= len(s.Namespaces) || s.Namespaces[id] != o.Namespace {
		return fmt.Errorf("namespace id %d does not stand for %q", id, o.Namespace)
	}
	if id := p.LabelSets[j]; int(id) >= len(s.LabelSets) || s.LabelSets[id] != o.Labels {
		return fmt.Errorf("label set id %d does not stand for its labels", id)
	}
	return nil
}
