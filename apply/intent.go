package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Intent is what an edit means to change, as paths into the object: list items by their keys, atomic lists and maps as a
// whole. Immutable.
type Intent struct {
	Target

	// Edited is the object as the person left it.
	Edited *unstructured.Unstructured
	// Set are the paths that get a value of Edited.
	Set *fieldpath.Set
	// RemoveOwn are the paths to take away that manager orka alone owns by its applies; leaving them out of the next one
	// removes them.
	RemoveOwn *fieldpath.Set
	// RemoveForeign are the paths to take away that others own too, or nobody does.
	RemoveForeign *fieldpath.Set
	// Notices say what the intent does not or only as a whole carry.
	Notices []string

	// whole is set for a file: it is all of orka's applied configuration, so what orka owns and it lacks goes.
	whole bool
	// untyped is set when the base does not fit its schema, so that the paths are those of a deduced type.
	untyped bool
	// changes are the paths of Set whose value is not the base's; all of them but for a file.
	changes *fieldpath.Set
}

// typer is the type by which the intent's paths are to be read.
func (i *Intent) typer(t *typer) *typer {
	if i.untyped && !t.deduced {
		return deducedTyper()
	}
	return t
}

// Empty reports whether nothing is meant to change.
func (i *Intent) Empty() bool {
	return i.Set.Empty() && i.RemoveOwn.Empty() && i.RemoveForeign.Empty()
}
