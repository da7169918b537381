package history

import "time"

// Intent is what is about to be written to an API server.
type Intent struct {
	At      time.Time // when; zero means now. Kept to the nanosecond, returned in UTC
	Cluster string    // host of the API server
	Context string    // name of the kubeconfig's context
	User    string    // user, or the one impersonated

	Kind      string // "apps/v1/Deployment"
	Resource  string // "deployments.apps"
	Namespace string // empty for objects of the whole cluster
	Name      string
	UID       string // metadata.uid; without one no version is kept

	BaseVersion string   // resourceVersion that the patch is bound to
	Route       string   // "apply" (server-side apply) or "json-patch"
	Force       bool     // whether fields of other managers are taken over
	Fields      []string // paths it sets or removes, e.g. ".spec.replicas"; never values

	// Body is the patch as sent, compressed at rest, at most MaxBody bytes. Of a Secret it is never stored, and
	// Digest takes its place.
	Body []byte
	// Secret makes Body a digest. A Kind or Resource that names Secrets has the same effect.
	Secret bool
	// Digest is the keyed digest of a Secret's Body. It is set by Find; Begin ignores what it holds.
	Digest string
}

// MaxBody is the largest Body or Object that is accepted, in bytes. An API server takes 3 MiB at most
// (k8s.io/apiserver pkg/server/config.go, MaxRequestBodyBytes), and an object in etcd is smaller still.
const MaxBody = 16 << 20

// State says what became of an intent.
type State string

// The states of an outcome. All but Unknown are final.
const (
	Applied State = "applied" // the server has written it
	Refused State = "refused" // the server or the guard said no; nothing was written
	Failed  State = "failed"  // it went wrong otherwise, and certainly nothing was written
	Unknown State = "unknown" // it may or may not have been written
)

// Outcome is what became of an intent.
type Outcome struct {
	At      time.Time // when; zero means now
	State   State
	Version string // resourceVersion after it; empty when nothing was written
	Code    int    // HTTP status; 0 when there was no answer
	// Reason is the server's word for it ("Conflict"). Of a Secret it is stored only if it is one word.
	Reason string
	// Message is cut to MaxMessage bytes. Of a Secret it is not stored: a server quotes the value it refuses.
	Message string
	// Object is the object as applied: JSON, without managedFields; nil unless Applied. Of a Secret only its digest
	// is stored. Find leaves it nil; Versions returns it.
	Object []byte
}

// MaxMessage is how much of an outcome's message is kept, in bytes.
const MaxMessage = 4 << 10

// ID names an intent. It is positive, below 2^53 (so that it survives JSON), grows with time within one history, and
// doesn't come back in the history that is made when one is set aside.
type ID int64

// Version is an object as it was applied.
type Version struct {
	ID        ID // of the intent
	At        time.Time
	Cluster   string
	Resource  string
	Namespace string
	Name      string
	UID       string
	Version   string // resourceVersion after the write
	Object    []byte // JSON, without managedFields; nil for Secrets
	Digest    string // of a Secret's object; empty otherwise
}

// Query says which entries Find returns: those that match every field that isn't empty.
type Query struct {
	Cluster, Resource, Namespace, Name, UID string
	// Limit is how many entries at most; 0 means DefaultLimit.
	Limit int
	// Body asks for Intent.Body as well, which Find leaves nil otherwise.
	Body bool
}

// DefaultLimit is how many entries Find returns when the query doesn't say.
const DefaultLimit = 100

// Entry is one intent with what became of it.
type Entry struct {
	ID      ID
	Intent  Intent
	Outcome Outcome // State is Unknown when no outcome was recorded
	Done    bool    // whether an outcome was recorded
}

// Retention says how much is kept. Zero fields have the defaults given; what is beyond is removed in small steps
// with each write.
type Retention struct {
	Age      time.Duration // of an intent; 90 days
	Entries  int           // intents with their outcomes; 10,000
	PerUID   int           // versions of one object; 3
	Versions int           // versions of all objects together; 10,000
}

func (r Retention) withDefaults() Retention {
	if r.Age <= 0 {
		r.Age = 90 * 24 * time.Hour
	}
	if r.Entries <= 0 {
		r.Entries = 10_000
	}
	if r.PerUID <= 0 {
		r.PerUID = 3
	}
	if r.Versions <= 0 {
		r.Versions = 10_000
	}
	return r
}
