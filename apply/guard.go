package apply

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"

	"orka/watch"
)

// Condition names one thing that must hold before a write is sent.
type Condition string

// The conditions, in the order they are shown.
const (
	Writable     Condition = "writable"      // not read-only
	WatchLive    Condition = "watch-live"    // the kind is followed and was confirmed lately
	NoSuspend    Condition = "no-suspend"    // the machine has not slept since
	SameObject   Condition = "same-object"   // the server still has the base's uid and resourceVersion
	SnapshotAge  Condition = "snapshot"      // what we have seen of the object is not newer than the base
	NotDeleting  Condition = "not-deleting"  // the object is not being deleted
	DryRunFresh  Condition = "dry-run"       // the dry-run is of that very version, and not old
	SameIdentity Condition = "same-identity" // cluster, context and user are those of the dry-run
	Consented    Condition = "consent"       // nothing of others is taken without consent
)

// Verdict is what became of a condition.
type Verdict uint8

// The verdicts.
const (
	Pending Verdict = iota // looked at when the write is sent
	Holds
	Fails
	Skipped // by ORKA_DISABLE_APPLY_PREFLIGHT, or with explicit consent
)

// Check is a condition with its verdict and the reason for it, as a sentence's part: "pods were confirmed 3s ago".
type Check struct {
	Condition Condition
	Verdict   Verdict
	Reason    string
}

// MaxDryRunAge is how old a dry-run may be when its patch is sent.
const MaxDryRunAge = time.Minute

// Sight is what the watch knows of an object and of its kind.
type Sight struct {
	// Status is of the watcher that covers the object; nil when none does.
	Status *watch.Status
	// Object is as last seen; nil when it isn't in the snapshot.
	Object *watch.Object
}

// Facts are all that the guard judges.
type Facts struct {
	Now      time.Time // wall clock
	Preview  *Preview
	Consent  Consent
	Sight    Sight
	Identity Identity // of now
	// Live is the object as a GET has just returned it; nil before that was made.
	Live *Base
	// Gone is set when that GET found no such object.
	Gone bool
	// ReadError is set when that GET failed.
	ReadError error

	ReadOnly       bool
	MaxSnapshotAge time.Duration // 0 is 75 s
	SkipPreflight  bool          // ORKA_DISABLE_APPLY_PREFLIGHT
}

// Guard judges every condition. It is pure: what is shown in the preview and what Commit decides by are the same.
func Guard(f Facts) []Check {
	if f.MaxSnapshotAge == 0 {
		f.MaxSnapshotAge = watch.ConfirmWithin
	}
	return []Check{f.writable(), f.watchLive(), f.noSuspend(), f.sameObject(), f.snapshot(), f.notDeleting(), f.dryRun(), f.identity(), f.consented()}
}

// Failed are the checks that do not hold.
func Failed(checks []Check) []Check {
	var out []Check
	for _, c := range checks {
		if c.Verdict == Fails {
			out = append(out, c)
		}
	}
	return out
}

func holds(c Condition, format string, args ...any) Check {
	return Check{c, Holds, fmt.Sprintf(format, args...)}
}

func fails(c Condition, format string, args ...any) Check {
	return Check{c, Fails, fmt.Sprintf(format, args...)}
}

func (f *Facts) writable() Check {
	if f.ReadOnly {
		return fails(Writable, "orka is read-only")
	}
	return holds(Writable, "writing is on")
}

func (f *Facts) watchLive() Check {
	s, kind := f.Sight.Status, f.Preview.Base.Kind.ResourceName()
	if f.SkipPreflight {
		return Check{WatchLive, Skipped, "freshness of the view: not looked at (ORKA_DISABLE_APPLY_PREFLIGHT)"}
	}
	switch {
	case s == nil:
		return fails(WatchLive, "%s are not watched, so nothing tells whether what you see is current", kind)
	case s.Phase == watch.Polling:
		return fails(WatchLive, "%s can't be watched, so nothing tells whether what you see is current", kind)
	case s.Phase != watch.Live || !s.Complete:
		return fails(WatchLive, "the watch of %s is not live (%s)", kind, s.Phase)
	}
	age := f.since(s.ConfirmedAt)
	switch {
	case s.ConfirmedAt.IsZero():
		return fails(WatchLive, "%s were not confirmed yet", kind)
	case age < -clockSlack:
		return fails(WatchLive, "the clock was set back since %s were last confirmed", kind)
	case age > f.MaxSnapshotAge:
		return fails(WatchLive, "%s were last confirmed %s ago; at most %s is allowed", kind, age.Round(time.Second), f.MaxSnapshotAge)
	}
	return holds(WatchLive, "%s are watched live, confirmed %s ago", kind, max(0, age).Round(time.Second))
}

// clockSlack is how far a moment may lie ahead, as after a small correction of the clock.
const clockSlack = time.Second

// since is the time from a moment to now by the wall clock, which goes on while the machine sleeps.
func (f *Facts) since(t time.Time) time.Duration { return f.Now.Round(0).Sub(t.Round(0)) }

