package apply

import (
	"bytes"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/watch"
	"orka/watch/kube"
)

// serverMetadata are the fields of metadata that the server sets and that no edit can change
// (k8s.io/apiserver, pkg/registry/rest/update.go and create.go).
var serverMetadata = []string{
	"uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields",
}

// stripped is what of an object can be edited: without status and server-set metadata, and without the copy of a Secret
// in its annotation. It shares what it keeps with the object.
func stripped(kind *watch.Kind, obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := shallow(obj.Object)
	delete(out, "status")
	meta, ok := out["metadata"].(map[string]any)
	if !ok {
		return &unstructured.Unstructured{Object: out}
	}
	meta = shallow(meta)
	out["metadata"] = meta
	for _, name := range serverMetadata {
		delete(meta, name)
	}
	annotations, ok := meta["annotations"].(map[string]any)
	if _, copied := annotations[corev1.LastAppliedConfigAnnotation]; ok && copied && kube.IsSecret(kind) {
		annotations = shallow(annotations)
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		if meta["annotations"] = annotations; len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	return &unstructured.Unstructured{Object: out}
}

func shallow(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// draftText is what a person gets to edit: YAML under a comment that says what to do.
func draftText(b *Base) ([]byte, error) {
	if b.Absent || b.Object == nil {
		return nil, fmt.Errorf("%s does not exist", b.Target)
	}
	body, err := kube.MarshalYAML(stripped(b.Kind, b.Object).Object)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Target, err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s, version %s.\n", watch.Sanitize(b.String()), watch.Sanitize(b.ResourceVersion))
	out.WriteString("# Change it, save it and close the editor; you see what would change before anything is written.\n")
	out.WriteString("# An empty or unchanged file cancels. Comments are not kept.\n")
	out.WriteString("# Left out, as only the server sets it: status, uid, resourceVersion and the like.\n")
	if kube.IsSecret(b.Kind) {
		out.WriteString("# This is a Secret: its values below are in clear (base64). stringData takes plain text.\n")
	}
	out.Write(body)
	return out.Bytes(), nil
}
