package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// writeChunk is how many bytes of a list or stream are gathered before they are written.
const writeChunk = 64 << 10

// writeList streams a list around the stored bytes of its items.
func (s *Server) writeList(w http.ResponseWriter, q *request, sv *served, e encoding, items []*object, m *metav1.ListMeta) error {
	undecodable := s.faults.undecodableItems(q)
	size := 0 // of what is stored, which is near enough
	for _, o := range items {
		size += o.size()
	}
	w, done := s.compressed(w, q, size)
	defer done()
	if e.protobuf() {
		return s.writeProtobufList(w, sv, e, items, m, undecodable)
	}
	apiVersion, kind := sv.wireType(e)
	meta, err := json.Marshal(m)
	if err != nil {
		return err
	}
	b := make([]byte, 0, 2*writeChunk)
	b = fmt.Appendf(b, `{"kind":%q,"apiVersion":%q,"metadata":%s,"items":[`, kind+"List", apiVersion, meta)
	w.Header().Set("Content-Type", e.contentType())
	rd := s.reader()
	for i, o := range items {
		if i > 0 {
			b = append(b, ',')
		}
		item, err := s.listItem(sv, e, o, rd, undecodable)
		if err != nil {
			return err
		}
		b = append(b, item...)
		if len(b) >= writeChunk && e.media == mediaJSON {
			if _, err := w.Write(b); err != nil {
				return nil // the client went away
			}
			b = b[:0]
		}
	}
	b = append(b, "]}\n"...)
	if e.media == mediaYAML {
		if b, err = yaml.JSONToYAML(b); err != nil {
			return err
		}
	}
	_, _ = w.Write(b)
	return nil
}

func (s *Server) writeProtobufList(w http.ResponseWriter, sv *served, e encoding, items []*object, m *metav1.ListMeta, undecodable func(*object) bool) error {
	head, err := listMetaField(m)
	if err != nil {
		return err
	}
	rd := s.reader()
	// Sizes are known without reading when the stored bytes go out as they are.
	raw := !e.metadata() && sv.convert == nil
	total := len(head)
	var made [][]byte
	for _, o := range items {
		n := o.size()
		if !raw || undecodable != nil {
			item, err := s.listItem(sv, e, o, rd, undecodable)
			if err != nil {
				return err
			}
			// The reader's buffer is used again for the next item.
			made = append(made, append([]byte(nil), item...))
			n = len(item)
		}
		total += listItemSize(n)
	}
	apiVersion, kind := sv.wireType(e)
	b := make([]byte, 0, 2*writeChunk)
	b = unknownHead(b, apiVersion, kind+"List", total)
	w.Header().Set("Content-Type", e.contentType())
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+total+len(unknownTail)))
	b = append(b, head...)
	for i, o := range items {
		var item []byte
		if made != nil {
			item = made[i]
		} else if item, err = rd.body(o); err != nil {
			return err
		}
		b = appendListItemHead(b, len(item))
		b = append(b, item...)
		if len(b) >= writeChunk {
			if _, err := w.Write(b); err != nil {
				return nil // the client went away
			}
			b = b[:0]
		}
	}
	b = append(b, unknownTail...)
	_, _ = w.Write(b)
	return nil
}

func (s *Server) listItem(sv *served, e encoding, o *object, rd *reader, undecodable func(*object) bool) ([]byte, error) {
	if undecodable != nil && undecodable(o) {
		return brokenItem(sv, e, o), nil
	}
	body, err := rd.body(o)
	if err != nil {
		return nil, err
	}
	return sv.item(e, o, body, true)
}
