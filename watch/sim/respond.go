package sim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// statusOf is the Status that says err.
func statusOf(err error) *metav1.Status {
	var s apierrors.APIStatus
	if errors.As(err, &s) {
		status := s.Status()
		status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
		status.Status = metav1.StatusFailure
		if status.Code == 0 {
			status.Code = http.StatusInternalServerError
		}
		return &status
	}
	return &metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
		Code: http.StatusInternalServerError, Message: err.Error()}
}

// fail answers with a Status.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	s.write(w, errorEncoding(r.Header), int(status.Code), status)
}

// write answers with any object that knows its kind.
func (s *Server) write(w http.ResponseWriter, e encoding, code int, obj runtime.Object) {
	b, err := encodeObject(e, obj)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeBytes(w, e, code, b)
}

func writeBytes(w http.ResponseWriter, e encoding, code int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", e.contentType())
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(code)
	// A client that went away is no error of the server's.
	_, _ = w.Write(b)
}

func (e encoding) contentType() string {
	if e.as == "APIGroupDiscoveryList" {
		return fmt.Sprintf("%s;g=apidiscovery.k8s.io;v=%s;as=APIGroupDiscoveryList", e.media, e.asVersion)
	}
	return e.media
}

// encodeObject writes one whole object; its apiVersion and kind must be set.
func encodeObject(e encoding, obj runtime.Object) ([]byte, error) {
	switch e.media {
	case mediaProtobuf:
		m, ok := obj.(marshaler)
		if !ok {
			return nil, fmt.Errorf("sim: %T has no protobuf form", obj)
		}
		raw, err := m.Marshal()
		if err != nil {
			return nil, err
		}
		apiVersion, kind := obj.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
		return appendUnknown(nil, apiVersion, kind, raw), nil
	case mediaYAML:
		return yaml.Marshal(obj)
	default:
		b, err := json.Marshal(obj)
		return append(b, '\n'), err
	}
}

// encodeStored writes one stored object as a client sees it.
func (s *Server) encodeStored(e encoding, sv *served, o *object) ([]byte, error) {
	body, err := s.reader().body(o)
	if err != nil {
		return nil, err
	}
	item, err := sv.item(e, o, body, false)
	if err != nil {
		return nil, err
	}
	apiVersion, kind := sv.wireType(e)
	switch e.media {
	case mediaProtobuf:
		return appendUnknown(nil, apiVersion, kind, item), nil
	case mediaYAML:
		return yaml.JSONToYAML(item)
	default:
		return append(item, '\n'), nil
	}
}

// wireType is the apiVersion and kind of one object in the encoding.
func (sv *served) wireType(e encoding) (apiVersion, kind string) {
	if e.metadata() {
		return "meta.k8s.io/v1", "PartialObjectMetadata"
	}
	return sv.GroupVersion().String(), sv.Kind
}

// item is a stored object in the encoding: a bare message in protobuf, else JSON.
func (sv *served) item(e encoding, o *object, body []byte, inList bool) ([]byte, error) {
	switch {
	case e.metadata():
		return sv.partial(e, o, body)
	case e.protobuf() && sv.convert == nil:
		return body, nil
	case e.protobuf():
		doc, err := sv.decode(o.version, body)
		if err != nil {
			return nil, err
		}
		return encodeBody(sv.Resource, doc)
	default:
		return wireJSON(sv, o, body, inList)
	}
}

// partial is the object's metadata alone.
func (sv *served) partial(e encoding, o *object, body []byte) ([]byte, error) {
	if e.protobuf() && sv.coll.res.goType != nil {
		return metadataOnly(body), nil
	}
	doc, err := sv.decode(o.version, body)
	if err != nil {
		return nil, err
	}
	p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: objectMeta(doc)}
	if e.protobuf() {
		return p.Marshal()
	}
	return json.Marshal(p)
}

// objectMeta is a copy of a document's metadata.
func objectMeta(doc document) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: doc.GetName(), GenerateName: doc.GetGenerateName(), Namespace: doc.GetNamespace(), UID: doc.GetUID(),
		ResourceVersion: doc.GetResourceVersion(), Generation: doc.GetGeneration(), CreationTimestamp: doc.GetCreationTimestamp(),
		DeletionTimestamp: doc.GetDeletionTimestamp(), DeletionGracePeriodSeconds: doc.GetDeletionGracePeriodSeconds(),
		Labels: doc.GetLabels(), Annotations: doc.GetAnnotations(), OwnerReferences: doc.GetOwnerReferences(),
		Finalizers: doc.GetFinalizers(), ManagedFields: doc.GetManagedFields()}
}
