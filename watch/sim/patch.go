package sim

import (
	"encoding/json"
	"fmt"
	"net/http"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"
)

// patch changes an object by one of the four kinds of patch; created says that there was none before.
func (wr *writing) patch() (o *object, created bool, err error) {
	media := types.PatchType(wr.q.mediaType())
	if media == types.ApplyYAMLPatchType {
		return wr.apply()
	}
	apply, err := wr.patcher(media)
	if err != nil {
		return nil, false, err
	}
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	cur, old, err := wr.current()
	if err != nil {
		return nil, false, err
	}
	old.GetObjectKind().SetGroupVersionKind(wr.sv.gvk())
	doc, err := apply(old)
	if err != nil {
		return nil, false, err
	}
	if doc, err = wr.manage(copyDocument(old), doc); err != nil {
		return nil, false, err
	}
	if err := wr.placePatched(doc); err != nil {
		return nil, false, err
	}
	o, err = wr.replace(cur, wr.bareOld(old), doc)
	return o, false, err
}

// patcher is the kind of patch of a media type.
func (wr *writing) patcher(media types.PatchType) (func(old document) (document, error), error) {
	switch {
	case media == types.JSONPatchType:
		return wr.jsonPatch, nil
	case media == types.MergePatchType:
		return wr.mergePatch, nil
	case media == types.StrategicMergePatchType && wr.sv.goType != nil:
		return wr.strategicPatch, nil
	}
	if wr.sv.goType == nil { // the server of custom kinds says which there are
		return nil, unsupportedMedia(string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyYAMLPatchType))
	}
	return nil, generic(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType, "415: Unsupported Media Type")
}

// placePatched checks name and namespace of a patched object.
func (wr *writing) placePatched(doc document) error {
	if doc.GetName() == "" {
		return apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s based on URL) was undeterminable: name must be provided", wr.q.name))
	}
	return wr.place(doc, wr.q.name)
}

// bareOld is the old object in the form of the new one.
func (wr *writing) bareOld(old document) document {
	if wr.sv.goType != nil {
		old.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{})
	}
	return old
}

func (wr *writing) jsonPatch(old document) (document, error) {
	var ops []struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		From  string `json:"from"`
		Value any    `json:"value"`
	}
	strict, err := kjson.UnmarshalStrict(wr.body, &ops)
	if err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	for i, e := range strict {
		strict[i] = fmt.Errorf("json patch %w", e)
	}
	p, err := jsonpatch.DecodePatch(wr.body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	after, err := p.Apply(before)
	if err != nil { // of which the real server says nothing
		return nil, generic(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "the server rejected our request due to an error in our request")
	}
	return wr.patched(after, strict)
}

func (wr *writing) mergePatch(old document) (document, error) {
	var patch map[string]any
	strict, err := kjson.UnmarshalStrict(wr.body, &patch)
	if err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	if patch == nil {
		return nil, apierrors.NewBadRequest("Invalid JSON Patch")
	}
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	after, err := jsonpatch.MergePatch(before, wr.body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return wr.patched(after, strict)
}

// patched reads the result of a patch; strict is what was odd in the patch itself.
func (wr *writing) patched(after []byte, strict []error) (document, error) {
	doc, got, err := wr.parse(after, mediaJSON)
	// The whole object is in the message, Secrets included: so the real server says it.
	if err := wr.patchErrors(string(after), strict, err); err != nil {
		return nil, err
	}
	if *got != wr.sv.gvk() {
		return nil, wrongKind(*got, wr.sv)
	}
	return doc, nil
}

// patchErrors is what fieldValidation makes of the errors in a patch and in what came out of it.
func (wr *writing) patchErrors(value string, strict []error, err error) error {
	invalid := func(text string) error {
		return apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), value, text)})
	}
	if err != nil {
		more, ok := runtime.AsStrictDecodingError(err)
		if !ok {
			return invalid(err.Error())
		}
		strict = append(strict, more.Errors()...)
	}
	switch mode := wr.q.query.Get("fieldValidation"); {
	case len(strict) == 0 || mode == metav1.FieldValidationIgnore:
	case mode == metav1.FieldValidationStrict:
		return invalid(runtime.NewStrictDecodingError(strict).Error())
	default:
		for _, e := range strict {
			wr.warn(e.Error())
		}
	}
	return nil
}

func (wr *writing) strategicPatch(old document) (document, error) {
	before, err := runtime.DefaultUnstructuredConverter.ToUnstructured(old)
	if err != nil {
		return nil, err
	}
	patch := map[string]any{}
	strict, err := kjson.UnmarshalStrict(wr.body, &patch)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	after, err := strategicpatch.StrategicMergeMapPatch(before, patch, wr.sv.typed())
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	doc := wr.sv.typed()
	err = runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(after, doc, true)
	if err := wr.patchErrors(fmt.Sprintf("%+v", patch), strict, err); err != nil {
		return nil, err
	}
	out := wr.bare(doc)
	normalize(out)
	setDefaults(out)
	return out, nil
}
