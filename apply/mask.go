package apply

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The masks are kubectl diff's (k8s.io/kubectl, pkg/cmd/diff/diff.go, Masker): a value that is the same in both
// versions, or in one only, has no more to say than that it is there.
const (
	masked       = "***"
	maskedBefore = "*** (before)"
	maskedAfter  = "*** (after)"
	// leastSecret is the least length, in bytes, of a value that is looked for elsewhere in a Secret: shorter ones are
	// found anywhere.
	leastSecret = 4
)

// maskSecrets makes versions of one Secret fit to be shown: before, after, and what else is to be compared with after.
// Values are masked, and so are annotations that hold one of any version, plain or encoded, or in which tools keep copies
// of the manifest. Earlier versions are not shown, but their values are secret all the same. nil objects stay nil.
func maskSecrets(before, after, expected *unstructured.Unstructured, earlier ...*unstructured.Unstructured) (b, a, e *unstructured.Unstructured) {
	copies := []*unstructured.Unstructured{clone(before), clone(after), clone(expected)}
	var secrets []string
	for _, o := range append(earlier, copies...) {
		if o != nil {
			secrets = append(secrets, secretValues(o)...)
		}
	}
	slices.Sort(secrets)
	secrets = slices.Compact(secrets)
	m := &masker{secrets: secrets, annotations: map[string]bool{}}
	for _, o := range append(earlier, copies...) {
		m.find(o)
	}
	b, a, e = copies[0], copies[1], copies[2]
	m.mask(a, b, maskedAfter)
	m.mask(e, b, maskedAfter)
	m.mask(b, clone(after), maskedBefore)
	return b, a, e
}

func clone(o *unstructured.Unstructured) *unstructured.Unstructured {
	if o == nil {
		return nil
	}
	return &unstructured.Unstructured{Object: runtime.DeepCopyJSON(o.Object)}
}

// secretValues are the values of a Secret, as written, plain, encoded, and as they are within a JSON text.
func secretValues(o *unstructured.Unstructured) []string {
	var out []string
	add := func(s string) {
		if len(s) < leastSecret {
			return
		}
		out = append(out, s)
		if quoted, err := json.Marshal(s); err == nil && len(quoted) > len(s)+2 {
			out = append(out, string(quoted[1:len(quoted)-1]))
		}
	}
	var take func(v any, encoded bool)
	take = func(v any, encoded bool) {
		switch v := v.(type) {
		case string:
			add(v)
			add(base64.StdEncoding.EncodeToString([]byte(v)))
			if plain, err := base64.StdEncoding.DecodeString(v); encoded && err == nil {
				add(string(plain))
				add(strings.TrimSpace(string(plain)))
				add(base64.RawURLEncoding.EncodeToString(plain))
			}
		case map[string]any:
			for _, inner := range v {
				take(inner, encoded)
			}
		case []any:
			for _, inner := range v {
				take(inner, encoded)
			}
		}
	}
	take(o.Object["data"], true)
	take(o.Object["stringData"], false)
	return out
}

type masker struct {
	secrets []string
	// annotations are the names of those that hold a value in any version: what is written in its place may be the next one.
	annotations map[string]bool
}

// find notes the annotations that are to be masked because of what o has in them.
func (m *masker) find(o *unstructured.Unstructured) {
	if o == nil {
		return
	}
	meta, _ := o.Object["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	for name, v := range annotations {
		if s, _ := v.(string); copyOf(name) || m.holds(s) {
			m.annotations[name] = true
		}
	}
}

// mask changes o, which is compared with other, that is not masked yet: what differs in it gets the label.
func (m *masker) mask(o, other *unstructured.Unstructured, label string) {
	if o == nil {
		return
	}
	var beside map[string]any
	if other != nil {
		beside = other.Object
	}
	for _, part := range []string{"data", "stringData"} {
		v, ok := o.Object[part]
		if !ok || v == nil {
			continue
		}
		entries, ok := v.(map[string]any)
		if !ok {
			o.Object[part] = masked // not what a server sends, so nothing is known of it
			continue
		}
		others, _ := beside[part].(map[string]any)
		for name, v := range entries {
			old, ok := others[name]
			entries[name] = maskOf(v, old, ok, label)
		}
	}
	meta, _ := o.Object["metadata"].(map[string]any)
	otherMeta, _ := beside["metadata"].(map[string]any)
	annotations, _ := meta["annotations"].(map[string]any)
	others, _ := otherMeta["annotations"].(map[string]any)
	for name, v := range annotations {
		if m.annotations[name] {
			old, ok := others[name]
			annotations[name] = maskOf(v, old, ok, label)
		}
	}
	for name, v := range meta {
		if !slices.Contains(publicMetadata, name) {
			meta[name] = m.elsewhere(v)
		}
	}
	for name, v := range o.Object {
		switch name {
		case "apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData":
		default: // a Secret has no other field, so nothing is known of it
			o.Object[name] = m.elsewhere(v)
		}
	}
}

// publicMetadata are the fields of metadata that nobody but the server and the object's name decide, and those that are
// masked otherwise.
var publicMetadata = []string{
	"annotations", "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "managedFields",
}

func maskOf(v, other any, has bool, label string) string {
	if has && !equal(v, other) {
		return label
	}
	return masked
}

// copyOf reports whether an annotation is one in which tools keep the manifest.
func copyOf(name string) bool {
	return name == corev1.LastAppliedConfigAnnotation || strings.HasSuffix(name, "/last-applied") ||
		strings.HasSuffix(name, "/original") || strings.HasSuffix(name, "/applied")
}

func (m *masker) holds(s string) bool {
	if len(s) < leastSecret {
		return false
	}
	return slices.ContainsFunc(m.secrets, func(secret string) bool { return strings.Contains(s, secret) })
}

// elsewhere masks the strings that hold a value.
func (m *masker) elsewhere(v any) any {
	switch v := v.(type) {
	case string:
		if m.holds(v) {
			return masked
		}
	case map[string]any:
		for k, inner := range v {
			v[k] = m.elsewhere(inner)
		}
	case []any:
		for n, inner := range v {
			v[n] = m.elsewhere(inner)
		}
	}
	return v
}
