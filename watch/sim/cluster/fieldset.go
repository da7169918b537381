package cluster

// managedFields.

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// fieldSet is the fieldsV1 of objects of one shape. Computing one walks the whole object as a map, so
// each shape is walked once; what differs within a shape (the main container's name, the owner's uid)
// is put in where the marks stand.
type fieldSet struct{ parts []string }

const (
	markContainer = "\x00c"
	markOwner     = "\x00o"
)

// manage adds the managedFields entry of a manager that set all of obj but its status. Shape names
// everything that decides which fields obj has; container is the name that varies within the shape.
func (r *renderer) manage(obj metav1.Object, shape, container, manager, apiVersion string, op metav1.ManagedFieldsOperationType, when int64) {
	fs, ok := r.fieldSets[shape]
	owner := ""
	if refs := obj.GetOwnerReferences(); len(refs) > 0 {
		owner = string(refs[0].UID)
	}
	if !ok {
		fs = newFieldSet(obj, container, owner)
		r.fieldSets[shape] = fs
	}
	t := at(when)
	obj.SetManagedFields(append(obj.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: manager, Operation: op, APIVersion: apiVersion, Time: &t,
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: fs.bytes(container, owner)},
	}))
}

// manageStatus adds the entry of the controller that writes the status; raw is its fields.
func manageStatus(obj metav1.Object, manager, apiVersion, raw string, when int64) {
	t := at(when)
	obj.SetManagedFields(append(obj.GetManagedFields(), metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: apiVersion, Time: &t, Subresource: "status",
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(raw)},
	}))
}

func newFieldSet(obj metav1.Object, container, owner string) *fieldSet {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil { // the API's own types always convert
		return &fieldSet{parts: []string{"{}"}}
	}
	var b bytes.Buffer
	writeFields(&b, m, "")
	s := b.String()
	if container != "" {
		s = strings.ReplaceAll(s, `{\"name\":\"`+container+`\"}`, `{\"name\":\"`+markContainer+`\"}`)
	}
	if owner != "" {
		s = strings.ReplaceAll(s, owner, markOwner)
	}
	// Odd parts are marks.
	fs := &fieldSet{}
	for s != "" {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		fs.parts = append(fs.parts, s[:i], s[i:i+2])
		s = s[i+2:]
	}
	fs.parts = append(fs.parts, s)
	return fs
}

func (fs *fieldSet) bytes(container, owner string) []byte {
	n := 0
	for _, p := range fs.parts {
		n += len(p)
	}
	out := make([]byte, 0, n+4*len(container)+len(owner))
	for _, p := range fs.parts {
		switch p {
		case markContainer:
			out = append(out, container...)
		case markOwner:
			out = append(out, owner...)
		default:
			out = append(out, p...)
		}
	}
	return out
}

// listKeys are the lists that the API merges by key, by field name; all other lists are atomic.
var listKeys = map[string][]string{
	"containers": {"name"}, "initContainers": {"name"}, "env": {"name"}, "volumes": {"name"}, "imagePullSecrets": {"name"},
	"volumeMounts": {"mountPath"}, "conditions": {"type"}, "addresses": {"type"}, "ownerReferences": {"uid"},
	"topologySpreadConstraints": {"topologyKey", "whenUnsatisfiable"},
}

// atomicMaps are the maps that the API replaces as a whole.
var atomicMaps = map[string]bool{
	"nodeSelector": true, "selector": true, "labelSelector": true, "podSelector": true, "scopeSelector": true, "resourceFieldRef": true,
	"required": true, "fieldRef": true, "configMapKeyRef": true, "secretKeyRef": true, "scaleTargetRef": true, "targetRef": true, "claimRef": true,
}

// atomicItems are the lists by key whose items the API replaces as a whole.
var atomicItems = map[string]bool{"ownerReferences": true, "imagePullSecrets": true}

// notManaged are metadata fields that no manager owns.
var notManaged = map[string]bool{
	"name": true, "namespace": true, "uid": true, "creationTimestamp": true, "managedFields": true, "generation": true,
	"resourceVersion": true, "deletionTimestamp": true, "deletionGracePeriodSeconds": true,
}

// writeFields writes the fields below a map in the notation of structured-merge-diff.
func writeFields(b *bytes.Buffer, m map[string]any, parent string) {
	b.WriteByte('{')
	first := true
	sep := func() {
		if !first {
			b.WriteByte(',')
		}
		first = false
	}
	switch parent {
	case "", "spec", "metadata", "template", "securityContext":
	default:
		sep()
		b.WriteString(`".":{}`)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if parent == "" && (k == "status" || k == "apiVersion" || k == "kind") || parent == "metadata" && notManaged[k] {
			continue
		}
		sep()
		b.WriteString(strconv.Quote("f:" + k))
		b.WriteByte(':')
		switch v := m[k].(type) {
		case map[string]any:
			if atomicMaps[k] || len(v) == 0 {
				b.WriteString("{}")
			} else {
				writeFields(b, v, k)
			}
		case []any:
			writeList(b, v, k, parent)
		default:
			b.WriteString("{}")
		}
	}
	b.WriteByte('}')
}

func writeList(b *bytes.Buffer, list []any, field, parent string) {
	keys, keyed := listKeys[field], true
	if field == "ports" && len(list) > 0 { // of a Service, of a container, or of an EndpointSlice, whose list is atomic
		keys = []string{"containerPort", "protocol"}
		if first, ok := list[0].(map[string]any); ok && first["containerPort"] == nil {
			keys = []string{"port", "protocol"}
		}
		if parent == "" {
			keys = nil
		}
	}
	for _, item := range list {
		m, ok := item.(map[string]any)
		keyed = keyed && ok && len(keys) > 0 && m[keys[0]] != nil
	}
	if !keyed || len(list) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString(`{".":{}`)
	for _, item := range list {
		m := item.(map[string]any)
		var k strings.Builder
		k.WriteString("k:{")
		for i, name := range keys {
			if i > 0 {
				k.WriteByte(',')
			}
			value, _ := json.Marshal(m[name])
			k.WriteString(strconv.Quote(name) + ":" + string(value))
		}
		k.WriteByte('}')
		b.WriteByte(',')
		quoted, _ := json.Marshal(k.String())
		b.Write(quoted)
		b.WriteByte(':')
		if atomicItems[field] {
			b.WriteString("{}")
			continue
		}
		writeFields(b, m, "item")
	}
	b.WriteByte('}')
}
