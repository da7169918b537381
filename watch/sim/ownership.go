package sim

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Who owns which field is computed at every write that comes over HTTP. The direct API writes hundreds of thousands of
// objects that mostly nobody ever asks about, so there it is computed when somebody does: for a GET, a write over
// HTTP, or Server.Get. Lists and watches show such an object with the managedFields it was given.
//
//   - An object that was created with managedFields has those.
//   - One that was created without any belongs to Config.Controller as a whole.
//   - What a direct Update changes goes to Config.Controller; what it changes of the status goes, as the subresource's, to
//     whoever wrote the status before. Unless the object comes with managedFields that are neither those it had
//     nor empty, and no client has written to it: then it has those, because its writer plays several managers (the churn does).

// directWrite is an update by the direct API whose owners have not been computed yet.
type directWrite struct {
	at time.Time

	once sync.Once
	// base is the last object whose owners are known, and the change is what this object differs in; dropped
	// when the owners have been computed. Guarded by Server.mu until then.
	base   *object
	fields []metav1.ManagedFieldsEntry
	err    error
	done   bool
}

// owned says whether the body's managedFields are the truth.
func (o *object) owned() bool { return o.direct == nil && (o.managed || o.touched) }

// attributeLater notes on o, which a direct Update made out of cur, what is needed to find its owners. The caller holds mu.
func attributeLater(o, cur *object) {
	o.touched = cur.touched
	base := cur
	if d := cur.direct; d != nil && !d.done {
		base = d.base
	}
	if !base.owned() && base.direct == nil && !o.managed {
		return // all of it is the controller's, before and after
	}
	o.direct = &directWrite{at: time.Now(), base: base}
}

// settled is o with its true managedFields: o itself, or a copy that is not stored. The caller holds mu, for reading at
// least, if o is not owned.
func (s *Server) settled(sv *served, o *object) (*object, error) {
	if o.owned() {
		return o, nil
	}
	doc, err := s.ownedDocument(sv.home(s), o)
	if err != nil {
		return nil, err
	}
	body, err := encodeBody(sv.coll.res, doc)
	if err != nil {
		return nil, err
	}
	return &object{key: o.key, uid: o.uid, version: o.version, rev: o.rev, managed: o.managed, touched: o.touched, direct: o.direct, body: body}, nil
}

// home is the resource as objects of the collection are stored.
func (sv *served) home(s *Server) *served {
	if sv.convert == nil && sv.Version == sv.coll.res.Version {
		return sv
	}
	if h, ok := s.resources[sv.coll.res.gvr()]; ok {
		return h
	}
	return sv
}

// ownedDocument decodes o, in the collection's own version, with its true managedFields.
func (s *Server) ownedDocument(sv *served, o *object) (document, error) {
	doc, err := s.stored(sv, o)
	if err != nil || o.owned() {
		return doc, err
	}
	d := o.direct
	if d == nil {
		out, err := s.attribute(sv, nil, doc, doc.GetCreationTimestamp().Time)
		return out, err
	}
	d.once.Do(func() { d.fields, d.err = s.attributeChange(sv, d, o, doc); d.base, d.done = nil, true })
	doc.SetManagedFields(d.fields)
	return doc, d.err
}

// attributeChange finds the owners of an object that was updated directly.
func (s *Server) attributeChange(sv *served, d *directWrite, o *object, doc document) ([]metav1.ManagedFieldsEntry, error) {
	base, err := s.ownedDocument(sv, d.base)
	if err != nil {
		return nil, err
	}
	given := doc.GetManagedFields()
	if len(given) > 0 && !o.touched && !equality.Semantic.DeepEqual(given, base.GetManagedFields()) {
		return given, nil
	}
	doc.SetManagedFields(nil)
	out, err := s.attribute(sv, base, doc, d.at)
	if err != nil {
		return nil, err
	}
	return out.GetManagedFields(), nil
}

// attribute gives what is new in doc, against base (nil for a create), to the controller: the status as a write to the
// subresource, the rest as one to the resource.
func (s *Server) attribute(sv *served, base, doc document, at time.Time) (document, error) {
	typed := func(d document) document {
		d.GetObjectKind().SetGroupVersionKind(sv.gvk())
		return d
	}
	live, err := sv.empty()
	if err != nil {
		return nil, err
	}
	if base != nil {
		live = base
	}
	main, err := sv.fieldManager("")
	if err != nil {
		return nil, err
	}
	mid := copyDocument(doc)
	if sv.Status {
		copyStatus(mid, live)
	}
	out := own(main, typed(live), typed(mid), s.cfg.Controller)
	if sv.Status {
		status, err := sv.fieldManager("status")
		if err != nil {
			return nil, err
		}
		manager := s.cfg.Controller
		for _, e := range out.GetManagedFields() {
			if e.Subresource == "status" {
				manager = e.Manager
			}
		}
		// A live object without a uid would be a create.
		out.SetUID(doc.GetUID())
		out = own(status, typed(out), typed(doc), manager)
	}
	fields := out.GetManagedFields()
	stamp(fields, live.GetManagedFields(), at)
	doc.SetManagedFields(fields)
	if sv.goType != nil {
		doc.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
	return doc, nil
}

// stamp dates the entries that are not among the old ones.
func stamp(fields, old []metav1.ManagedFieldsEntry, at time.Time) {
	when := metav1.NewTime(at.UTC().Truncate(time.Second))
	for i := range fields {
		known := false
		for j := range old {
			known = known || equality.Semantic.DeepEqual(fields[i], old[j])
		}
		if !known {
			fields[i].Time = &when
		}
	}
}

// empty is an object of the kind with nothing in it.
func (sv *served) empty() (document, error) {
	var obj runtime.Object
	var err error
	if sv.goType != nil {
		obj = sv.typed()
		obj.GetObjectKind().SetGroupVersionKind(sv.gvk())
	} else {
		obj, err = customKinds{sv}.New(sv.gvk())
	}
	if err != nil {
		return nil, err
	}
	return obj.(document), nil
}
