package sim

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
)

// objectFrame is the frame of an event with an object.
func (st *stream) appendObjectFrame(b []byte, typ watch.EventType, o *object) ([]byte, error) {
	if st.e.table() {
		return st.appendTableFrame(b, typ, o)
	}
	body, err := st.rd.body(o)
	if err != nil {
		return nil, err
	}
	item, err := st.sv.item(st.e, o, body, false)
	if err != nil {
		return nil, err
	}
	return st.appendFrame(b, typ, item), nil
}

// appendFrame frames one item of the stream's own kind.
func (st *stream) appendFrame(b []byte, typ watch.EventType, item []byte) []byte {
	if st.e.protobuf() {
		apiVersion, kind := st.sv.wireType(st.e)
		return appendWatchFrame(b, string(typ), apiVersion, kind, item)
	}
	return appendJSONFrame(b, typ, item)
}

func appendJSONFrame(b []byte, typ watch.EventType, object []byte) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, typ...)
	b = append(b, `","object":`...)
	b = append(b, object...)
	return append(b, "}\n"...)
}

// bookmarkFrame is a bookmark: an object of the kind with nothing but metadata.
func (st *stream) bookmarkFrame(m metav1.ObjectMeta) ([]byte, error) {
	switch {
	case st.e.table():
		return st.tableBookmark(m)
	case st.e.metadata():
		p := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: m}
		return st.frameOf(p)
	case st.sv.goType == nil:
		u := &unstructured.Unstructured{Object: map[string]any{}}
		u.SetGroupVersionKind(st.sv.gvk())
		u.SetResourceVersion(m.ResourceVersion)
		u.SetAnnotations(m.Annotations)
		return st.frameOf(u)
	default:
		doc := st.sv.typed().(document)
		doc.GetObjectKind().SetGroupVersionKind(st.sv.gvk())
		doc.SetResourceVersion(m.ResourceVersion)
		doc.SetAnnotations(m.Annotations)
		return st.frameOf(doc)
	}
}

func (st *stream) frameOf(obj any) ([]byte, error) {
	if st.e.protobuf() {
		m, ok := obj.(marshaler)
		if !ok {
			return nil, fmt.Errorf("sim: %T has no protobuf form", obj)
		}
		raw, err := m.Marshal()
		if err != nil {
			return nil, err
		}
		return st.appendFrame(nil, watch.Bookmark, raw), nil
	}
	raw, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	return appendJSONFrame(nil, watch.Bookmark, raw), nil
}

// errorFrame is an ERROR event, whose object is a Status.
func (st *stream) errorFrame(err error) ([]byte, error) {
	status := statusOf(err)
	if st.e.protobuf() {
		raw, err := status.Marshal()
		if err != nil {
			return nil, err
		}
		return appendWatchFrame(nil, string(watch.Error), "v1", "Status", raw), nil
	}
	raw, encErr := json.Marshal(status)
	if encErr != nil {
		return nil, encErr
	}
	return appendJSONFrame(nil, watch.Error, raw), nil
}
