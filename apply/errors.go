package apply

import (
	"errors"
	"fmt"
	"strings"

	"orka/watch"
)

// ErrReadOnly refuses every write of a read-only engine.
var ErrReadOnly = errors.New("orka is read-only (ORKA_READONLY): nothing is written; --dry-run and diff still work")

// ErrNoChange is what Intent answers when an edit changes nothing.
var ErrNoChange = errors.New("nothing was changed")

// DraftError is a draft or a file that can't be taken, and where. Line and Column count from 1; 0 is not known.
type DraftError struct {
	Line, Column int
	Path         string // ".spec.replicas"; "" where it is about the text
	Message      string // what is wrong and, where there is one, the way out
}

func (e *DraftError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d", e.Line)
		if e.Column > 0 {
			fmt.Fprintf(&b, ", column %d", e.Column)
		}
		b.WriteString(": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Message
}

// PermissionError is a verb that the user may not use on the object.
type PermissionError struct {
	Target
	Verb   string
	Reason string // the authoriser's, may be ""
}

func (e *PermissionError) Error() string {
	s := fmt.Sprintf("%s: you may not %s it", e.Target, e.Verb)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// GoneError says that the object of the base is no longer there.
type GoneError struct {
	Target
	// Recreated is set when another object has its name now.
	Recreated bool
}

func (e *GoneError) Error() string {
	if e.Recreated {
		return fmt.Sprintf("%s was deleted and made anew since you opened it; nothing was written", e.Target)
	}
	return fmt.Sprintf("%s was deleted since you opened it; nothing was written", e.Target)
}

// StaleError says which conditions of the guard do not hold; nothing was written.
type StaleError struct {
	Target
	Failed []Check
}

func (e *StaleError) Error() string {
	var reasons []string
	for _, c := range e.Failed {
		reasons = append(reasons, c.Reason)
	}
	return fmt.Sprintf("%s: not applied: %s; --dry-run shows what it would do", e.Target, strings.Join(reasons, "; "))
}

// Versions are the three versions of one field, as YAML on one or more lines; "" is absent, a Secret's are masked.
type Versions struct {
	Path               string
	Base, Yours, Their string
}

// ChangedError says that fields of the intent changed on the server since the base; nothing was written.
type ChangedError struct {
	Target
	Fields []Versions
	// Live is the object as it is now, to start again from.
	Live *Base
}

func (e *ChangedError) Error() string {
	var paths []string
	for _, f := range e.Fields {
		paths = append(paths, f.Path)
	}
	return fmt.Sprintf("%s: somebody else changed %s since you opened it; nothing was written", e.Target, strings.Join(paths, ", "))
}

// MovedError says that the object moved on, so that the difference is no longer the one that was shown; nothing was
// written. Next is to be looked at and confirmed in its place; it is nil where Preview itself could not keep up.
type MovedError struct {
	Target
	Next *Preview
	// Busy is set when the object moved more often than a commit follows.
	Busy bool
}

func (e *MovedError) Error() string {
	if e.Busy {
		return fmt.Sprintf("%s changes faster than it can be applied to (%d attempts); nothing was written", e.Target, maxRebases+1)
	}
	return fmt.Sprintf("%s changed since the preview, and the difference is another one now; nothing was written", e.Target)
}

// ConflictError lists fields that others own and for which there is no consent; nothing was written.
type ConflictError struct {
	Target
	Conflicts []Conflict
}

func (e *ConflictError) Error() string {
	var parts []string
	for _, c := range e.Conflicts {
		parts = append(parts, fmt.Sprintf("%s is owned by %s", watch.Sanitize(c.Path), c.Manager)) // keys of maps are anything
	}
	return fmt.Sprintf("%s: %s", e.Target, strings.Join(parts, "; "))
}

// Cause is one field the server objected to.
type Cause struct{ Path, Message string }

// RejectedError is the server's refusal; nothing was written. Message and causes are sanitised, and for Secrets reduced
// to code, reason and paths.
type RejectedError struct {
	Target
	Code    int
	Reason  string
	Message string
	Causes  []Cause
	// Webhook names the admission webhook that refused, "" where none did.
	Webhook string
	// NoDryRun is set when Webhook can't take part in a dry-run; Consent.WithoutDryRun goes on without.
	NoDryRun bool
}

func (e *RejectedError) Error() string {
	s := fmt.Sprintf("%s: the server refused (%d %s)", e.Target, e.Code, e.Reason)
	if e.Message != "" {
		s += ": " + e.Message
	}
	return s
}

// UnknownError says that the answer was lost and that reading the object did not settle what became of the write. Trying
// again is safe: the patch bears the resourceVersion it was made for.
type UnknownError struct {
	Target
	Err error // what happened to the connection
	// Done is set when the object has the change all the same, by this write or by somebody else's: a removal doesn't show
	// whose it is.
	Done bool
	// Absent is set when the object is as it was. The request may be on its way still, held by a proxy or by a server that
	// answers late; another try and it are for the same version of the object, so that at most one is taken.
	Absent bool
}

func (e *UnknownError) Error() string {
	switch {
	case e.Absent:
		return fmt.Sprintf("%s: the answer was lost (%v); the object does not have the change as of now, but the request may arrive still; trying again is safe, as at most one of the two is taken", e.Target, e.Err)
	case e.Done:
		return fmt.Sprintf("%s: the answer was lost (%v); the object has the change, but whether by this write or by somebody else's can't be told", e.Target, e.Err)
	}
	return fmt.Sprintf("%s: the answer was lost (%v), and whether the change was applied could not be found out; look at it before you try again", e.Target, e.Err)
}

// Unwrap is the connection's error.
func (e *UnknownError) Unwrap() error { return e.Err }

// NotAppliedError says that a write was never sent, or that its answer was lost and the object has moved on without the
// change: the server takes it no more.
type NotAppliedError struct {
	Target
	Err error
}

func (e *NotAppliedError) Error() string {
	return fmt.Sprintf("%s: not applied: %v; trying again is safe", e.Target, e.Err)
}

// Unwrap is the connection's error.
func (e *NotAppliedError) Unwrap() error { return e.Err }

// JournalError says that the history can't be written: nothing is applied without a record of it.
type JournalError struct{ Err error }

func (e *JournalError) Error() string { return fmt.Sprintf("nothing was written: %v", e.Err) }

// Unwrap is the history's error.
func (e *JournalError) Unwrap() error { return e.Err }
