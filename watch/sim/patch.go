package sim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// patch changes an object by the three kinds of patch that need no field ownership; server-side apply answers 415.
func (wr *writing) patch() (*object, error) {
	media, _, err := mime.ParseMediaType(wr.q.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	accepted := []string{string(types.JSONPatchType), string(types.MergePatchType)}
	if wr.sv.goType != nil {
		accepted = append(accepted, string(types.StrategicMergePatchType))
	}
	apply := map[types.PatchType]func(doc []byte) ([]byte, error){
		types.JSONPatchType:           wr.jsonPatch,
		types.MergePatchType:          wr.mergePatch,
		types.StrategicMergePatchType: wr.strategicPatch,
	}[types.PatchType(media)]
	if apply == nil || types.PatchType(media) == types.StrategicMergePatchType && wr.sv.goType == nil {
		return nil, unsupportedMedia(accepted...)
	}
	wr.s.mu.Lock()
	defer wr.s.mu.Unlock()
	cur, old, err := wr.current()
	if err != nil {
		return nil, err
	}
	old.GetObjectKind().SetGroupVersionKind(wr.sv.gvk())
	before, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	after, err := apply(before)
	if err != nil {
		return nil, err
	}
	doc, err := wr.decode(after, mediaJSON)
	if err != nil {
		// The whole object is in the message, Secrets included: so the real server says it.
		return nil, apierrors.NewInvalid(schema.GroupKind{}, "", field.ErrorList{field.Invalid(field.NewPath("patch"), string(after), err.Error())})
	}
	if doc.GetName() == "" {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("the name of the object (%s based on URL) was undeterminable: name must be provided", wr.q.name))
	}
	if err := wr.place(doc, wr.q.name); err != nil {
		return nil, err
	}
	if uid := doc.GetUID(); uid != "" && uid != old.GetUID() && (doc.GetResourceVersion() == "" || doc.GetResourceVersion() == old.GetResourceVersion()) {
		return nil, apierrors.NewInvalid(wr.sv.gvk().GroupKind(), wr.q.name, field.ErrorList{
			field.Invalid(field.NewPath("metadata", "uid"), uid, "field is immutable")})
	}
	old.GetObjectKind().SetGroupVersionKind(doc.GetObjectKind().GroupVersionKind())
	return wr.replace(cur, old, doc)
}

func (wr *writing) jsonPatch(doc []byte) ([]byte, error) {
	p, err := jsonpatch.DecodePatch(wr.body)
	if err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	out, err := p.Apply(doc)
	if err != nil { // of which the real server says nothing
		return nil, generic(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "the server rejected our request due to an error in our request")
	}
	return out, nil
}

func (wr *writing) mergePatch(doc []byte) ([]byte, error) {
	var patch map[string]any
	if err := json.Unmarshal(wr.body, &patch); err != nil {
		return nil, apierrors.NewBadRequest("error decoding patch: " + err.Error())
	}
	if patch == nil {
		return nil, apierrors.NewBadRequest("Invalid JSON Patch")
	}
	out, err := jsonpatch.MergePatch(doc, wr.body)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return out, nil
}

func (wr *writing) strategicPatch(doc []byte) ([]byte, error) {
	out, err := strategicpatch.StrategicMergePatch(doc, wr.body, wr.sv.typed())
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return out, nil
}
