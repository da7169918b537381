package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// The direct API is that of a controller inside the cluster: no HTTP, no authorization, no faults, and spec and
// status are written together. Objects are typed pointers of k8s.io/api, or *unstructured.Unstructured with
// apiVersion and kind. The server keeps no reference to what it is given. Errors are *apierrors.StatusError
// where a client over HTTP would get one.

// Identity is what must agree between a client's store and the server's.
type Identity struct {
	UID             string
	ResourceVersion string
}

// Create stores obj and sets its uid (unless it has one), resourceVersion and, unless given, creationTimestamp.
func (s *Server) Create(obj runtime.Object) error {
	sv, doc, err := s.resolve(obj)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.create(sv, doc); err != nil {
		return err
	}
	return returnMeta(obj, doc)
}

// Update replaces the stored object, spec and status, and sets the new resourceVersion on obj. A resourceVersion on
// obj that is not the stored one is a conflict; none means whatever is there.
func (s *Server) Update(obj runtime.Object) error {
	sv, doc, err := s.resolve(obj)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName()))
	if cur == nil {
		return apierrors.NewNotFound(sv.GroupResource(), doc.GetName())
	}
	if err := s.update(sv, cur, doc); err != nil {
		return err
	}
	return returnMeta(obj, doc)
}

// Delete removes an object at once, whatever its finalizers say. A namespace takes its objects with it.
func (s *Server) Delete(gvr schema.GroupVersionResource, namespace, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	sv, err := s.lookup(gvr)
	if err != nil {
		return err
	}
	cur := sv.coll.get(objectKey(namespace, name))
	if cur == nil {
		return apierrors.NewNotFound(sv.GroupResource(), name)
	}
	_, err = s.remove(sv, cur)
	return err
}

// Get is a copy of the stored object: the Go type of the kind, or *unstructured.Unstructured.
func (s *Server) Get(gvr schema.GroupVersionResource, namespace, name string) (runtime.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sv, err := s.lookup(gvr)
	if err != nil {
		return nil, err
	}
	o := sv.coll.get(objectKey(namespace, name))
	if o == nil {
		return nil, apierrors.NewNotFound(sv.GroupResource(), name)
	}
	body, err := s.reader().body(o)
	if err != nil {
		return nil, err
	}
	return sv.decode(o.version, body)
}

// List is what is stored of a resource: namespace/name → identity.
func (s *Server) List(gvr schema.GroupVersionResource) (map[string]Identity, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	sv, err := s.lookup(gvr)
	if err != nil {
		return nil, err
	}
	out := make(map[string]Identity, sv.coll.objects.Len())
	sv.coll.objects.Ascend(func(o *object) bool {
		out[o.key] = Identity{UID: o.uid, ResourceVersion: strconv.FormatUint(o.rev, 10)}
		return true
	})
	return out, nil
}

// Load stores many objects, replacing those that exist, and returns how many it stored. It writes no events: the
// history of the resources ends at the load, so open watches on them end with 410. Objects that come in
// the order of kind, namespace and name are kept smallest. An object may be reused for the next one once yielded.
func (s *Server) Load(objs iter.Seq[runtime.Object]) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	touched := map[*collection]bool{}
	defer func() {
		for c := range touched {
			c.log, c.snapshots, c.floor = nil, nil, s.rev
			c.wake()
		}
	}()
	n := 0
	var batch []*object
	var last *collection
	flush := func() {
		s.packer.pack(batch)
		batch = batch[:0]
	}
	for obj := range objs {
		sv, doc, err := s.resolveLocked(obj)
		if err != nil {
			return n, err
		}
		if sv.coll != last || len(batch) == packSize {
			flush()
			last = sv.coll
		}
		o, err := s.admit(sv, doc, nil)
		if err != nil {
			return n, err
		}
		if s.isDefinition(sv) {
			if err := s.define(doc); err != nil {
				return n, err
			}
		}
		s.rev = o.rev
		touched[sv.coll] = true
		sv.coll.objects.ReplaceOrInsert(o)
		batch = append(batch, o)
		n++
	}
	flush()
	return n, nil
}

// create, update and remove are the only writers. The caller holds mu.

func (s *Server) create(sv *served, doc document) error {
	if sv.coll.get(objectKey(doc.GetNamespace(), doc.GetName())) != nil {
		return apierrors.NewAlreadyExists(sv.GroupResource(), doc.GetName())
	}
	o, err := s.admit(sv, doc, nil)
	if err != nil {
		return err
	}
	s.rev = o.rev
	sv.coll.record(watch.Added, o, nil, s.cfg.History)
	if s.isDefinition(sv) {
		return s.define(doc)
	}
	return nil
}

func (s *Server) update(sv *served, cur *object, doc document) error {
	if rv := doc.GetResourceVersion(); rv != "" && rv != strconv.FormatUint(cur.rev, 10) {
		return conflict(sv.Resource, doc.GetName())
	}
	o, err := s.admit(sv, doc, cur)
	if err != nil {
		return err
	}
	s.rev = o.rev
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
	last := &object{key: cur.key, uid: cur.uid, version: cur.version, rev: s.rev + 1}
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

// resolve finds the resource of obj and brings obj into its form.
func (s *Server) resolve(obj runtime.Object) (*served, document, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.resolveLocked(obj)
}

func (s *Server) resolveLocked(obj runtime.Object) (*served, document, error) {
	gvk := obj.GetObjectKind().GroupVersionKind()
	if gvk.Empty() {
		kinds, _, err := scheme.ObjectKinds(obj)
		if err != nil {
			return nil, nil, fmt.Errorf("sim: %T has neither apiVersion and kind nor a registered Go type: %w", obj, err)
		}
		gvk = kinds[0]
	}
	sv, ok := s.kinds[gvk]
	if !ok {
		return nil, nil, fmt.Errorf("sim: no resource of kind %s is served; create its CustomResourceDefinition or call AddResource first", gvk)
	}
	doc, err := toDocument(sv.Resource, obj)
	if err != nil {
		return nil, nil, err
	}
	if sv.revert != nil {
		back, err := sv.revert(doc)
		if err != nil {
			return nil, nil, err
		}
		doc = back.(document)
	}
	return sv, doc, nil
}

// lookup finds a resource by GVR. The caller holds mu.
func (s *Server) lookup(gvr schema.GroupVersionResource) (*served, error) {
	sv, ok := s.resources[gvr]
	if !ok {
		return nil, fmt.Errorf("sim: %s is not served", gvr)
	}
	return sv, nil
}

// returnMeta shows the caller what the server set, when the document is not the caller's own object.
func returnMeta(obj runtime.Object, doc document) error {
	if runtime.Object(doc) == obj {
		return nil
	}
	m, err := accessor(obj)
	if err != nil {
		return err
	}
	m.SetUID(doc.GetUID())
	m.SetResourceVersion(doc.GetResourceVersion())
	m.SetCreationTimestamp(doc.GetCreationTimestamp())
	return nil
}
