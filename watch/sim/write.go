package sim

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// maxBody is the limit of the real server for a request's body: 3 MiB.
const maxBody = 3 << 20

// serveWrite answers create, update, patch and delete.
func (s *Server) serveWrite(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil, "Table", "PartialObjectMetadata")
	if err != nil {
		return err
	}
	wr, err := s.writing(w, q, sv)
	if err != nil {
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
		var created bool
		if o, created, err = wr.patch(); created {
			code = http.StatusCreated
		}
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
	wr.sendWarnings(w)
	return s.respond(w, q, sv, e, code, o)
}

// writing reads the request.
func (s *Server) writing(w http.ResponseWriter, q *request, sv *served) (*writing, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		return nil, apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", maxBody))
	}
	return &writing{s: s, q: q, sv: sv, body: body}, q.checkWriteOptions()
}

// sendWarnings puts what was worth a warning into the header.
func (wr *writing) sendWarnings(w http.ResponseWriter) {
	for _, msg := range wr.warnings {
		w.Header().Add("Warning", fmt.Sprintf("299 - %q", msg))
	}
}

// writing is one request that changes something.
type writing struct {
	s        *Server
	q        *request
	sv       *served
	body     []byte
	warnings []string
	dry      bool // by the options of a delete
}

// create stores a new object.
func (wr *writing) create() (*object, error) {
	doc, err := wr.decode(wr.body, wr.q.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if err := wr.place(doc, ""); err != nil {
		return nil, err
	}
	wipe(doc)
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	live, err := wr.sv.empty()
	if err != nil {
		return nil, err
	}
	rv := doc.GetResourceVersion()
	if doc, err = wr.manage(live, doc); err != nil {
		return nil, err
	}
	if rv != "" && rv != "0" {
		return nil, fmt.Errorf("resourceVersion should not be set on objects to be created")
	}
	return wr.add(doc)
}

// add takes a new object, whose owners are known, through admission and validation into the store. The caller holds mu.
func (wr *writing) add(doc document) (*object, error) {
	sv := wr.sv
	if sv.Namespaced && !wr.s.namespaceExists(doc.GetNamespace()) {
		return nil, apierrors.NewNotFound(schemaNamespaces, doc.GetNamespace())
	}
	doc, err := wr.mutate("CREATE", nil, doc)
	if err != nil {
		return nil, err
	}
	doc.SetResourceVersion("")
	doc.SetUID(types.UID(wr.s.nextUID()))
	if doc.GetName() == "" && doc.GetGenerateName() != "" {
		doc.SetName(wr.s.generateName(sv, doc))
	}
	prepareCreate(sv, doc)
	if err := validateCreate(sv, doc); err != nil {
		return nil, err
	}
	if err := wr.validate("CREATE", nil, doc); err != nil {
		return nil, err
	}
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
	if err := wr.s.create(sv, stored, true); err != nil {
		return nil, err
	}
	return sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName())), nil
}

// wipe empties the metadata that is the server's alone.
func wipe(doc document) {
	doc.SetUID("")
	doc.SetCreationTimestamp(metav1.Time{})
	doc.SetDeletionTimestamp(nil)
	doc.SetDeletionGracePeriodSeconds(nil)
	doc.SetSelfLink("")
}

// manage brings doc, made out of live by the request, its managedFields. Both may be changed.
func (wr *writing) manage(live, doc document) (document, error) {
	m, err := wr.sv.fieldManager(wr.q.sub)
	if err != nil {
		return nil, err
	}
	live.GetObjectKind().SetGroupVersionKind(wr.sv.gvk())
	doc.GetObjectKind().SetGroupVersionKind(wr.sv.gvk())
	return wr.bare(own(m, live, doc, wr.q.managerName())), nil
}

// bare is a document as it is stored: objects with a Go type bear no apiVersion and kind.
func (wr *writing) bare(obj runtime.Object) document {
	doc := obj.(document)
	if wr.sv.goType != nil {
		doc.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
	return doc
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
