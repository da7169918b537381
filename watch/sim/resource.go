package sim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// standardVerbs are the verbs of nearly every resource, in the order discovery lists them.
var standardVerbs = []string{"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}

// Resource describes one resource type in one version, as discovery does. It is immutable once served.
type Resource struct {
	Group, Version string
	Plural         string // "pods"
	Singular       string
	Kind           string
	Namespaced     bool
	Verbs          []string // nil means all of them
	ShortNames     []string
	Categories     []string
	// Status says that there is a status subresource.
	Status bool
	// Columns are a CRD's additional printer columns.
	Columns []Column

	// goType is the Go type behind a pointer of which objects are decoded; nil for kinds that travel as JSON only.
	goType reflect.Type
	// review marks kinds that are answered, never stored.
	review  bool
	builtin bool
}

// Column is one additional printer column of a CustomResourceDefinition.
type Column struct{ Name, Type, Format, Description, JSONPath string }

// GroupVersion is group and version.
func (r *Resource) GroupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: r.Group, Version: r.Version}
}

// GroupResource names the resource in error messages.
func (r *Resource) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.Group, Resource: r.Plural}
}

func (r *Resource) gvk() schema.GroupVersionKind { return r.GroupVersion().WithKind(r.Kind) }

func (r *Resource) gvr() schema.GroupVersionResource { return r.GroupVersion().WithResource(r.Plural) }

func (r *Resource) can(verb string) bool { return slices.Contains(r.Verbs, verb) }

// typed makes an empty object of the Go type.
func (r *Resource) typed() runtime.Object {
	return reflect.New(r.goType).Interface().(runtime.Object)
}

// check refuses a description that could not be served.
func (r *Resource) check() error {
	if r.Version == "" || r.Plural == "" || r.Kind == "" {
		return fmt.Errorf("sim: resource %q of group %q needs a version, a plural name and a kind", r.Plural, r.Group)
	}
	return nil
}

// withDefaults is a copy that names its singular and its verbs.
func (r Resource) withDefaults() *Resource {
	if r.Singular == "" {
		r.Singular = strings.ToLower(r.Kind)
	}
	if r.Verbs == nil {
		r.Verbs = standardVerbs
	}
	return &r
}

// served is one resource in one version as requests address it: what it is, and where its objects are.
type served struct {
	*Resource
	coll *collection
	// convert turns an object of the collection's own Go type into this version's; nil when they are the same.
	convert func(runtime.Object) (runtime.Object, error)
	// revert is the way back, for writes.
	revert func(runtime.Object) (runtime.Object, error)
	// custom is what the definition of a custom kind says of this version; nil without one.
	custom   *customSchema
	managers fieldManagers
}
