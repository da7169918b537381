package sim

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// maxBody is the limit of the real server for a request's body: 3 MiB.
const maxBody = 3 << 20

// serveWrite answers create, update, patch and delete.
func (s *Server) serveWrite(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil, "Table", "PartialObjectMetadata")
	if err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", maxBody))
	}
	wr := &writing{s: s, q: q, sv: sv, body: body}
	if err := q.checkWriteOptions(); err != nil {
		return err
	}
	var o *object
	code := http.StatusOK
	switch q.verb {
	case "create":
		code = http.StatusCreated
		o, err = wr.create()
	case "update":
		o, err = wr.update()
	case "patch":
		o, err = wr.patch()
	case "delete":
		return wr.delete(w, e)
	case "deletecollection":
		return wr.deleteCollection(w, e)
	default:
		return apierrors.NewMethodNotSupported(sv.GroupResource(), q.verb)
	}
	if err != nil {
		return err
	}
	for _, msg := range wr.warnings {
		w.Header().Add("Warning", fmt.Sprintf("299 - %q", msg))
	}
	return s.respond(w, q, sv, e, code, o)
}

// writing is one request that changes something.
type writing struct {
	s        *Server
	q        *request
	sv       *served
	body     []byte
	warnings []string
}

// create stores a new object.
func (wr *writing) create() (*object, error) {
	doc, err := wr.decode(wr.body, wr.q.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	sv := wr.sv
	if err := wr.place(doc, ""); err != nil {
		return nil, err
	}
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	if doc.GetName() == "" && doc.GetGenerateName() != "" {
		doc.SetName(wr.s.generateName(sv, doc))
	}
	if err := checkName(sv, doc); err != nil {
		return nil, err
	}
	if sv.Namespaced && !wr.s.namespaceExists(doc.GetNamespace()) {
		return nil, apierrors.NewNotFound(schemaNamespaces, doc.GetNamespace())
	}
	prepareCreate(sv, doc)
	stored, err := sv.toStored(doc)
	if err != nil {
		return nil, err
	}
	if wr.q.dryRun() {
		if sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName())) != nil {
			return nil, apierrors.NewAlreadyExists(sv.GroupResource(), doc.GetName())
		}
		return wr.s.dryRun(sv, stored, nil)
	}
	if err := wr.s.create(sv, stored); err != nil {
		return nil, err
	}
	return sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName())), nil
}

// dryRun is what a write would have stored. Like the real server's answer it bears the resourceVersion that is stored now.
// The caller holds mu.
func (s *Server) dryRun(sv *served, doc document, cur *object) (*object, error) {
	o, err := s.admit(sv, doc, cur)
	if err != nil {
		return nil, err
	}
	doc.SetResourceVersion("")
	if cur != nil {
		doc.SetResourceVersion(strconv.FormatUint(cur.rev, 10))
	}
	o.body, err = encodeBody(sv.coll.res, doc)
	return o, err
}

// place checks name and namespace of the body against those of the path.
func (wr *writing) place(doc document, name string) error {
	if wr.sv.Namespaced {
		if doc.GetNamespace() == "" {
			doc.SetNamespace(wr.q.namespace)
		}
		if doc.GetNamespace() != wr.q.namespace {
			return apierrors.NewBadRequest("the namespace of the provided object does not match the namespace sent on the request")
		}
	} else if doc.GetNamespace() != "" {
		return apierrors.NewBadRequest("namespace is not allowed on this type")
	}
	if name == "" {
		return nil
	}
	if doc.GetName() == "" {
		doc.SetName(name)
	}
	if doc.GetName() != name {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s) does not match the name on the URL (%s)", doc.GetName(), name))
	}
	return nil
}

// update replaces an object, or its status.
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
	return wr.replace(cur, old, doc)
}

// current is the stored object of the path, raw and decoded in the requested version. The caller holds mu.
func (wr *writing) current() (*object, document, error) {
	cur := wr.sv.coll.get(objectKey(wr.q.namespace, wr.q.name))
	if cur == nil {
		return nil, nil, apierrors.NewNotFound(wr.sv.GroupResource(), wr.q.name)
	}
	body, err := wr.s.reader().body(cur)
	if err != nil {
		return nil, nil, err
	}
	doc, err := wr.sv.decode(cur.version, body)
	return cur, doc, err
}

// replace stores doc in place of cur, as far as the endpoint may change it. The caller holds mu.
func (wr *writing) replace(cur *object, old, doc document) (*object, error) {
	sv := wr.sv
	if rv := doc.GetResourceVersion(); rv != "" && rv != old.GetResourceVersion() {
		return nil, conflict(sv.Resource, doc.GetName())
	}
	if uid := doc.GetUID(); uid != "" && uid != old.GetUID() {
		return nil, apierrors.NewConflict(sv.GroupResource(), doc.GetName(),
			fmt.Errorf("StorageError: invalid object, Code: 4, Key: /%s/%s, ResourceVersion: 0, AdditionalErrorMsg: "+
				"Precondition failed: UID in precondition: %v, UID in object meta: %v", sv.Plural, cur.key, uid, old.GetUID()))
	}
	doc = prepareUpdate(sv, wr.q.sub, old, doc)
	stored, err := sv.toStored(doc)
	if err != nil {
		return nil, err
	}
	// An update that changes nothing is not written: no new revision, no event.
	before, err := sv.toStored(copyDocument(old))
	if err != nil {
		return nil, err
	}
	if equality.Semantic.DeepEqual(before, stored) {
		return cur, nil
	}
	if wr.q.dryRun() {
		return wr.s.dryRun(sv, stored, cur)
	}
	if err := wr.s.update(sv, cur, stored); err != nil {
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

// toStored brings a document into the collection's own Go type.
func (sv *served) toStored(doc document) (document, error) {
	if sv.revert == nil {
		return doc, nil
	}
	obj, err := sv.revert(doc)
	if err != nil {
		return nil, err
	}
	return obj.(document), nil
}

var schemaNamespaces = corev1.Resource("namespaces")

// namespaceExists looks a namespace up. The caller holds mu.
func (s *Server) namespaceExists(name string) bool {
	sv := s.resources[corev1.SchemeGroupVersion.WithResource("namespaces")]
	return sv.coll.get(name) != nil
}

// generateName adds five characters that no other object has. The caller holds mu.
func (s *Server) generateName(sv *served, doc document) string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	for {
		b := []byte(doc.GetGenerateName())
		for range 5 {
			b = append(b, alphabet[s.rng.IntN(len(alphabet))])
		}
		if sv.coll.get(objectKey(doc.GetNamespace(), string(b))) == nil {
			return string(b)
		}
	}
}

// conflict is the 409 of a resourceVersion that is not the stored one.
func conflict(res *Resource, name string) error {
	return apierrors.NewConflict(res.GroupResource(), name,
		fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
}
