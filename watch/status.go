package watch

import (
	"sync/atomic"
	"time"
)

// ConfirmWithin is how long a silent stream may be believed: the server's bookmark period of about a
// minute plus slack.
const ConfirmWithin = 75 * time.Second

// Phase is where a watcher stands.
type Phase uint8

// The phases; what each means for the rows of its scope is in docs/reliability.md.
const (
	Queued      Phase = iota // waits for one of the list slots
	Listing                  // pages arrive
	Live                     // stream open and confirmed
	Unconfirmed              // stream open or asked for, nothing heard for ConfirmWithin, or the machine slept
	Backoff                  // between attempts
	Forbidden                // 403 on list or watch
	Unavailable              // the group or the aggregated API does not answer
	Polling                  // the kind has no watch verb: relisted on a period
	Diverged                 // an event was lost: rows are stale until the relist that is queued
)

// Phases counts the phases, for tables indexed by Phase.
const Phases = int(Diverged) + 1

// String is the word shown on screen, in metrics and in JSON.
func (p Phase) String() string {
	return [...]string{"Queued", "Listing", "Live", "Unconfirmed", "Backoff", "Forbidden", "Unavailable", "Polling", "Diverged"}[p]
}

// Status is the state of one watcher: one immutable value, replaced as a whole.
type Status struct {
	Scope Scope
	Phase Phase
	Since time.Time // of the phase, wall clock

	// Complete is set once a first list has completed; until then rows are "loading", never "none".
	Complete bool
	// Listed and Remaining count objects of the list in progress; Remaining is -1 when the server doesn't say.
	Listed, Remaining int64
	Generation        uint64
	Checkpoint        string // the resourceVersion a watch resumes from

	// ConfirmedAt is the wall clock as of which nothing is missing, by events, bookmarks, lists and probes; zero before the first
	// list. It goes back when a stream turns out to be late.
	ConfirmedAt time.Time
	// Suspended is set when the machine slept after ConfirmedAt.
	Suspended bool

	Attempt int       // of the back-off, from 1; 0 when healthy
	RetryAt time.Time // zero when no retry is due
	Reason  Reason    // of the last restart, relist or failure
	Err     string    // sanitised text of the last error; "" when healthy

	Restarts, Relists uint64
	Undecodable       uint64 // objects now shown as placeholders or skipped, since start
}

// Fresh reports whether rows of the scope may be called fresh at now (wall clock): docs/reliability.md.
func (s *Status) Fresh(now time.Time) bool {
	switch s.Phase {
	case Live:
		return !s.Suspended && s.Complete && now.Round(0).Sub(s.ConfirmedAt.Round(0)) <= ConfirmWithin
	default:
		return false
	}
}

// Reason says in one term why a watcher restarted, relisted or stopped; it is a metric label.
type Reason string

// The reasons.
const (
	ReasonNone        Reason = ""
	ReasonFirst       Reason = "First"       // first list
	ReasonPeriodic    Reason = "Periodic"    // periodic relist
	ReasonExpired     Reason = "Expired"     // 410, from HTTP or from the stream
	ReasonClosed      Reason = "Closed"      // clean end of a stream
	ReasonShortWatch  Reason = "ShortWatch"  // stream ended in under a second without an event
	ReasonSilent      Reason = "Silent"      // no frame for too long
	ReasonNetwork     Reason = "Network"     // connection refused, reset, TLS, DNS
	ReasonThrottled   Reason = "Throttled"   // 429
	ReasonServerError Reason = "ServerError" // 5xx
	ReasonAuth        Reason = "Unauthorized"
	ReasonForbidden   Reason = "Forbidden"
	ReasonNotFound    Reason = "NotFound" // the resource is gone
	ReasonDecode      Reason = "Decode"   // a frame that can't be read
	ReasonOverflow    Reason = "Overflow" // a shard refused an event
	ReasonRewound     Reason = "Rewound"  // the server's resourceVersion went back
	ReasonUser        Reason = "User"     // a person asked for a retry
	ReasonSuspend     Reason = "Suspend"  // the machine slept
	ReasonPanic       Reason = "Panic"
	ReasonEnded       Reason = "RecordingEnded" // what is watched is a recording, and it is over
)

var generations atomic.Uint64

// NextGeneration draws the generation of a list. It only ever grows within a process, across all watchers.
func NextGeneration() uint64 { return generations.Add(1) }
