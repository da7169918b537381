package apply

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// owner is one entry of metadata.managedFields.
type owner struct {
	manager, subresource, apiVersion string
	apply                            bool
	set                              *fieldpath.Set
	secret                           bool // the object is a Secret
}

// ownersOf reads managedFields. An entry that can't be read owns nothing.
func ownersOf(obj *unstructured.Unstructured) []owner {
	var out []owner
	if obj == nil {
		return nil
	}
	secret := obj.GetKind() == "Secret" && obj.GetAPIVersion() == "v1"
	for _, e := range obj.GetManagedFields() {
		set := fieldpath.NewSet()
		if e.FieldsV1 == nil || set.FromJSON(e.FieldsV1.GetRawReader()) != nil {
			continue
		}
		out = append(out, owner{e.Manager, e.Subresource, e.APIVersion, e.Operation == metav1.ManagedFieldsOperationApply, set, secret})
	}
	return out
}

// name is how a conflict names it: with its subresource where it has one.
func (o *owner) name() string {
	if o.subresource != "" {
		return o.manager + " (" + o.subresource + ")"
	}
	return o.manager
}

// applied reports whether it is orka's own configuration: what the next apply replaces.
func (o *owner) applied() bool { return o.apply && o.manager == FieldManager && o.subresource == "" }

// ours reports whether orka wrote it, by applies or by patches.
func (o *owner) ours() bool { return o.manager == FieldManager && o.subresource == "" }

// owns reports whether it owns the path, something in it, or, atomically, something it is in. Who set a Secret's data as
// plain text (stringData) owns that.
func (o *owner) owns(path fieldpath.Path) bool {
	if plain, ok := plainPath(path); ok && o.secret && ownsIn(o.set, plain) {
		return true
	}
	return ownsIn(o.set, path)
}

func ownsIn(set *fieldpath.Set, path fieldpath.Path) bool {
	for n, pe := range path {
		if set.Members.Has(pe) && n == len(path)-1 {
			return true
		}
		below, ok := set.Children.Get(pe)
		if !ok {
			return false
		}
		set = below
	}
	return !set.Empty()
}

// appliedSet is what orka's own applies own; empty where there was none.
func appliedSet(owners []owner) *fieldpath.Set {
	for _, o := range owners {
		if o.applied() {
			return o.set
		}
	}
	return fieldpath.NewSet()
}