func (f *Facts) noSuspend() Check {
	switch s := f.Sight.Status; {
	case f.SkipPreflight:
		return Check{NoSuspend, Skipped, "suspend: not looked at (ORKA_DISABLE_APPLY_PREFLIGHT)"}
	case s == nil:
		return fails(NoSuspend, "nothing was confirmed yet")
	case s.Suspended:
		return fails(NoSuspend, "the machine slept since the view was last confirmed")
	}
	return holds(NoSuspend, "the machine has not slept since")
}

func (f *Facts) sameObject() Check {
	base := f.Preview.Base
	switch {
	case base.Absent:
		return fails(SameObject, "there is no such object, and orka makes none")
	case f.SkipPreflight:
		return Check{SameObject, Skipped, "reading it again before the write: left out (ORKA_DISABLE_APPLY_PREFLIGHT)"}
	case f.Gone:
		return fails(SameObject, "the object was deleted")
	case f.ReadError != nil:
		return fails(SameObject, "it can't be read again: %v", f.ReadError)
	case f.Live == nil:
		return Check{SameObject, Pending, "it is read again right before the write"}
	case f.Live.UID != base.UID:
		return fails(SameObject, "another object has its name now")
	case f.Live.ResourceVersion != base.ResourceVersion:
		return fails(SameObject, "it changed on the server since (version %s, now %s)", base.ResourceVersion, f.Live.ResourceVersion)
	}
	return holds(SameObject, "the server still has version %s", base.ResourceVersion)
}

// hasMoved reports whether the object is there with another version than the base's.
func (f *Facts) hasMoved() bool {
	base := f.Preview.Base
	return f.Live != nil && f.Live.UID == base.UID && f.Live.ResourceVersion != base.ResourceVersion
}

func (f *Facts) snapshot() Check {
	base, seen := f.Preview.Base, f.Sight.Object
	switch {
	case seen == nil:
		return holds(SnapshotAge, "the watch has seen nothing newer")
	case seen.ResourceVersion == base.ResourceVersion && seen.UID == base.UID:
		return holds(SnapshotAge, "the watch has seen this very version")
	}
	order, err := resourceversion.CompareResourceVersion(seen.ResourceVersion, base.ResourceVersion)
	switch {
	case err == nil && order < 0: // of this object or of one before it that had the name
	case seen.UID != base.UID:
		return fails(SnapshotAge, "the watch has seen another object of this name")
	case err != nil:
		return fails(SnapshotAge, "the watch has seen version %s, which can't be compared with %s", seen.ResourceVersion, base.ResourceVersion)
	case order > 0:
		return fails(SnapshotAge, "the watch has seen a newer version (%s) than the one you edited (%s)", seen.ResourceVersion, base.ResourceVersion)
	}
	return holds(SnapshotAge, "the watch has seen nothing newer")
}

func (f *Facts) notDeleting() Check {
	for _, b := range []*Base{f.Live, f.Preview.Base} {
		if b != nil && b.Object != nil && b.Object.GetDeletionTimestamp() != nil {
			return fails(NotDeleting, "the object is being deleted")
		}
	}
	return holds(NotDeleting, "it is not being deleted")
}

func (f *Facts) dryRun() Check {
	p := f.Preview
	if p.Local != "" {
		if f.Consent.WithoutDryRun {
			return Check{DryRunFresh, Skipped, "no dry-run, as you agreed: " + p.Local}
		}
		return fails(DryRunFresh, "there was no dry-run: %s", p.Local)
	}
	age := f.since(p.At)
	switch {
	case age < -clockSlack:
		return fails(DryRunFresh, "the clock was set back since the dry-run")
	case age > MaxDryRunAge:
		return fails(DryRunFresh, "the dry-run is %s old; at most %s is allowed", age.Round(time.Second), MaxDryRunAge)
	}
	return holds(DryRunFresh, "the server tried it %s ago", max(0, age).Round(time.Second))
}

func (f *Facts) identity() Check {
	if f.Identity != f.Preview.Identity {
		return fails(SameIdentity, "context or user is not the one of the dry-run")
	}
	return holds(SameIdentity, "context and user are those of the dry-run")
}

func (f *Facts) consented() Check {
	missing := f.Consent.Missing(f.Preview.Conflicts)
	switch {
	case len(f.Preview.Conflicts) == 0:
		return holds(Consented, "no field of others is touched")
	case len(missing) > 0:
		return fails(Consented, "fields of others that wait for your consent: %d of %d", len(missing), len(f.Preview.Conflicts))
	}
	return holds(Consented, "fields of others that you take over: %d", len(f.Preview.Conflicts))
}

// Missing are the conflicts that nothing was said about.
func (c Consent) Missing(conflicts []Conflict) []Conflict {
	var out []Conflict
	for _, x := range conflicts {
		if !c.All && !c.Take[x.Path] {
			out = append(out, x)
		}
	}
	return out
}
