package apply_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/apply"
	"orka/apply/history"
)

// What became of an edit of the property test, held against the model, the server and the history.

// bare is an object without what the server alone writes.
func (c *trial) bare(o map[string]any) map[string]any {
	u := (&unstructured.Unstructured{Object: o}).DeepCopy()
	for _, f := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"} {
		unstructured.RemoveNestedField(u.Object, "metadata", f)
	}
	delete(u.Object, "status")
	return u.Object
}

func (c *trial) end(how string) {
	c.ends[how]++
	c.say("it ended: %s", how)
}

// taken is how many writes of orka's the server took.
func (c *trial) taken() int {
	n := 0
	for _, s := range c.world.tap.writes() {
		if s.Code/100 == 2 {
			n++
		}
	}
	return n
}

// nothingWritten holds that the server has what the others wrote.
func (c *trial) nothingWritten() {
	c.t.Helper()
	now := c.world.admin.get(c.k.kind, c.world.ns, c.name)
	switch {
	case (now == nil) != (c.theirs == nil):
		c.errorf("it is there: %v; it should be: %v", now != nil, c.theirs != nil)
	case now != nil && now.GetResourceVersion() != c.theirs.GetResourceVersion():
		c.errorf("something was written: %s", cmp.Diff(c.theirs.Object, now.Object))
	}
	if n := c.taken(); n != 0 {
		c.errorf("%d writes were taken", n)
	}
}

// refused judges an edit that was not applied.
func (c *trial) refused(where string, err error, base *unstructured.Unstructured, edited map[string]any) {
	c.t.Helper()
	c.say("%s: %v", where, err)
	how := strings.TrimPrefix(fmt.Sprintf("%T", err), "*apply.")
	var unknown *apply.UnknownError
	if errors.As(err, &unknown) && unknown.Absent {
		how += ", absent"
	}
	if errors.Is(err, apply.ErrNoChange) {
		how = "ErrNoChange"
	}
	c.end(how)
	c.history(err)
	if errors.As(err, &unknown) {
		if unknown.Absent { // this proxy holds nothing back
			c.nothingWritten()
		}
		c.theirs = c.world.admin.get(c.k.kind, c.world.ns, c.name)
		return
	}
	c.nothingWritten()
	if c.failed {
		return
	}
	// A refusal needs its reason.
	gone := c.theirs == nil || string(c.theirs.GetUID()) != c.opened
	var clashes []clash
	if !gone {
		now := c.bare(c.theirs.Object)
		_, clashes = c.k.shape.merge("", c.bare(base.Object), c.bare(edited), now)
		for _, state := range c.passed { // the edit may have been taken to one of these
			if yours, ok := c.k.shape.merge("", c.bare(base.Object), c.bare(edited), state); len(hard(ok)) == 0 {
				_, more := c.k.shape.merge("", state, yours, now)
				clashes = append(clashes, more...)
			}
			if c.k.shape.overlap(c.bare(base.Object), c.bare(edited), state) { // it did change, whatever it is now
				clashes = append(clashes, clash{path: "on the way", soft: true})
			}
		}
	}
	var changed *apply.ChangedError
	var goneErr *apply.GoneError
	var conflict *apply.ConflictError
	var lost *apply.NotAppliedError
	var moved *apply.MovedError
	switch {
	case errors.As(err, &goneErr):
		if !gone || goneErr.Recreated != (c.theirs != nil) {
			c.errorf("called gone (recreated %v): %v", goneErr.Recreated, err)
		}
	case errors.As(err, &changed):
		if gone || len(clashes) == 0 {
			c.errorf("refused although nothing of it changed: %v", err)
		}
	case errors.As(err, &conflict):
		if len(conflict.Conflicts) == 0 {
			c.errorf("no conflict in %v", err)
		}
	case errors.As(err, &lost), errors.As(err, &moved):
	case errors.Is(err, apply.ErrNoChange): // all of it was left to others, or they did the same
	default:
		c.errorf("refused with %T: %v", err, err)
	}
}

