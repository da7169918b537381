package sim

import (
	"fmt"
	"iter"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	if err := s.create(sv, doc, false); err != nil {
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
	if err := s.update(sv, cur, doc, false); err != nil {
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
	if o, err = s.settled(sv, o); err != nil {
		return nil, err
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
// history of the resources ends at the load, so open watches on them end with 410. An object may be reused for the next one once yielded.
func (s *Server) Load(objs iter.Seq[runtime.Object]) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	batches := map[*collection]*batch{}
	defer func() {
		for c, b := range batches {
			s.pack(b)
			c.log, c.snapshots, c.floor = nil, nil, s.rev
			c.wake()
		}
	}()
	n := 0
	for obj := range objs {
		sv, doc, err := s.resolveLocked(obj)
		if err != nil {
			return n, err
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
		sv.coll.objects.ReplaceOrInsert(o)
		n++
		b := batches[sv.coll]
		if b == nil {
			b = &batch{}
			batches[sv.coll] = b
		}
		b.objs, b.bytes = append(b.objs, o), b.bytes+len(o.body)
		if b.bytes >= packAbove {
			s.pack(b)
		}
	}
	return n, nil
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
