package apply

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch"
)

// FieldManager is the name under which orka owns fields, of server-side applies and of JSON patches alike.
const FieldManager = "orka"

// Target names one object.
type Target struct {
	Kind      *watch.Kind
	Namespace string // "" for cluster-scoped kinds
	Name      string
}

// String is "deployments.apps shop/web".
func (t Target) String() string {
	if t.Namespace == "" {
		return t.Kind.ResourceName() + " " + t.Name
	}
	return t.Kind.ResourceName() + " " + t.Namespace + "/" + t.Name
}

// Identity is who writes where. A preview made by one identity is never committed by another.
type Identity struct {
	Cluster       string // the server's address
	Context       string // of the kubeconfig
	User          string // the context's user
	Impersonating string // "" when nobody is
}

// Base is an object as the server had it when the edit began, or when it was rebased.
type Base struct {
	Target

	UID, ResourceVersion string
	// Object is as the server sent it, managedFields and a Secret's values included; it is not to be changed, shown,
	// logged or kept.
	Object *unstructured.Unstructured
	// At is when it was read, wall clock.
	At time.Time
	// Absent is set when there is no such object: only a Preview may be made of it, of what creating it would give.
	Absent bool
}