// applied judges an edit that was applied.
func (c *trial) applied(result *apply.Result, base *unstructured.Unstructured, edited map[string]any, consent apply.Consent) {
	c.t.Helper()
	how := "applied"
	if result.Rebased > 0 {
		how = "applied after a rebase"
	}
	if result.Resolved {
		how = "applied, found out"
	}
	c.end(how)
	c.history(nil)
	now := c.world.admin.get(c.k.kind, c.world.ns, c.name)
	if n := c.taken(); n != 1 {
		c.errorf("%d writes were taken", n)
		return
	}
	if now == nil || c.theirs == nil {
		c.errorf("applied to what is gone")
		return
	}
	if now.GetResourceVersion() != result.ResourceVersion || string(now.GetUID()) != result.UID || result.UID != c.opened {
		c.errorf("result is %s of %s, the server has %s of %s, opened was %s", result.ResourceVersion, result.UID, now.GetResourceVersion(), now.GetUID(), c.opened)
	}
	if result.Surprises != nil {
		c.errorf("surprises: %+v", result.Surprises)
	}
	want, clashes := c.k.shape.merge("", c.bare(base.Object), c.bare(edited), c.bare(c.theirs.Object))
	if clashes = hard(clashes); len(clashes) > 0 {
		c.errorf("applied although %v changed underneath", clashes)
	}
	if !same(c.k.shape, want, c.bare(now.Object)) {
		c.errorf("base + edit + theirs (-want +got):\n%s", cmp.Diff(c.k.shape.plain(want), c.k.shape.plain(c.bare(now.Object))))
	}
	if !reflect.DeepEqual(now.Object["status"], c.theirs.Object["status"]) {
		c.errorf("status (-theirs +now):\n%s", cmp.Diff(c.theirs.Object["status"], now.Object["status"]))
	}
	for _, manager := range []string{"theirs", "controller", "gitops"} {
		kept := owners(c.t, now, manager)
		for _, path := range owners(c.t, c.theirs, manager) {
			_, bare, _ := strings.Cut(path, " ")
			if !slices.Contains(kept, path) && !consent.All && !consented(consent, bare) && !emptied(c.theirs, now, bare) {
				c.errorf("%s lost %s without consent", manager, path)
			}
		}
	}
	c.theirs = now
}

// emptied reports whether a path is of a map that has lost its last entry: the server drops an empty map, and who owned it.
// That it had to become empty is judged by its content.
func emptied(before, now *unstructured.Unstructured, path string) bool {
	names := strings.Split(strings.TrimPrefix(path, "."), ".")
	_, was, err := unstructured.NestedMap(before.Object, names...)
	_, is, _ := unstructured.NestedMap(now.Object, names...)
	return err == nil && was && !is
}

// consented reports whether a path, or one that it is within, was agreed to.
func consented(consent apply.Consent, path string) bool {
	for p := range consent.Take {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// history holds that the ledger tells what the server knows.
func (c *trial) history(err error) {
	c.t.Helper()
	entries := c.ledger.entries
	applied := 0
	for _, e := range entries {
		if !e.Done {
			c.errorf("an intent without an outcome: %+v", e.Intent)
		}
		if e.Outcome.State == history.Applied {
			applied++
		}
	}
	sent := 0
	for _, s := range c.world.tap.writes() {
		if s.Code != 0 {
			sent++
		}
	}
	if sent > len(entries) {
		c.errorf("%d writes, %d entries", sent, len(entries))
	}
	var unknown *apply.UnknownError
	if errors.As(err, &unknown) {
		if last := entries[len(entries)-1]; last.Outcome.State != history.Unknown {
			c.errorf("unknown, and recorded as %s", last.Outcome.State)
		}
		return
	}
	if applied != c.taken() {
		c.errorf("%d writes were taken, %d are recorded as applied", c.taken(), applied)
	}
}
