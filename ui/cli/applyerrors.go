package cli

import (
	"context"
	"errors"

	"orka/apply"
)

// The codes of refusals in JSON output; docs/operations.md says what each means and what to do.
const (
	codeFile       = "file"
	codeAbsent     = "absent"
	codeReadOnly   = "read-only"
	codeForbidden  = "forbidden"
	codeRejected   = "rejected"
	codeConflict   = "conflict"
	codeStale      = "stale"
	codeChanged    = "changed"
	codeMoved      = "moved"
	codeGone       = "gone"
	codeNotApplied = "not-applied"
	codeUnknown    = "unknown"
	codeHistory    = "history"
	codeStopped    = "not-attempted"
	codeTimeout    = "timeout"
	codeInterrupt  = "interrupted"
	codeError      = "error"
)

// absentError refuses an edit of an object that isn't there.
type absentError struct {
	apply.Target
	file string
}

func (e *absentError) Error() string {
	return e.String() + " is not there, and orka edits what exists; `kubectl create -f " + e.file + "` makes it"
}

// errNotAttempted is why a document was left out: one before it went wrong.
var errNotAttempted = errors.New("not attempted")

// refusal maps what stood in the way of a document to its code in JSON and to the code of the process.
func refusal(ctx context.Context, err error) (code string, exit int) {
	is := func(target any) bool { return errors.As(err, target) }
	var (
		file       *badFileError
		draft      *apply.DraftError
		absent     *absentError
		permission *apply.PermissionError
		rejected   *apply.RejectedError
		conflict   *apply.ConflictError
		stale      *apply.StaleError
		changed    *apply.ChangedError
		moved      *apply.MovedError
		gone       *apply.GoneError
		not        *apply.NotAppliedError
		unknown    *apply.UnknownError
		history    *apply.JournalError
		timeout    *timeoutError
	)
	switch {
	case is(&unknown):
		return codeUnknown, ExitUnknown
	case is(&not):
		return codeNotApplied, ExitError
	case is(&conflict):
		return codeConflict, ExitConflict
	case is(&stale):
		return codeStale, ExitStale
	case is(&changed):
		return codeChanged, ExitStale
	case is(&moved):
		return codeMoved, ExitStale
	case is(&gone):
		return codeGone, ExitStale
	case is(&file), is(&draft):
		return codeFile, ExitUsage
	case is(&absent):
		return codeAbsent, ExitError
	case is(&permission):
		return codeForbidden, ExitError
	case is(&rejected):
		return codeRejected, ExitError
	case is(&history):
		return codeHistory, ExitError
	case errors.Is(err, apply.ErrReadOnly):
		return codeReadOnly, ExitError
	case errors.Is(err, errNotAttempted):
		return codeStopped, ExitError
	case errors.Is(context.Cause(ctx), errInterrupted):
		return codeInterrupt, interruptCode(context.Cause(ctx))
	case is(&timeout), errors.As(context.Cause(ctx), &timeout):
		return codeTimeout, ExitError
	}
	return codeError, ExitError
}

// hint is the way out that an error of the applier leaves to its caller; "" where it says all.
func hint(err error) string {
	var conflict *apply.ConflictError
	var rejected *apply.RejectedError
	var moved *apply.MovedError
	var changed *apply.ChangedError
	switch {
	case errors.As(err, &conflict):
		return "--force-conflicts takes these fields over"
	case errors.As(err, &rejected) && rejected.NoDryRun:
		return "--without-dry-run goes on without the server's word on what it would do"
	case errors.As(err, &moved) && moved.Busy, errors.As(err, &changed):
		return "run it again to work from the object as it is now"
	case errors.As(err, &moved):
		return "run it again to see the new difference"
	}
	return ""
}
