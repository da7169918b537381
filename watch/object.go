package watch

import (
	"strings"
	"time"
)

// Object is what orka keeps of one API object: what tables show, what queries ask for, what identity
// and freshness rest on. It is immutable and compact (about half a kilobyte); the body is kept
// elsewhere or not at all. Every string is sanitised and owns its memory.
type Object struct {
	Kind            *Kind
	Namespace       string // "" for cluster-scoped kinds
	Name            string
	UID             string
	ResourceVersion string

	Created int64 // Unix seconds; 0 when unknown
	Deleted int64 // Unix seconds of metadata.deletionTimestamp; 0 when not being deleted

	Owners []Owner
	Labels Pairs
	Annos  Pairs // capped, see kube.Limits

	Status string // one word for lists of several kinds: "Running", "3/3", "Ready"
	Cells  Cells  // by Kind.Columns
	Fields Pairs  // projected fields: path → value, what field: can ask for

	Health Health
	// Undecodable is set on a placeholder: identity is known, the rest could not be read.
	Undecodable bool
}

// Owner is one owner reference.
type Owner struct {
	APIVersion string
	Kind       string
	Name       string
	UID        string
	Controller bool
}

// Health is a verdict on one object, made where it is decoded.
type Health uint8

const (
	// HealthUnknown is for kinds that have no notion of health.
	HealthUnknown Health = iota
	// HealthOK is an object that does what its spec asks for.
	HealthOK
	// HealthProgressing is on its way there.
	HealthProgressing
	// HealthBad needs a person: crash loops, failures, False conditions, warnings.
	HealthBad
)

// String is the word shown on screen and printed in JSON.
func (h Health) String() string {
	return [...]string{"unknown", "healthy", "progressing", "unhealthy"}[h]
}

// CompareName orders objects by namespace, then name: the order within a shard and of plain lists.
func (o *Object) CompareName(p *Object) int {
	if c := strings.Compare(o.Namespace, p.Namespace); c != 0 {
		return c
	}
	return strings.Compare(o.Name, p.Name)
}

// NamespacedName is "namespace/name", or "name" for cluster-scoped objects.
func (o *Object) NamespacedName() string {
	if o.Namespace == "" {
		return o.Name
	}
	return o.Namespace + "/" + o.Name
}

// Age is the time since creation, never negative: clocks of cluster and client may differ.
func (o *Object) Age(now time.Time) time.Duration {
	if o.Created == 0 {
		return 0
	}
	return max(0, now.Sub(time.Unix(o.Created, 0)))
}
