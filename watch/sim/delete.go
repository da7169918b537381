package sim

import (
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// deleteOptions reads the body of a delete, which may be missing.
func (wr *writing) deleteOptions() (*metav1.DeleteOptions, error) {
	opts := &metav1.DeleteOptions{}
	if len(wr.body) == 0 {
		return opts, nil
	}
	var codec runtime.Decoder = strictJSON
	switch media := wr.q.Header.Get("Content-Type"); media {
	case mediaProtobuf:
		codec = protoCodec
	case mediaYAML:
		codec = strictYAML
	}
	gvk := metav1.SchemeGroupVersion.WithKind("DeleteOptions")
	obj, _, err := codec.Decode(wr.body, &gvk, opts)
	if _, strict := runtime.AsStrictDecodingError(err); err != nil && !strict {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	got, ok := obj.(*metav1.DeleteOptions)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected DeleteOptions, got %T", obj))
	}
	return got, nil
}

// delete removes one object, or marks it while it has finalizers. Grace periods and garbage collection are a cluster's
// business: objects without finalizers go at once, and dependents stay.
func (wr *writing) delete(w http.ResponseWriter, e encoding) error {
	opts, err := wr.deleteOptions()
	if err != nil {
		return err
	}
	o, uid, err := wr.deleteOne(opts, objectKey(wr.q.namespace, wr.q.name))
	if err != nil {
		return err
	}
	wr.sendWarnings(w)
	if o != nil {
		return wr.s.respond(w, wr.q, wr.sv, e, http.StatusOK, o)
	}
	wr.s.write(w, errorEncoding(wr.q.Header), http.StatusOK, deleted(wr.sv, wr.q.name, uid))
	return nil
}

func deleted(sv *served, name string, uid types.UID) *metav1.Status {
	return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess,
		Details: &metav1.StatusDetails{Name: name, Group: sv.Group, Kind: sv.Plural, UID: uid}}
}

// deleteOne returns the object when it was only marked.
func (wr *writing) deleteOne(opts *metav1.DeleteOptions, key string) (*object, types.UID, error) {
	s, sv := wr.s, wr.sv
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := sv.coll.get(key)
	if cur == nil {
		return nil, "", apierrors.NewNotFound(sv.GroupResource(), (&object{key: key}).name())
	}
	doc, err := s.ownedDocument(sv.home(s), cur)
	if err != nil {
		return nil, "", err
	}
	byKind := schema.GroupResource{Group: sv.Group, Resource: sv.Kind} // as the real server names it here
	if p := opts.Preconditions; p != nil {
		if p.UID != nil && *p.UID != doc.GetUID() {
			return nil, "", apierrors.NewConflict(byKind, doc.GetName(), fmt.Errorf("the UID in the precondition (%s) does not match "+
				"the UID in record (%s). The object might have been deleted and then recreated", *p.UID, doc.GetUID()))
		}
		if p.ResourceVersion != nil && *p.ResourceVersion != doc.GetResourceVersion() {
			return nil, "", apierrors.NewConflict(byKind, doc.GetName(), fmt.Errorf("the ResourceVersion in the precondition (%s) does not match "+
				"the ResourceVersion in record (%s). The object might have been modified", *p.ResourceVersion, doc.GetResourceVersion()))
		}
	}
	dry := wr.q.dryRun() || len(opts.DryRun) > 0
	wr.dry = dry
	if _, err := wr.mutate("DELETE", doc, nil); err != nil {
		return nil, "", err
	}
	if err := wr.validate("DELETE", doc, nil); err != nil {
		return nil, "", err
	}
	switch {
	case len(doc.GetFinalizers()) == 0:
		if !dry {
			_, err = s.remove(sv, cur)
		}
		return nil, doc.GetUID(), err
	case doc.GetDeletionTimestamp() != nil || dry:
		return cur, doc.GetUID(), nil
	}
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	zero := int64(0)
	doc.SetDeletionTimestamp(&now)
	doc.SetDeletionGracePeriodSeconds(&zero)
	if doc.GetGeneration() > 0 {
		doc.SetGeneration(doc.GetGeneration() + 1)
	}
	if err := s.update(sv, cur, doc, true); err != nil {
		return nil, "", err
	}
	return sv.coll.get(key), doc.GetUID(), nil
}

// deleteCollection deletes what the selectors select.
func (wr *writing) deleteCollection(w http.ResponseWriter, e encoding) error {
	opts, err := wr.deleteOptions()
	if err != nil {
		return err
	}
	sel, err := parseSelector(wr.sv, wr.q)
	if err != nil {
		return err
	}
	p, err := wr.s.list(wr.q.Context(), wr.sv, wr.q.namespace, &internalversion.ListOptions{}, &sel)
	if err != nil {
		return err
	}
	for _, o := range p.items {
		if _, _, err := wr.deleteOne(opts, o.key); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	m := metav1.ListMeta{ResourceVersion: fmt.Sprint(p.rev)}
	if e.table() {
		e = encoding{media: e.media}
	}
	return wr.s.writeList(w, wr.q, wr.sv, e, p.items, &m)
}
