package watch

import (
	"strings"
)

// GVK names a kind in one served version. It is comparable and serves as a map key.
type GVK struct {
	Group   string // "" for the core group
	Version string
	Kind    string
}

// GroupVersion is "v1" or "apps/v1", as in an object's apiVersion.
func (g GVK) GroupVersion() string {
	if g.Group == "" {
		return g.Version
	}
	return g.Group + "/" + g.Version
}

// String is the form the command line takes: "v1/Pod" or "apps/v1/Deployment".
func (g GVK) String() string { return g.GroupVersion() + "/" + g.Kind }

// Compare orders by group, kind, version.
func (g GVK) Compare(h GVK) int {
	if c := strings.Compare(g.Group, h.Group); c != 0 {
		return c
	}
	if c := strings.Compare(g.Kind, h.Kind); c != 0 {
		return c
	}
	return strings.Compare(g.Version, h.Version)
}

// Verbs is the set of API verbs that discovery lists for a kind.
type Verbs uint16

// The verbs orka asks about.
const (
	VerbGet Verbs = 1 << iota
	VerbList
	VerbWatch
	VerbCreate
	VerbUpdate
	VerbPatch
	VerbDelete
	VerbDeleteCollection
)

var verbNames = [...]string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}

// ParseVerbs makes a set of the names in discovery; names it doesn't know are left out.
func ParseVerbs(names []string) Verbs {
	var v Verbs
	for _, n := range names {
		for i, known := range verbNames {
			if n == known {
				v |= 1 << i
			}
		}
	}
	return v
}

// Has reports whether all verbs of w are in v.
func (v Verbs) Has(w Verbs) bool { return v&w == w }

// Names lists the set in a fixed order.
func (v Verbs) Names() []string {
	var out []string
	for i, n := range verbNames {
		if v&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// Kind is one served resource type. A Kind is immutable; one pointer stands for it in every Object of
// one engine, so pointers may be compared. When a type comes back in another version or with other
// columns, that is another Kind.
type Kind struct {
	GVK
	Resource   string // plural, as in the request path: "pods"
	Singular   string
	ShortNames []string
	Categories []string
	Namespaced bool
	Verbs      Verbs
	// Columns is what kubectl prints for the kind, in its order; NAMESPACE is not among them, NAME is.
	Columns []Column
}

// ResourceName is the plural with its group, as in RBAC messages: "pods", "deployments.apps".
func (k *Kind) ResourceName() string {
	if k.Group == "" {
		return k.Resource
	}
	return k.Resource + "." + k.Group
}

// Watchable reports whether the kind can be followed by a watch; a kind that can only be listed is polled.
func (k *Kind) Watchable() bool { return k.Verbs.Has(VerbList | VerbWatch) }

// Answers reports whether a person means this kind by name: kind, plural, singular or short name,
// each also with group ("deploy.apps") or version and group ("deployments.v1.apps"), or in the form of
// GVK.String. Letter case does not matter.
func (k *Kind) Answers(name string) bool {
	if strings.EqualFold(name, k.GVK.String()) {
		return true
	}
	base, qualifier, qualified := strings.Cut(name, ".")
	if qualified && !strings.EqualFold(qualifier, k.Group) && !strings.EqualFold(qualifier, k.Version+"."+k.Group) {
		return false
	}
	if strings.EqualFold(base, k.Kind) || strings.EqualFold(base, k.Resource) || (k.Singular != "" && strings.EqualFold(base, k.Singular)) {
		return true
	}
	for _, s := range k.ShortNames {
		if strings.EqualFold(base, s) {
			return true
		}
	}
	return false
}

// Scope is what one watcher covers: a kind in all namespaces, or in one.
type Scope struct {
	Kind      *Kind
	Namespace string // "" means all
}

// String is for logs and errors: "pods", "pods in team-a".
func (s Scope) String() string {
	if s.Namespace == "" {
		return s.Kind.ResourceName()
	}
	return s.Kind.ResourceName() + " in " + s.Namespace
}
