package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
)

// Hook is an admission webhook. As in the real server, all that mutate come before all that validate, in the order
// they were added; mutating comes after managedFields were computed and before validation by the server.
type Hook struct {
	// Name is what errors and warnings call it: "quota.example.test".
	Name string
	// Operations are some of CREATE, UPDATE and DELETE, and Resources plural names with their group ("pods",
	// "deployments.apps", "deployments.apps/status"); nil matches any operation, or any resource but no subresource.
	Operations, Resources []string
	// Namespace is that of the object; "" matches any.
	Namespace string
	// SideEffects says that the hook can't be called for a dry run; such a request is refused.
	SideEffects bool
	// Mutate may change Object. An error denies the request.
	Mutate func(*Review) error
	// Validate may deny the request by an error.
	Validate func(*Review) error
}

// Review is what a hook is asked about. It is called with the server locked: it must not call the server.
type Review struct {
	Operation             string // CREATE, UPDATE or DELETE
	Resource, Subresource string // as in Hook.Resources
	Namespace, Name       string
	User                  string
	DryRun                bool
	// Object is nil for DELETE, OldObject for CREATE.
	Object, OldObject *unstructured.Unstructured

	warnings []string
}

// Warn sends the client a warning.
func (r *Review) Warn(text string) { r.warnings = append(r.warnings, text) }

// Denied is an error of a hook that picks code, reason and message. Any other error denies with 400 and its text.
type Denied struct {
	Code    int // below 400 means 400, as the real server has it
	Reason  metav1.StatusReason
	Message string
}

func (d *Denied) Error() string { return d.Message }

// Admitted is a hook at work.
type Admitted struct {
	s *Server
	Hook

	// guarded by hooks.mu
	calls int
}

// Calls is how often Mutate or Validate was called.
func (a *Admitted) Calls() int {
	a.s.hooks.mu.Lock()
	defer a.s.hooks.mu.Unlock()
	return a.calls
}

// Remove ends the hook. It may be called more than once.
func (a *Admitted) Remove() {
	a.s.hooks.mu.Lock()
	defer a.s.hooks.mu.Unlock()
	a.s.hooks.active = slices.DeleteFunc(slices.Clone(a.s.hooks.active), func(b *Admitted) bool { return a == b })
}

// hooks are the admission hooks of one server.
type hooks struct {
	mu     sync.Mutex
	active []*Admitted // replaced, never changed in place
}

// Admit puts a hook to work. It sees writes over HTTP, not those by the Go API.
func (s *Server) Admit(h Hook) *Admitted {
	a := &Admitted{s: s, Hook: h}
	s.hooks.mu.Lock()
	defer s.hooks.mu.Unlock()
	s.hooks.active = append(slices.Clone(s.hooks.active), a)
	return a
}

func (h *Hook) matches(operation, resource, sub, namespace string) bool {
	if sub != "" {
		resource += "/" + sub
	}
	return (h.Operations == nil || slices.Contains(h.Operations, operation)) && (h.Namespace == "" || h.Namespace == namespace) &&
		(h.Resources == nil && sub == "" || slices.Contains(h.Resources, resource))
}

// mutate lets the mutating hooks change doc. old is nil for a create. The caller holds Server.mu.
func (wr *writing) mutate(operation string, old, doc document) (document, error) {
	list := wr.hooks(operation, func(h *Hook) bool { return h.Mutate != nil })
	if len(list) == 0 {
		return doc, nil
	}
	review, err := wr.review(operation, old, doc)
	if err != nil {
		return nil, err
	}
	var fields []metav1.ManagedFieldsEntry
	if doc != nil {
		fields = doc.GetManagedFields()
	}
	for _, h := range list {
		if err := wr.call(h, h.Mutate, review); err != nil {
			return nil, err
		}
	}
	if doc == nil {
		return nil, nil
	}
	out, err := wr.fromMap(review.Object)
	if err != nil {
		return nil, err
	}
	// k8s.io/apiserver/pkg/endpoints/handlers/fieldmanager/admission.go
	if err := managedfields.ValidateManagedFields(out.GetManagedFields()); err != nil {
		out.SetManagedFields(fields)
		wr.warn(fmt.Sprintf(".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "+
			"admission controller; please fix your requests: %v", err))
	}
	return out, nil
}

// validate asks the validating hooks. The caller holds Server.mu.
func (wr *writing) validate(operation string, old, doc document) error {
	list := wr.hooks(operation, func(h *Hook) bool { return h.Validate != nil })
	if len(list) == 0 {
		return nil
	}
	review, err := wr.review(operation, old, doc)
	if err != nil {
		return err
	}
	for _, h := range list {
		if err := wr.call(h, h.Validate, review); err != nil {
			return err
		}
	}
	return nil
}

func (wr *writing) hooks(operation string, which func(*Hook) bool) []*Admitted {
	hs := &wr.s.hooks
	hs.mu.Lock()
	active := hs.active
	hs.mu.Unlock()
	var out []*Admitted
	for _, a := range active {
		if which(&a.Hook) && a.matches(operation, wr.sv.GroupResource().String(), wr.q.sub, wr.q.namespace) {
			out = append(out, a)
		}
	}
	return out
}

// call asks one hook and words its refusal as k8s.io/apiserver/pkg/admission/plugin/webhook/errors does.
func (wr *writing) call(a *Admitted, f func(*Review) error, r *Review) error {
	if r.DryRun && a.SideEffects {
		return apierrors.NewBadRequest(fmt.Sprintf("admission webhook %q does not support dry run", a.Name))
	}
	wr.s.hooks.mu.Lock()
	a.calls++
	wr.s.hooks.mu.Unlock()
	r.warnings = nil
	err := f(r)
	for _, w := range r.warnings {
		wr.warn(w)
	}
	if err == nil {
		return nil
	}
	var denied *Denied
	if !errors.As(err, &denied) {
		denied = &Denied{Message: err.Error()}
	}
	text := fmt.Sprintf("admission webhook %q denied the request", a.Name)
	switch {
	case denied.Message != "":
		text += ": " + denied.Message
	case denied.Reason != "":
		text += ": " + string(denied.Reason)
	default:
		text += " without explanation"
	}
	return newStatus(max(denied.Code, http.StatusBadRequest), denied.Reason, text)
}

// review is a request as a hook sees it.
func (wr *writing) review(operation string, old, doc document) (*Review, error) {
	r := &Review{Operation: operation, Resource: wr.sv.GroupResource().String(), Subresource: wr.q.sub, Namespace: wr.q.namespace,
		Name: wr.q.name, User: wr.q.user, DryRun: wr.q.dryRun() || wr.dry}
	var err error
	if doc != nil {
		r.Name = doc.GetName()
		if r.Object, err = wr.toMap(doc); err != nil {
			return nil, err
		}
	}
	if old != nil {
		r.OldObject, err = wr.toMap(old)
	}
	return r, err
}

// toMap is a copy of a document as a map, with apiVersion and kind.
func (wr *writing) toMap(doc document) (*unstructured.Unstructured, error) {
	if u, ok := doc.(*unstructured.Unstructured); ok {
		return u.DeepCopy(), nil
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(doc)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(wr.sv.gvk())
	return u, nil
}

// fromMap is the way back.
func (wr *writing) fromMap(u *unstructured.Unstructured) (document, error) {
	if wr.sv.goType == nil {
		wr.sv.custom.prune(u)
		wr.sv.custom.setDefaults(u)
		return u, nil
	}
	obj := wr.sv.typed()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, obj); err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	doc := wr.bare(obj)
	normalize(doc)
	setDefaults(doc)
	return doc, nil
}
