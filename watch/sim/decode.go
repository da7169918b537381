package sim

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	jsonserializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

var (
	strictJSON = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme, jsonserializer.SerializerOptions{Strict: true})
	strictYAML = jsonserializer.NewSerializerWithOptions(jsonserializer.DefaultMetaFactory, scheme, scheme, jsonserializer.SerializerOptions{Strict: true, Yaml: true})
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
	doc, got, err := wr.parse(body, media)
	if err := wr.strictness(err, got); err != nil {
		return nil, err
	}
	if got == nil || *got != wr.sv.gvk() {
		return nil, wrongKind(*got, wr.sv)
	}
	return doc, nil
}

// parse reads an object, whatever its kind. A strict decoding error (runtime.AsStrictDecodingError) comes with the object.
func (wr *writing) parse(body []byte, media string) (document, *schema.GroupVersionKind, error) {
	if wr.sv.goType == nil {
		return wr.parseMap(body, media)
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
	if _, strict := runtime.AsStrictDecodingError(err); err != nil && !strict {
		return nil, got, err
	}
	doc, ok := obj.(document)
	if !ok {
		return nil, got, wrongKind(*got, wr.sv)
	}
	doc.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // the endpoint says it; stored objects are without
	normalize(doc)
	setDefaults(doc)
	return doc, got, err
}

// parseMap reads an object of a kind without a Go type. What its definition does not know is taken out, and named in a
// strict decoding error.
func (wr *writing) parseMap(body []byte, media string) (document, *schema.GroupVersionKind, error) {
	var unknown []error
	if media == mediaYAML {
		if err := yaml.UnmarshalStrict(body, &map[string]any{}); err != nil {
			unknown = append(unknown, err)
		}
		var err error
		if body, err = yaml.YAMLToJSON(body); err != nil {
			return nil, nil, err
		}
	}
	content := map[string]any{}
	duplicates, err := kjson.UnmarshalStrict(body, &content)
	if err != nil {
		return nil, nil, err
	}
	unknown = append(unknown, duplicates...)
	u := &unstructured.Unstructured{Object: content}
	if u.GroupVersionKind().Empty() {
		u.SetGroupVersionKind(wr.sv.gvk())
	}
	got := u.GroupVersionKind()
	if got != wr.sv.gvk() {
		return u, &got, nil // which is refused
	}
	// metadata must have its real form: it is what the server itself works on.
	var meta struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	strict, err := kjson.UnmarshalStrict(body, &meta)
	if err != nil {
		return nil, &got, errors.New(strings.Replace(err.Error(), ".metadata.", ".", 1))
	}
	for _, e := range strict {
		if field, ok := strings.CutPrefix(e.Error(), `unknown field "metadata.`); ok {
			field = strings.TrimSuffix(field, `"`)
			unknown = append(unknown, e)
			unstructured.RemoveNestedField(content, append([]string{"metadata"}, strings.Split(field, ".")...)...)
		}
	}
	for _, field := range wr.sv.custom.prune(u) {
		unknown = append(unknown, fmt.Errorf("unknown field %q", field))
	}
	wr.sv.custom.setDefaults(u)
	if len(unknown) > 0 {
		return u, &got, runtime.NewStrictDecodingError(unknown)
	}
	return u, &got, nil
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
			wr.warn(e.Error())
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
