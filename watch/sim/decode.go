package sim

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kjson "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"sigs.k8s.io/yaml"
)

var (
	strictJSON = kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, kjson.SerializerOptions{Strict: true})
	strictYAML = kjson.NewSerializerWithOptions(kjson.DefaultMetaFactory, scheme, scheme, kjson.SerializerOptions{Strict: true, Yaml: true})
	protoCodec = protobuf.NewSerializer(scheme, scheme)
)

// decode reads an object of the request's kind. What fieldValidation says about unknown fields is heeded: Strict
// refuses, Warn (the default) collects warnings, Ignore is silent.
func (wr *writing) decode(body []byte, contentType string) (document, error) {
	media := mediaJSON
	if contentType != "" {
		var err error
		if media, _, err = mime.ParseMediaType(contentType); err != nil {
			media = contentType
		}
	}
	switch media {
	case mediaJSON, mediaYAML:
	case mediaProtobuf:
		if wr.sv.goType == nil {
			return nil, unsupportedMedia(mediaJSON, mediaYAML)
		}
	default:
		if wr.sv.goType == nil {
			return nil, unsupportedMedia(mediaJSON, mediaYAML)
		}
		return nil, unsupportedMedia(mediaJSON, mediaYAML, mediaProtobuf)
	}
	if wr.sv.goType == nil {
		return wr.decodeMap(body, media)
	}
	gvk := wr.sv.gvk()
	var codec runtime.Decoder = strictJSON
	switch media {
	case mediaYAML:
		codec = strictYAML
	case mediaProtobuf:
		codec = protoCodec
	}
	obj, got, err := codec.Decode(body, &gvk, wr.sv.typed())
	if err := wr.strictness(err, got); err != nil {
		return nil, err
	}
	doc, ok := obj.(document)
	if !ok || got == nil || *got != gvk {
		return nil, wrongKind(*got, wr.sv)
	}
	doc.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // the endpoint says it; stored objects are without
	return doc, nil
}

// decodeMap reads an object of a kind without a Go type.
func (wr *writing) decodeMap(body []byte, media string) (document, error) {
	if media == mediaYAML {
		var err error
		if body, err = yaml.YAMLToJSON(body); err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
	}
	content := map[string]any{}
	if err := unmarshalJSON(body, &content); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	u := &unstructured.Unstructured{Object: content}
	if u.GroupVersionKind().Empty() {
		u.SetGroupVersionKind(wr.sv.gvk())
	}
	if u.GroupVersionKind() != wr.sv.gvk() {
		return nil, wrongKind(u.GroupVersionKind(), wr.sv)
	}
	// metadata must have its real form: it is what the server itself works on.
	var meta struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(body, &meta); err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", wr.sv.Kind, wr.sv.Version, wr.sv.Kind, err))
	}
	return u, nil
}

// strictness turns a strict decoding error into what fieldValidation asks for.
func (wr *writing) strictness(err error, got *schema.GroupVersionKind) error {
	if err == nil {
		return nil
	}
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok && (got == nil || got.Kind == "") {
		summary := "<empty>"
		if len(wr.body) > 0 {
			summary = fmt.Sprintf("%x", wr.body[:min(len(wr.body), 30)])
		}
		return apierrors.NewBadRequest(fmt.Sprintf("the object provided is unrecognized (must be of type %s): %v (%s)", wr.sv.Kind, err, summary))
	}
	if !ok {
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", wr.sv.Kind, wr.sv.Version, wr.sv.Kind, err))
	}
	switch wr.q.query.Get("fieldValidation") {
	case metav1.FieldValidationIgnore:
	case metav1.FieldValidationStrict:
		return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: %v", wr.sv.Kind, wr.sv.Version, wr.sv.Kind, strict))
	default:
		for _, e := range strict.Errors() {
			wr.warnings = append(wr.warnings, e.Error())
		}
	}
	return nil
}

func wrongKind(got schema.GroupVersionKind, sv *served) error {
	return apierrors.NewBadRequest(fmt.Sprintf("%s in version %q cannot be handled as a %s: unknown conversion", got.Kind, got.GroupVersion(), sv.Kind))
}

func unsupportedMedia(accepted ...string) error {
	return newStatus(http.StatusUnsupportedMediaType, metav1.StatusReasonUnsupportedMediaType,
		"the body of the request was in an unknown format - accepted media types include: "+strings.Join(accepted, ", "))
}
