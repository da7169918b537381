package apply

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// fileIntent is what applying a file means, as kubectl apply --server-side does it: the file is all of orka's
// configuration, what orka applied before and the file lacks goes, what others own stays. Errors are *DraftError,
// *StaleError for a resourceVersion that is no longer the live one, and ErrNoChange when nothing would change, in the
// object nor in who owns what.
func fileIntent(t *typer, b *Base, f *File) (*Intent, error) {
	d := f.doc
	if d == nil {
		d = &document{object: f.Object}
	}
	if err := checkIdentity(b.Target, d); err != nil {
		return nil, err
	}
	edited := d.object.DeepCopy()
	if err := ofThisObject(b, d); err != nil {
		return nil, err
	}
	meta := edited.Object["metadata"].(map[string]any) // checkIdentity has found the name in it
	for _, name := range serverMetadata {
		delete(meta, name)
	}
	if b.Namespace != "" {
		meta["namespace"] = b.Namespace
	}
	i := &Intent{Target: b.Target, Edited: edited, RemoveForeign: fieldpath.NewSet(), RemoveOwn: fieldpath.NewSet(), changes: fieldpath.NewSet(), whole: true}
	if t.notice != "" {
		i.Notices = append(i.Notices, t.notice)
	}
	if err := d.validate(t, b, edited, nil); err != nil {
		return nil, err
	}
	for _, path := range t.emptyNulls(b.Kind, edited.Object) {
		i.Notices = append(i.Notices, path.String()+": null in the file is stored as an empty value, as by kubectl apply --server-side; a field that is left out is taken away, or stays with its other owners")
	}
	foldStringData(b.Kind, edited)
	v, err := t.typed(edited)
	if err != nil {
		return nil, draftError(0, 0, "", "the object does not fit the server's schema")
	}
	set, err := v.ToFieldSet()
	if err != nil {
		return nil, draftError(0, 0, "", "the object does not fit the server's schema")
	}
	i.Set = set.Difference(fieldpath.NewSet(names("apiVersion"), names("kind"), names("metadata"), names("metadata", "name"), names("metadata", "namespace")))
	live := map[string]any{}
	var owners []owner
	if b.Object != nil {
		live = b.Object.Object
		owners = ownersOf(b.Object)
	}
	t.walk(i.Set, func(p place) bool {
		if p.member && !p.inner && !(p.same(0, 1) || (!p.has[0] && p.values[1] == nil)) {
			i.changes.Insert(p.path.Copy())
		}
		return true
	}, live, edited.Object)

	applied := appliedSet(owners)
	t.walk(applied.Difference(i.Set), func(p place) bool {
		if !p.member || !p.has[0] || p.has[1] {
			return true
		}
		if solely(p.path, applied, owners) {
			i.RemoveOwn.Insert(p.path.Copy())
			return false
		}
		return true
	}, live, edited.Object)
	if !b.Absent && i.changes.Empty() && i.RemoveOwn.Empty() && applied.Equals(i.Set) {
		return nil, ErrNoChange
	}
	i.Notices = append(i.Notices, t.atomicNotices(i.changes, &unstructured.Unstructured{Object: live})...)
	return i, nil
}

// ofThisObject refuses a file that says it is of another object, or of another version of it.
func ofThisObject(b *Base, d *document) error {
	meta, _ := d.object.Object["metadata"].(map[string]any)
	if v, ok := meta["managedFields"]; ok && length(v) > 0 {
		return d.fail(names("metadata", "managedFields"), "only the server writes this; take it away")
	}
	if v, ok := meta["uid"].(string); ok && v != "" && v != b.UID {
		if b.Absent {
			return d.fail(names("metadata", "uid"), "the object of this uid does not exist any more; take the line away to make a new one")
		}
		return d.fail(names("metadata", "uid"), "this is the uid of another object: %s, not %s", v, b.UID)
	}
	if v, ok := meta["resourceVersion"].(string); ok && v != "" && v != b.ResourceVersion {
		if b.Absent {
			return d.fail(names("metadata", "resourceVersion"), "the object does not exist any more; take the line away to make a new one")
		}
		return &StaleError{Target: b.Target, Failed: []Check{
			fails(SameObject, "the file is of version %s, and the server has %s; fetch it again, or take metadata.resourceVersion out of the file", v, b.ResourceVersion),
		}}
	}
	if v, ok := meta["resourceVersion"]; ok && v != nil {
		if _, text := v.(string); !text {
			return d.fail(names("metadata", "resourceVersion"), "expected text, got %s", sort(v))
		}
	}
	return nil
}
