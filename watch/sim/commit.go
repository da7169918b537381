package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// create, update and remove are the only writers. The caller holds mu. byClient says that the write came over HTTP, so that
// doc has its true managedFields.

func (s *Server) create(sv *served, doc document, byClient bool) error {
	if sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName())) != nil {
		return apierrors.NewAlreadyExists(sv.GroupResource(), doc.GetName())
	}
	o, err := s.admit(sv, doc, nil)
	if err != nil {
		return err
	}
	s.rev, o.touched = o.rev, byClient
	sv.coll.record(watch.Added, o, nil, s.cfg.History)
	if s.isDefinition(sv) {
		return s.define(doc)
	}
	return nil
}

func (s *Server) update(sv *served, cur *object, doc document, byClient bool) error {
	if rv := doc.GetResourceVersion(); rv != "" && rv != strconv.FormatUint(cur.rev, 10) {
		return conflict(sv.Resource, doc.GetName())
	}
	o, err := s.admit(sv, doc, cur)
	if err != nil {
		return err
	}
	if s.rev, o.touched = o.rev, byClient; !byClient {
		attributeLater(o, cur)
	}
	sv.coll.record(watch.Modified, o, cur, s.cfg.History)
	if s.isDefinition(sv) {
		return s.define(doc)
	}
	return nil
}

// remove deletes cur and returns its last state.
func (s *Server) remove(sv *served, cur *object) (document, error) {
	if s.isNamespace(sv) {
		s.emptyNamespace(cur.name())
	}
	doc, err := s.stored(sv, cur)
	if err != nil {
		return nil, err
	}
	if s.isDefinition(sv) {
		s.undefine(doc)
	}
	doc.SetResourceVersion(strconv.FormatUint(s.rev+1, 10))
	last := &object{key: cur.key, uid: cur.uid, version: cur.version, rev: s.rev + 1, managed: cur.managed, touched: true}
	if last.body, err = encodeBody(sv.coll.res, doc); err != nil {
		return nil, err
	}
	s.rev = last.rev
	sv.coll.record(watch.Deleted, last, cur, s.cfg.History)
	return doc, nil
}

// admit makes the next revision of doc: it sets the metadata that is the server's to set and encodes. cur is what is
// stored now, or nil.
func (s *Server) admit(sv *served, doc document, cur *object) (*object, error) {
	if doc.GetName() == "" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s: metadata.name is empty", sv.Kind))
	}
	if sv.Namespaced != (doc.GetNamespace() != "") {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s %s: namespace %q, but the kind is %s", sv.Kind, doc.GetName(),
			doc.GetNamespace(), map[bool]string{true: "namespaced", false: "cluster-scoped"}[sv.Namespaced]))
	}
	o := &object{key: objectKey(doc.GetNamespace(), doc.GetName()), rev: s.rev + 1, version: sv.coll.res.Version}
	switch {
	case cur != nil:
		if uid := string(doc.GetUID()); uid != "" && uid != cur.uid {
			return nil, apierrors.NewConflict(sv.GroupResource(), doc.GetName(),
				fmt.Errorf("Precondition failed: UID in precondition: %v, UID in object meta: %v", uid, cur.uid))
		}
		o.uid, o.key = cur.uid, cur.key
	case doc.GetUID() != "":
		o.uid = string(doc.GetUID())
	default:
		o.uid = s.nextUID()
	}
	doc.SetUID(types.UID(o.uid))
	if created := doc.GetCreationTimestamp(); created.IsZero() {
		created = metav1.NewTime(time.Now().Truncate(time.Second))
		if cur != nil {
			old, err := s.stored(sv, cur)
			if err != nil {
				return nil, err
			}
			created = old.GetCreationTimestamp()
		}
		doc.SetCreationTimestamp(created)
	}
	doc.SetResourceVersion(strconv.FormatUint(o.rev, 10))
	if sv.coll.res.goType == nil {
		o.version = doc.GetObjectKind().GroupVersionKind().Version
	}
	o.managed = len(doc.GetManagedFields()) > 0
	var err error
	o.body, err = encodeBody(sv.coll.res, doc)
	return o, err
}

// nextUID is a UUID that depends on the seed and on how many were drawn before.
func (s *Server) nextUID() string {
	s.uids++
	var in [16]byte
	binary.BigEndian.PutUint64(in[:], s.cfg.Seed)
	binary.BigEndian.PutUint64(in[8:], s.uids)
	h := sha256.Sum256(in[:])
	h[6] = h[6]&0x0f | 0x40
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

func (s *Server) reader() *reader { return &reader{p: s.packer} }

// stored decodes what is kept of o, in the collection's own version.
func (s *Server) stored(sv *served, o *object) (document, error) {
	body, err := s.reader().body(o)
	if err != nil {
		return nil, err
	}
	return decodeBody(sv.coll.res, o.version, body)
}
