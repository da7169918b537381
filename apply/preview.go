package apply

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Route is how an intent reaches the server.
type Route string

// The routes. An intent that removes what others own can't be said by server-side apply: all of it then goes as one JSON
// Patch, so that one confirmation is one write.
const (
	ServerSideApply Route = "apply"
	JSONPatch       Route = "json-patch"
)

// Conflict is one field of an intent that another manager owns.
type Conflict struct {
	Path    string // ".spec.replicas", as fieldpath writes it
	Manager string // "kube-controller-manager", or with its subresource: `kubectl (scale)`
	// Message is the server's, or ours where the server was not asked.
	Message string
	// Removes is set where the intent takes the field away.
	Removes bool
}

// Consent is what a person agreed to for one edit, field by field. The zero value agrees to nothing.
type Consent struct {
	// Take are paths of Conflicts to be taken over, or removed, although others own them.
	Take map[string]bool
	// Leave are paths of Conflicts that are left as they are: they drop out of the intent.
	Leave map[string]bool
	// All takes every conflict over: --force-conflicts.
	All bool
	// WithoutDryRun goes on where an admission webhook can't take part in a dry-run.
	WithoutDryRun bool
}

// Preview is what the server said it would do. Immutable.
type Preview struct {
	Base   *Base
	Intent *Intent // without the paths that Consent.Leave names

	Route Route
	Body  []byte // the patch; the same bytes are sent by the commit
	Force bool   // server-side apply with force=true

	// Conflicts are the fields that others own. Commit wants consent for each.
	Conflicts []Conflict
	// Result is what the server answered: the object as it would be stored. With Local it is our own computation.
	Result *unstructured.Unstructured
	// Local is set where there was no dry-run, and why it could not be made.
	Local string
	// Warnings are the server's, sanitised.
	Warnings []string
	// Notices are ours: an atomic list that goes whole, an order that the server keeps.
	Notices []string
	// Diff is from the live object to Result; a Secret's values are masked in it.
	Diff *Diff

	Identity Identity
	At       time.Time // of the dry-run, wall clock
}

// Result is a write that the server has taken.
type Result struct {
	Target

	UID, ResourceVersion string
	// Surprises is the difference between what the preview promised and what was stored; nil when there is none.
	Surprises *Diff
	Warnings  []string
	Rebased   int // how many times the base moved on the way, without consequence
	// Resolved is set when the answer was lost and the outcome was found by reading the object.
	Resolved bool
	Took     time.Duration // from the guard to the answer
}
