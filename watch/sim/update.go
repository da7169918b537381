package sim

import (
	"bytes"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// update replaces an object, or what a subresource is about.
func (wr *writing) update() (*object, error) {
	doc, err := wr.decode(wr.body, wr.q.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if err := wr.place(doc, wr.q.name); err != nil {
		return nil, err
	}
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	cur, old, err := wr.current()
	if err != nil {
		return nil, err
	}
	if uid := doc.GetUID(); uid != "" && uid != old.GetUID() {
		return nil, apierrors.NewConflict(wr.sv.GroupResource(), doc.GetName(),
			fmt.Errorf("StorageError: invalid object, Code: 4, Key: /registry/%s/%s, ResourceVersion: 0, AdditionalErrorMsg: "+
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", wr.sv.storageKey(), cur.key, uid, old.GetUID()))
	}
	if doc, err = wr.manage(copyDocument(old), doc); err != nil {
		return nil, err
	}
	return wr.replace(cur, old, doc)
}

// current is the stored object of the path, raw and decoded in the requested version, with its true managedFields.
// The caller holds mu.
func (wr *writing) current() (*object, document, error) {
	cur := wr.sv.coll.get(objectKey(wr.q.namespace, wr.q.name))
	if cur == nil {
		return nil, nil, apierrors.NewNotFound(wr.sv.GroupResource(), wr.q.name)
	}
	o, err := wr.s.settled(wr.sv, cur)
	if err != nil {
		return nil, nil, err
	}
	body, err := wr.s.reader().body(o)
	if err != nil {
		return nil, nil, err
	}
	doc, err := wr.sv.decode(cur.version, body)
	if err != nil {
		return nil, nil, err
	}
	wr.sv.setDefaults(doc) // as when the real server reads from etcd
	return cur, doc, nil
}

func (sv *served) setDefaults(doc document) {
	if u, ok := doc.(*unstructured.Unstructured); ok {
		sv.custom.setDefaults(u)
		return
	}
	setDefaults(doc)
}

// replace takes doc, whose owners are known, through admission and validation into the place of cur, as far as the
// endpoint may change it. The caller holds mu.
func (wr *writing) replace(cur *object, old, doc document) (*object, error) {
	sv := wr.sv
	doc, err := wr.mutate("UPDATE", old, doc)
	if err != nil {
		return nil, err
	}
	rv := doc.GetResourceVersion()
	if _, err := parseRevision(rv); err != nil {
		return nil, fmt.Errorf("strconv.ParseUint: parsing %q: invalid syntax", rv)
	}
	switch {
	case rv == "" && !sv.unconditional():
		return nil, apierrors.NewInvalid(sv.gvkOfPlural(), doc.GetName(), field.ErrorList{
			field.Invalid(field.NewPath("metadata", "resourceVersion"), 0, "must be specified for an update")})
	case rv != "" && rv != old.GetResourceVersion():
		return nil, conflict(sv.Resource, doc.GetName())
	}
	if uid := doc.GetUID(); uid != "" && uid != old.GetUID() {
		return nil, apierrors.NewInvalid(sv.gvk().GroupKind(), wr.q.name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "uid"), uid, "field is immutable")})
	}
	doc = prepareUpdate(sv, wr.q.sub, old, doc)
	if err := validateUpdate(sv, wr.q.sub, old, doc); err != nil {
		return nil, err
	}
	stored, err := sv.toStored(doc)
	if err != nil {
		return nil, err
	}
	before, err := sv.toStored(copyDocument(old))
	if err != nil {
		return nil, err
	}
	// Of a change that is none but for the times in managedFields nothing remains.
	if fields := stored.GetManagedFields(); sameFields(fields, before.GetManagedFields()) {
		stored.SetManagedFields(before.GetManagedFields())
		if !sv.equal(before, stored) {
			stored.SetManagedFields(fields)
		}
	}
	if err := wr.validate("UPDATE", old, doc); err != nil {
		return nil, err
	}
	// An update that changes nothing is not written: no new revision, no event.
	if sv.equal(before, stored) {
		return wr.s.settled(sv, cur)
	}
	if wr.q.dryRun() {
		return wr.s.dryRun(sv, stored, cur)
	}
	if err := wr.s.update(sv, cur, stored, true); err != nil {
		return nil, err
	}
	now := sv.coll.get(cur.key)
	// Taking away the last finalizer of an object that is being deleted deletes it.
	if doc.GetDeletionTimestamp() != nil && len(doc.GetFinalizers()) == 0 {
		if _, err := wr.s.remove(sv, now); err != nil {
			return nil, err
		}
	}
	return now, nil
}

// storageKey is where etcd has the objects of a resource.
func (sv *served) storageKey() string {
	if sv.goType == nil || sv.Kind == "CustomResourceDefinition" {
		return sv.Group + "/" + sv.Plural
	}
	return sv.Plural
}

// equal says that two objects are stored as the same bytes.
func (sv *served) equal(a, b document) bool {
	if sv.coll.res.goType != nil {
		return equality.Semantic.DeepEqual(a, b)
	}
	x, err := encodeBody(sv.coll.res, a)
	if err != nil {
		return false
	}
	y, err := encodeBody(sv.coll.res, b)
	return err == nil && bytes.Equal(x, y)
}

// sameFields compares managedFields without their times.
func sameFields(a, b []metav1.ManagedFieldsEntry) bool {
	return equality.Semantic.DeepEqual(withoutTimes(a), withoutTimes(b))
}

func withoutTimes(in []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	out := make([]metav1.ManagedFieldsEntry, len(in))
	for i := range in {
		out[i] = in[i]
		out[i].Time = nil
	}
	return out
}

// conflict is the 409 of a resourceVersion that is not the stored one.
func conflict(res *Resource, name string) error {
	return apierrors.NewConflict(res.GroupResource(), name,
		fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
}
