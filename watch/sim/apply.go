package sim

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// apply is server-side apply: the body is what the field manager wants, the rest of the object is left alone. It
// follows applyPatcher in k8s.io/apiserver/pkg/endpoints/handlers/patch.go.
func (wr *writing) apply() (o *object, created bool, err error) {
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	cur, old, err := wr.current()
	created = apierrors.IsNotFound(err)
	if created && wr.q.sub != "" {
		return nil, false, err
	}
	if created {
		old, err = wr.sv.empty()
	}
	if err != nil {
		return nil, false, err
	}
	doc, err := wr.merge(old)
	if err != nil {
		return nil, false, err
	}
	if uid := doc.GetUID(); created && uid != "" {
		return nil, false, apierrors.NewConflict(wr.sv.GroupResource(), wr.q.name,
			fmt.Errorf("uid mismatch: the provided object specified uid %s, and no existing object was found", uid))
	}
	if err := wr.placePatched(doc); err != nil {
		return nil, false, err
	}
	if !created {
		o, err = wr.replace(cur, wr.bareOld(old), doc)
		return o, false, err
	}
	if err := wr.s.authorizeAs(wr.q, "create"); err != nil {
		return nil, false, err
	}
	wipe(doc)
	o, err = wr.add(doc)
	return o, err == nil, err
}

// merge applies the body to a copy of live.
func (wr *writing) merge(live document) (document, error) {
	patch := &unstructured.Unstructured{Object: map[string]any{}}
	if err := yaml.Unmarshal(wr.body, &patch.Object); err != nil { // keeps integers that no float holds
		return nil, apierrors.NewBadRequest(fmt.Sprintf("error decoding YAML: %v", err))
	}
	m, err := wr.sv.fieldManager(wr.q.sub)
	if err != nil {
		return nil, err
	}
	force := wr.q.force()
	live = copyDocument(live)
	live.GetObjectKind().SetGroupVersionKind(wr.sv.gvk())
	merged, err := m.Apply(live, patch, wr.q.query.Get("fieldManager"), force != nil && *force)
	if err != nil {
		return nil, err
	}
	if mode := wr.q.query.Get("fieldValidation"); mode != metav1.FieldValidationIgnore {
		if err := yaml.UnmarshalStrict(wr.body, &map[string]any{}); err != nil {
			if mode == metav1.FieldValidationStrict {
				return nil, apierrors.NewBadRequest(fmt.Sprintf("error strict decoding YAML: %v", err))
			}
			wr.warn(err.Error())
		}
	}
	doc := wr.bare(merged)
	normalize(doc)
	return doc, nil
}

// warn adds a warning to the answer; the YAML library's list of errors is one each.
func (wr *writing) warn(text string) {
	list, ok := strings.CutPrefix(text, "error converting YAML to JSON: yaml: unmarshal errors:\n")
	if !ok {
		wr.warnings = append(wr.warnings, text)
		return
	}
	for line := range strings.Lines(list) {
		wr.warnings = append(wr.warnings, strings.TrimSpace(line))
	}
}
