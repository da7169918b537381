package kube

import (
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	"orka/watch"
	"orka/watch/recording"
)

// tap hands the objects of one list or stream to the recorder, as they came. Of a Secret it hands over what Redact and
// the decoder would leave of it, and no more.
type tap struct {
	rec    *recording.Attempt // nil records nothing
	secret bool
}

func newTap(kind *watch.Kind, rec *recording.Attempt) tap {
	return tap{rec: rec, secret: IsSecret(kind)}
}

// object records an object; raw is copied.
func (t tap) object(op recording.Op, enc watch.Encoding, raw []byte, whole bool) {
	if t.rec == nil {
		return
	}
	if t.secret {
		raw, whole = withoutValues(enc, raw, whole)
		enc = watch.EncodingJSON
	}
	t.rec.Object(op, enc, raw, !whole)
}

func opOf(t watch.EventType) recording.Op {
	switch t {
	case watch.EventModified:
		return recording.OpModified
	case watch.EventDeleted:
		return recording.OpDeleted
	default:
		return recording.OpAdded
	}
}

// secretParts are the members of a Secret that are recorded; data without its values.
var secretParts = []string{"apiVersion", "kind", "metadata", "type", "immutable", "data"}

// withoutValues is a Secret as JSON: metadata, type and the names of the keys. Of one that can't be read only the
// identity is left, as of one that is not whole.
func withoutValues(enc watch.Encoding, raw []byte, whole bool) (text []byte, readable bool) {
	if whole {
		if text, err := redactedSecret(enc, raw); err == nil {
			return text, true
		}
	}
	id, _ := jsonIdentity(raw)
	if enc == watch.EncodingProtobuf {
		id, _ = protoIdentity(raw)
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]string{
		"name": id.name, "namespace": id.namespace, "uid": id.uid, "resourceVersion": id.version,
	}})
	if err != nil {
		return []byte("{}"), false // never: it holds strings
	}
	return text, false
}

func redactedSecret(enc watch.Encoding, raw []byte) ([]byte, error) {
	var err error
	if enc == watch.EncodingProtobuf {
		var s corev1.Secret
		if err := s.Unmarshal(raw); err != nil {
			return nil, err
		}
		if raw, err = json.Marshal(&s); err != nil {
			return nil, err
		}
	}
	if raw, err = Redact(raw); err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	kept := map[string]any{}
	for _, name := range secretParts {
		if v, ok := all[name]; ok {
			kept[name] = v
		}
	}
	if data, ok := all["data"]; ok {
		var keys map[string]*struct{} // null for each: what a typed decoder takes
		var names map[string]json.RawMessage
		if err := json.Unmarshal(data, &names); err != nil {
			return nil, err
		}
		for k := range names {
			if keys == nil {
				keys = map[string]*struct{}{}
			}
			keys[k] = nil
		}
		kept["data"] = keys
	}
	return json.Marshal(kept)
}
